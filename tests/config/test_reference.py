import re
from pathlib import Path

from screensmith.config.load import read_env_file
from screensmith.config.reference import env_example, markdown
from screensmith.config.spellings import CAPTURE, TRAIN

ROOT = Path(__file__).parents[2]


def test_the_configuration_page_is_the_table() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == markdown(), "run `make docs`"


def test_the_env_example_is_the_table() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == env_example(), "run `make docs`"


def test_the_env_example_has_exactly_the_documented_settings() -> None:
    names = re.findall(r"^# ([A-Z0-9_]+)=", env_example(), re.MULTILINE)
    ours = [item.variable for table in (TRAIN, CAPTURE) for item in table.spellings if item.documented]
    assert names == [*ours, "SCREENSMITH_CHROMIUM", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]


def test_an_unchanged_copy_of_the_example_sets_nothing(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    copy.write_text(env_example(), "utf-8")
    assert read_env_file(copy) == {}
