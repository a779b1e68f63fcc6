"""Runs over several sources: each asked in its own words, drawn by weight, the same on every machine."""

import pytest

from screensmith.config import agent_card
from screensmith.config.train import TrainSettings
from screensmith.core.actions import Click, TypeText
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog
from screensmith.core.sample import Question, Sample
from screensmith.data.grounding import Grounding
from screensmith.data.order import Draw
from screensmith.data.pixels import PatchGeometry
from screensmith.model.policy import load_policy
from screensmith.train.examples import UnusableData
from screensmith.train.run import train
from screensmith.train.sources import Source, Stock, read_sources, skill_of
from screensmith.train.trackers import read_metrics
from screensmith.writers import showui

GEOMETRY = PatchGeometry(
    patch_pixels=14, merge=2, min_pixels=56 * 56, max_pixels=112 * 112, mean=(0.5,) * 3, std=(0.5,) * 3
)
ELEMENTS = (Element(Box(0.1, 0.1, 0.3, 0.3), "Save"), Element(Box(0.6, 0.6, 0.9, 0.9), "Menu"))


def screen(episodes, number):
    return episodes[number].steps[0].screenshot


@pytest.fixture
def folder(tmp_path, episodes):
    """A grounding set and a navigation set in ShowUI's layout."""
    grounded = [
        Episode(
            f"page-{number}",
            "Save",
            (
                Step(
                    screen(episodes, number),
                    (Click(ELEMENTS[0].at),),
                    "Save",
                    target=ELEMENTS[0].box,
                    elements=ELEMENTS,
                ),
            ),
            {"dataset": "showui_web"},
        )
        for number in range(4)
    ]
    acted = [
        Episode(
            f"task-{number}",
            "Click and type.",
            (
                Step(
                    screen(episodes, number),
                    (Click(Point(0.25, 0.25)),),
                    target=Box(0.2, 0.2, 0.3, 0.3),
                    facts={"task": "t"},
                ),
                Step(screen(episodes, number), (TypeText("Bo"),), facts={"task": "t"}),
            ),
            {"dataset": "miniwob"},
        )
        for number in range(3)
    ]
    for name, given in (("ShowUI-web", grounded), ("MiniWob", acted)):
        with showui.open_writer(tmp_path / name, source={}, like=given[0], json="hf_train") as writer:
            for episode in given:
                assert not writer.write(episode)
    return tmp_path


@pytest.fixture
def settings(tmp_path, folder, one_base):
    return TrainSettings(
        train_dataset=("showui-web", "miniwob"),
        train_json=("hf_train", "hf_train"),
        train_ratio=(1.0, 2.0),
        random_sample=True,
        record_sample=True,
        dataset_dir=str(folder),
        steps_per_epoch=4,
        epochs=2,
        batch=2,
        output=str(tmp_path / "out"),
        repo_id=str(one_base),
        shortest_edge=64,
        longest_edge=128,
        history_steps=2,
        lr=1e-3,
        trackers=("jsonl",),
    )


def test_a_checkpoint_of_several_sources_speaks_as_each_was_taught(settings, tmp_path, episodes):
    result = train(settings)
    assert result.steps == 8
    card = agent_card.read(tmp_path / "out" / "final")
    assert (card.prompt, card.dialect, card.dialect_options["space"]) == (
        "showui_grounding",
        "showui",
        "grounding",
    )
    assert list(card.others) == ["miniwob/hf_train"]
    other = card.others["miniwob/hf_train"]
    assert (other.prompt, other.dialect_options, other.history_steps) == (
        "showui_navigation",
        {"space": "miniwob"},
        2,
    )
    policy = load_policy(str(tmp_path / "out" / "final"), device="cpu", max_new_tokens=4)
    sample = Sample("s", "Click.", screen(episodes, 0), (Question("Save"),))
    (own,), (taught,) = policy([sample]), policy.speaking(other)([sample])
    assert own.text is not None
    assert taught.text is not None


def test_the_order_of_a_mixture_is_that_of_the_seed_whatever_was_done_before(settings, tmp_path):
    whole = str(tmp_path / "whole")
    train(settings.model_copy(update={"output": whole}))

    class Killed(RuntimeError):
        pass

    def kill(step):
        if step == 6:
            raise Killed

    with pytest.raises(Killed):
        train(settings, after_step=kill)
    train(settings.model_copy(update={"resume": True}))
    losses = [
        [record["loss"] for record in read_metrics(tmp_path / name / "metrics.jsonl")]
        for name in ("whole", "out")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0][-1] < losses[0][0]


def test_what_is_missing_or_named_twice_is_said_before_anything_is_loaded(settings):
    missing = settings.model_copy(update={"dataset_dir": "nowhere"})
    with pytest.raises(UnusableData, match="train_dataset: nowhere"):
        train(missing)
    with pytest.raises(ValueError, match="did you mean 'showui-web'"):
        read_sources(settings.model_copy(update={"train_dataset": ("showui-wep", "miniwob")}), RefusalLog())
    twice = settings.model_copy(update={"train_dataset": ("miniwob", "miniwob")})
    with pytest.raises(ValueError, match="names miniwob/hf_train twice"):
        read_sources(twice, RefusalLog())


def stock(grounding):
    words = skill_of("showui_grounding", {}, "showui", {"space": "grounding"}, 0)
    acting = skill_of("neko", {}, "neko", {}, 0)
    page = Sample("page", "Save", Screenshot(b"", Size(64, 64)), elements=ELEMENTS)
    task = Sample(
        "task", "Click.", Screenshot(b"", Size(64, 64)), (Question("", (Click(Point(0.5, 0.5)),)),)
    )
    sources = [Source("pages", [page, page], words, grounding=grounding), Source("tasks", [task], acting)]
    return Stock(sources, GEOMETRY, seed=3)


def test_each_source_is_asked_in_its_own_words():
    found = stock(Grounding())
    grounded = found.conversations(Draw(1, 0), 0)
    assert [talk.messages[-1].text for talk in grounded] == ["[0.2, 0.2]", "[0.75, 0.75]"]
    (acted,) = found.conversations(Draw(2, 0), 0)
    assert '"action": "CLICK"' in acted.messages[-1].text
    assert found.sizes == (2, 1)


def test_what_chance_decides_belongs_to_the_position():
    found = stock(Grounding(questions=1))
    talks = [
        [found.conversations(Draw(0, visit), position) for visit, position in ((0, 5), (1, 6))]
        for _ in range(2)
    ]
    assert talks[0] == talks[1]
    answers = [talk.messages[-1].text for (talk,) in talks[0]]
    assert sorted(answers) == ["[0.2, 0.2]", "[0.75, 0.75]"]  # over two visits both elements
    openings = {stock(Grounding()).conversations(Draw(0, 0), n)[0].messages[0].text for n in range(20)}
    assert len(openings) > 3
    same = {stock(Grounding(uniform_sentence=True)).conversations(Draw(0, 0), n)[0] for n in range(5)}
    assert len(same) == 1
