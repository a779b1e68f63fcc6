"""`screensmith predict`: what to do on each screenshot of a folder, one task, memory carried along."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from screensmith.cli._live import at_least_one, check_checkpoint
from screensmith.cli._parser import Parser, UsageError
from screensmith.cli._predict_grounding import grounding_of
from screensmith.cli._task_results import MAX_NEW_TOKENS, add_model

if TYPE_CHECKING:
    from screensmith.agent.predictor import Walk

HELP = "say what to do on each screenshot of a folder, step by step with memory"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def add_arguments(parser: Parser) -> None:
    """The model, the screenshots and the goal, and where the answers go."""
    add_model(parser, required=True)
    parser.add_argument(
        "--images",
        required=True,
        type=Path,
        metavar="DIR",
        help="screenshots of one task; step 2 comes before step 10",
    )
    parser.add_argument("--goal", required=True, metavar="TEXT", help="what the user wants")
    parser.add_argument(
        "--grounding",
        type=Path,
        metavar="PATH",
        help="what is known of the screens, where the model learned with it: a folder with step1.json for "
        "step1.png, or one JSON file by the pictures' names",
    )
    parser.add_argument(
        "--task-id", "--task_id", metavar="ID", help="of the task, where the model knows ids"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE.jsonl", help="write the answers there instead of printing them"
    )
    parser.add_argument(
        "--max-new-tokens",
        "--max_new_tokens",
        type=at_least_one,
        default=MAX_NEW_TOKENS,
        help=f"longer answers are cut off; default: {MAX_NEW_TOKENS}",
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or mps; default: the fastest there is")


def run(arguments: argparse.Namespace) -> int:
    """Walk the folder; one JSON object a line for each screenshot."""
    pictures = screenshots_in(arguments.images)
    if not arguments.goal.strip():
        raise UsageError("--goal is blank; say what the user wants")
    known = {} if arguments.grounding is None else grounding_of(arguments.grounding, pictures)
    check_checkpoint(arguments.model_path)
    if arguments.output is not None and arguments.output.exists():
        raise UsageError(f"--output: {arguments.output} exists already; choose another file")

    from screensmith import load_model_for_inference

    predictor = load_model_for_inference(
        arguments.model_path,
        arguments.base_model_name,
        device=arguments.device,
        max_new_tokens=arguments.max_new_tokens,
        local=arguments.use_local,
    )
    walk = predictor.session(arguments.goal, task_id=arguments.task_id)
    with ExitStack() as stack:
        out: TextIO = sys.stdout
        if arguments.output is not None:
            arguments.output.parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(arguments.output.open("x", encoding="utf-8"))
        for record in _records(walk, pictures, known):
            print(json.dumps(record, ensure_ascii=False), file=out, flush=True)
    if arguments.output is not None:
        print(f"{len(pictures)} answers: {arguments.output}")
    if known and len(known) < len(pictures):
        missing = len(pictures) - len(known)
        print(f"of {missing} screenshots {arguments.grounding} knows nothing", file=sys.stderr)
    return 0


def _records(
    walk: Walk, pictures: list[Path], known: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    for picture in pictures:
        number = walk.step_number
        step = asdict(walk.predict_step(picture, grounding=known.get(picture.name)))
        yield {"image": picture.name, "step_number": number, "goal": walk.goal, **step}


def screenshots_in(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order; raises UsageError where there are none."""
    if not folder.is_dir():
        raise UsageError(f"--images: there is no folder {folder}")
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file()]
    if not found:
        raise UsageError(f"--images: {folder} holds no screenshot ({', '.join(PICTURES)})")
    return sorted(found, key=lambda path: natural_order(path.name))


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that puts "step2" before "step10"; names that differ in other ways are ordered as text."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    key = [(0, int(part), "") if part[0].isdigit() and part.isascii() else (1, 0, part) for part in parts]
    return (*key, (2, 0, name))
