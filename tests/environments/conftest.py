from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from screensmith.core.geometry import Size
from screensmith.environments._chromium import chromium
from screensmith.environments._input import ELEMENTS_SCRIPT, Frame, Stage

FRAME = Frame(Size(400, 300), left=20, top=10)


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with chromium() as browser:
        context = browser.new_context(
            viewport={"width": 500, "height": 400}, permissions=["clipboard-read", "clipboard-write"]
        )
        context.add_init_script(path=ELEMENTS_SCRIPT)
        yield context
        context.close()


@pytest.fixture
def stage(context: Any) -> Iterator[Stage]:
    """A page that notes every input event as [type, trusted, x, y, ...] in `log`; nothing to go back to."""
    page = context.new_page()
    page.goto("about:blank")
    yield Stage(page, FRAME)
    page.close()
