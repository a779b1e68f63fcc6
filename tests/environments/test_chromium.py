from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from screensmith.environments import _chromium
from screensmith.environments._chromium import (
    CHROMIUM_VARIABLE,
    SYSTEM_NAMES,
    ChromiumMissing,
    chromium,
    find_chromium,
    install_chromium,
)


def executable(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def playwright_with(path: Path) -> SimpleNamespace:
    return SimpleNamespace(chromium=SimpleNamespace(executable_path=str(path)))


def test_the_variable_comes_first_then_playwrights_own_then_the_systems(tmp_path: Path) -> None:
    named = executable(tmp_path / "named" / "my-chrome")
    own = executable(tmp_path / "own" / "chrome")
    system = executable(tmp_path / "bin" / SYSTEM_NAMES[1])
    folder = str(tmp_path / "bin")
    assert find_chromium(playwright_with(Path(own)), {CHROMIUM_VARIABLE: named, "PATH": folder}) == named
    assert find_chromium(playwright_with(Path(own)), {"PATH": folder}) == own
    assert find_chromium(playwright_with(tmp_path / "absent"), {"PATH": folder}) == system


def test_a_variable_that_names_nothing_is_an_error_even_where_others_exist(tmp_path: Path) -> None:
    own = executable(tmp_path / "own" / "chrome")
    with pytest.raises(ChromiumMissing, match=r"SCREENSMITH_CHROMIUM names .*nowhere"):
        find_chromium(playwright_with(Path(own)), {CHROMIUM_VARIABLE: str(tmp_path / "nowhere")})


def test_none_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ChromiumMissing, match=r"install-chromium.*SCREENSMITH_CHROMIUM"):
        find_chromium(playwright_with(tmp_path / "absent"), {"PATH": str(tmp_path)})


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which no Chromium is found, and the folder in which one would be."""
    monkeypatch.delenv(CHROMIUM_VARIABLE, raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_installing_tries_the_next_way_when_one_fails(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bare_machine / "chromium"
    fails = (sys.executable, "-c", "raise SystemExit('no network')")
    works = (sys.executable, "-c", f"import os; os.close(os.open({str(target)!r}, os.O_CREAT, 0o755))")
    monkeypatch.setattr(_chromium, "_install_commands", lambda: iter([(fails,), (works,)]))
    assert install_chromium() == str(target)


def test_when_no_way_works_the_error_shows_the_last(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = (sys.executable, "-c", "print('before'); raise SystemExit('no network')")
    monkeypatch.setattr(_chromium, "_install_commands", lambda: iter([(fails,)]))
    with pytest.raises(ChromiumMissing, match=r"(?s)install-chromium.*exited with 1.*no network"):
        install_chromium()


def test_installing_changes_nothing_where_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = executable(tmp_path / "my-chrome")
    monkeypatch.setenv(CHROMIUM_VARIABLE, named)
    monkeypatch.setattr(_chromium, "_install_commands", lambda: pytest.fail("something was installed"))
    assert install_chromium() == named
    monkeypatch.setenv(CHROMIUM_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ChromiumMissing, match="nowhere"):
        install_chromium()


def test_only_root_asks_the_package_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "apt-get")
    monkeypatch.setenv("PATH", str(tmp_path))
    for root, ways in ((True, 2), (False, 1)):
        monkeypatch.setattr(_chromium, "is_root", lambda root=root: root)
        commands = list(_chromium._install_commands())
        assert len(commands) == ways
        assert commands[0][0][:3] == (sys.executable, "-m", "playwright")


@pytest.mark.browser
def test_one_browser_for_a_thread_closed_by_its_last_user() -> None:
    others = []

    def elsewhere() -> None:
        with chromium() as browser:
            others.append((browser, browser.version))

    with chromium() as outer:
        with chromium() as inner:
            assert inner is outer
        assert outer.is_connected()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert others[0][0] is not outer
        assert others[0][1] == outer.version
        assert outer.new_page().evaluate("1 + 1") == 2
    assert not outer.is_connected()
    with chromium() as again:
        assert again is not outer
        assert again.is_connected()
