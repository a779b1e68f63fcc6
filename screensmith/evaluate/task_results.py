"""Tasks judged step by step, with the file's memories and with the model's own, side by side.

Teacher-forced, every step is asked with the memory that its file holds: what the model can do when
everything before was right. Propagated, it is asked with what its own answers noted since the task began,
as in use. Screens are the file's in both, so that a wrong step is not followed by its consequences.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from screensmith import plugins
from screensmith.agent.rollout import unreadable_reason
from screensmith.agent.session import LONGEST_MEMORY_CHARACTERS, Session
from screensmith.benchmarks import Score
from screensmith.benchmarks._figures import (
    Floats,
    Mean,
    Numbers,
    episode_of,
    episode_success,
    labels,
    mean,
    mean_of_means,
)
from screensmith.core.actions import Operate
from screensmith.core.conversation import Conversation
from screensmith.core.episode import Episode, Memory
from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.core.refusals import Refused
from screensmith.core.sample import Question, Sample
from screensmith.data.samples import samples_of
from screensmith.dialects import Unsupported
from screensmith.evaluate._asking import Asking
from screensmith.evaluate._resampling import Difference, comparable, difference, interval_of
from screensmith.evaluate.benchmark import HasFigures, Measured, Origin, hash_of
from screensmith.prompts import Leak

TEACHER_FORCED, PROPAGATED = "teacher_forced", "propagated"
MODES = (TEACHER_FORCED, PROPAGATED)

ACTION, TARGET, TARGET_F1, PLACE, STEP = (
    "operation_name",
    "operation_target",
    "operation_target_f1",
    "operation_place",
    "operation_step",
)
METRICS = {
    ACTION: "action accuracy",
    TARGET: "target accuracy",
    TARGET_F1: "target F1",
    PLACE: "place accuracy",
    STEP: "step success",
}
TASK_SUCCESS = "task success"
MACRO = "{}, macro over tasks"
VALID_JSON, READABLE = "valid JSON", "readable answers"


@dataclass(frozen=True, slots=True)
class JudgedStep:
    """One step as it was asked and answered.

    `sample` holds the memory that the model was shown and the expected answer that it was not;
    `carried` is the memory after the answer, `notes` what is to be said of it; both are of propagated
    memory only.
    """

    sample: Sample
    prediction: Prediction
    scores: Mapping[str, float | None]
    carried: Memory | None = None
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """The id of the task's episode."""
        return episode_of(self.sample)

    @property
    def expected(self) -> Operate | None:
        """The operation that was right."""
        return _operation(self.sample.questions[0].expected)

    @property
    def given(self) -> Operate | None:
        """The operation that was answered, None where there is none."""
        return None if self.prediction.problem else _operation(self.prediction.actions)

    @property
    def wrong(self) -> bool:
        """Whether the step counts and is not right."""
        score = self.scores[STEP]
        return score is not None and score < 1.0


def _operation(actions: Sequence[object]) -> Operate | None:
    return actions[0] if len(actions) == 1 and isinstance(actions[0], Operate) else None


@dataclass(frozen=True, slots=True)
class ModeResult(HasFigures):
    """How the model did with one kind of memory.

    `unreadable` counts the answers without an operation by reason, those cut off included, and
    `memory_notes` what happened to memories.
    """

    mode: str
    figures: tuple[Measured, ...]
    unreadable: Mapping[str, int]
    memory_notes: Mapping[str, int]
    steps: tuple[JudgedStep, ...] = field(compare=False, repr=False)

    def value(self, name: str) -> float | None:
        """The value of one figure."""
        return self.measured(name).figure.value

    def by_action(self) -> dict[str, list[JudgedStep]]:
        """The steps by the name of the expected operation, the most frequent first."""
        found = _grouped(self.steps, lambda step: step.expected.name if step.expected else "")
        return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))

    def by_task(self) -> dict[str, list[JudgedStep]]:
        """The steps of each task, in the file's order."""
        return _grouped(self.steps, lambda step: step.task)


def _grouped(steps: Iterable[JudgedStep], key: Callable[[JudgedStep], str]) -> dict[str, list[JudgedStep]]:
    found: dict[str, list[JudgedStep]] = {}
    for step in steps:
        found.setdefault(key(step), []).append(step)
    return found


def summary_of(steps: Sequence[JudgedStep]) -> dict[str, Any]:
    """Counts and plain means of some steps: of one task, or of one expected operation."""
    means = {}
    for metric, name in METRICS.items():
        scores = [score for step in steps if (score := step.scores[metric]) is not None]
        means[name] = sum(scores) / len(scores) if scores else None
    return {"steps": len(steps), **means}


@dataclass(frozen=True, slots=True)
class TaskResults:
    """The result of a run; `differences` are propagated minus teacher-forced.

    Args:
        modes: by name, in the order in which they were asked.
        tasks: how many tasks.
        samples: how many steps they have.
        tasks_with_gaps: tasks whose usable steps do not count 1, 2, 3 and so on.
        data_hash: of what was asked and expected: ids, goals, operations, boxes, memories, grounding.
        origin: who answered, in which words, and what was refused.
        asked: every other setting that moves the numbers.
        warnings: why the numbers are not what they seem, each a sentence.
    """

    modes: Mapping[str, ModeResult]
    differences: tuple[Difference, ...]
    tasks: int
    samples: int
    tasks_with_gaps: int
    data_hash: str
    origin: Origin
    asked: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def evaluate_task_results(
    policy: BatchPolicy,
    episodes: Sequence[Episode],
    *,
    batch: int,
    modes: Sequence[str] = MODES,
    longest_memory_characters: int = LONGEST_MEMORY_CHARACTERS,
    origin: Origin | None = None,
    asked: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    on_batch: Callable[[int, int], None] | None = None,
) -> TaskResults:
    """Ask the policy about every step of every task, once in each mode.

    Args:
        policy: answers a batch of samples, same length and order.
        episodes: tasks, for example of readers/task_results.py.
        batch: samples in one call of the policy, at least 1.
        modes: "teacher_forced", "propagated" or both.
        longest_memory_characters: of each part of a propagated memory; see agent/session.py.
        origin: what the result says of where it comes from.
        asked: other settings that it names.
        warnings: sentences that the result carries.
        on_batch: told after every batch how many answers there are, and of how many.

    Raises:
        ValueError: nothing can be judged: there are no steps, two tasks have the same id, or no step
            expects an operation; or there is no such mode.
    """
    for mode in modes:
        if mode not in MODES:
            raise plugins.suggest("mode", mode, list(MODES))
    samples = samples_of(episodes, history_steps=0)
    _check(episodes, samples)
    asking = Asking(policy, batch, len(samples) * len(modes), on_batch)
    found = {}
    for mode in modes:
        if mode == TEACHER_FORCED:
            steps = _teacher_forced(asking, samples)
        else:
            steps = _propagated(asking, samples, longest_memory_characters)
        found[mode] = _mode_result(mode, steps)
    return TaskResults(
        modes=found,
        differences=_differences(found),
        tasks=len(episodes),
        samples=len(samples),
        tasks_with_gaps=sum(map(_has_gap, episodes)),
        data_hash=_hash_of(samples),
        origin=origin or Origin(),
        asked={"batch": batch, "longest_memory_characters": longest_memory_characters, **(asked or {})},
        warnings=tuple(warnings),
    )


def _check(episodes: Sequence[Episode], samples: Sequence[Sample]) -> None:
    if not samples:
        raise ValueError("there are no steps to judge: the file has no usable tasks")
    twice = [id for id, count in Counter(episode.id for episode in episodes).items() if count > 1]
    if twice:
        raise ValueError(f"two tasks are called {twice[0]}; a memory belongs to one task")
    if all(_operation(sample.questions[0].expected) is None for sample in samples):
        raise ValueError("no step expects an operation, so nothing can be judged")


def _has_gap(episode: Episode) -> bool:
    numbers = [step.facts.get("step_number") for step in episode.steps]
    return any(number is not None and number != at for at, number in enumerate(numbers, start=1))


def check_leaks(
    episodes: Sequence[Episode],
    conversation: Callable[[Sample, Question], Conversation],
    *,
    modes: Sequence[str] = MODES,
) -> None:
    """Make every request together with its answer, so that one that holds its own answer is found.

    Propagated requests are made with an empty memory: what a model notes for itself is no leak.

    Args:
        episodes: the tasks that will be asked about.
        conversation: of a sample and a question, for example `model.policy.Speaker.conversation`.
        modes: in which they will be asked.

    Raises:
        screensmith.prompts.Leak: with how many do, and the first of them.
    """
    samples = samples_of(episodes, history_steps=0)
    if TEACHER_FORCED not in modes:
        samples = [replace(sample, memory=None) for sample in samples]
    leaks = []
    for sample in samples:
        try:
            conversation(sample, sample.questions[0])
        except Leak as leak:
            leaks.append(str(leak))
        except (Unsupported, Refused):
            continue  # it has no answer in these words, so none that could be told
    if leaks:
        raise Leak(
            f"{len(leaks)} of {len(samples)} requests would contain their own answer, so that no score "
            f"would mean anything; the first: {leaks[0]}"
        )


def _teacher_forced(asking: Asking, samples: Sequence[Sample]) -> list[JudgedStep]:
    predictions = asking(samples)
    return [
        JudgedStep(sample, prediction, _scores(prediction, sample))
        for sample, prediction in zip(samples, predictions, strict=True)
    ]


def _propagated(
    asking: Asking, samples: Sequence[Sample], longest_memory_characters: int
) -> list[JudgedStep]:
    """Round k asks step k of all tasks together; each task has a session of its own."""
    tasks: dict[str, list[Sample]] = {}
    for sample in samples:
        tasks.setdefault(episode_of(sample), []).append(sample)
    sessions = {task: Session(longest_memory_characters=longest_memory_characters) for task in tasks}
    judged: dict[str, list[JudgedStep]] = {task: [] for task in tasks}
    for number in range(max(map(len, tasks.values()))):
        running = [task for task, own in tasks.items() if number < len(own)]
        asked = [sessions[task].carrying(tasks[task][number]) for task in running]
        for task, sample, prediction in zip(running, asked, asking(asked), strict=True):
            taken = sessions[task].take(prediction)
            scores = _scores(prediction, sample)
            judged[task].append(JudgedStep(sample, prediction, scores, taken.memory, taken.notes))
    return [step for own in judged.values() for step in own]


def _scores(prediction: Prediction, sample: Sample) -> dict[str, float | None]:
    return {name: score(prediction, sample) for name, score in _scorers().items()}


@cache
def _scorers() -> dict[str, Score]:
    """The metrics, found once: finding a plug-in lists its folder."""
    return {name: plugins.load("metrics", name).score for name in METRICS}


def _mode_result(mode: str, steps: Sequence[JudgedStep]) -> ModeResult:
    reasons = Counter(reason for step in steps if (reason := unreadable_reason(step.prediction)))
    notes = Counter(note for step in steps for note in step.notes)
    figures = tuple(Measured(figure, *interval_of(figure)) for figure in _figures(steps))
    return ModeResult(mode, figures, dict(reasons.most_common()), dict(notes.most_common()), tuple(steps))


def _figures(steps: Sequence[JudgedStep]) -> list[Mean]:
    """The numbers of one mode; a task's steps belong together wherever something is drawn again."""
    tasks = labels(step.task for step in steps).numbers
    columns = {
        # NumPy reads None as NaN.
        metric: np.array([step.scores[metric] for step in steps], np.float64)
        for metric in METRICS
    }
    found = [mean(name, columns[metric], tasks, unit="steps") for metric, name in METRICS.items()]
    found.append(replace(episode_success(columns[STEP], tasks), name=TASK_SUCCESS, unit="tasks"))
    found += [_macro(metric, columns[metric], tasks) for metric in (ACTION, STEP)]
    readable = [not unreadable_reason(step.prediction) for step in steps]
    valid = [is_json_object(step.prediction.text) for step in steps]
    found.append(mean(READABLE, np.array(readable, np.float64), tasks, unit="answers"))
    found.append(mean(VALID_JSON, np.array(valid, np.float64), tasks, unit="answers"))
    return found


def _macro(metric: str, values: Floats, tasks: Numbers) -> Mean:
    return mean_of_means(MACRO.format(METRICS[metric]), values, tasks, tasks, unit="tasks")


def is_json_object(text: str) -> bool:
    """Whether a whole answer is one object in strict JSON; what is read nevertheless is looser."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _differences(modes: Mapping[str, ModeResult]) -> tuple[Difference, ...]:
    if len(modes) < len(MODES):
        return ()
    pairs = zip(modes[PROPAGATED].figures, modes[TEACHER_FORCED].figures, strict=True)
    return tuple(
        difference(own.figure, other.figure) for own, other in pairs if comparable(own.figure, other.figure)
    )


def _hash_of(samples: Sequence[Sample]) -> str:
    digest = hashlib.blake2b(hash_of(samples).encode(), digest_size=8)
    for sample in samples:
        told = [sample.memory, sample.facts.get("grounding"), sample.facts.get("step_number")]
        text = json.dumps(told, ensure_ascii=False, sort_keys=True, default=str)
        digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
