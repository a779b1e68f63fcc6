import re
import resource
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from screensmith import __version__
from screensmith.cli import main as program
from screensmith.core.refusals import Refused

COMMANDS = program.command_names()
HEAVY = ("torch", "transformers", "accelerate", "streaming", "playwright", "numpy", "PIL")
Screensmith = Callable[..., subprocess.CompletedProcess[str]]


def imported(importtime: str) -> set[str]:
    return {
        line.rpartition("|")[2].strip().partition(".")[0] for line in importtime.splitlines() if "|" in line
    }


def test_help_lists_every_command(screensmith: Screensmith) -> None:
    done = screensmith("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


def test_help_is_quick_and_imports_nothing_heavy(screensmith: Screensmith) -> None:
    done = screensmith("--help", python=("-X", "importtime"))
    assert not imported(done.stderr) & {*HEAVY, "pydantic", "yaml"}
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        screensmith("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_without_heavy_imports(screensmith: Screensmith, name: str) -> None:
    done = screensmith(name, "--help", python=("-X", "importtime"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: screensmith {name}")
    assert "--env-file" in done.stdout
    assert not imported(done.stderr) & set(HEAVY)


def test_the_installed_executable_is_the_same_program() -> None:
    executable = Path(sys.executable).parent / "screensmith"
    done = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"screensmith {__version__}\n"


def test_without_words_the_overview_is_an_error(screensmith: Screensmith) -> None:
    done = screensmith()
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: screensmith COMMAND" in done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("trian", "unknown command 'trian'; did you mean 'train'"),
        ("new_model", "unknown command 'new_model'; did you mean 'new-model'"),
        (
            "train --learning-rate 1",
            "--learning_rate belongs to training on --train_csv; for other data did you mean '--lr'",
        ),
        (
            "train --learning_rate=1",
            "--learning_rate belongs to training on --train_csv; for other data did you mean '--lr'",
        ),
        ("train --max_steps 1", "unknown option '--max_steps'; did you mean '--max-steps'"),
        ("train --TRAIN_LR 1", "unknown option '--TRAIN_LR'; did you mean '--lr'"),
        ("train --epoch 1", "unknown option '--epoch'; did you mean '--epochs'"),
        ("train --lr", "argument --lr: expected one argument"),
        ("train --lr fast", "lr: 'fast', given by --lr, must be a number, more than 0"),
        ("train absent.yaml", "there is no file absent.yaml"),
        ("train a.yaml b.yaml", "unexpected argument 'b.yaml'"),
        ("train --env-file absent", "--env-file: there is no file absent"),
        ("settings --format xml", "argument --format: invalid choice: 'xml'"),
        ("new-model --family qwen2_vl", "the following arguments are required: --out"),
        ("capture", "give either --environment NAME --task NAMES, or --url URL --goal TEXT"),
        ("capture --environment miniwob", "--environment needs --task"),
        ("capture --environment miniwob --task a,b,a", "--task names a task twice"),
        ("capture --environment miniwob --task a --episodes 0", "'0' must be a whole number, at least 1"),
        ("capture --environment miniwob --task a --seed -1", "'-1' must be a whole number, at least 0"),
        (
            "capture --environment miniwob --task a --fps fast",
            "fps: 'fast', given by --fps, must be a number",
        ),
        ("capture --url https://example.org", "--url needs --goal"),
        ("evaluate checkpoint", "nothing to judge on: give --data DIR, --environment NAME"),
        ("evaluate checkpoint --data absent", "absent"),
        ("act --checkpoint x", "give --environment NAME --task NAME, or --url URL --goal TEXT"),
        ("act --checkpoint x --environment miniwob", "--environment needs --task NAME"),
        (
            "act --checkpoint x --environment miniwob --task t --url u",
            "give --environment or --url, not both",
        ),
        (
            "act --checkpoint ./absent --environment miniwob --task t",
            "there is no checkpoint folder ./absent",
        ),
        ("inspect absent", "absent is no MDS data set: there is no such folder"),
    ],
)
def test_a_wrong_command_line_gets_one_line_and_status_2(
    screensmith: Screensmith, line: str, message: str
) -> None:
    done = screensmith(*shlex.split(line))
    assert done.returncode == 2
    assert done.stderr.startswith("screensmith: error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_an_unknown_variable_is_an_error(screensmith: Screensmith) -> None:
    done = screensmith("settings", TRAIN_LERNING_RATE="1")
    assert done.returncode == 2
    assert re.search(
        r"unknown variable 'TRAIN_LERNING_RATE' in the environment; did you mean 'TRAIN_LR'", done.stderr
    )


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m screensmith.cli.main settings --format markdown | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("# Configuration\n", "")


def command_that_raises(error: BaseException) -> SimpleNamespace:
    def run(arguments: Namespace) -> int:
        raise error

    return SimpleNamespace(HELP="fails", add_arguments=lambda parser: None, run=run)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (Refused("too small", "0x0\npixels"), 2, "screensmith: error: too small: 0x0 pixels\n"),
        (FileNotFoundError(2, "No such file", "a.txt"), 2, "screensmith: error: No such file: a.txt\n"),
        (FileNotFoundError("there is no model"), 2, "screensmith: error: there is no model\n"),
        (
            ModuleNotFoundError("No module named 'streaming'", name="streaming.base"),
            2,
            "screensmith: error: streaming.base is not installed: pip install 'screensmith[mds]'\n",
        ),
        (KeyboardInterrupt(), 130, "screensmith: interrupted\n"),
    ],
)
def test_known_errors_are_explained(
    clean: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr(program, "load_command", lambda name: command_that_raises(error))
    assert program.main(["fails"]) == status
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    "error", [ValueError("ours"), KeyError("ours"), ModuleNotFoundError("x", name="json")]
)
def test_mistakes_of_ours_keep_their_traceback(
    clean: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(program, "load_command", lambda name: command_that_raises(error))
    with pytest.raises(type(error)):
        program.main(["fails"])
