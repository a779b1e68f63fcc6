"""`screensmith inspect`: what an MDS folder holds, and what of it cannot be used."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from screensmith.cli._episodes import READING, place_of, read_episodes
from screensmith.cli._parser import Parser
from screensmith.cli._settings import add_setting_flags, train_settings

HELP = "show what recorded episodes hold, and what was refused and why"


def add_arguments(parser: Parser) -> None:
    """The folder, how it is read, and what is shown."""
    from screensmith.config.spellings import TRAIN

    parser.add_argument(
        "local", nargs="?", default=argparse.SUPPRESS, metavar="DIR", help="folder with MDS"
    )
    parser.add_argument("--list", action="store_true", help="one line for each episode")
    parser.add_argument("--quarantine", type=Path, metavar="FILE", help="write the refusals as JSON lines")
    parser.set_defaults(run_file=None)
    add_setting_flags(parser, TRAIN, only=[name for name in READING if name != "local"])


def run(arguments: argparse.Namespace) -> int:
    """Print counts; 1 when no episode can be used."""
    from screensmith.core.actions import kind_of

    settings = train_settings(arguments).settings
    episodes, refusals = read_episodes(settings)
    steps = [step for episode in episodes for step in episode.steps]
    kinds = Counter(kind_of(action) for step in steps for action in step.actions)
    sizes = Counter(f"{step.screenshot.size.width}x{step.screenshot.size.height}" for step in steps)
    goals = {episode.goal for episode in episodes}
    print(
        f"{place_of(settings)}: {len(episodes)} episodes, {len(steps)} steps, {len(goals)} different goals"
    )
    print(f"actions: {_counted(kinds)}")
    print(f"screens: {_counted(sizes)}")
    print(refusals.summary())
    for reason, count in refusals.by_reason().most_common():
        example = next(refusal for refusal in refusals if refusal.reason == reason)
        print(f"  {count} {reason}, for example {example.id}: {example.detail or 'no particulars'}")
    if arguments.list:
        for episode in episodes:
            print(f"{episode.id}  {len(episode.steps)} steps  {episode.goal}")
    if arguments.quarantine:
        refusals.write(arguments.quarantine)
        print(f"quarantine list: {arguments.quarantine}")
    return 0 if episodes else 1


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"
