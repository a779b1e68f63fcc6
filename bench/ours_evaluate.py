"""Evaluated questions a second: a screenshot's questions in one batch that shares it, or one at a time.

Both go through the policy that `screensmith evaluate` uses, on the same random weights. A random model
never ends its answers, so every answer has exactly `--new-tokens` tokens, about as many as a click.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from measure import peak_bytes, process_age_seconds, versions


def main() -> None:
    import argparse

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--model", type=Path, required=True)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--set", default="shared")
    asked.add_argument("--screens", type=int, default=4, help="screenshots, the first one untimed")
    asked.add_argument("--batch", type=int, default=16, help="questions in a batch; 1 asks one at a time")
    asked.add_argument("--new-tokens", type=int, default=24)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--out", type=Path, required=True)
    arguments = asked.parse_args()

    import torch

    from screensmith.config.agent_card import AgentCard
    from screensmith.model.policy import load_policy

    from ours_train import samples

    torch.set_num_threads(arguments.threads)
    given = samples(arguments.data / arguments.set, "separate")
    by_screen: dict[str, list] = {}
    for sample in given:
        by_screen.setdefault(sample.id.partition("#")[0], []).append(sample)
    screens = list(by_screen.values())[: arguments.screens]
    card = AgentCard(
        family="qwen2_vl",
        prompt="neko",
        prompt_options={"instructions": False, "screen_first": True},
        dialect="neko",
        coordinate_frame="fraction",
        min_pixels=56 * 56,
        max_pixels=1792 * 1792,
    )
    policy = load_policy(str(arguments.model), card=card, device="cpu", max_new_tokens=arguments.new_tokens)
    answers, questions, seconds = [], 0, 0.0
    for number, screen in enumerate(screens):
        started = time.perf_counter()
        for first in range(0, len(screen), arguments.batch):
            answers += [prediction.text for prediction in policy(screen[first : first + arguments.batch])]
        if number:
            seconds += time.perf_counter() - started
            questions += len(screen)
    result = {
        "name": "screensmith_shared" if arguments.batch > 1 else "screensmith_one_at_a_time",
        "command": sys.argv,
        "settings": {
            "batch": arguments.batch,
            "new_tokens": arguments.new_tokens,
            "threads": arguments.threads,
        },
        "versions": versions(),
        "questions": len(answers),
        "questions_timed": questions,
        "seconds_timed": seconds,
        "questions_per_second": questions / seconds,
        "answers": answers,
        "peak_bytes": peak_bytes(),
        "seconds_process": process_age_seconds(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
