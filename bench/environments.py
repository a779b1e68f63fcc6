"""Virtual environments of the peers, made from the package index that `pip` is set up for.

Each holds what `bench/peers/<name>.txt` lists and the same torch as our own environment. They are
folders of `$BENCH_ENVIRONMENTS`, or of `bench/.environments`; one that is complete is left alone.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OWN = "own"
SAME_AS_OURS = ("torch", "torchvision")


def folder() -> Path:
    """Where the environments stand."""
    return Path(os.environ.get("BENCH_ENVIRONMENTS", HERE / ".environments")).resolve()


def python(name: str) -> Path:
    """The interpreter of an environment; `own` is the one that runs this."""
    return Path(sys.executable) if name == OWN else folder() / name / "bin" / "python"


def wanted(name: str) -> str:
    """The requirements of an environment, one a line."""
    same = [f"{package}=={importlib.metadata.version(package).split('+')[0]}" for package in SAME_AS_OURS]
    return "\n".join([*same, *(HERE / "peers" / f"{name}.txt").read_text("utf-8").split()]) + "\n"


def prepare(name: str) -> None:
    """Make the environment unless it is there.

    Raises:
        subprocess.CalledProcessError: the environment cannot be made or a package does not install.
    """
    if name == OWN:
        return
    place = folder() / name
    stamp = place / ".complete"
    requirements = wanted(name)
    if stamp.is_file() and stamp.read_text("utf-8") == requirements:
        return
    print(f"making the environment {name}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    subprocess.run(
        [
            python(name),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            *requirements.split(),
        ],
        check=True,
    )
    stamp.write_text(requirements, "utf-8")
