"""The model that a checkpoint was made from: its name on the hub, and its licence where that is known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from screensmith.evaluate._card_words import is_hub_name, place_name

UNKNOWN = "unknown"  # the hub's own word for a licence that nobody knows
LICENSE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*")
CARD = "README.md"


class UnsuitableBase(ValueError):
    """What was said of the base contradicts itself or what lies there."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base of a checkpoint.

    `name` is for people, "" where none is recorded. `hub` is its name on the hub, "" where it is not known
    to be there. `license` is the hub's word for it, and `license_from` says how that is known. `details`
    are the base's own `license_name` and `license_link`, for the licence "other".
    """

    name: str
    hub: str
    license: str
    license_from: str
    details: Mapping[str, str]


def base_of(recorded: str, places: tuple[Path, ...], *, hub: str = "", license: str = "") -> Base:
    """The base that a checkpoint names.

    Args:
        recorded: folder or hub name, as `agent.json` or `adapter_config.json` has it.
        places: folders that a relative name may count from.
        hub: its name on the hub, as the user gave it; "" takes a recorded one.
        license: as the user gave it; "" where nothing was said.

    Raises:
        UnsuitableBase: a given name or licence cannot be one, or contradicts what the base itself says.
    """
    if hub and not is_hub_name(hub):
        raise UnsuitableBase(f"{hub!r} is no name of the hub: OWNER/NAME is expected")
    if license and not LICENSE_ID.fullmatch(license):
        raise UnsuitableBase(f"{license!r} is no id of a licence, such as apache-2.0, mit or other")
    folder = next((place / recorded for place in places if recorded and (place / recorded).is_dir()), None)
    known = hub or (recorded if folder is None and is_hub_name(recorded) else "")
    said = _said_by(folder) if folder is not None else {}
    own = said.get("license", "")
    if own and license and own != license:
        raise UnsuitableBase(
            f"the base {place_name(recorded)} says that its licence is {own!r} ({said['from']}), "
            f"--license-of-base says {license!r}"
        )
    details: dict[str, str] = {key: said[key] for key in ("license_name", "license_link") if key in said}
    return Base(
        name=known or place_name(recorded),
        hub=known,
        license=own or license or UNKNOWN,
        license_from=_how_known(said, license, recorded, folder),
        details=details,
    )


def _how_known(said: Mapping[str, str], given: str, recorded: str, folder: Path | None) -> str:
    if said.get("license"):
        return f"as the base's own {said['from']} says"
    if given:
        return "as whoever published this said; the base's files were not asked"
    if not recorded:
        return "no base is recorded"
    if folder is None:
        return "the base was not at hand when this card was written"
    return f"the base has no {CARD} or config.json that says one"


def _said_by(folder: Path) -> dict[str, str]:
    """Licence, its name and link, and the file that says so."""
    for name, read in ((CARD, _front_matter), ("config.json", _config)):
        path = folder / name
        held = read(path) if path.is_file() else {}
        license = held.get("license")
        if isinstance(license, list) and len(license) == 1:
            license = license[0]
        if isinstance(license, str) and LICENSE_ID.fullmatch(license) and license != UNKNOWN:
            more = {key: held.get(key) for key in ("license_name", "license_link")}
            return {
                "license": license,
                "from": name,
                **{key: value for key, value in more.items() if isinstance(value, str)},
            }
    return {}


def _front_matter(path: Path) -> dict[str, Any]:
    text = path.read_text("utf-8", errors="replace")
    found = re.match(r"---\r?\n(.*?)\r?\n---\s*(\r?\n|$)", text, re.DOTALL)
    if found is None:
        return {}
    try:
        held = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        raise UnsuitableBase(f"{path}: the lines between --- are not YAML: {error}") from error
    return held if isinstance(held, dict) else {}


def _config(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UnsuitableBase(f"{path} is not JSON: {error}") from error
    return held if isinstance(held, dict) else {}
