import subprocess
from collections.abc import Callable

import pytest

Screensmith = Callable[..., subprocess.CompletedProcess[str]]

pytest.importorskip("playwright")


@pytest.mark.browser
def test_the_chromium_that_starts_is_named(screensmith: Screensmith) -> None:
    done = screensmith("install-chromium", "--check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Chromium ")
    assert done.stdout.endswith(" starts\n")


@pytest.mark.parametrize("words", [["--check"], []])
def test_a_path_that_does_not_exist_is_an_error(screensmith: Screensmith, words: list[str]) -> None:
    done = screensmith("install-chromium", *words, SCREENSMITH_CHROMIUM="./absent/chromium")
    assert done.returncode == 2
    assert "SCREENSMITH_CHROMIUM names ./absent/chromium, which does not exist" in done.stderr


def test_a_program_that_is_no_chromium_is_an_error_and_installs_nothing(screensmith: Screensmith) -> None:
    done = screensmith("install-chromium", SCREENSMITH_CHROMIUM="/bin/true")
    assert done.returncode == 2
    assert "a Chromium was found but does not start" in done.stderr
    assert "installing" not in done.stdout
