"""`screensmith install-chromium`: find a Chromium that starts, or get one."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from screensmith.cli._parser import Parser

HELP = "find a Chromium that starts, or install one"


def add_arguments(parser: Parser) -> None:
    """Whether to look only."""
    parser.add_argument("--check", action="store_true", help="look only, install nothing")


def run(arguments: argparse.Namespace) -> int:
    """Print which Chromium starts; install one first where there is none."""
    from screensmith.environments._chromium import (
        CHROMIUM_VARIABLE,
        ChromiumMissing,
        install_chromium,
        is_root,
    )

    if not arguments.check:
        print(f"Chromium: {install_chromium()}", flush=True)
    problem = _problem()
    ours_to_mend = is_root() and not arguments.check and not os.environ.get(CHROMIUM_VARIABLE)
    if problem and ours_to_mend:
        # Playwright's download comes without the shared libraries that a bare system lacks.
        print(f"it does not start ({problem}); installing the libraries it needs", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install-deps", "chromium"], check=False)
        problem = _problem()
    if problem:
        raise ChromiumMissing(problem)
    return 0


def _problem() -> str:
    """Why no Chromium starts, or "" after saying which version does."""
    from screensmith.environments._chromium import ChromiumMissing, chromium

    try:
        with chromium() as browser:
            print(f"Chromium {browser.version} starts", flush=True)
    except ChromiumMissing as error:
        return str(error)
    except _playwright_error() as error:
        return f"a Chromium was found but does not start: {_first_line(error)}"
    return ""


def _playwright_error() -> type[Exception]:
    from playwright.sync_api import Error

    error: type[Exception] = Error
    return error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
