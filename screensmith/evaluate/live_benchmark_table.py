"""The result of a benchmark that is played, as text for a terminal."""

from __future__ import annotations

from screensmith.evaluate.benchmark_table import asking_lines, figures_table, reasons_text
from screensmith.evaluate.live_benchmark import LiveBenchmarkResult

TASKS_WITH_SEEDS = 5
"""So many tasks at most have their seeds in the table."""


def live_benchmark_table(played: LiveBenchmarkResult) -> str:
    """Everything a result says, for a terminal; the headline has a star."""
    return "\n".join([*_heading(played), "", figures_table(played.result)])


def _heading(played: LiveBenchmarkResult) -> list[str]:
    program, live, result = played.program, played.live, played.result
    episodes = len(live.rollouts)
    whole = "the whole protocol"
    if program.departures:
        whole = f"NOT the whole protocol: {'; '.join(program.departures)}"
    not_performed = sum(live.not_performed.values())
    seeds = "--json writes each" if len(live.tasks) > TASKS_WITH_SEEDS else _seeds(played)
    return [
        f"{result.benchmark}: {episodes} episodes of {len(live.tasks)} tasks, {live.answers} answers, "
        f"episodes {result.data_hash}",
        whole,
        *asking_lines(result),
        f"not performed: {not_performed} answers{reasons_text(live.not_performed)}",
        f"episodes ended:{reasons_text(live.endings)}",
        f"seeds, drawn with {program.seed}: {seeds}",
    ]


def _seeds(played: LiveBenchmarkResult) -> str:
    return "; ".join(
        f"{task} {' '.join(str(seed) for seed in found.seeds)}" for task, found in played.live.tasks.items()
    )
