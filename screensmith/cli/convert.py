"""`screensmith convert`: a data set in another format, continued after an interruption."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from screensmith import plugins
from screensmith.cli._live import at_least_one
from screensmith.cli._parser import Parser

if TYPE_CHECKING:
    from screensmith.core.episode import Episode

HELP = "write a data set in another format: mds, showui, seeclick, task-results or forge"


def add_arguments(parser: Parser) -> None:
    """What is read, what is written, and how."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(
        [
            f"readers: {', '.join(plugins.names('readers'))}",
            f"writers: {', '.join(plugins.names('writers'))}",
            "A run that was interrupted is continued by the same command.",
        ]
    )
    parser.add_argument("reader", metavar="READER", help="how the data set is read")
    parser.add_argument("root", metavar="ROOT", help="where it is")
    parser.add_argument("--to", required=True, metavar="WRITER", help="the format to write")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    parser.add_argument("--json", default="", metavar="NAME", help="the metadata file to read")
    parser.add_argument("--limit", type=at_least_one, metavar="N", help="only the first N episodes")
    for flag, whose in (("--option", "reader"), ("--to-option", "writer")):
        parser.add_argument(
            flag,
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"an option of the {whose}; may be given more than once",
        )
    parser.add_argument(
        "--no-verify", action="store_true", help="do not read back what was written and compare the counts"
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert, and say what was written and what was refused; 1 when nothing could be written."""
    from screensmith.cli._conversion import REFUSED_NAME, RefusalFile, Request, convert

    request = Request(
        reader=_plugin(arguments.reader),
        root=arguments.root,
        writer=_plugin(arguments.to),
        out=arguments.out,
        reader_options=arguments.option,
        writer_options=arguments.to_option,
        json=arguments.json,
        limit=arguments.limit,
        verify=not arguments.no_verify,
    )
    log = RefusalFile()
    try:
        outcome = convert(request, log, _shown)
        if outcome.written is not None:
            before = f", {outcome.skipped} were there" if outcome.skipped else ""
            read_back = "; read back and compared" if outcome.verified else ""
            print(f"{request.out / outcome.name}: {outcome.written}{read_back}")
            print(f"episodes added: {outcome.added}{before}")
        print(log.summary())
        for reason, count in log.by_reason().most_common():
            print(f"  {count} {reason}")
        if len(log):
            print(f"which and why: {request.out / REFUSED_NAME}")
        return 0 if outcome.written is not None and outcome.written.episodes else 1
    finally:
        log.close()


def _plugin(name: str) -> str:
    """A plug-in's name as its file has it: "task-results" is task_results."""
    return name.replace("-", "_")


def _shown(episodes: Iterable[Episode]) -> Iterable[Episode]:
    """The episodes, with their number on the terminal where there is one."""
    if not sys.stderr.isatty():
        return episodes
    from tqdm import tqdm

    shown: Iterable[Episode] = tqdm(episodes, unit=" episodes", dynamic_ncols=True)
    return shown
