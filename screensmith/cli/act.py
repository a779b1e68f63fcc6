"""`screensmith act`: let a checkpoint operate a live screen, and keep every step."""

from __future__ import annotations

import argparse
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._live import (
    FIRST_JUDGED_SEED,
    add_answering,
    add_environment,
    check_checkpoint,
    check_task,
    open_environment,
    seed_number,
)
from screensmith.cli._parser import Parser, UsageError

if TYPE_CHECKING:
    from screensmith.agent.rollout import Assignment, Rollout, Turn
    from screensmith.core.episode import Screenshot

HELP = "let a checkpoint operate a live screen, step by step"
STEPS_FILE = "steps.jsonl"


def add_arguments(parser: Parser) -> None:
    """The checkpoint, the screen and the goal, and where the steps go."""
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="folder with agent.json")
    add_environment(parser)
    parser.add_argument("--task", metavar="NAME", help="a task of the environment")
    parser.add_argument(
        "--seed", type=seed_number, default=FIRST_JUDGED_SEED, help="draws the task's screen"
    )
    parser.add_argument("--url", help="a page to begin at, instead of an environment")
    parser.add_argument("--goal", metavar="TEXT", help="what to do there")
    add_answering(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/act"), metavar="DIR", help="steps go to a new folder in it"
    )
    parser.add_argument("--save", type=Path, metavar="DIR", help="add the episode to this MDS folder")


def run(arguments: argparse.Namespace) -> int:
    """Act until the end, printing and saving each step."""
    task, options = _what(arguments)
    checkpoint = check_checkpoint(arguments.checkpoint)

    from screensmith.agent import rollout
    from screensmith.model.policy import load_policy

    with open_environment(arguments, **options) as environment:
        check_task(environment, task)
        policy = load_policy(checkpoint, device=arguments.device, max_new_tokens=arguments.max_new_tokens)
        folder = _new_folder(arguments.out, task, arguments.seed)
        played = rollout.run(
            policy,
            [environment],
            [rollout.Assignment(task, arguments.seed)],
            history_steps=policy.card.history_steps,
            max_steps=arguments.steps,
            on_step=lambda assignment, number, turn: _keep(folder, assignment, number, turn),
        )[0]
    (folder / f"final{_suffix(played.final)}").write_bytes(played.final.read_bytes())
    print(f"goal: {played.goal}")
    print(f"{played.ending} after {len(played.turns)} steps, reward {played.outcome.reward:g}: {folder}")
    if arguments.save:
        _save(arguments.save, played)
    return 0


def _what(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The task or goal, and options that the environment needs for it."""
    if arguments.url and arguments.environment:
        raise UsageError("give --environment or --url, not both")
    if arguments.url:
        if not arguments.goal:
            raise UsageError('--url needs --goal "what to do"')
        arguments.environment = "page"
        return arguments.goal, {"url": arguments.url}
    if not arguments.environment:
        raise UsageError("give --environment NAME --task NAME, or --url URL --goal TEXT")
    if not arguments.task:
        raise UsageError("--environment needs --task NAME")
    return arguments.task, {}


def _new_folder(out: Path, task: str, seed: int) -> Path:
    """A folder that did not exist before, so that nothing recorded is overwritten."""
    words = re.sub(r"[^a-zA-Z0-9]+", "-", task).strip("-")[:40]
    folder = out / f"{words}-{seed}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    folder.mkdir(parents=True)
    return folder


def _keep(folder: Path, assignment: Assignment, number: int, turn: Turn) -> None:
    from screensmith.core.actions import to_record

    picture = folder / f"{number:03d}{_suffix(turn.screenshot)}"
    picture.write_bytes(turn.screenshot.read_bytes())
    record = {
        "step": number,
        "task": assignment.task,
        "seed": assignment.seed,
        "screenshot": picture.name,
        "answer": turn.prediction.text,
        "actions": [to_record(action) for action in turn.prediction.actions],
        "performed": [to_record(action) for action in turn.performed],
        "problem": turn.problem,
    }
    with (folder / STEPS_FILE).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
    done = ", ".join(map(repr, turn.performed)) or "nothing done"
    print(f"step {number + 1}: {turn.prediction.text}")
    print(f"  {done}{f' ({turn.problem})' if turn.problem else ''}", flush=True)


def _suffix(screenshot: Screenshot) -> str:
    return ".png" if screenshot.read_bytes().startswith(b"\x89PNG") else ".jpg"


def _save(out: Path, played: Rollout) -> None:
    if played.episode is None:
        print(f"nothing was done, so there is no episode to add to {out}")
        return
    from screensmith.capture.store import EpisodeStore

    with EpisodeStore(out) as store:
        store.append(played.episode)
    print(f"episode {played.episode.id} added to {out}")
