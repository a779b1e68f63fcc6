"""`screensmith evaluate --benchmark`, and the words that a checkpoint is asked in there."""

import json
from pathlib import Path

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.benchmarks import Benchmark
from screensmith.cli._benchmarks import trained_skill, words
from screensmith.cli.main import main
from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard, Skill

PIXELS = 112 * 112


def skill(prompt: str, dialect: str, **options: object) -> dict[str, object]:
    spoken = plugins.load("dialects", dialect).dialect(**options)
    return {
        "prompt": prompt,
        "dialect": dialect,
        "dialect_options": options,
        "coordinate_frame": spoken.coordinate_frame,
        "action_names": spoken.action_names,
    }


GROUNDING = skill("showui_grounding", "showui", space="grounding")
THOUSANDTHS = skill("showui_grounding", "showui", space="grounding", thousandths=True)
WEB = skill("showui_navigation", "showui", space="web")
NEKO = skill("neko", "neko")


def card(own: dict[str, object], **others: dict[str, object]) -> AgentCard:
    return AgentCard.model_validate(
        {
            **own,
            "family": "qwen3_vl",
            "min_pixels": PIXELS,
            "max_pixels": PIXELS,
            "others": {name.replace("_", "-"): Skill.model_validate(one) for name, one in others.items()},
        }
    )


def benchmark(name: str, **options: object) -> Benchmark:
    made: Benchmark = plugins.load("benchmarks", name).benchmark(**options)
    return made


def test_a_checkpoint_is_asked_in_its_own_words_for_such_data() -> None:
    screenspot, guiact = benchmark("screenspot"), benchmark("guiact", json="hf_test_web-single")
    own = card(GROUNDING, guiact=WEB)
    assert trained_skill(own, screenspot) is own
    assert trained_skill(own, guiact) == own.others["guiact"]
    # Thousandths are the checkpoint's own way of writing the same places.
    assert trained_skill(card(NEKO, amex=THOUSANDTHS), screenspot) == Skill.model_validate(THOUSANDTHS)


def test_words_for_other_actions_are_no_match() -> None:
    assert trained_skill(card(WEB), benchmark("screenspot")) is None
    assert trained_skill(card(WEB), benchmark("guiact", json="hf_test_smartphone")) is None
    assert trained_skill(card(NEKO), benchmark("mind2web")) is None


def test_other_words_learned_on_the_data_set_itself_are_a_match() -> None:
    seeclick = skill("seeclick", "seeclick", space="aitw")
    own = card(NEKO, aitw=seeclick)
    assert trained_skill(own, benchmark("aitw")) == own.others["aitw"]


def test_options_are_part_of_an_id() -> None:
    assert words("showui", {}) == "showui"
    assert words("showui", {"space": "aitw", "decimals": 3}) == 'showui(decimals=3, space="aitw")'


# --- The command, on a tiny model. ---


def model(folder: Path, seed: int, own: AgentCard | None) -> Path:
    assert main(["new-model", "--family", "qwen3_vl", "--out", str(folder), "--seed", str(seed)]) == 0
    if own is not None:
        agent_card.write(own, folder)
    return folder


@pytest.fixture
def data(clean: Path) -> Path:
    root = clean / "ScreenSpot"
    (root / "images").mkdir(parents=True)
    (root / "metadata").mkdir()
    Image.new("RGB", (100, 50)).save(root / "images" / "a.png")
    rows = [
        {
            "id": f"screenspot_{number}",
            "split": "web",
            "data_type": "text",
            "task": "open the cart",
            "img_url": "a.png",
            "img_size": [100, 50],
            "bbox": [10, 5, 20, 5],
        }
        for number in range(4)
    ]
    (root / "metadata" / "hf_test_full.json").write_text(json.dumps(rows), "utf-8")
    return root


def test_two_models_are_judged_on_a_slice_and_compared(
    clean: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model(clean / "run", 1, card(GROUNDING))
    model(clean / "plain", 2, None)
    capsys.readouterr()
    on = ["--benchmark", "screenspot", "--data", str(data), "--limit", "3", "--option", "average=micro"]
    asking = ["--max-new-tokens", "3", "--batch-size", "2", "--answers", "kept/a.jsonl"]
    command = ["evaluate", "run", "--compare", "plain", *on, *asking, "--json", "out/n.json"]
    command += ["--report", "out/new/n.html"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "screenspot: 3 samples (a slice, seed 1000000), data " in printed
    assert "cut off: 3" in printed
    assert 'prompt showui_grounding, dialect showui(space="grounding"), places as fraction' in printed
    assert "run minus plain" in printed
    records = json.loads(Path("out/n.json").read_text("utf-8"))
    assert [record["evaluation"] for record in records] == ["benchmark", "benchmark", "comparison"]
    assert [record["model"] for record in records] == ["plain", "run", "run"]
    assert [(one["samples"], one["cut"], one["score"]) for one in records[:2]] == [(3, 3, 0.0)] * 2
    assert records[0]["data_hash"] == records[1]["data_hash"]
    assert records[2]["differences"][0]["p"] == 1.0
    report = Path("out/new/n.html").read_text("utf-8")
    assert f"report: {Path('out/new/n.html')}" in printed
    assert "<h1>run: screenspot</h1>" in report
    assert "run minus plain" in report
    assert "Failures (3 of 3)" in report
    kept = [Path("kept") / name for name in ("a.jsonl", "a-compared.jsonl")]
    before = [path.read_text("utf-8") for path in kept]
    assert [len(text.splitlines()) for text in before] == [4, 4]
    # Again: everything is answered already, and the answers can be scored by themselves.
    assert main(command) == 0
    assert [path.read_text("utf-8") for path in kept] == before
    assert (
        main(["score", "screenspot", "--data", str(data), "--predictions", str(kept[0]), "--limit", "3"])
        == 0
    )
    assert "unreadable answers: 3 of 3 (3 answer cut off)" in capsys.readouterr().out


def test_other_words_are_refused_unless_they_are_wanted(
    clean: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model(clean / "run", 1, card(NEKO))
    command = ["evaluate", "run", "--benchmark", "screenspot", "--data", str(data), "--max-new-tokens", "2"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "run was trained to be asked as neko with neko" in error
    assert "showui_grounding" in error
    assert "--ask-anyway" in error
    assert main([*command, "--ask-anyway"]) == 0
    assert "prompt showui_grounding" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--benchmark", "screenspot"], "--data"),
        (["--benchmark", "screenspot", "--data", "x", "--environment", "miniwob"], "--environment"),
        (["--benchmark", "screnspot", "--data", "x"], "screenspot"),
        (["--benchmark", "screenspot", "--data", "absent"], "absent"),
        (["--data", "x", "--limit", "3"], "--benchmark"),
    ],
)
def test_what_does_not_go_together_is_said(
    clean: Path, capsys: pytest.CaptureFixture[str], given: list[str], message: str
) -> None:
    (clean / "run").mkdir()
    assert main(["evaluate", "run", *given]) == 2
    assert message in capsys.readouterr().err
