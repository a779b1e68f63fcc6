"""Tasks with the model's own memory: all tasks' steps of a round in one batch, against one at a time.

    python bench/task_results.py [--tasks 32] [--rounds 3] [--out bench/results/task_results.json]

A tiny model of random weights and made-up screens. Such a model writes no JSON, so what it says becomes its
memory as it is: later requests depend on earlier answers, as in use. Both ways must give the same answers.
Runs alternate, and the ratio is of the medians of their wall times.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from PIL import Image, ImageDraw

from machine import describe
from measure import versions

STEPS = 4
WIDTH, HEIGHT = 160, 210  # of the screens in examples/task_results


def screen(task: int, step: int) -> Any:
    from screensmith.core.episode import Screenshot
    from screensmith.core.geometry import Size

    picture = Image.new("RGB", (WIDTH, HEIGHT), (240, 240, 240 - 5 * task % 200))
    pen = ImageDraw.Draw(picture)
    left, top = 10 + 25 * step, 10 + 5 * task
    pen.rectangle([left, top, left + 30, top + 20], fill=(30 + 6 * task % 200, 60, 120))
    pen.text((10, 195), f"task {task}, step {step}", fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return Screenshot(file.getvalue(), Size(WIDTH, HEIGHT))


def tasks(count: int) -> list[Any]:
    from screensmith.core.actions import Operate
    from screensmith.core.episode import Episode, Step
    from screensmith.core.geometry import Point

    def step(task: int, number: int) -> Any:
        action = Operate("CLICK", f"button {number}", Point(0.5, 0.5))
        facts = {"task_id": str(task), "step_number": number + 1, "grounding": {"screen": f"page {number}"}}
        return Step(screen(task, number), (action,), facts=facts)

    return [
        Episode(f"task-{task}", f"Do job {task}", tuple(step(task, number) for number in range(STEPS)))
        for task in range(count)
    ]


def remembering(policy: Callable[[Sequence[Any]], list[Any]]) -> Callable[[Sequence[Any]], list[Any]]:
    """The policy, what it says taken for its memory."""
    from screensmith.core.actions import Operate

    def asked(samples: Sequence[Any]) -> list[Any]:
        return [
            replace(one, actions=(Operate("ZOOM"),), problem="", memory={"short_term": {"said": one.text}})
            for one in policy(samples)
        ]

    return asked


def once(policy: Any, episodes: list[Any], batch: int) -> tuple[float, float, list[str]]:
    from screensmith.evaluate.task_results import PROPAGATED, evaluate_task_results

    begin, begin_cpu = time.perf_counter(), time.process_time()
    result = evaluate_task_results(policy, episodes, batch=batch, modes=[PROPAGATED])
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
    return seconds, cpu_seconds, [step.prediction.text for step in result.modes[PROPAGATED].steps]


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--tasks", type=int, default=32)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument(
        "--tokens", type=int, default=152, help="of each answer; 152 is the mean in examples/task_results"
    )
    asked.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "task_results.json")
    arguments = asked.parse_args()

    import torch

    from screensmith.model.create import new_model
    from screensmith.model.task_policy import load_task_policy

    torch.set_num_threads(arguments.threads)
    episodes = tasks(arguments.tasks)
    with tempfile.TemporaryDirectory() as folder:
        model = new_model("qwen3_vl", "tiny", Path(folder) / "tiny")
        loaded = load_task_policy(str(model), device="cpu", max_new_tokens=arguments.tokens)
        policy = remembering(loaded.policy)
        once(policy, episodes[:2], 2)  # what is only paid once
        seconds: dict[str, list[float]] = {"together": [], "one at a time": []}
        cpu_seconds: dict[str, list[float]] = {"together": [], "one at a time": []}
        answers: dict[str, list[str]] = {}
        for _ in range(arguments.rounds):
            for name, batch in (("together", arguments.tasks), ("one at a time", 1)):
                taken, used, answers[name] = once(policy, episodes, batch)
                seconds[name].append(taken)
                cpu_seconds[name].append(used)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    cpu_medians = {name: statistics.median(found) for name, found in cpu_seconds.items()}
    differing = sum(
        one != other for one, other in zip(answers["together"], answers["one at a time"], strict=True)
    )
    result = {
        "machine": describe(),
        "versions": versions(),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": "python bench/task_results.py " + " ".join(sys.argv[1:]),
        "tasks": arguments.tasks,
        "steps": STEPS,
        "threads": arguments.threads,
        "answer_tokens_at_most": arguments.tokens,
        "different_answers": len(set(answers["together"])),
        "answers_that_differ_between_the_ways": differing,
        "seconds": seconds,
        "median_seconds": medians,
        "times_as_fast": medians["one at a time"] / medians["together"],
        "cpu_seconds": cpu_seconds,
        "times_less_cpu_time": cpu_medians["one at a time"] / cpu_medians["together"],
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "machine"}, indent=1))


if __name__ == "__main__":
    main()
