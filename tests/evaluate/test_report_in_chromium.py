"""A written report, opened in a real Chromium from the file system."""

import pytest

from screensmith.environments._chromium import chromium
from screensmith.evaluate.live import evaluate_live
from screensmith.evaluate.offline import evaluate_offline
from screensmith.evaluate.report import Report, write_report
from screensmith.evaluate.summary import Judged

pytestmark = pytest.mark.browser
LOSSES = [{"step": step, "loss": 8 / step} for step in range(1, 301)]


@pytest.fixture
def report_path(world, tmp_path):
    def judge(name, policy):
        samples = [world.sample("click-button", seed) for seed in range(6)]
        live = evaluate_live(
            policy,
            [world.Buttons()],
            ["until"],
            episodes_per_task=3,
            first_seed=50,
            history_steps=0,
            max_steps=3,
        )
        return Judged(name, evaluate_offline(policy, samples, batch=8), live)

    path = tmp_path / "report.html"
    settings = {"model": "checkpoints/final", "seed": 1337}
    trained, untrained = judge("trained", world.clumsy), judge("untrained", world.clumsy)
    write_report(path, Report("Quickstart report", trained, untrained, settings, LOSSES))
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_shows_everything_without_network_or_errors(browser, report_path, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report_path.as_uri())

    assert page.title() == "Quickstart report"
    assert page.locator("h1").inner_text() == "Quickstart report"
    headings = page.locator("h2").all_inner_texts()
    assert headings[:2] == ["Before and after", "Loss"]
    assert all(heading.is_visible() for heading in page.locator("h2").all())
    assert page.locator("table.measures").is_visible()
    curve = page.locator("svg.curve").bounding_box()
    assert curve["width"] > 300
    assert curve["height"] > 100
    images = page.locator("figure img")
    assert images.count() > 12
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth === 160)")

    # The page itself never scrolls sideways; wide tables do that inside their own box.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")
    context.close()


def test_the_mark_covers_the_clicked_place_at_every_width(browser, report_path):
    for width in (1280, 300):
        context = browser.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        page.goto(report_path.as_uri())
        screen = page.locator(".screen", has=page.locator("circle.given")).first
        image = screen.locator("img").bounding_box()
        ring = screen.locator("circle.given").last.bounding_box()
        # `clumsy` clicks at (0.95, 0.95).
        across = (ring["x"] + ring["width"] / 2 - image["x"]) / image["width"]
        down = (ring["y"] + ring["height"] / 2 - image["y"]) / image["height"]
        assert across == pytest.approx(0.95, abs=0.01)
        assert down == pytest.approx(0.95, abs=0.01)
        context.close()
