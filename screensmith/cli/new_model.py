"""`screensmith new-model`: a starting checkpoint without a download."""

from __future__ import annotations

import argparse
from pathlib import Path

from screensmith.cli._parser import Parser

HELP = "write a small model with random weights, to train without a download"


def add_arguments(parser: Parser) -> None:
    """Family, size and folder."""
    parser.add_argument("--family", required=True, metavar="NAME", help="qwen2_vl, qwen3_vl")
    parser.add_argument("--size", default="tiny", metavar="NAME", help="default: tiny")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="a folder that is new or empty"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides the weights; default: 0")


def run(arguments: argparse.Namespace) -> int:
    """Write the model and say where it lies."""
    from screensmith.model.create import new_model

    folder = new_model(arguments.family, arguments.size, arguments.out, seed=arguments.seed)
    print(f"wrote a new {arguments.size} {arguments.family} model to {folder}")
    return 0
