import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from screensmith.core.actions import Click, Drag
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample
from screensmith.evaluate.live import evaluate_live
from screensmith.evaluate.offline import evaluate_offline
from screensmith.evaluate.report import Report, write_report
from screensmith.evaluate.summary import Judged

LOSSES = [{"step": step, "loss": 4 / step, "lr": 0.1} for step in range(1, 41)]
EVIL = "</code><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)> \x00 \u202e \ud800"


class Page(HTMLParser):
    """Tags with their attributes, and the visible text; complains about tags that do not match."""

    VOID = frozenset({"meta", "link", "img"})

    def __init__(self, path):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(path.read_text("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag, kind=None):
        return [
            found
            for name, found in self.tags
            if name == tag and (kind is None or kind in found.get("class", "").split())
        ]


def judged(world, name, policy, *, tasks=("until", "last-chance"), samples=None):
    samples = samples or [world.sample("click-button", seed) for seed in range(6)]
    live = evaluate_live(
        policy,
        [world.Buttons()],
        tasks,
        episodes_per_task=3,
        first_seed=50,
        history_steps=0,
        max_steps=3,
    )
    return Judged(name, evaluate_offline(policy, samples, batch=8), live)


def written(tmp_path, report):
    path = tmp_path / "new folder" / "report.html"
    write_report(path, report)
    return Page(path)


def test_every_failed_episode_is_shown_frame_by_frame(world, tmp_path):
    trained = judged(world, "trained", world.clumsy)
    page = written(tmp_path, Report("Run", trained))
    failed = trained.live.failures
    assert len(failed) == 6
    wrong = trained.offline.failures
    frames = sum(len(rollout.turns) + 1 for rollout in failed) + len(wrong)
    assert len(page.all("img")) == len(page.all("figure")) == frames
    assert f"Failed live episodes ({len(failed)} of 6)" in page.text
    assert f"Wrong held-out steps ({len(wrong)} of 6)" in page.text
    for rollout in failed:
        assert f"{rollout.assignment.task}, seed {rollout.assignment.seed}" in page.text
    assert page.text.count("<b>gibberish</b>") == sum(
        prediction.text == "<b>gibberish</b>"
        for prediction in [
            *(turn.prediction for rollout in failed for turn in rollout.turns),
            *(one.prediction for one in wrong),
        ]
    )
    assert page.text.count("click Submit of until") == sum(r.assignment.task == "until" for r in failed)


def test_only_numbers_are_shown_of_the_untrained_model(world, tmp_path):
    untrained, trained = judged(world, "untrained", world.clumsy), judged(world, "trained", world.expert)
    page = written(tmp_path, Report("Run", trained, untrained, {"seed": 1337}, LOSSES))
    assert "None of the 6 episodes failed. Here are 2 that succeeded." in page.text
    assert "All 6 held-out steps are right." in page.text
    assert "gibberish" not in page.text
    assert "neither JSON nor a literal" in page.text
    assert "Before and after" in page.text
    assert "1337" in page.text
    assert "untrained 0 % · 6 episodes, 2 tasks" in page.text
    assert len(page.all("svg", "curve")) == 1


def test_small_screens_are_doubled_with_crisp_pixels_and_wide_ones_fit(world, tmp_path):
    wide = Sample(
        "e#0",
        "goal",
        Screenshot(world.draw(world.button_box(1)).read_bytes(), Size(1280, 800)),
        (Question("", (Click(Point(0.1, 0.1)),)),),
    )
    policy = world.clumsy
    report = Report("Run", judged(world, "trained", policy, samples=[wide, world.sample("t", 1)]))
    shown = {
        (image["width"], image["height"], image["class"]) for image in written(tmp_path, report).all("img")
    }
    assert shown == {("320", "420", "small"), ("420", "262", "large")}


def test_the_marks_lie_where_the_model_clicked_and_where_the_target_is(tmp_path):
    box = Box(0.25, 0.5, 0.75, 0.6)
    screen = Screenshot(b"\xff\xd8\xff", Size(160, 210))
    asked = [
        Sample("e#0", "goal", screen, (Question("", (Click(box.centre),), box),)),
        Sample("e#1", "goal", screen, (Question("", (Click(Point(0.5, 0.5)),)),)),
    ]
    answers = [
        Prediction("", (Click(Point(0.1, 0.2)),)),
        Prediction("", (Drag(Point(0.0, 0.0), Point(1.0, 1.0)),)),
    ]
    offline = evaluate_offline(lambda samples: answers, asked, batch=2)
    page = written(tmp_path, Report("Run", Judged("trained", offline)))
    circles = {(c["cx"], c["cy"], c["class"]) for c in page.all("circle") if "halo" not in c["class"]}
    assert circles == {
        ("32", "84", "given"),
        ("160", "210", "wanted"),
        ("0", "0", "given"),
        ("320", "420", "given"),
    }
    (target,) = [found for found in page.all("rect", "target") if "halo" not in found["class"]]
    assert (target["x"], target["y"], target["width"], target["height"]) == ("80", "210", "160", "42")
    assert any(found["d"] == "M0 0L320 420" for found in page.all("path", "given"))
    assert page.all("img")[0]["src"].startswith("data:image/jpeg;base64,")
    assert "the answer is empty" in page.text


def test_what_a_model_writes_stays_text(world, tmp_path):
    def evil(samples):
        return [Prediction(EVIL, problem=EVIL) for _ in samples]

    report = Report(EVIL, judged(world, EVIL, evil), settings={EVIL: EVIL}, live_skipped=EVIL)
    page = written(tmp_path, report)
    assert not page.all("script")
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert not any(name.startswith("on") for _, found in page.tags for name in found)
    assert "<script>alert(1)</script>" in page.text
    assert "\\u0000 \\u202e \\ud800" in page.text


def test_nothing_in_the_file_points_outside(world, tmp_path):
    write_report(
        tmp_path / "report.html", Report("Run", judged(world, "trained", world.clumsy), losses=LOSSES)
    )
    text = re.sub('base64,[^"]*', "", (tmp_path / "report.html").read_text("utf-8"))
    assert not re.search(r"https?:|//[a-z]|url\(|@import", text)
    assert "default-src &#x27;none&#x27;" in text


def test_a_long_answer_is_cut_and_says_so(world, tmp_path):
    def long(samples):
        return [Prediction("x" * 5000, problem="answer too long") for _ in samples]

    page = written(tmp_path, Report("Run", judged(world, "trained", long)))
    assert "(5,000 characters)" in page.text
    assert "x" * 601 not in page.text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"GIF89a", "neither PNG nor JPEG"),
        (Path("gone.png"), "cannot be read"),
        (b"", "neither PNG nor JPEG"),
    ],
)
def test_a_picture_that_cannot_be_shown_says_why(world, tmp_path, source, reason):
    sample = Sample(
        "e#0", "goal", Screenshot(source, Size(160, 210)), (Question("", (Click(Point(0.1, 0.1)),)),)
    )
    offline = evaluate_offline(world.clumsy, [sample], batch=1)
    page = written(tmp_path, Report("Run", Judged("trained", offline)))
    assert not page.all("img")
    assert reason in page.text


def test_skipped_live_evaluation_is_said_and_leaves_no_hole(world, tmp_path):
    offline = evaluate_offline(world.expert, [world.sample("t", 1)], batch=1)
    page = written(tmp_path, Report("Run", Judged("trained", offline), live_skipped="no Chromium found"))
    assert "Live evaluation was skipped: no Chromium found" in page.text
    assert "live success" not in page.text


def test_a_loss_that_is_not_finite_is_left_out_and_counted(world, tmp_path):
    trained = Judged("trained")
    records = [
        *LOSSES,
        {"step": 41, "loss": float("nan")},
        {"step": 42, "loss": None},
        {"step": 42, "eval": 1},
    ]
    page = written(tmp_path, Report("Run", trained, losses=records))
    assert "2 steps had no finite loss." in page.text
    assert "from 4 at step 1" in page.all("svg", "curve")[0]["aria-label"]
    page = written(tmp_path, Report("Run", trained, losses=[{"step": 1, "loss": float("inf")}]))
    assert "1 step had no finite loss." in page.text
    assert not page.all("svg")
