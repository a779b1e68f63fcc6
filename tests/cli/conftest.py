import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

OURS = ("TRAIN_", "CAPTURE_", "SIZE_", "SEED", "REPO_ID", "S3_ENDPOINT_URL")
Screensmith = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def screensmith(tmp_path: Path) -> Screensmith:
    """Runs the real program in an empty folder, without settings of whoever runs the tests."""

    def run(
        *words: object, python: tuple[str, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return subprocess.run(
            [sys.executable, *python, "-m", "screensmith.cli.main", *map(str, words)],
            cwd=tmp_path,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and no settings in the environment, for calls within this process."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
