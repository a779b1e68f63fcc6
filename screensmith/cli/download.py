"""`screensmith download`: a data set from the Hugging Face hub, resumed after an interruption."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from screensmith.cli._parser import Parser

if TYPE_CHECKING:
    from screensmith.cli._hub import Listing

HELP = "fetch a data set from the hub, with resume and checksums"


def add_arguments(parser: Parser) -> None:
    """Which data set, from where, and what of it."""
    from screensmith.data.hub_names import HUB_SETS

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    lines = (f"  {name:<22} {known.id} ({known.about})" for name, known in HUB_SETS.items())
    parser.epilog = "\n".join(["known names:", *lines])
    parser.add_argument("name", metavar="NAME", help="a known name, or owner/name of the hub")
    parser.add_argument("--to", type=Path, metavar="DIR", help="where to put it; default: ./data/FOLDER")
    parser.add_argument(
        "--endpoint", default="", metavar="URL", help="of a mirror; default: HF_ENDPOINT or the hub"
    )
    parser.add_argument(
        "--revision", default="", metavar="NAME", help="branch, tag or commit; default: main"
    )
    parser.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="PATTERN",
        help='only files that match, for example "*.json"; may be given more than once',
    )
    parser.add_argument(
        "--unpack",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="unpack zip and tar files, also those in parts, beside themselves; default: for aguvis only",
    )


def run(arguments: argparse.Namespace) -> int:
    """Fetch, compare, and say what came."""
    from screensmith.cli._hub import fetch, listed
    from screensmith.data.hub_names import hub_set

    known = hub_set(arguments.name)
    folder = arguments.to or Path("data") / known.folder
    endpoint = arguments.endpoint.rstrip("/")
    listing = listed(known.id, endpoint, arguments.revision, arguments.include)
    size = f"{len(listing.files)} files, {listing.size_bytes / 1e6:.1f} MB"
    print(f"{known.id} at {listing.commit[:12]}: {size}", flush=True)
    with _shown(listing.size_bytes) as advance:
        again = fetch(listing, folder, endpoint, advance)
    repeated = f"; {again} arrived corrupt and were fetched again" if again else ""
    print(f"{folder}: complete, every checksum is right{repeated}", flush=True)
    if known.unpack if arguments.unpack is None else arguments.unpack:
        _unpack(folder, listing)
    return 0


def _unpack(folder: Path, listing: Listing) -> None:
    """Unpack every archive that is not unpacked yet."""
    from screensmith.cli._archives import archives_in, unpack

    hashes = {file.path: file.sha256 or file.blob for file in listing.files}
    for archive in archives_in(list(hashes)):
        digest = hashlib.sha256("-".join(hashes[part] for part in archive.parts).encode()).hexdigest()
        with _shown(None) as advance:
            count = unpack(folder, archive, digest, advance)
        said = "unpacked before" if count is None else f"{count} files unpacked"
        print(f"{archive.name}: {said}", flush=True)


@contextlib.contextmanager
def _shown(size_bytes: int | None) -> Iterator[Callable[[int], object]]:
    """A bar on the terminal where there is one, for all files together; None for an unknown size."""
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from tqdm import tqdm

    disable_progress_bars()
    with tqdm(total=size_bytes, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        yield bar.update
