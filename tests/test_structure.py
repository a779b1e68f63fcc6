"""What keeps the house in order: sizes, mirrored tests, import directions, and documents that stay true."""

import ast
import re
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from screensmith.cli.main import command_names, parse
from screensmith.config.load import load_capture_settings, load_train_settings
from screensmith.config.spellings import CAPTURE, TRAIN

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "screensmith"
LARGEST_FUNCTION_LINES = 60
LARGEST_FILE_LINES = 400
LARGEST_TEST_FILE_LINES = 600  # tables of cases
CODE = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

# Files without tests of the same path, and why. Helpers (`_name.py`) are tested through what uses them.
WITHOUT_OWN_TESTS = {
    "__init__.py": "contracts; tests/contracts checks them for every plug-in",
    "core/prediction.py": "types without behaviour",
    "capture/sink.py": "a protocol",
    "capture/payload.py": "what the store writes; tests/capture/test_store.py reads it back",
    "cli/quickstart.py": "run as a whole by tests/test_quickstart.py",
    "data/crops.py": "tests/data/test_grounding.py crops screens with elements",
    "data/known_sets.py": "tests/cli/test_showui.py trains on each of them",
    "environments/widgets.py": "tests/contracts/test_environments.py plays every kind of page",
    "families/qwen2_vl.py": "tests/contracts/test_families.py holds it against the library",
    "families/qwen2_5_vl.py": "tests/contracts/test_families.py holds it against the library",
    "families/qwen3_vl.py": "tests/contracts/test_families.py holds it against the library",
    "metrics/aitw_click.py": "tests/metrics/test_aitw.py has the cases of all four",
    "metrics/aitw_text.py": "tests/metrics/test_aitw.py has the cases of all four",
    "metrics/aitw_type.py": "tests/metrics/test_aitw.py has the cases of all four",
    "metrics/androidcontrol_type.py": "tests/metrics/test_androidcontrol.py has the cases of both",
    "metrics/guiact_finish.py": "tests/metrics/test_guiact.py has the cases of all three",
    "metrics/guiact_score.py": "tests/metrics/test_guiact.py has the cases of all three",
    "metrics/guiact_type.py": "tests/metrics/test_guiact.py has the cases of all three",
    "metrics/mind2web_element.py": "tests/metrics/test_mind2web.py has the cases of all three",
    "metrics/mind2web_operation.py": "tests/metrics/test_mind2web.py has the cases of all three",
    "metrics/mind2web_step.py": "tests/metrics/test_mind2web.py has the cases of all three",
    "metrics/click.py": "tests/metrics/test_metrics.py has the cases of all metrics",
    "metrics/kind.py": "tests/metrics/test_metrics.py has the cases of all metrics",
    "metrics/text.py": "tests/metrics/test_metrics.py has the cases of all metrics",
    "metrics/whole.py": "tests/metrics/test_metrics.py has the cases of all metrics",
    "metrics/operation_name.py": "tests/metrics/test_operations.py has the cases of all five",
    "metrics/operation_place.py": "tests/metrics/test_operations.py has the cases of all five",
    "metrics/operation_step.py": "tests/metrics/test_operations.py has the cases of all five",
    "metrics/operation_target.py": "tests/metrics/test_operations.py has the cases of all five",
    "metrics/operation_target_f1.py": "tests/metrics/test_operations.py has the cases of all five",
    "model/batch.py": "tests/contracts/test_families.py compares losses and gradients",
    "model/create.py": "tests/contracts/test_families.py makes and loads a model of each family",
    "model/forward.py": "tests/contracts/test_families.py holds it against the library's own forward",
    "model/save.py": "tests/train/test_run.py loads what runs saved with plain transformers",
    "model/select.py": "tests/model/test_skipping.py compares it with plain loops",
    "model/unsuitable.py": "an error without behaviour",
    "model/tokenizer.py": "tests/contracts/test_families.py encodes and decodes with it",
    "train/card.py": "tests/train/test_sources.py reads the card of a run over several sources",
    "train/checkpoint.py": "tests/train/test_run.py kills and resumes runs",
    "train/examples.py": "tests/train/test_run.py trains on good, bad and missing data",
    "train/feed.py": "tests/train/test_run.py compares ways of splitting a step",
    "train/loop.py": "tests/train/test_run.py trains with it",
}
# Files that are part of the product but not text of ours.
NOT_TEXT = {".png", ".jpg", ".mds", ".zstd", ".safetensors", ".gz", ".zip", ".pt"}
# What a reader may be told to type besides our own commands.
KNOWN_PROGRAMS = {"git", "cd", "cp", "python3", "pip", "export", "just", "make", "screensmith"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def files_of_the_project() -> list[Path]:
    """What git has, or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_every_module_has_tests_of_the_same_path() -> None:
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        exempt = inside.name.startswith("_") or inside.as_posix() in WITHOUT_OWN_TESTS
        if not exempt and not (ROOT / "tests" / inside.parent / f"test_{inside.name}").is_file():
            missing.append(relative(path))
    assert missing == []


def test_the_list_of_exceptions_holds_nothing_that_needs_none() -> None:
    for name in WITHOUT_OWN_TESTS:
        if "/" in name:
            assert (PACKAGE / name).is_file(), name
            assert not (ROOT / "tests" / Path(name).parent / f"test_{Path(name).name}").is_file(), name


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the end."""
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not statements:
        return 0
    return (function.end_lineno or 0) - statements[0].lineno + 1


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text("utf-8")
    largest = LARGEST_FILE_LINES if path.is_relative_to(PACKAGE) else LARGEST_TEST_FILE_LINES
    assert len(text.splitlines()) <= largest
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert body_lines(node) <= LARGEST_FUNCTION_LINES, node.name


def test_imports_point_down() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_no_folder_is_called_utils() -> None:
    assert [relative(path) for path in PACKAGE.rglob("*") if "util" in path.name] == []


def test_no_file_names_a_place_of_one_machine() -> None:
    # Written in pieces, so that this file does not name them itself.
    places = [
        r"/ho" r"me/\w",
        r"/ro" r"ot/",
        r"/wo" r"rk/(main|shared)",
        r"/tmp/ve" r"nv",
        r"/Us" r"ers/\w",
    ]
    hosts = [r"index-" r"url\s*=\s*http", r"pypi\." r"org/simple", r"/opt/" r"pypi"]
    forbidden = re.compile("|".join(places + hosts))
    found = [
        f"{relative(path)}: {match[0]}"
        for path in files_of_the_project()
        if path.suffix not in NOT_TEXT
        for match in forbidden.finditer(path.read_text("utf-8", errors="ignore"))
    ]
    assert found == []


def test_the_mission_is_said_in_the_first_sentence() -> None:
    lines = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.strip()]
    assert lines[0] == "# screensmith"
    assert lines[1].endswith(".")


# --- Every command in a code block marked `sh` must be one that exists. ---


def documented_commands() -> Iterator[tuple[str, str]]:
    """The page and each command of its `sh` blocks, continued lines joined, comments and variables off."""
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    yield relative(page), line


COMMANDS = list(documented_commands())


def split(line: str) -> tuple[dict[str, str], list[str]]:
    words = shlex.split(line, comments=True)
    variables = {}
    while words and re.match(r"[A-Z][A-Z0-9_]*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    return variables, words


def targets_of_the_makefile() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def recipes_of_the_justfile() -> set[str]:
    return set(
        re.findall(r"^([a-z][\w-]*)(?: \*\w+)?:", (ROOT / "justfile").read_text("utf-8"), re.MULTILINE)
    )


def check_settings(command: str, arguments: Namespace, variables: dict[str, str]) -> None:
    """The values in a documented command are allowed ones, too, and its run file exists."""
    given = {name: value for name, value in vars(arguments).items() if isinstance(value, str)}
    if command == "capture":
        values = {name: value for name, value in given.items() if name in CAPTURE.by_field()}
        load_capture_settings(values, environment=variables)
        return
    run_file = getattr(arguments, "run_file", None)
    values = {name: value for name, value in given.items() if name in TRAIN.by_field()}
    load_train_settings(values, run_file=ROOT / run_file if run_file else None, environment=variables)


def test_there_are_documented_commands() -> None:
    words = {split(line)[1][0] for _, line in COMMANDS}
    assert {"make", "screensmith"} <= words
    assert {page for page, _ in COMMANDS} >= {"README.md", "CONTRIBUTING.md"}


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_documented_commands_exist(page: str, line: str) -> None:
    variables, words = split(line)
    assert words, line
    assert words[0] in KNOWN_PROGRAMS or words[0].startswith(".venv/bin/"), f"{page}: {words[0]}"
    if words[0] == "screensmith" and words[1:] not in (["--help"], ["--version"]):
        _, arguments = parse(words[1:])
        check_settings(words[1], arguments, variables)
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= targets_of_the_makefile()
    if words[0] == "just":
        assert set(words[1:2]) <= recipes_of_the_justfile()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in command_names() if f"screensmith {name}" not in text] == []


def test_the_readme_shows_every_folder_of_the_package() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    folders = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    assert [name for name in folders if f"{name}/" not in text] == []
