import dataclasses
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.benchmarks import Benchmark, Published, Scored
from screensmith.benchmarks._figures import Columns, format_errors, mean
from screensmith.core.actions import Click, Finish, Hover, Scroll, Swipe, TypeText
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample
from screensmith.evaluate._failures import (
    DETAIL,
    KIND,
    KINDS,
    PLACE,
    UNREADABLE,
    choose,
    deciding_metrics,
    failures_of,
    kind_of_failure,
    reason_of,
)
from screensmith.evaluate._pictures import MOST_PIXELS_ACROSS, Narrower
from screensmith.evaluate.benchmark import CUT_OFF, Origin, samples_for, score_answers, to_record
from screensmith.evaluate.benchmark_report import BenchmarkReport, write_benchmark_report
from screensmith.metrics import kind, point

BOX = Box(0.5, 0.5, 0.51, 0.52)
EVIL = "</code><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)> \u202e"
HIT = Prediction("hit", (Click(BOX.centre),))
NEAR = Prediction("near", (Click(Point(0.52, 0.51)),))
FAR = Prediction("far", (Click(Point(0.1, 0.1)),))
SCROLL = Prediction("scroll", (Scroll("down"),))
CUT = Prediction("[0.", problem=CUT_OFF)
BAD = Prediction(EVIL, problem="no place")


def picture(width, height, kind="PNG"):
    written = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(written, kind)
    return written.getvalue()


SCREEN = Screenshot(picture(1000, 800), Size(1000, 800))


def figures(scored):
    columns = Columns(scored)
    clusters = columns.episodes.numbers
    return [
        mean("kinds", columns.scores("kind"), clusters),
        mean("micro", columns.scores("hit"), clusters),
        format_errors(columns),
    ]


BENCHMARK = Benchmark(
    name="boxes",
    read=lambda root, refusals=None: (),
    prompt="showui_grounding",
    dialect="showui",
    metrics={"kind": kind.score, "hit": point.score},
    figures=figures,
    headline="micro",
    policy={"edges": "inclusive"},
    published=(Published("them", "micro", 0.7, "their paper"), Published("they", "other", 0.2, "a page")),
)


def scored_by(answers, model="ours", screen=SCREEN, **origin):
    step = Step(screen, (Click(BOX.centre),), target=BOX)
    episodes = [Episode(f"row{number}", f"open {number} & go", (step,)) for number in range(len(answers))]
    samples = samples_for(BENCHMARK, episodes, 0, 0)
    told = Origin(model, "showui_grounding", 'showui(space="grounding")', "fraction", 2, **origin)
    return score_answers(BENCHMARK, samples, answers, origin=told)


class Page(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += f"{data}|"

    def all(self, tag, kind=None):
        return [
            found
            for name, found in self.tags
            if name == tag and (kind is None or kind in found.get("class", "").split())
        ]


def written(tmp_path, result, other=None, **more):
    path = tmp_path / "new folder" / "report.html"
    write_benchmark_report(path, BenchmarkReport("ours: boxes", BENCHMARK, result, other, **more))
    return Page(path)


# --- The page. ---


def test_one_model_is_shown_with_everything_that_moves_its_number(tmp_path):
    answers = [HIT] * 6 + [FAR, SCROLL, CUT, BAD]
    result = scored_by(answers, refused={"box inverted": 3}, seed=7)
    page = written(tmp_path, result)
    micro = result.measured("micro")
    low, high = 100 * micro.interval.low, 100 * micro.interval.high
    # The headline stands first, though the benchmark names it second.
    headline = f"micro|60 %|[{low:.1f} to {high:.1f} %] N=10 samples|"
    assert f"Figures|ours|{headline}kinds|70 %|" in page.text
    assert "Paired differences" not in page.text
    for said in (
        "a slice, seed 7",
        f"data hash|{result.data_hash}",
        "refused rows|3|refused: box inverted|3",
        "unreadable answers|2|unreadable: answer cut off|1|unreadable: no place|1|cut off answers|1",
        'prompt|showui_grounding|dialect|showui(space="grounding")|places as|fraction|steps of history|2',
        "rule, edges|inclusive",
        "them|70 %|their paper",
        "other|they|20 %|a page",
        "Ours are of a slice",
    ):
        assert said in page.text, said
    assert "Failures (4 of 10)" in page.text
    assert page.text.count("the screen, 1000 by 800 pixels") == 4


def test_two_models_stand_side_by_side_with_their_paired_difference(tmp_path):
    result = scored_by([HIT] * 8 + [FAR, FAR])
    other = scored_by([HIT] * 2 + [FAR] * 6 + [HIT, FAR], model="before")
    page = written(tmp_path, result, other)
    assert "|before|ours|" in page.text
    assert "ours minus before|p|test|independent parts" in page.text
    assert "micro|+50.0 points|" in page.text
    assert "|0.125|McNemar, exact|10|" in page.text
    assert "Wrong by both models: 1. Only by ours: 1. Only by before: 6." in page.text
    assert {"before: right|", "before: also wrong|"} <= set(re.findall(r"before: [a-z ]+\|", page.text))
    with pytest.raises(ValueError, match="same samples"):
        written(tmp_path, result, scored_by([HIT]))


def test_the_file_stands_alone_and_shows_what_a_model_wrote_as_text(tmp_path):
    page = written(tmp_path, scored_by([BAD, HIT], model=EVIL), scored_by([BAD, BAD], model="<b>"))
    assert not {"script", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script>" in page.text
    assert "\\u202e" in page.text
    links = [value for _, found in page.tags for name, value in found.items() if name in ("src", "href")]
    assert links
    assert all(link.startswith("data:") for link in links)
    assert not [found for _, found in page.tags if any(name.startswith("on") for name in found)]
    policy = next(found["content"] for found in page.all("meta") if "http-equiv" in found)
    assert policy.startswith("default-src 'none'")


def test_no_failure_is_said(tmp_path):
    page = written(tmp_path, scored_by([HIT] * 3))
    assert "None of the 3 samples is wrong." in page.text
    assert not page.all("img")


def test_a_record_has_no_samples_and_a_result_without_samples_has_no_report():
    result = scored_by([HIT, FAR])
    assert "scored" not in to_record(result)
    assert [one.prediction for one in result.scored] == [HIT, FAR]
    bare = dataclasses.replace(result, scored=())
    assert bare == result
    with pytest.raises(ValueError, match="no scored samples"):
        BenchmarkReport("t", BENCHMARK, bare)


# --- Pictures and marks. ---


def test_a_small_target_is_shown_again_at_its_own_scale_with_the_answer_where_it_was(tmp_path):
    page = written(tmp_path, scored_by([NEAR, FAR]))
    assert page.text.count("around the target") == 2
    assert page.text.count("10 pixels off the target") == 1
    # In the whole screen (420 wide), and in the 420 by 260 pixels around the target's middle.
    rings = [
        (float(ring["cx"]), float(ring["cy"])) for ring in page.all("circle") if "halo" in ring["class"]
    ]
    whole_near, whole_far = (0.52 * 420, 0.51 * 336), (0.1 * 420, 0.1 * 336)
    part_near = (0.52 * 1000 - (505 - 210), 0.51 * 800 - (408 - 130))
    for wanted in (whole_near, whole_far, part_near):
        assert any(ring == pytest.approx(wanted, abs=0.02) for ring in rings), wanted
    assert len(rings) == 3
    boxes = {(box["x"], box["y"], box["width"], box["height"]) for box in page.all("rect", "target")}
    assert boxes == {("210", "168", "4.2", "6.72"), ("205", "122", "10", "16")}


def test_a_target_that_can_be_seen_is_shown_once(tmp_path):
    screen = Screenshot(picture(400, 300), Size(400, 300))
    assert "around the target" not in written(tmp_path, scored_by([FAR], screen=screen)).text


def test_large_pictures_are_made_narrower_and_small_ones_left_alone():
    for format in ("PNG", "JPEG"):
        wide = Narrower(Screenshot(picture(3000, 1500, format), Size(3000, 1500))).read_bytes()
        with Image.open(io.BytesIO(wide)) as shown:
            assert (shown.format, shown.size) == ("JPEG", (MOST_PIXELS_ACROSS, MOST_PIXELS_ACROSS // 2))
        small = picture(300, 200, format)
        assert Narrower(Screenshot(small, Size(300, 200))).read_bytes() == small
    webp = Narrower(Screenshot(picture(300, 200, "WEBP"), Size(300, 200))).read_bytes()
    assert webp.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("data", [b"", b"GIF89a", picture(900, 900)[:60], b"\xff\xd8\xff"])
def test_a_broken_picture_is_replaced_by_the_reason(tmp_path, data):
    screen = Screenshot(data, Size(900, 900))
    page = written(tmp_path, scored_by([FAR, HIT], screen=screen))
    assert not page.all("img")
    assert page.text.count("the picture cannot be read") == 2


# --- Which answers are failures, and which are shown. ---


@pytest.mark.parametrize(
    ("expected", "target", "answer", "kind", "reason"),
    [
        ((Click(BOX.centre),), BOX, CUT, UNREADABLE, CUT_OFF),
        ((Click(BOX.centre),), BOX, Prediction("x"), UNREADABLE, "no action"),
        ((Click(BOX.centre),), BOX, SCROLL, KIND, "Scroll instead of Click"),
        ((Finish("failure"),), None, FAR, KIND, "Click instead of Finish"),
        ((Click(BOX.centre),), BOX, NEAR, PLACE, "10 pixels off the target"),
        ((Click(BOX.centre),), BOX, Prediction("", (Hover(Point(0, 0)),)), PLACE, "pixels off the target"),
        ((Click(BOX.centre),), BOX, Prediction("", (Hover(BOX.centre),)), KIND, "Hover instead of Click"),
        # In the box, but wrong by an outline or by an edge that does not belong to it.
        ((Click(BOX.centre),), BOX, HIT, PLACE, "by the benchmark's rules"),
        ((Click(Point(0.1, 0.2)),), None, FAR, PLACE, "80 pixels from the expected place"),
        ((Click(BOX.centre),), BOX, Prediction("", (Click(BOX.centre, count=2),)), DETAIL, DETAIL),
        ((TypeText("a"),), None, Prediction("", (TypeText("b"),)), DETAIL, DETAIL),
        ((Scroll("up"),), None, SCROLL, DETAIL, DETAIL),
        (
            (Swipe(Point(0.5, 0.8), Point(0.5, 0.2)),),
            None,
            Prediction("", (Swipe(Point(0.5, 0.2), Point(0.5, 0.8)),)),
            DETAIL,
            DETAIL,
        ),
    ],
)
def test_a_failure_has_a_kind_and_a_reason(expected, target, answer, kind, reason):
    one = Scored(Sample("e#0", "goal", SCREEN, (Question("", expected, target),)), answer, {})
    assert kind_of_failure(one) == kind
    assert reason in reason_of(one)


def test_what_is_shown_is_spread_over_the_kinds_and_never_changes():
    answers = [FAR] * 60 + [SCROLL] * 3 + [CUT] * 20 + [BAD] + [HIT] * 5
    failures = failures_of(BENCHMARK, scored_by(answers).scored)
    assert len(failures) == 84
    groups = choose(failures, 12)
    assert [(group.kind, group.total, len(group.shown)) for group in groups] == [
        (UNREADABLE, 21, 5),
        (KIND, 3, 3),
        (PLACE, 60, 4),
    ]
    # The one answer with another problem is among the unreadable ones.
    assert {one.prediction.problem for one in groups[0].shown} == {CUT_OFF, "no place"}
    assert choose(failures[::-1], 12) == groups
    more = {one.sample.id for group in choose(failures, 30) for one in group.shown}
    assert len(more) == 30
    assert {one.sample.id for group in groups for one in group.shown} < more
    assert sum(len(group.shown) for group in choose(failures, 500)) == 84
    assert [group.kind for group in groups] == [kind for kind in KINDS if kind != DETAIL]


def test_a_figure_beside_the_headline_makes_no_failure():
    result = scored_by([HIT, Prediction("", (Hover(BOX.centre),)), FAR])
    assert [one.scores for one in result.scored][1] == {"kind": 0.0, "hit": 1.0}
    assert [one.prediction for one in failures_of(BENCHMARK, result.scored)] == [FAR]
    constant = dataclasses.replace(BENCHMARK, headline="format errors")
    assert deciding_metrics(constant, result.scored) == ("kind", "hit")


@pytest.mark.parametrize(
    ("name", "deciding"),
    [
        ("screenspot", "hit"),
        ("osworld_g", "hit"),
        ("aitw", "official"),
        ("mind2web", "step"),
        ("guiact", "step success"),
        ("androidcontrol", "step"),
    ],
)
def test_every_benchmark_has_one_metric_that_decides(name, deciding):
    benchmark = plugins.load("benchmarks", name).benchmark()
    facts = {"platform": "web", "data_type": "text", "domain": "general", "split": "test_task"}
    facts |= {"annotation_id": "a", "operation": "CLICK", "stage": "web-single", "level": "high"}
    sample = Sample("e#0", "goal", SCREEN, (Question("", (Click(BOX.centre),), BOX),), facts=facts)
    scored = [Scored(sample, HIT, dict.fromkeys(benchmark.metrics, 1.0))]
    assert deciding_metrics(benchmark, scored) == (deciding,)
