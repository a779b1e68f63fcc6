"""Steps that are done once: each leaves a stamp with its inputs, and is skipped while they stand.

A step has a folder of its own with `step.json`: its inputs, when it began and when it was finished. The
results of other steps are inputs, too, so that what is done again calls for what follows from it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

STAMP = "step.json"
State = Literal["to do", "begun", "done", "changed"]
Inputs = Mapping[str, Any]


class StepProblem(ValueError):
    """A step that must not be done as things are; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pipeline.

    Args:
        name: also of its folder.
        after: the steps whose results it uses.
        inputs: everything else that its result depends on, as plain JSON values; asked for when the
            steps before it are done.
        work: does it, in its folder; the facts that it returns are shown and kept.
        costly: a finished result is never set aside without being told to.
        everybody: all processes of a launch take part in it.
    """

    name: str
    after: tuple[str, ...]
    inputs: Callable[[], Inputs]
    work: Callable[[Path], Mapping[str, Any]]
    costly: bool = False
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a step stands; `changed` has a line for each input that is another one than it was."""

    state: State
    changed: tuple[str, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    when: str = ""


class Steps:
    """The steps of one pipeline, in order, with their folders below `output`."""

    def __init__(self, output: Path, steps: Sequence[Step]) -> None:
        self.output = output
        self.steps = tuple(steps)

    def named(self, name: str) -> Step:
        """A step by its name."""
        return next(step for step in self.steps if step.name == name)

    def standing(self, step: Step) -> Standing:
        """How the step stands now; a step whose predecessors are not done is judged by its stamp alone."""
        stamp = self._stamp(step.name)
        if stamp is None:
            return Standing("to do")
        finished = stamp.get("finished")
        known = Standing(
            "done" if finished else "begun", (), stamp.get("result") or {}, finished or stamp["began"]
        )
        if any(self.result_id(name) is None for name in step.after):
            return Standing("changed", self._missing(step), known.result, known.when) if finished else known
        changed = _differences(stamp["inputs"], self.inputs(step))
        return Standing("changed", changed, known.result, known.when) if changed else known

    def inputs(self, step: Step) -> dict[str, Any]:
        """What the step depends on now."""
        before = {f"the result of {name}": self.result_id(name) for name in step.after}
        plain: dict[str, Any] = json.loads(json.dumps({**step.inputs(), **before}))
        return plain

    def result_id(self, name: str) -> str | None:
        """What tells a finished result from another one of the same step; None where there is none."""
        stamp = self._stamp(name)
        if stamp is None or not stamp.get("finished"):
            return None
        text = json.dumps(stamp, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def begin(self, step: Step) -> None:
        """Make room for the step and note its inputs; what stands there and is another's is set aside.

        Raises:
            StepProblem: a costly result stands there, of other inputs.
        """
        standing = self.standing(step)
        folder = self.output / step.name
        if standing.state == "changed":
            if step.costly:
                raise StepProblem(
                    f"{folder} holds {step.name} of other inputs ({'; '.join(standing.changed)}): put "
                    f"them back, choose another output, or do it again with --redo {step.name}; what is "
                    "there is then set aside, not deleted"
                )
            self.set_aside(step)
        folder.mkdir(parents=True, exist_ok=True)
        if standing.state != "begun":
            self._write(step.name, {"step": step.name, "inputs": self.inputs(step), "began": _now()})

    def finish(self, step: Step, result: Mapping[str, Any]) -> None:
        """Note that the step is done."""
        stamp = self._stamp(step.name) or {}
        self._write(step.name, {**stamp, "finished": _now(), "result": dict(result)})

    def set_aside(self, step: Step) -> None:
        """Rename the step's folder, so that it is done again and nothing is lost."""
        folder = self.output / step.name
        if not folder.exists():
            return
        number = 1
        while (aside := folder.with_name(f"{step.name}.before-{number}")).exists():
            number += 1
        folder.rename(aside)

    def following(self, name: str) -> list[Step]:
        """The step and all that follow from it, in order."""
        chosen = {name}
        for step in self.steps:
            if chosen & set(step.after):
                chosen.add(step.name)
        return [step for step in self.steps if step.name in chosen]

    def _missing(self, step: Step) -> tuple[str, ...]:
        return tuple(f"{name} is not done" for name in step.after if self.result_id(name) is None)

    def _stamp(self, name: str) -> dict[str, Any] | None:
        path = self.output / name / STAMP
        try:
            stamp = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StepProblem(f"{path} cannot be read ({error}); use --redo {name}") from error
        if not isinstance(stamp, dict) or not isinstance(stamp.get("inputs"), dict) or "began" not in stamp:
            raise StepProblem(f"{path} is no stamp of a step; use --redo {name}")
        return stamp

    def _write(self, name: str, stamp: Mapping[str, Any]) -> None:
        path = self.output / name / STAMP
        new = path.with_name(f".{STAMP}.new")
        with new.open("w", encoding="utf-8") as file:
            file.write(json.dumps(stamp, indent=2, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return tuple(
        f"{name} is another one"
        if name.startswith("the result of ")
        else f"{name} was {json.dumps(before.get(name))} and is {json.dumps(now.get(name))}"
        for name in names
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
