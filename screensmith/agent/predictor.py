"""One step of a task at a time, from screenshots on disk: what to do, where, why, and what to remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from screensmith.agent.rollout import unreadable_reason
from screensmith.agent.session import LONG_TERM, LONGEST_MEMORY_CHARACTERS, SHORT_TERM, Session
from screensmith.core.actions import Operate, ends_episode, kind_of, points_of
from screensmith.core.episode import Facts, Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.operations import as_operation
from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.dialects import Unreadable
from screensmith.dialects._loose_json import read_loose
from screensmith.readers._folder import image_size
from screensmith.readers._task_results_cells import part_answers

LONGEST_MEMORY_TEXT = 1_000_000
GivenMemory = Mapping[str, Any] | str | None
"""A memory's part as a dictionary or as JSON text; None or "" is an empty one."""


class UnusableInput(ValueError):
    """An image, goal or memory that a model cannot be asked with."""


@dataclass(frozen=True, slots=True)
class PredictedStep:
    """What the model says about one screen.

    `action` and `target` are empty where the answer cannot be read, and `problem` says why;
    `coordinates` are (x, y) in whole pixels of the image on disk, None where the answer has no place.
    `short_term_memory` and `long_term_memory` belong into the next step, and `notes` say what happened
    to them. `done` is whether the model says that the task is over; `text` is its whole answer.
    """

    action: str
    target: str
    coordinates: tuple[int, int] | None
    reason: str
    short_term_memory: dict[str, Any]
    long_term_memory: dict[str, Any]
    problem: str
    notes: tuple[str, ...]
    text: str
    done: bool


class Predictor:
    """A model that is asked about one step at a time; see `load_model_for_inference`.

    `warnings` are sentences on why its answers may not be what they could be.
    """

    def __init__(
        self,
        policy: BatchPolicy,
        *,
        warnings: Sequence[str] = (),
        longest_memory_characters: int = LONGEST_MEMORY_CHARACTERS,
    ) -> None:
        """Use a policy that is loaded already; `longest_memory_characters` is of each part, as JSON."""
        self.policy = policy
        self.warnings = tuple(warnings)
        self._longest = longest_memory_characters

    def predict_step(
        self,
        image_path: str | Path,
        user_goal: str,
        short_term_memory: GivenMemory = None,
        long_term_memory: GivenMemory = None,
        *,
        task_id: str | int | None = None,
        step_number: int | None = None,
        grounding: Facts | None = None,
    ) -> PredictedStep:
        """What to do on a screen; nothing is remembered here between two calls.

        Args:
            image_path: the screenshot, PNG, JPEG, WebP or BMP.
            user_goal: what the user wants.
            short_term_memory: what the step before said to remember; empty for the first step of a task.
            long_term_memory: the same for the whole task.
            task_id: which task it is, where the model was told so in training.
            step_number: of this step, from 1, likewise.
            grounding: what is known of the screen, likewise; what would tell the right answer, such as
                "ground_truth", is left out as it was in training, and `notes` say so.

        Raises:
            UnusableInput: the image cannot be read, the goal is blank, or a memory is no JSON object.
        """
        memory = {
            SHORT_TERM: memory_part("short_term_memory", short_term_memory),
            LONG_TERM: memory_part("long_term_memory", long_term_memory),
        }
        session = Session(self.policy, memory=memory, longest_memory_characters=self._longest)
        facts = _task_facts(task_id) | {"step_number": step_number}
        return _step(session, image_path, user_goal, facts, grounding)

    def session(self, goal: str, *, task_id: str | int | None = None) -> Walk:
        """A new task, with an empty memory that is carried from step to step."""
        session = Session(self.policy, longest_memory_characters=self._longest)
        return Walk(session, goal, _task_facts(task_id))


class Walk:
    """One task, walked screen by screen; see `Predictor.session`."""

    def __init__(self, session: Session, goal: str, facts: Facts) -> None:
        self.goal = goal
        self._session = session
        self._facts = facts

    @property
    def step_number(self) -> int:
        """Of the next step, from 1."""
        return self._session.step_number

    def predict_step(self, image_path: str | Path, *, grounding: Facts | None = None) -> PredictedStep:
        """What to do on the next screen; raises UnusableInput as `Predictor.predict_step`."""
        return _step(self._session, image_path, self.goal, self._facts, grounding)


def _task_facts(task_id: str | int | None) -> dict[str, Any]:
    return {} if task_id is None else {"task_id": str(task_id)}


def _step(
    session: Session, image_path: str | Path, goal: str, facts: Facts, grounding: Facts | None
) -> PredictedStep:
    if not goal.strip():
        raise UnusableInput("user_goal is blank; say what the user wants")
    notes = session.notes if session.step_number == 1 else ()
    screenshot = screenshot_at(Path(image_path))
    if grounding is not None:
        known, told = part_answers(grounding, "grounding")
        facts = {**facts, "grounding": known}
        notes = (*notes, *(f"{where} would tell the answer: left out" for where in told))
    prediction, taken = session.step(screenshot, goal, facts)
    memory = taken.memory
    operation = _operation(prediction)
    return PredictedStep(
        action="" if operation is None else operation.name,
        target="" if operation is None else operation.target,
        coordinates=_coordinates(prediction, screenshot.size),
        reason=prediction.thought,
        short_term_memory=dict(memory[SHORT_TERM]),
        long_term_memory=dict(memory[LONG_TERM]),
        problem=unreadable_reason(prediction),
        notes=(*notes, *taken.notes),
        text=prediction.text,
        done=not prediction.problem and ends_episode(prediction.actions),
    )


def screenshot_at(path: Path) -> Screenshot:
    """The screenshot in a file; raises UnusableInput where there is none or it cannot be read."""
    if not path.is_file():
        raise UnusableInput(f"there is no image {path}")
    try:
        return Screenshot(path, image_size(path))
    except ValueError as error:
        raise UnusableInput(f"{path}: {error}") from error


def _operation(prediction: Prediction) -> Operate | None:
    """The first action as an operation; one that has no such words keeps its own kind as its name."""
    if unreadable_reason(prediction):
        return None
    action = prediction.actions[0]
    return as_operation(action) or Operate(kind_of(action).upper())


def _coordinates(prediction: Prediction, size: Size) -> tuple[int, int] | None:
    if unreadable_reason(prediction):
        return None
    places = points_of(prediction.actions[0])
    return pixel_at(places[0], size) if places else None


def pixel_at(point: Point, size: Size) -> tuple[int, int]:
    """The whole pixel of an image that a place lies in, from (0, 0)."""
    return min(int(point.x * size.width), size.width - 1), min(int(point.y * size.height), size.height - 1)


def memory_part(name: str, given: GivenMemory) -> Mapping[str, Any]:
    """A part of a memory, from a dictionary or from strict or loose JSON text.

    Raises:
        UnusableInput: it is something else; `name` is named.
    """
    if given is None or (isinstance(given, str) and not given.strip()):
        return {}
    value: Any = given
    if isinstance(given, str):
        try:
            value = read_loose(given, longest=LONGEST_MEMORY_TEXT)
        except Unreadable as error:
            raise UnusableInput(f"{name} is not a JSON object: {error}") from error
    if not isinstance(value, Mapping):
        raise UnusableInput(f"{name} must be an object, got {type(value).__name__}")
    return value
