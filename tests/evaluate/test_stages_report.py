"""The page of two stages, its sentence, and the slices that both are asked."""

import io
from collections import Counter

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.core.actions import Click
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.evaluate.benchmark import cell_of, samples_for, score_answers
from screensmith.evaluate.stages_report import Answered, Part, verdict, write_stages_report

BOX = Box(0.4, 0.4, 0.6, 0.6)
EVIL = "<think><script>alert(1)</script> & why</think>\n<code>click(x=0.5, y=0.5)</code>"
BENCHMARK = plugins.load("benchmarks", "screenspot").benchmark(average="micro")


def screen():
    written = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(written, "PNG")
    return Screenshot(written.getvalue(), Size(40, 30))


def episodes(counts):
    shown = screen()
    return [
        Episode(
            f"{platform} {kind} {number}",
            f"open {number}",
            (
                Step(
                    shown, (Click(BOX.centre),), target=BOX, facts={"platform": platform, "data_type": kind}
                ),
            ),
        )
        for (platform, kind), count in counts.items()
        for number in range(count)
    ]


def part(first, second, text="click"):
    """Two stages whose answers are right where the text has a 1."""
    samples = samples_for(BENCHMARK, episodes({("web", "text"): len(first)}), 0, 0)
    results = []
    for right in (first, second):
        places = [BOX.centre if one == "1" else Point(0.1, 0.1) for one in right]
        given = [Prediction(text, (Click(place),)) for place in places]
        results.append(score_answers(BENCHMARK, samples, given))

    def thought(said):
        return said.partition("<think>")[2].partition("</think>")[0]

    stages = [Answered(n, r, thought) for n, r in zip(("stage 1", "stage 2"), results, strict=True)]
    return Part("Benchmark", "grounding", "hit", tuple(stages))


@pytest.mark.parametrize(
    ("first", "second", "begins", "numbers"),
    [
        ("0" * 20, "1" * 20, "Stage 2 improved grounding: 0 % after stage 1, 100 %", "+100.0 points"),
        ("1" * 20, "0" * 20, "Stage 2 worsened grounding", "p = 1.91e-06, McNemar, exact"),
        (
            "1100",
            "0110",
            "No change of grounding by stage 2 could be shown",
            "p = 1, McNemar, exact; N = 4",
        ),
    ],
)
def test_the_sentence_says_what_the_test_found(first, second, begins, numbers):
    said = verdict(part(first, second))
    assert said.startswith(begins)
    assert numbers in said


def test_the_page_has_both_stages_beside_each_other_and_nothing_from_a_model_runs(tmp_path):
    path = tmp_path / "pages" / "page.html"
    write_stages_report(path, "Two stages", [part("1100", "0110", EVIL)], shown=3)
    page = path.read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; why" in page
    assert page.count('class="thought"') == 6
    assert page.count("data:image/png") == 6
    assert "&lt;think&gt;…&lt;/think&gt;" in page
    for heading in ("only right after stage 1", "only right after stage 2", "right after both"):
        assert heading in page
    assert "4, " not in page.split("right after both")[1][:60]


def test_one_stage_alone_is_a_page_of_answers(tmp_path):
    both = part("1100", "0110")
    alone = Part(both.heading, both.what, both.metric, both.stages[:1])
    write_stages_report(tmp_path / "page.html", "Answers", [alone], shown=4)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("<b>stage 1: right") == 2
    assert page.count("<b>stage 1: wrong") == 2


def test_stages_that_answered_other_samples_are_not_compared(tmp_path):
    mixed = Part("B", "g", "hit", (part("11", "11").stages[0], part("111", "111").stages[1]))
    with pytest.raises(ValueError, match="the same samples"):
        verdict(mixed)


def test_a_slice_has_the_shares_of_every_cell_and_is_part_of_larger_ones():
    counts = {("web", "text"): 60, ("web", "icon"): 30, ("mobile", "text"): 9, ("mobile", "icon"): 1}
    every = episodes(counts)
    slices = {n: samples_for(BENCHMARK, every, n, 3, cells=cell_of) for n in (4, 10, 50)}
    cells = {
        n: Counter((one.facts["platform"], one.facts["data_type"]) for one in found)
        for n, found in slices.items()
    }
    assert list(cells[4].values()) == [1, 1, 1, 1]
    assert sum(cells[10].values()) == 10
    assert cells[10]["web", "text"] >= 5
    assert abs(cells[50]["web", "text"] - 30) <= 1
    assert abs(cells[50]["web", "icon"] - 15) <= 1
    ids = {n: {one.id for one in found} for n, found in slices.items()}
    assert ids[4] < ids[10] < ids[50]
    assert ids[10] != {one.id for one in samples_for(BENCHMARK, every, 10, 4, cells=cell_of)}
    assert samples_for(BENCHMARK, every, 0, 3, cells=cell_of) == samples_for(BENCHMARK, every, 0, 3)
