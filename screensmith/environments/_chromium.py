"""Finding and starting a real Chromium through Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

CHROMIUM_VARIABLE = "SCREENSMITH_CHROMIUM"
SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Without these a fresh profile contacts its vendor at every start, which is slow or fails offline.
QUIET_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)


class ChromiumMissing(RuntimeError):
    """No Chromium can be started on this machine."""


MISSING = (
    "no Chromium found: run `screensmith install-chromium` (Playwright's download, or the system's "
    f"package manager as root), or set {CHROMIUM_VARIABLE} to the path of a Chromium or Chrome"
)


def find_chromium(playwright: Playwright, environment: Mapping[str, str] | None = None) -> str:
    """The path of a Chromium: the environment variable's, then Playwright's own, then the system's.

    Raises:
        ChromiumMissing: there is none, or the variable names a file that does not exist.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(CHROMIUM_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ChromiumMissing(f"{CHROMIUM_VARIABLE} names {named}, which does not exist")
        return named
    if Path(playwright.chromium.executable_path).is_file():
        return str(playwright.chromium.executable_path)
    for name in SYSTEM_NAMES:
        path = shutil.which(name, path=environment.get("PATH"))
        if path:
            return path
    raise ChromiumMissing(MISSING)


def is_root() -> bool:
    """Whether this process is root, for which Chromium's sandbox does not start."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextmanager
def chromium(*, headless: bool = True) -> Iterator[Browser]:
    """A running Chromium. Scroll bars stay visible, because they are part of what an actor sees.

    Raises:
        ChromiumMissing: Playwright or a Chromium is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ChromiumMissing("Playwright is not installed: pip install 'screensmith[browser]'") from error
    with sync_playwright() as playwright:
        flags = [*QUIET_FLAGS, *(["--no-sandbox"] if is_root() else [])]
        browser = playwright.chromium.launch(
            executable_path=find_chromium(playwright),
            headless=headless,
            args=flags,
            ignore_default_args=["--hide-scrollbars"],
        )
        try:
            yield browser
        finally:
            browser.close()
