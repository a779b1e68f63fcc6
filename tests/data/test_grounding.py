"""Elements become questions: all of them, each once before any twice, and never out of their screen."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.actions import Answer, Click
from screensmith.core.episode import Element, Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.data.crops import CutOut, random_crop
from screensmith.data.grounding import FORMS, IMAGE_PLACE, SENTENCE, Grounding, elements_of
from screensmith.data.order import generator_at
from screensmith.data.pixels import decode

SIZE = Size(90, 60)


def png(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE.height, SIZE.width, 3), dtype=np.uint8)
    path = tmp_path / "screen.png"
    Image.fromarray(pixels).save(path)
    return Screenshot(path, SIZE)


def sample_of(count, screenshot=None):
    elements = tuple(
        Element(Box(n / (count + 1), 0.25, (n + 1) / (count + 1), 0.5), f"element {n}")
        for n in range(count)
    )
    first = elements[0]
    question = Question(first.text, (Click(first.at),), first.box)
    return Sample("screen", first.text, screenshot or Screenshot(b"", SIZE), (question,), elements=elements)


def vary(grounding, sample, visit, seed=5):
    return grounding.vary(sample, visit, seed, generator_at(seed, visit))


@given(st.integers(1, 17), st.integers(1, 20), st.integers(0, 9))
def test_over_its_visits_every_element_is_asked_once_before_any_twice(count, questions, seed):
    sample, grounding = sample_of(count), Grounding(questions=questions)
    visits = -(-count // min(questions, count))
    for passed in range(2):
        asked = [
            question.ask
            for visit in range(passed * visits, (passed + 1) * visits)
            for question in vary(grounding, sample, visit, seed).questions
        ]
        assert Counter(asked) == Counter({element.text: 1 for element in sample.elements})


def test_all_questions_are_asked_by_default_each_for_itself():
    questions = vary(Grounding(), sample_of(5), 0).questions
    assert [question.ask for question in questions] == [f"element {n}" for n in range(5)]
    assert all(question.form == "text2point" and not question.then for question in questions)
    assert all(question.target.contains(question.expected[0].at) for question in questions)


def test_turns_are_one_conversation_without_a_question_twice():
    (question,) = vary(Grounding(questions=3, joined=True), sample_of(5), 0).questions
    asked = [question.ask, *(later.ask for later in question.then)]
    assert len(set(asked)) == 3


def test_forms_ask_for_places_and_for_texts():
    element = Element(Box(0.1, 0.2, 0.3, 0.6), "Save", point=Point(0.15, 0.3))
    sample = Sample("s", "Save", Screenshot(b"", SIZE), elements=(element,))
    asked = {}
    for form in FORMS:
        weights = tuple(float(form == each) for each in FORMS)
        (asked[form],) = vary(Grounding(weights=weights), sample, 0).questions
    assert asked["text2point"] == Question("Save", (Click(Point(0.15, 0.3)),), element.box, "text2point")
    assert asked["text2bbox"].expected == (Click(element.box.centre),)
    assert asked["point2text"] == Question("", (Answer("Save"),), Box(0.15, 0.3, 0.15, 0.3), "point2text")
    assert asked["bbox2text"] == Question("", (Answer("Save"),), element.box, "bbox2text")
    plain = Grounding(weights=(1.0, 0.0, 1.0, 0.0)).plain(sample)
    assert [question.form for question in plain.questions] == ["text2point", "point2text"]


def test_forms_come_as_often_as_their_weights_say():
    grounding = Grounding(weights=(2.0, 0.0, 1.0, 1.0))
    forms = Counter(q.form for visit in range(200) for q in vary(grounding, sample_of(20), visit).questions)
    assert forms["text2bbox"] == 0
    assert forms["text2point"] / 4000 == pytest.approx(0.5, abs=0.04)


def test_chance_is_told_to_the_prompt_and_is_the_same_again():
    sample = sample_of(3)
    one, again = (vary(Grounding(shuffle_image=True), sample, 4) for _ in range(2))
    assert one == again
    assert isinstance(one.facts[SENTENCE], int)
    places = {vary(Grounding(shuffle_image=True), sample, v).facts[IMAGE_PLACE] for v in range(30)}
    assert places == {"before", "between", "after"}
    assert vary(Grounding(uniform_sentence=True), sample, 4).facts == {}


def test_a_row_without_a_list_of_elements_has_one():
    row = Sample(
        "r",
        "open the cart",
        Screenshot(b"", SIZE),
        (Question("", (Click(Point(0.2, 0.1)),), Box(0.1, 0.1, 0.3, 0.15)),),
    )
    assert elements_of(row) == (Element(Box(0.1, 0.1, 0.3, 0.15), "open the cart", point=Point(0.2, 0.1)),)
    assert elements_of(Sample("r", "look", Screenshot(b"", SIZE))) == ()


@given(st.integers(0, 500))
def test_a_crop_keeps_every_element_over_its_own_pixels(tmp_path_factory, seed):
    screenshot = png(tmp_path_factory.mktemp("crop"))
    generator = np.random.default_rng(seed)
    elements = [Element(Box(10 / 90, 10 / 60, 40 / 90, 30 / 60), "a"), Element(Box(0.9, 0.9, 1, 1), "b")]
    cropped, kept = random_crop(screenshot, elements, 0.5, 1.5, generator)
    assert kept
    before, after = decode(screenshot), decode(cropped)
    for element in kept:
        original = next(each for each in elements if each.text == element.text)
        assert pixels_in(after, element.box) == pixels_in(before, original.box)
    assert decode(screenshot).size == (SIZE.width, SIZE.height)


def pixels_in(image, box):
    corners = (
        box.left * image.width,
        box.top * image.height,
        box.right * image.width,
        box.bottom * image.height,
    )
    return image.crop(tuple(round(edge) for edge in corners)).tobytes()


def test_a_larger_canvas_is_white_around_the_screen(tmp_path):
    cropped, _ = random_crop(png(tmp_path), sample_of(1).elements, 1.5, 1.5, np.random.default_rng(0))
    assert (cropped.size.width, cropped.size.height) == (135, 90)
    assert decode(cropped).getpixel((0, 0)) == decode(cropped).getpixel((134, 89)) == (255, 255, 255)
    assert isinstance(cropped.source, CutOut)


def test_a_crop_that_would_leave_nothing_leaves_the_screen_as_it_is(tmp_path):
    screenshot = png(tmp_path)
    whole = [Element(Box(0, 0, 1, 1), "page")]
    assert random_crop(screenshot, whole, 0.5, 0.9, np.random.default_rng(0)) == (screenshot, tuple(whole))


def test_the_longest_joined_conversation_is_of_the_longest_questions():
    elements = tuple(Element(Box(0, 0, 0.1, 0.1), text) for text in ("a", "bb", "ccc"))
    sample = Sample("s", "g", Screenshot(b"", Size(10, 10)), elements=elements)
    weights = (1.0, 1.0, 0.0, 0.0)
    plain = Grounding(weights=weights).plain(sample)
    tokens = [5, 9, 7, 6, 8, 7]  # each element as a point, then as a box
    assert Grounding(weights=weights).longest(plain, tokens) is None
    longest = Grounding(questions=2, joined=True, weights=weights).longest(plain, tokens)
    assert [(one.ask, one.form) for one in (longest, *longest.then)] == [
        ("bb", "text2point"),
        ("ccc", "text2bbox"),
    ]
    whole = Grounding(joined=True, weights=weights).longest(plain, tokens)
    assert len(whole.then) == 2
