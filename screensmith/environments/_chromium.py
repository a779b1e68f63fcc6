"""Finding, installing and starting a real Chromium through Playwright."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

CHROMIUM_VARIABLE = "SCREENSMITH_CHROMIUM"
SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    # Without these a fresh profile contacts its vendor at every start, which is slow or fails offline.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    # A wheel event then takes effect within a frame, so the next screenshot shows where it ended.
    "--disable-smooth-scrolling",
)
INSTALL_SECONDS = 600.0


class ChromiumMissing(RuntimeError):
    """No Chromium can be started on this machine."""


MISSING = (
    "no Chromium found: run `screensmith install-chromium` (Playwright's download, or the system's "
    f"package manager as root), or set {CHROMIUM_VARIABLE} to the path of a Chromium or Chrome"
)
NO_PLAYWRIGHT = "Playwright is not installed: pip install 'screensmith[browser]'"


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


def install_chromium() -> str:
    """Install a Chromium if none is found, and return the path of the one that will be used.

    Playwright's download is tried first; where it fails and this process is root with apt-get, the
    system's package is installed instead.

    Raises:
        ChromiumMissing: neither way worked; the message holds the last lines of what was tried.
    """
    with _playwright() as playwright:
        try:
            return find_chromium(playwright)
        except ChromiumMissing:
            if os.environ.get(CHROMIUM_VARIABLE):
                raise
        for commands in _install_commands():
            tail = _first_failure(commands)
            if not tail:
                return find_chromium(playwright)
    raise ChromiumMissing(f"{MISSING}\nthe last attempt to install one ended with:\n{tail}")


def _install_commands() -> Iterator[tuple[tuple[str, ...], ...]]:
    yield ((sys.executable, "-m", "playwright", "install", "chromium"),)
    if is_root() and shutil.which("apt-get"):
        yield (("apt-get", "update"), ("apt-get", "install", "-y", "chromium"))


def _first_failure(commands: tuple[tuple[str, ...], ...]) -> str:
    """Run the commands in order; the last lines of the first that fails, or "" when all succeed."""
    for command in commands:
        shown = " ".join(command)
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=INSTALL_SECONDS,
                check=False,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
        except subprocess.TimeoutExpired:
            return f"`{shown}` was stopped after {INSTALL_SECONDS:.0f} seconds"
        if done.returncode != 0:
            last = "\n".join(done.stdout.strip().splitlines()[-5:])
            return f"`{shown}` exited with {done.returncode}:\n{last}"
    return ""


@dataclass
class _Running:
    """What one thread has started: Playwright allows itself once in a thread."""

    playwright: Playwright | None = None
    playwright_users: int = 0
    browsers: dict[bool, Browser] = field(default_factory=dict)
    browser_users: dict[bool, int] = field(default_factory=dict)


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.running = _Running()


_per_thread = _PerThread()


@contextmanager
def _playwright() -> Iterator[Playwright]:
    """The Playwright of this thread, started by its first user and stopped by its last."""
    running = _per_thread.running
    if running.playwright is None:
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as error:
            raise ChromiumMissing(NO_PLAYWRIGHT) from error
        running.playwright = sync_playwright().start()
    running.playwright_users += 1
    try:
        yield running.playwright
    finally:
        running.playwright_users -= 1
        if running.playwright_users == 0:
            running.playwright.stop()
            running.playwright = None


@contextmanager
def chromium(*, headless: bool = True) -> Iterator[Browser]:
    """The Chromium of this thread, started by its first user and closed by its last.

    Scroll bars stay visible, because they are part of what an actor sees. Every user opens a
    context of its own in it, so that users share neither pages nor cookies.

    Raises:
        ChromiumMissing: Playwright or a Chromium is not installed.
    """
    with _playwright() as playwright:
        running = _per_thread.running
        known = running.browsers.get(headless)
        if known is None or not known.is_connected():
            running.browsers[headless] = playwright.chromium.launch(
                executable_path=find_chromium(playwright),
                headless=headless,
                args=[*FLAGS, *(["--no-sandbox"] if is_root() else [])],
                ignore_default_args=["--hide-scrollbars"],
            )
        running.browser_users[headless] = running.browser_users.get(headless, 0) + 1
        try:
            yield running.browsers[headless]
        finally:
            running.browser_users[headless] -= 1
            if running.browser_users[headless] == 0:
                running.browsers.pop(headless).close()
