"""The run behind a checkpoint, for its model card: recipe, course of the loss, and what it took."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from screensmith.compute.report import Report
from screensmith.compute.totals import totals_of
from screensmith.config.train import TrainSettings
from screensmith.evaluate._card_words import code, table, without_places, words
from screensmith.evaluate.summary import NOTHING

MEANT_OVER = 10  # steps at both ends of a run whose loss is averaged
GIGABYTE = 1e9
# Told whatever they are; others only where they are not the usual ones.
ALWAYS = (
    "adapter batch accum epochs lr schedule warmup_steps wd grad_clip seed freeze_vision freeze_projector "
    "freeze_language shortest_edge longest_edge"
).split()
ELSEWHERE = ("repo_id", "prompt", "prompt_options", "dialect", "dialect_options", "history_steps", "data")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run left beside its checkpoints.

    `metrics` are the records of `metrics.jsonl`, `settings` those that a resumable checkpoint keeps (None
    where there is none), `reports` the compute reports, and `steps` how many optimizer steps this
    checkpoint has had (None: all of the run's).
    """

    metrics: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] | None = None
    reports: Sequence[Report] = ()
    steps: int | None = None


def recipe_lines(facts: RunFacts) -> list[str]:
    """The settings as a table, or why there is none."""
    if facts.settings is None:
        return ["The run's settings were not beside the checkpoint when this card was written."]
    rows = [(code(name), words(_shown(value))) for name, value in _told(facts.settings)]
    return table(("setting", "value"), rows)


def _told(settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    usual = {
        name: field.get_default(call_default_factory=True)
        for name, field in TrainSettings.model_fields.items()
    }
    told = []
    for name, value in settings.items():
        if name in ELSEWHERE:
            continue
        default = usual.get(name)
        same = value == (list(default) if isinstance(default, tuple) else default)
        if name in ALWAYS or not same:
            told.append((name, without_places(value)))
    return sorted(told, key=lambda one: ALWAYS.index(one[0]) if one[0] in ALWAYS else len(ALWAYS))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or NOTHING
    return str(value) if value != "" else NOTHING


def course_lines(facts: RunFacts) -> list[str]:
    """Steps, loss at both ends, and the scores on the way."""
    steps = [one for one in facts.metrics if _is_number(one.get("loss")) and _is_number(one.get("step"))]
    if facts.steps is not None:
        steps = [one for one in steps if one["step"] <= facts.steps]
    if not steps:
        return ["The course of the loss was not beside the checkpoint when this card was written."]
    count = min(MEANT_OVER, len(steps))
    first, last = (sum(one["loss"] for one in part) / count for part in (steps[:count], steps[-count:]))
    lines = [
        f"- {steps[-1]['step']:g} optimizer steps; mean training loss of the first {count} steps "
        f"{first:.3g}, of the last {count} {last:.3g}"
    ]
    for name, word in (("samples", "samples"), ("tokens", "tokens")):
        counts = [one.get(name) for one in steps]
        if all(_is_number(value) for value in counts):
            lines.append(f"- {sum(value for value in counts if value is not None):,.0f} {word} seen")
    scores = [one for one in facts.metrics if _is_number(one.get("score"))]
    lines += [f"- score while training, after step {one['step']}: {one['score']:.3f}" for one in scores]
    return lines


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def compute_lines(facts: RunFacts) -> list[str]:
    """One row for each compute report, and what none of them could measure."""
    if not facts.reports:
        return ["No compute report was beside the checkpoint when this card was written."]
    heading = (
        "began",
        "status",
        "on",
        "wall h",
        "device h",
        "peak memory GB",
        "tokens",
        "operations",
        "energy kJ, CPU / GPU",
    )
    return table(heading, [_row(report) for report in facts.reports])


def _row(report: Report) -> tuple[str, ...]:
    totals = totals_of(report.phases, report.devices, report.hardware.usable_cores)
    gpus = sorted({gpu.name for gpu in report.hardware.gpus}) if report.device == "cuda" else []
    on = f"{report.devices} x {', '.join(gpus)}" if gpus else report.hardware.cpu or report.device
    peak = totals.peak_device_memory_bytes if gpus else totals.peak_memory_bytes
    energies = (totals.cpu_energy_joules, totals.gpu_energy_joules)
    return (
        words(report.began),
        words(report.status),
        words(on),
        f"{totals.wall_hours:.3g}",
        f"{totals.device_hours:.3g}",
        NOTHING if peak is None else f"{peak / GIGABYTE:.2f}",
        NOTHING if totals.tokens is None else f"{totals.tokens:,}",
        NOTHING if totals.operations is None else f"{totals.operations:.3g}",
        " / ".join(NOTHING if energy is None else f"{energy / 1000:.1f}" for energy in energies),
    )


def not_measured(facts: RunFacts) -> list[str]:
    """What no compute report of the run knows, with the reason."""
    found = {name: reason for report in facts.reports for name, reason in report.not_measured.items()}
    return [f"{name}: {reason}" for name, reason in found.items()]
