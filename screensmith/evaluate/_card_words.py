"""Words of a model card: text from files made harmless in Markdown, places shown without their folders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from screensmith.evaluate.summary import NOTHING

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_hub_name(name: str) -> bool:
    """Whether a name can be "owner/name" of the hub; a folder may have such a name, too."""
    return HUB_NAME.fullmatch(name) is not None


def place_name(name: str) -> str:
    """A folder, file or address by its last part: where it lies on a machine is nobody's business."""
    parts = [part for part in re.split(r"[/\\]+", name) if part not in ("", ".", "..", "~")]
    if not re.search(r"[/\\]", name):
        return name
    return parts[-1] if parts else ""


def without_places(value: Any) -> Any:
    """Plain values with only the last part of paths that are absolute, begin with "." or "~", or exist."""
    if isinstance(value, Mapping):
        return {str(key): without_places(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [without_places(held) for held in value]
    if isinstance(value, str) and _is_place(value):
        return place_name(value)
    return value


def _is_place(text: str) -> bool:
    if "\n" in text or len(text) > 1000:
        return False
    looks = re.match(r"(/|\.{1,2}[/\\]|~|[A-Za-z]:\\|[a-z][a-z0-9+]*://)", text) is not None
    return looks or ("/" in text and Path(text).exists())


def words(text: object) -> str:
    """Text as one line of Markdown that shows it as it is."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", line)


def code(text: object) -> str:
    """Text as code within a line; a table may hold it."""
    line = " ".join(str(text).split()).replace("`", "'").replace("|", "\N{BROKEN BAR}")
    return f"`{line}`" if line else NOTHING


def plug_in(name: str, options: Mapping[str, Any]) -> str:
    """A plug-in with its options, as code: `showui(space="web")`."""
    given = ", ".join(
        f"{key}={json.dumps(without_places(value))}" for key, value in sorted(options.items())
    )
    return code(f"{name}({given})" if given else name)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table whose cells are Markdown already."""
    lines = [heading, ["---"] * len(heading), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def fenced(text: str, language: str = "") -> list[str]:
    """Lines of a block of code; a fence inside the text cannot end it."""
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return [f"{fence}{language}", *text.rstrip("\n").split("\n"), fence]
