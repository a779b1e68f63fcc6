"""Settings of the whole suite."""

import os

import pytest
from hypothesis import settings

# Set before anything imports PyTorch: on models this small, threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Timing belongs in benchmarks: the machines that run this suite are shared and noisy.
settings.register_profile("screensmith", deadline=None)
settings.load_profile("screensmith")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave browser tests out where someone said that there is no browser; otherwise they must pass."""
    if os.environ.get("SCREENSMITH_NO_BROWSER") != "1":
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="SCREENSMITH_NO_BROWSER=1"))
