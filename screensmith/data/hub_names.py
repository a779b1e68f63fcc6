"""Short names of data sets on the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from screensmith.plugins import suggest


@dataclass(frozen=True, slots=True)
class HubSet:
    """One data set of the hub: its id there, the folder it goes to, and what comes with it.

    `unpack` says whether its archives are unpacked unless that is declined.
    """

    id: str
    folder: str
    about: str
    unpack: bool = False


# Source: formats.md 1.3.3, 1.4.1 and 1.9; only what is named there.
HUB_SETS: Mapping[str, HubSet] = {
    "screenspot": HubSet(
        "KevinQHLin/ScreenSpot", "ScreenSpot", "images/ and metadata/, as ShowUI reads it"
    ),
    "screenspot-parquet": HubSet("rootsautomation/ScreenSpot", "ScreenSpot-parquet", "one parquet file"),
    "screenspot-v2": HubSet("OS-Copilot/ScreenSpot-v2", "ScreenSpot-v2", "three json files and a zip"),
    "screenspot-v2-parquet": HubSet(
        "HongxinLi/ScreenSpot_v2", "ScreenSpot-v2-parquet", "parquet files in data/"
    ),
    "guiact": HubSet("yiye2023/GUIAct", "GUIAct", "raw json files, images in parquet files"),
    "aguvis-stage1": HubSet(
        "xlangai/aguvis-stage1", "aguvis-stage1", "conversations and images", unpack=True
    ),
    "aguvis-stage2": HubSet(
        "xlangai/aguvis-stage2", "aguvis-stage2", "conversations and images", unpack=True
    ),
}
ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def hub_set(name: str) -> HubSet:
    """The data set of a short name, or of an id of the form owner/name.

    Raises:
        screensmith.plugins.UnknownName: it is neither.
    """
    if name in HUB_SETS:
        return HUB_SETS[name]
    if ID.fullmatch(name):
        return HubSet(name, name.split("/")[1], "")
    raise suggest("data set (and no owner/name of the hub)", name, sorted(HUB_SETS))
