"""The files of a run over task results: predictions as CSV, numbers and every step as JSON.

`predictions.csv` has a row for each step and mode:

- `Task_id`, `Slide_number`, `Image_id`: as the file names them; `mode`: teacher_forced or propagated.
- `Predicted_Action`, `Predicted_Target`: empty where the answer cannot be read; `Predicted_Coords`: [x, y]
  in pixels of the stored image; `Predicted_Output_JSON`: the whole answer as the model wrote it.
- `Short_Term_Memory`, `Long_term_Memory`: what the model was shown; `Next_Short_Term_Memory`,
  `Next_Long_term_Memory`: what was carried on (propagated) or what the answer asked for (teacher-forced).
- `Ground_Truth_Action`, `Ground_Truth_Target`.
- `Action_Match`, `Target_Match`, `Place_Match`, `Step_Match`: 1, 0, or empty where it does not apply;
  `Target_F1`: from 0 to 1; `Valid_JSON`: 1 or 0.
- `Problem`: why the answer cannot be read; `Memory_Notes`: what happened to its memory, ";" between.

A cell that a spreadsheet could take for a formula (it begins with =, +, -, @, a tab or a line break), or
that begins with an apostrophe, has an apostrophe before it; without the first one it is the text.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from screensmith.agent.predictor import pixel_at
from screensmith.core.actions import Operate
from screensmith.core.episode import Memory
from screensmith.core.geometry import Size
from screensmith.evaluate._resampling import RESAMPLES, SEED
from screensmith.evaluate.benchmark import Measured
from screensmith.evaluate.task_results import (
    ACTION,
    PLACE,
    STEP,
    TARGET,
    TARGET_F1,
    JudgedStep,
    ModeResult,
    TaskResults,
    is_json_object,
    summary_of,
)

PREDICTIONS, METRICS_FILE, DETAILS = "predictions.csv", "metrics.json", "details.json"
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
MATCHES = {
    "Action_Match": ACTION,
    "Target_Match": TARGET,
    "Target_F1": TARGET_F1,
    "Place_Match": PLACE,
    "Step_Match": STEP,
}


def write_files(folder: Path, result: TaskResults) -> list[Path]:
    """Write the three files; raises OSError where that cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_row(step, mode.mode) for mode in result.modes.values() for step in mode.steps]
    with (folder / PREDICTIONS).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: safe_cell(cell) for name, cell in row.items()} for row in rows)
    _write_json(folder / METRICS_FILE, to_record(result))
    details = [_detail(step, mode.mode) for mode in result.modes.values() for step in mode.steps]
    _write_json(folder / DETAILS, details)
    return [folder / name for name in (PREDICTIONS, METRICS_FILE, DETAILS)]


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def safe_cell(text: str) -> str:
    """The text so that no spreadsheet computes it; see above."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def pixels_of(operation: Operate | None, size: Size) -> list[int] | None:
    """The place of an operation in whole pixels of the stored image."""
    if operation is None or operation.at is None:
        return None
    return list(pixel_at(operation.at, size))


def _row(step: JudgedStep, mode: str) -> dict[str, str]:
    sample, given, expected = step.sample, step.given, step.expected
    place = pixels_of(given, sample.screenshot.size)
    after = step.prediction.memory if step.carried is None else step.carried
    return {
        "Task_id": _fact(step, "task_id", step.task),
        "Slide_number": _fact(step, "step_number"),
        "mode": mode,
        "Predicted_Action": given.name if given else "",
        "Predicted_Target": given.target if given else "",
        "Predicted_Coords": json.dumps(place) if place else "",
        "Predicted_Output_JSON": step.prediction.text,
        "Short_Term_Memory": _part(sample.memory, "short_term"),
        "Long_term_Memory": _part(sample.memory, "long_term"),
        "Next_Short_Term_Memory": _part(after, "short_term"),
        "Next_Long_term_Memory": _part(after, "long_term"),
        "Ground_Truth_Action": expected.name if expected else "",
        "Ground_Truth_Target": expected.target if expected else "",
        **{column: _number(step.scores[metric]) for column, metric in MATCHES.items()},
        "Valid_JSON": str(int(is_json_object(step.prediction.text))),
        "Problem": step.prediction.problem,
        "Memory_Notes": "; ".join(step.notes),
        "Image_id": _fact(step, "image_id"),
    }


def _fact(step: JudgedStep, name: str, default: str = "") -> str:
    value = step.sample.facts.get(name)
    return default if value is None else str(value)


def _part(memory: Memory | None, part: str) -> str:
    held = (memory or {}).get(part)
    return "" if held is None else json.dumps(held, ensure_ascii=False, default=str)


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.6g}"


def _detail(step: JudgedStep, mode: str) -> dict[str, Any]:
    sample, question, given = step.sample, step.sample.questions[0], step.given
    return {
        "mode": mode,
        "task_id": sample.facts.get("task_id", step.task),
        "step_number": sample.facts.get("step_number"),
        "sample": sample.id,
        "row": sample.facts.get("row"),
        "image_id": sample.facts.get("image_id"),
        "goal": sample.goal,
        "expected": _operation(step.expected, sample.screenshot.size),
        "target_box": None if question.target is None else asdict(question.target),
        "answer": step.prediction.text,
        "given": _operation(given, sample.screenshot.size),
        "reason": step.prediction.thought,
        "problem": step.prediction.problem,
        "scores": dict(step.scores),
        "memory_shown": sample.memory,
        "memory_in_answer": step.prediction.memory,
        "memory_carried_on": step.carried,
        "memory_notes": list(step.notes),
    }


def _operation(operation: Operate | None, size: Size) -> dict[str, Any] | None:
    if operation is None:
        return None
    return {
        "action": operation.name,
        "target": operation.target,
        "coords_pixels": pixels_of(operation, size),
    }


def to_record(result: TaskResults) -> dict[str, Any]:
    """The numbers of a result as plain JSON values."""
    return {
        "evaluation": "task_results",
        **asdict(replace(result.origin, refused=dict(result.origin.refused))),
        "tasks": result.tasks,
        "samples": result.samples,
        "tasks_with_gaps": result.tasks_with_gaps,
        "data_hash": result.data_hash,
        "asked": dict(result.asked),
        "resamples": RESAMPLES,
        "resampling_seed": SEED,
        "warnings": list(result.warnings),
        "modes": {name: _mode_record(mode) for name, mode in result.modes.items()},
        "propagated_minus_teacher_forced": [asdict(one) for one in result.differences],
    }


def _mode_record(mode: ModeResult) -> dict[str, Any]:
    return {
        "figures": {one.figure.name: _figure(one) for one in mode.figures},
        "unreadable": dict(mode.unreadable),
        "cut": mode.cut,
        "memory_notes": dict(mode.memory_notes),
        "actions": {
            name: {
                **summary_of(steps),
                "answered": dict(
                    Counter(step.given.name if step.given else "unreadable" for step in steps)
                ),
            }
            for name, steps in mode.by_action().items()
        },
        "per_task": {
            name: {**summary_of(steps), "success": not any(step.wrong for step in steps)}
            for name, steps in mode.by_task().items()
        },
    }


def _figure(one: Measured) -> Mapping[str, Any]:
    figure = one.figure
    return {
        "value": figure.value,
        "count": figure.count,
        "unit": figure.unit,
        "interval_95": None if one.interval is None else [one.interval.low, one.interval.high],
        "interval_method": one.method,
    }
