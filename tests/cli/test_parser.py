import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.cli._parser import Parser, UsageError, nearest


@pytest.fixture
def parser() -> Parser:
    parser = Parser(prog="screensmith try")
    parser.add_argument("--episodes", type=int)
    parser.add_argument("name", nargs="?")
    parser.also_called = {"rounds": "--episodes"}
    return parser


def test_what_is_right_is_read(parser: Parser) -> None:
    arguments = parser.read(["a", "--episodes=3"])
    assert (arguments.name, arguments.episodes) == ("a", 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--episode", "3"], "unknown option '--episode'; did you mean '--episodes'"),
        (["--epis=3"], "unknown option '--epis'; did you mean '--episodes'"),
        (["--rounds", "3"], "did you mean '--episodes'"),
        (["--episodes", "many"], "argument --episodes: invalid int value: 'many'"),
        (["a", "b"], "unexpected argument 'b'"),
    ],
)
def test_what_is_wrong_raises_one_line(parser: Parser, words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parser.read(words)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=12))
def test_there_is_always_a_nearest(word: str) -> None:
    assert nearest(word, {"train": "train", "act": "act"}) in ("train", "act")


def test_dashes_underscores_and_case_make_no_difference() -> None:
    assert nearest("--LORA_R", {"--lora-r": "--lora-r", "--lr": "--lr"}) == "--lora-r"
