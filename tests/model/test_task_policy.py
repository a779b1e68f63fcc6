"""Models for task results: checkpoints, adapters and plain models, each asked in the right words."""

import io
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard, Skill
from screensmith.core.actions import Operate
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Sample
from screensmith.evaluate.task_results import PROPAGATED, check_leaks, evaluate_task_results
from screensmith.model.adapt import add_adapters
from screensmith.model.create import new_model
from screensmith.model.load import load_model
from screensmith.model.save import save_checkpoint
from screensmith.model.task_policy import load_task_policy
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.plugins import UnknownName
from screensmith.prompts import Leak

SKILL = Skill(
    prompt="memory",
    prompt_options={"task_context": False},
    dialect="task_results",
    dialect_options={"frame": "fraction"},
    coordinate_frame="fraction",
    history_steps=0,
)
PIXELS = {"min_pixels": 32 * 32, "max_pixels": 64 * 64}
SHORT = {"device": "cpu", "max_new_tokens": 10}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return new_model("qwen3_vl", "tiny", tmp_path_factory.mktemp("models") / "plain", seed=3)


@pytest.fixture(scope="module")
def checkpoint(plain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "trained"
    shutil.copytree(plain, folder)
    agent_card.write(AgentCard(**SKILL.model_dump(), family="qwen3_vl", **PIXELS), folder)
    return folder


@pytest.fixture(scope="module")
def adapter(plain, tmp_path_factory):
    loaded = load_model(str(plain), dtype=torch.float32)
    add_adapters(loaded.model, loaded.family, kind="lora", rank=2, alpha=4, dropout=0.0, targets="auto")
    folder = tmp_path_factory.mktemp("models") / "adapter"
    card = AgentCard(**SKILL.model_dump(), family="qwen3_vl", base=str(plain), **PIXELS)
    save_checkpoint(
        folder,
        model=loaded.model,
        processor=loaded.processor,
        card=card,
        dtype=torch.float32,
        adapter_only=True,
    )
    return folder


def screen(shade=128):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (0, shade, 90)).save(file, "PNG")
    return Screenshot(file.getvalue(), Size(64, 48))


def request_of(found, **facts):
    sample = Sample("s", "Load the scan", screen(), facts={"task_id": "7", "step_number": 2, **facts})
    return found.speaker.conversation(sample, sample.questions[0]).messages[0].parts[1].text


def test_a_checkpoint_is_asked_as_it_was_trained(checkpoint):
    found = load_task_policy(str(checkpoint), **SHORT)
    assert (found.skill, found.trained, found.base, found.warnings) == (SKILL, True, "", ())
    assert found.policy.max_new_tokens == 10
    request = request_of(found, grounding={"screen": "viewer"})
    assert "Task Context" not in request
    assert "viewer" in request
    assert "fractions" in request


def test_a_block_can_be_left_out_and_that_is_said(checkpoint):
    found = load_task_policy(str(checkpoint), **SHORT, prompt_options={"grounding": False})
    assert not found.trained
    assert found.warnings == ("Asked without grounding, unlike in training.",)
    assert "viewer" not in request_of(found, grounding={"screen": "viewer"})
    same = load_task_policy(str(checkpoint), **SHORT, prompt_options={"task_context": False})
    assert (same.trained, same.warnings) == (True, ())
    copying = load_task_policy(str(checkpoint), **SHORT, prompt_options={"ground_truth": True})
    assert "scores mean nothing" in copying.warnings[-1]
    with pytest.raises(UnknownName, match="grounding"):
        load_task_policy(str(checkpoint), **SHORT, prompt_options={"groundin": False})


def test_a_plain_model_is_asked_in_the_prompt_of_task_results(plain):
    found = load_task_policy(str(plain), **SHORT, prompt_options={"long_term_memory": False})
    assert (found.skill.prompt, found.skill.dialect) == ("memory", "task_results")
    assert found.skill.coordinate_frame == "thousand"  # as Qwen3-VL writes places
    assert not found.trained
    assert found.warnings == (
        f"{plain} has no agent.json: it is asked in words that it was not trained in.",
        "Asked without long term memory.",
    )
    assert "Task Context" in request_of(found)


def test_a_checkpoint_trained_for_something_else_alone_is_refused(checkpoint, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(checkpoint, folder)
    other = AgentCard(
        family="qwen3_vl", prompt="neko", dialect="neko", coordinate_frame="fraction", **PIXELS
    )
    agent_card.write(other, folder)
    with pytest.raises(UnsuitableModel, match="trained in the prompt neko"):
        load_task_policy(str(folder), **SHORT)
    agent_card.write(other.model_copy(update={"others": {"tasks": SKILL}}), folder)
    assert load_task_policy(str(folder), **SHORT).skill == SKILL


def test_an_adapter_lies_on_its_base_or_on_the_one_that_is_given(plain, adapter, tmp_path):
    own = load_task_policy(str(adapter), **SHORT)
    assert (own.trained, own.warnings) == (True, ())
    assert own.base.endswith("plain")
    same = load_task_policy(str(adapter), str(plain), **SHORT, local=True)
    assert same.warnings == ()
    other = tmp_path / "elsewhere"
    shutil.copytree(plain, other)
    found = load_task_policy(str(adapter), str(other), **SHORT)
    assert found.base == str(other)
    assert "is an adapter of" in found.warnings[0]
    assert f"was put onto {other} as asked" in found.warnings[0]


def test_a_base_that_a_whole_model_does_not_need_is_not_used_and_that_is_said(checkpoint, plain):
    found = load_task_policy(str(checkpoint), str(plain), **SHORT)
    assert found.warnings == (f"{checkpoint} is a whole model: {plain} was not needed and is not used.",)


def test_nothing_is_fetched_where_only_local_models_are_to_be_used(adapter):
    with pytest.raises(UnsuitableModel, match="no folder Qwen/Qwen3-VL-8B-Instruct"):
        load_task_policy("Qwen/Qwen3-VL-8B-Instruct", local=True)
    with pytest.raises(UnsuitableModel, match="no folder Qwen/Qwen3-VL-8B-Instruct"):
        load_task_policy(str(adapter), "Qwen/Qwen3-VL-8B-Instruct", local=True)


# --- A real model through the evaluation. ---


def tasks(count):
    return [
        Episode(
            f"task-{number}",
            f"Do job {number}",
            tuple(
                Step(
                    screen(20 * number + step),
                    (Operate("CLICK", f"button {step}", Point(0.5, 0.5)),),
                    facts={"task_id": str(number), "step_number": step + 1},
                )
                for step in range(1 + number % 3)
            ),
        )
        for number in range(count)
    ]


def remembering(policy):
    """A random model writes no JSON: what it says, whatever it is, becomes its memory."""

    def asked(samples):
        answers = policy(samples)
        done = (Operate("ZOOM", "in"),)
        return [
            replace(one, actions=done, problem="", memory={"short_term": {"said": one.text}})
            for one in answers
        ]

    return asked


def test_tasks_answered_together_are_answered_as_one_at_a_time(checkpoint):
    policy = remembering(load_task_policy(str(checkpoint), **SHORT).policy)

    def answers(batch):
        result = evaluate_task_results(policy, tasks(6), batch=batch, modes=[PROPAGATED])
        return [(step.sample.memory, step.prediction.text) for step in result.modes[PROPAGATED].steps]

    together = answers(6)
    assert together == answers(1)
    assert len({text for _, text in together}) > 2  # the screens and memories do make a difference


def test_the_requests_of_a_real_policy_are_checked_for_leaks(checkpoint):
    (task, *_) = tasks(1)
    told = {"expected": {"action": "CLICK", "target": "button 0"}}
    step = replace(task.steps[0], facts={**task.steps[0].facts, "grounding": told})
    leaking = [replace(task, steps=(step,))]
    found = load_task_policy(str(checkpoint), **SHORT)
    with pytest.raises(Leak, match="task-0#0"):
        check_leaks(leaking, found.speaker.conversation)
    without = load_task_policy(str(checkpoint), **SHORT, prompt_options={"grounding": False})
    check_leaks(leaking, without.speaker.conversation)
