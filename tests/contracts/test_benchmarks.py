"""Laws of every benchmark of recorded data, found by listing files, each on a small one of its format."""

import json
import math
import typing

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.benchmarks import LiveBenchmark
from screensmith.benchmarks._figures import FORMAT_ERRORS
from screensmith.core.actions import Click, Finish, Scroll, Select, TypeText
from screensmith.core.geometry import Point
from screensmith.core.prediction import Prediction
from screensmith.core.refusals import RefusalLog
from screensmith.dialects import Unreadable, Unsupported
from screensmith.evaluate.benchmark import samples_for, score_answers


def is_live(name):
    """Whether a benchmark is played; those have laws of their own, in test_live_benchmarks.py."""
    return typing.get_type_hints(plugins.load("benchmarks", name).benchmark)["return"] is LiveBenchmark


NAMES = [name for name in plugins.names("benchmarks") if not is_live(name)]


def click(x, y):
    return Prediction("", (Click(Point(x, y)),))


UNREADABLE = Prediction("gibberish", problem="no action")


def picture(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "white").save(path)


def written(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


def screenspot(root):
    picture(root / "images" / "a.png", (1000, 500))
    row = {"data_type": "text", "task": "open the cart", "img_url": "a.png", "img_size": [1000, 500]}
    kinds = [("web", "text")] * 3 + [("mobile", "icon"), ("desktop", "text")]
    rows = [
        {**row, "id": f"screenspot_{number}", "split": split, "data_type": kind, "bbox": [100, 50, 200, 25]}
        for number, (split, kind) in enumerate(kinds)
    ]
    written(root / "metadata" / "hf_test_full.json", rows)
    # The right and the bottom edge belong to the box; 0.31 lies beyond it.
    answers = [click(0.30, 0.15), click(0.31, 0.12), click(0.2, 0.1), UNREADABLE, click(0.1, 0.15)]
    figures = {
        "macro over cells": (2 / 3 + 0 + 1) / 3,
        "micro": 3 / 5,
        "web text": 2 / 3,
        "mobile": 0.0,
        "icon": 0.0,
        "text": 3 / 4,
        FORMAT_ERRORS: 1 / 5,
    }
    return {}, answers, figures


def osworld_g(root):
    picture(root / "images" / "a.png", (1000, 500))
    row = {"image_path": "a.png", "image_size": [1000, 500], "instruction": "close it", "GUI_types": []}
    rows = [
        {**row, "id": "1", "box_type": "bbox", "box_coordinates": [100, 50, 200, 25]},
        {**row, "id": "2", "box_type": "polygon", "box_coordinates": [0, 0, 100, 0, 0, 50]},
        {**row, "id": "3", "box_type": "refusal", "box_coordinates": [0, 0, 0, 0]},
    ]
    written(root / "OSWorld-G.json", rows)
    # (0.09, 0.09) lies in the box around the triangle, not in the triangle.
    answers = [click(0.3, 0.15), click(0.09, 0.09), Prediction("[-1, -1]", (Finish("failure"),))]
    figures = {
        "micro": 2 / 3,
        "without refusals": 1 / 2,
        "targets that are polygons": 0.0,
        "refusals": 1.0,
        FORMAT_ERRORS: 0.0,
    }
    return {}, answers, figures


def aitw(root):
    boxes = [0.40, 0.20, 0.05, 0.10, 0.90, 0.10, 0.05, 0.20]
    off = {"touch": [-1, -1], "lift": [-1, -1], "type_text": "", "annot_position": []}

    def step(number, identifier, text, **more):
        picture(root / "images" / "general" / f"11_{number}.png", (60, 80))
        place = {"ep_id": "11", "img_filename": f"general/11_{number}", "goal": "open clock"}
        return {**place, "action_type_id": identifier, "action_type_text": text, **off, **more}

    touched = {"touch": [0.25, 0.42], "lift": [0.25, 0.42], "annot_position": boxes}
    general = [step(0, 4, "click", **touched), step(1, 10, "status task complete")]
    scroll = {"touch": [0.5, 0.8], "lift": [0.5, 0.3], "annot_position": boxes}
    install = [step(2, 4, "scroll down", **scroll), step(3, 3, "type", type_text="abc")]
    domains = {
        "general": [general],
        "single": [],
        "webshopping": [],
        "install": [install],
        "googleapps": [],
    }
    written(root / "aitw_data_test.json", domains)
    answers = {
        "general": [click(0.25, 0.559), Prediction("", (Finish("success"),))],
        "install": [Prediction("", (Scroll("up"),)), Prediction("", (TypeText("xyz"),))],
    }
    figures = {
        "mean of domains": 1.0,
        "mean of domains, direction-aware": 3 / 4,
        "mean of domains, text-aware": 3 / 4,
        "mean of domains, direction- and text-aware": 1 / 2,
        "install": 1.0,
        "right type": 1.0,
        "typed text": 0.0,
        "episode success": 1.0,
    }
    return {"json": "aitw_data_test"}, answers["general"] + answers["install"], figures


def mind2web(root):
    def action(episode, uid, name, value="", box=True):
        picture(root / f"{episode}-{uid}.jpg", (1280, 800))
        found = {"action_uid": uid, "operation": {"op": name, "original_op": name, "value": value}}
        place = {"x": 640, "y": 400, "width": 128, "height": 40}
        return {**found, "bbox": place} if box else found

    def episode(name, actions):
        site = {"website": "shop", "domain": "Shopping", "subdomain": "General"}
        shown = ["[button]  Add -> CLICK"] * len(actions)
        return {
            "annotation_id": name,
            **site,
            "confirmed_task": "buy",
            "action_reprs": shown,
            "actions": actions,
        }

    first = [action("ep1", "a1", "SELECT", "Large"), action("ep1", "a2", "CLICK", box=False)]
    second = [action("ep2", "b1", "TYPE", "new york"), action("ep2", "b2", "CLICK")]
    written(root / "mind2web_data_test_task.json", [episode("ep1", first), episode("ep2", second)])
    answers = [
        Prediction("", (Select("large", Point(0.55, 0.53)),)),
        Prediction("", (TypeText("york new", Point(0.5, 0.5)),)),
        click(0.1, 0.1),
    ]
    figures = {
        "macro step success": 3 / 4,
        "test_task: macro step success": 3 / 4,
        "macro element accuracy": 3 / 4,
        "macro operation F1": 1.0,
        "operation F1 over classes": 1.0,
        "step success": 2 / 3,
        "episode success": 1 / 2,
    }
    return {}, answers, figures


def guiact(root):
    size = {"width": 1000, "height": 500}
    box = {"absolute": "<box>100, 50, 200, 100</box>", "related": "<box>0.100, 0.100, 0.200, 0.200</box>"}
    way = {"absolute": {"down": 250, "right": 0}, "related": {"down": "0.50", "right": "0.00"}}
    clicked = {"name": "click", "element": {"id": 3, **box}}

    def step(record, actions):
        name = f"uid_record_{record}_step_00"
        picture(root / "web-multi_test_images" / f"{name}.png", (1000, 500))
        words = {"question": "find the price", "thoughts": "", "actions_history": "", "logs": ""}
        return {"uid": name, "image_id": name, "image_size": size, **words, "actions_label": actions}

    rows = [step("00007", [clicked, {"name": "scroll", "scroll": way}]), step("00008", [clicked])]
    written(root / "web-multi_test_data.json", rows)
    answers = [Prediction("", (Click(Point(0.15, 0.15)), Scroll("up"))), click(0.2, 0.2)]
    figures = {"type match": 1.0, "step success": 1 / 2, "score": 3 / 4, "web-multi: score": 3 / 4}
    return {}, answers, figures


def androidcontrol(root):
    picture(root / "images" / "a.png", (100, 200))

    def step(number, action):
        line = {"episode_id": 1, "step": number, "goal": "set an alarm", "instruction": "open the clock"}
        return {**line, "image": "a.png", "image_size": [100, 200], "action": action}

    steps = [
        step(0, {"kind": "Click", "at": [0.5, 0.5]}),
        step(1, {"kind": "TypeText", "text": "seven"}),
        step(2, {"kind": "Click", "at": [0.5, 0.5]}),
    ]
    (root / "test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in steps), "utf-8")
    answers = [click(0.52, 0.52), click(0.5, 0.5), click(0.6, 0.5)]
    figures = {
        "step success": 1 / 3,
        "type accuracy": 2 / 3,
        "grounding, of clicks with the right type": 1 / 2,
        "high: step success": 1 / 3,
        "episode success": 0.0,
    }
    return {}, answers, figures


DATA_SETS = {
    "screenspot": screenspot,
    "osworld_g": osworld_g,
    "aitw": aitw,
    "mind2web": mind2web,
    "guiact": guiact,
    "androidcontrol": androidcontrol,
}


@pytest.fixture(scope="module", params=NAMES)
def case(request, tmp_path_factory):
    """The benchmark, its samples, answers, the figures that these answers have, and what was refused."""
    root = tmp_path_factory.mktemp(request.param)
    options, answers, figures = DATA_SETS[request.param](root)
    benchmark = plugins.load("benchmarks", request.param).benchmark(**options)
    refusals = RefusalLog()
    samples = samples_for(benchmark, benchmark.read(str(root), refusals=refusals), 0, 0)
    return benchmark, samples, answers, figures, refusals


def values(result):
    return {one.figure.name: one.figure.value for one in result.figures}


def test_every_benchmark_has_a_data_set_here():
    assert sorted(DATA_SETS) == NAMES


def test_the_fixture_scores_what_the_fixture_says(case):
    benchmark, samples, answers, figures, _ = case
    found = values(score_answers(benchmark, samples, answers))
    assert {name: found[name] for name in figures} == pytest.approx(figures)


def test_the_data_sets_own_answers_score_best(case):
    benchmark, samples, *_ = case
    own = [Prediction("", sample.questions[0].expected) for sample in samples]
    found = values(score_answers(benchmark, samples, own))
    assert found.pop(FORMAT_ERRORS) == 0.0
    assert found[benchmark.headline] == 1.0
    assert set(found.values()) <= {1.0, None}, found


def test_unreadable_answers_score_nothing(case):
    benchmark, samples, *_ = case
    result = score_answers(benchmark, samples, [UNREADABLE] * len(samples))
    found = values(result)
    assert found.pop(FORMAT_ERRORS) == 1.0
    assert found[benchmark.headline] == 0.0
    assert set(found.values()) <= {0.0, None}, found
    assert result.unreadable == {"no action": len(samples)}


def test_figures_are_finite_or_none_and_name_their_count(case):
    benchmark, samples, answers, _, _ = case
    result = score_answers(benchmark, samples, answers)
    names = [one.figure.name for one in result.figures]
    assert len(set(names)) == len(names)
    assert benchmark.headline in names
    for one in result.figures:
        figure = one.figure
        assert figure.unit
        assert (figure.value is None) == (figure.count == 0)
        if figure.value is not None:
            assert math.isfinite(figure.value)
            assert 0.0 <= figure.value <= 1.0
            assert one.interval is None or one.interval.low <= figure.value <= one.interval.high
            assert figure.hits is None or figure.hits == round(figure.value * figure.count)


def test_the_rules_are_plain_values_and_published_numbers_have_a_source(case):
    benchmark, *_ = case
    assert json.loads(json.dumps(dict(benchmark.policy))) == dict(benchmark.policy)
    assert benchmark.policy
    for row in benchmark.published:
        assert 0.0 < row.value < 1.0
        assert row.model
        assert row.source
        assert row.figure


def test_it_is_asked_in_words_that_exist(case):
    benchmark, *_ = case
    prompt = plugins.load("prompts", benchmark.prompt)
    plugins.check_options(prompt.render, benchmark.prompt_options, "prompt")
    module = plugins.load("dialects", benchmark.dialect)
    plugins.check_options(module.dialect, benchmark.dialect_options, "dialect")


def test_its_own_answers_written_in_its_words_score_best(case):
    benchmark, samples, *_ = case
    dialect = plugins.load("dialects", benchmark.dialect).dialect(**benchmark.dialect_options)
    said = []
    for sample in samples:
        try:
            text = dialect.render(sample.questions[0].expected, sample.screenshot.size)
        except Unsupported:
            continue
        try:
            said.append((sample, Prediction(text, dialect.parse(text, sample.screenshot.size))))
        except Unreadable as problem:
            pytest.fail(f"{text}: {problem}")
    assert len(said) >= len(samples) / 2
    result = score_answers(benchmark, *map(list, zip(*said, strict=True)))
    assert result.score == 1.0
