"""The README's main command, shortened, as a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAST_LINE = re.compile(
    r"quickstart: (live success \d+% \(untrained \d+%\) over \d+ tasks|live skipped \(no browser\)), "
    r"held-out actions \d+% \(untrained \d+%\), report (\S+)"
)


def quickstart(folder, environment):
    """Run it in a folder of its own, so that the repository stays as it is."""
    (folder / "examples").symlink_to(ROOT / "examples")
    return subprocess.run(
        [sys.executable, "-m", "screensmith.cli.main", "quickstart", "--max-steps", "2", "--episodes", "1"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.browser
def test_it_trains_judges_live_and_reports(tmp_path):
    done = quickstart(tmp_path, {"TRAIN_LR": "1000"})  # settings of other runs do not reach it
    assert done.returncode == 0, done.stderr[-2000:]
    match = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
    assert match, done.stdout[-2000:]
    assert match[1].startswith("live success")
    report = (tmp_path / match[2]).read_text("utf-8")
    assert "screensmith quickstart" in report
    assert "<svg" in report


def test_without_a_browser_it_says_so_and_goes_on(tmp_path):
    done = quickstart(tmp_path, {"SCREENSMITH_CHROMIUM": str(tmp_path / "none")})
    assert done.returncode == 0, done.stderr[-2000:]
    match = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
    assert match, done.stdout[-2000:]
    assert match[1] == "live skipped (no browser)"


def test_outside_a_clone_it_says_where_to_run_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "screensmith.cli.main", "quickstart"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "clone of the repository" in done.stderr
