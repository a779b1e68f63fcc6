"""Settings of the whole suite."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports PyTorch: on models this small, threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Timing belongs in benchmarks: the machines that run this suite are shared and noisy.
settings.register_profile("search", deadline=None, max_examples=500)
# What decides whether a change lands must not depend on chance; "search" is for looking for more.
settings.register_profile("screensmith", deadline=None, derandomize=True, database=None)
settings.load_profile("screensmith")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave browser tests out where someone said that there is no browser; otherwise they must pass."""
    if os.environ.get("SCREENSMITH_NO_BROWSER") != "1":
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="SCREENSMITH_NO_BROWSER=1"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let a test marked `alone` wait until the other processes of `pytest -n` are between two tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    here = Path(__file__)  # any two files that all processes see
    with here.open() as gate, (here.parents[1] / "pyproject.toml").open() as room:
        # Whoever waits for the room holds the gate, so that the others' next tests cannot go before it.
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        return (yield)
