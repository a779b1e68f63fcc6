from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from screensmith.core.actions import Answer, Back, Click, Home, Scroll, TypeText, Visit
from screensmith.core.geometry import Size
from screensmith.environments import Outcome, Unsolvable, page
from screensmith.environments.page import WebPage, address_of

FIRST = """<title>first</title><body><h1>First</h1>
<p><a href=second.html>Second page</a></p> <p><a href=second.html target=_blank>New tab</a></p>
<p><input placeholder=Name></p> <p><button onclick="alert('stop')">Alert</button></p>"""
SECOND = """<title>second</title><body><button onclick='window.close()'>Second</button>
<div style='height: 3000px'></div>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "first.html").write_text(FIRST)
    (folder / "second.html").write_text(SECOND)
    return folder


@pytest.fixture(scope="module")
def environment(site: Path) -> Iterator[WebPage]:
    with page.open(url=str(site / "first.html"), goal="look around", width=400, height=300) as environment:
        yield environment


def texts(environment: WebPage) -> list[str]:
    return [element.text for element in environment.elements()]


def click(environment: WebPage, text: str) -> None:
    found = next(element for element in environment.elements() if element.text == text)
    environment.act(Click(found.box.centre))


def test_addresses_may_be_files_hosts_or_complete(tmp_path: Path) -> None:
    path = tmp_path / "a page.html"
    path.write_text("")
    assert address_of(str(path)) == path.as_uri()
    assert address_of("example.org/a") == "https://example.org/a"
    assert address_of("http://localhost:80/") == "http://localhost:80/"
    assert address_of(" ") == "about:blank"


@pytest.mark.browser
def test_the_goal_is_the_task_or_the_one_given_at_opening(environment: WebPage) -> None:
    assert environment.tasks == ()
    start = environment.reset("", 0)
    assert start.goal == "look around"
    assert start.screenshot.size == Size(400, 300)
    assert environment.reset("click the link", 1).goal == "click the link"
    assert environment.reset("", 5).screenshot.read_bytes() == start.screenshot.read_bytes()
    with page.open() as blank, pytest.raises(ValueError, match="needs a goal"):
        blank.reset("", 0)


@pytest.mark.browser
def test_a_link_is_followed_and_the_screen_after_it_is_the_new_page(environment: WebPage) -> None:
    environment.reset("", 0)
    assert texts(environment) == ["Second page", "New tab", "Name", "Alert"]
    click(environment, "Second page")
    assert texts(environment) == ["Second"]
    environment.act(Scroll("down", amount=1.0))
    assert texts(environment) == []
    environment.act(Back())
    assert texts(environment)[0] == "Second page"
    click(environment, "Second page")
    environment.act(Home())
    assert texts(environment)[0] == "Second page"


@pytest.mark.browser
def test_a_new_tab_is_followed_until_it_closes(environment: WebPage) -> None:
    environment.reset("", 0)
    click(environment, "New tab")
    assert texts(environment) == ["Second"]
    click(environment, "Second")
    assert texts(environment)[0] == "Second page"


@pytest.mark.browser
def test_dialogs_do_not_stop_anything_and_typing_shows(environment: WebPage) -> None:
    environment.reset("", 0)
    click(environment, "Alert")
    click(environment, "Name")
    environment.act(TypeText("Ada"))
    assert "Ada" in texts(environment)


@pytest.mark.browser
def test_addresses_are_visited_and_unreachable_ones_show_the_browsers_own_page(
    environment: WebPage, site: Path
) -> None:
    environment.reset("", 0)
    environment.act(Visit((site / "second.html").as_uri()))
    assert texts(environment) == ["Second"]
    environment.act(Visit("http://127.0.0.1:9/"))  # nothing listens there
    assert texts(environment) != ["Second"]
    environment.act(Home())
    assert texts(environment)[0] == "Second page"


@pytest.mark.browser
def test_an_answer_ends_the_episode_unscored(environment: WebPage) -> None:
    environment.reset("", 0)
    assert environment.outcome() == Outcome(done=False, reward=0.0)
    environment.act(Answer("42"))
    assert environment.outcome() == Outcome(done=True, reward=0.0)
    environment.act(TypeText("ignored"))
    with pytest.raises(Unsolvable):
        next(environment.solve())
    environment.reset("", 0)
    assert environment.outcome() == Outcome(done=False, reward=0.0)
