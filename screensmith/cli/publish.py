"""`screensmith publish`: a model card from what is there, and the checkpoint on the hub when asked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._parser import Parser, UsageError

if TYPE_CHECKING:
    from screensmith.evaluate._card_results import ResultTable
    from screensmith.evaluate._card_run import RunFacts
    from screensmith.evaluate.model_card import Publication

HELP = "write a checkpoint's model card, and send both to the hub if --push says so"


def add_arguments(parser: Parser) -> None:
    """The checkpoint, what the card says beside it, and where it goes."""
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="folder of an adapter or a whole model"
    )
    parser.add_argument(
        "--results",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE.json",
        help="what `screensmith evaluate --json` wrote about it, or metrics.json of task results",
    )
    parser.add_argument(
        "--evaluated-as",
        default="",
        metavar="NAME",
        help="the checkpoint's name in these results, if another",
    )
    parser.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        dest="run_folder",
        help="output folder of its training; default: the folder above",
    )
    parser.add_argument(
        "--base", default="", metavar="OWNER/NAME", help="the base on the hub, where it was a folder here"
    )
    parser.add_argument(
        "--license-of-base",
        default="",
        metavar="ID",
        help="such as apache-2.0; default: what the base says",
    )
    parser.add_argument("--replace", action="store_true", help="write over a README.md that is not ours")
    pushing = parser.add_argument_group("sending")
    pushing.add_argument(
        "--push", default="", metavar="OWNER/NAME", help="send it to the hub (HF_ENDPOINT, HF_TOKEN)"
    )
    pushing.add_argument("--public", action="store_true", help="everybody may read it; default: private")
    pushing.add_argument("--yes", action="store_true", help="do not ask before sending")


def run(arguments: argparse.Namespace) -> int:
    """Write the card; list what would be sent, ask, and send."""
    from screensmith.evaluate.model_card import card_text, write_card

    if not arguments.push and (arguments.public or arguments.yes):
        raise UsageError("--public and --yes belong to --push OWNER/NAME")
    made = _publication(arguments)
    path = write_card(arguments.checkpoint, card_text(made), replace=arguments.replace)
    print(f"wrote {path}")
    for line in _worth_knowing(made):
        print(line)
    return _push(made, arguments) if arguments.push else 0


def _publication(arguments: argparse.Namespace) -> Publication:
    from screensmith.evaluate.model_card import publication

    folder: Path = arguments.checkpoint
    bare = publication(folder, base_on_hub=arguments.base, license_of_base=arguments.license_of_base)
    prints = bare.card.data_fingerprints if bare.card is not None else {}
    return publication(
        folder,
        results=_results(arguments, prints),
        run=_run_facts(folder, arguments.run_folder),
        name=arguments.push,
        evaluated_as=arguments.evaluated_as,
        base_on_hub=arguments.base,
        license_of_base=arguments.license_of_base,
    )


def _results(arguments: argparse.Namespace, prints: dict[str, str]) -> list[ResultTable]:
    from screensmith.evaluate._card_results import read_results, results_of

    found: list[ResultTable] = []
    for path in arguments.results:
        found += results_of(
            read_results(path),
            arguments.checkpoint,
            evaluated_as=arguments.evaluated_as,
            fingerprints=prints,
            path=path,
        )
    return found


def _run_facts(checkpoint: Path, given: Path | None) -> RunFacts:
    """What the run left in its folder, which is the one above the checkpoint if a log lies there."""
    from screensmith.compute.report import STEM, read
    from screensmith.evaluate._card_run import RunFacts
    from screensmith.train.trackers import METRICS_FILE, read_metrics

    folder = given or checkpoint.resolve().parent
    metrics = folder / METRICS_FILE
    if given is not None and not metrics.is_file():
        raise UsageError(f"--run {given}: there is no {METRICS_FILE}; give the output folder of a training")
    if not metrics.is_file():
        return RunFacts()

    from screensmith.train.checkpoint import BEST, STATE_FOLDER, read_progress, unfinished

    states = [checkpoint] if (checkpoint / STATE_FOLDER).is_dir() else unfinished(folder)
    progress = read_progress(states[-1]) if states else None
    steps: int | None = None
    if progress is not None and states == [checkpoint]:
        steps = progress.step
    elif progress is not None and checkpoint.name == BEST:
        steps = progress.standing.get("best_step")
    reports = [read(path) for path in sorted(folder.glob(f"{STEM}*.json"))]
    settings: dict[str, Any] | None = None if progress is None else progress.identity
    return RunFacts(read_metrics(metrics), settings, reports, steps)


def _worth_knowing(made: Publication) -> list[str]:
    from screensmith.evaluate._card_base import UNKNOWN

    told = []
    if made.base.license == UNKNOWN:
        told.append(
            f"the licence of the base is unknown ({made.base.license_from}): find it out and give "
            "--license-of-base ID"
        )
    if not made.base.hub:
        told.append("the base's name on the hub is not known: give --base OWNER/NAME if it has one")
    elif made.base.hub == (made.card.base if made.card else ""):
        told.append(f"the base {made.base.hub} is taken for a name of the hub")
    if not made.results:
        told.append("the card has no results: give --results FILE.json")
    return [f"note: {one}" for one in told]


def _push(made: Publication, arguments: argparse.Namespace) -> int:
    """List, ask, send."""
    from huggingface_hub import HfApi

    from screensmith.cli import _upload

    api = HfApi(library_name="screensmith")
    uploads = _upload.plan(made)
    for line in _upload.lines(uploads, arguments.push, public=arguments.public, endpoint=api.endpoint):
        print(line)
    if not arguments.yes and not _agreed():
        print("nothing was sent")
        return 0
    message = "Checkpoint and model card, by screensmith publish"
    address = _upload.send(uploads, arguments.push, public=arguments.public, message=message, api=api)
    print(f"sent: {address}")
    return 0


def _agreed() -> bool:
    """Whether a person says yes; without a terminal nobody does."""
    if not sys.stdin.isatty():
        raise UsageError("nothing was sent: nobody can be asked here; --yes sends what is listed")
    return input("Send these files? [y/N] ").strip().lower() in ("y", "yes")
