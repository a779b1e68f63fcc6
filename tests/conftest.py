"""Tests that need a real Chromium fail without one, unless SCREENSMITH_NO_BROWSER=1 says to leave them out."""

from __future__ import annotations

import os

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and os.environ.get("SCREENSMITH_NO_BROWSER") == "1":
        pytest.skip("SCREENSMITH_NO_BROWSER=1")
