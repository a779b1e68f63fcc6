"""MDS episodes, local or in a bucket: both on-disk dialects, both action schemas.

One sample of the data set is one episode: a few columns and a zip archive with frames.ndjson,
actions.ndjson and JPEG frames. Source: the Neko agent's capture (formats.md 1.1).
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from screensmith import plugins
from screensmith.core.episode import Episode
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import _mds_shards as shards
from screensmith.readers._mds_archive import Archive, open_archive
from screensmith.readers._mds_episode import Pairing, build
from screensmith.readers._mds_pairing import PAIRINGS

KEPT_PAYLOAD_BYTES = 64 * 1024**2
ATTEMPTS = 3


def read(
    root: str,
    *,
    remote: str = "",
    cache: str = "",
    endpoint: str = "",
    pair: str = "before",
    max_lag_seconds: float = 10.0,
    refusals: RefusalLog | None = None,
) -> Sequence[Episode]:
    """Every usable episode, in the order of the shards; images are read only when asked for.

    All shards are fetched, verified and scanned once, and nothing is written into `root`. The result
    can be pickled. Names: a sample of a refused shard is "<shard>#<sample>" (from 0), a step
    "<episode>#<line>" (from 1), a frame "<episode>#frame<line>"; a repeated episode id gets "~2", "~3", ...

    Args:
        root: a folder with index.json; not looked at when `remote` is given.
        remote: where to read instead, for example "s3://bucket/prefix"; `root` may also be such an address.
        cache: folder for fetched and decompressed shards (default: screensmith/mds in the user's cache
            folder); each data set gets its own folder in it.
        endpoint: address of an S3-compatible server; its credentials come from AWS_ACCESS_KEY_ID and
            AWS_SECRET_ACCESS_KEY.
        pair: "before" (the last frame not later than the action) or "nearest". A line that itself names
            its frame, as our own recordings do, is not subject to pairing and lag.
        max_lag_seconds: the largest distance in time between a frame and its action.
        refusals: where refused shards, episodes, frames and steps are recorded; each sample, each action
            line and each refused frame line counts as considered.

    Raises:
        screensmith.readers._mds_shards.NotMds: there is no MDS data set there.
        ValueError: an option has no meaning.
    """
    if pair not in PAIRINGS:
        raise plugins.suggest("pairing", pair, list(PAIRINGS))
    if not (math.isfinite(max_lag_seconds) and max_lag_seconds >= 0):
        raise ValueError(f"max_lag_seconds must be a number of seconds, 0 or more, got {max_lag_seconds}")
    place = shards.locate(root, remote, cache, endpoint)
    for _ in range(ATTEMPTS):
        entries = shards.read_index(place)
        log = RefusalLog()
        episodes = _scan(place, entries, Pairing(pair, max_lag_seconds), log)
        # A capture that ends just now joins its small shards; then the new index names the new ones.
        if "shard missing" not in log.by_reason() or shards.read_index(place) == entries:
            break
    if refusals is not None:
        refusals.consider(log.considered)
        refusals.extend(log)
    return episodes


def fingerprint(root: str, *, remote: str = "", cache: str = "", endpoint: str = "") -> str:
    """A hash of the data set's index, with the sizes and hashes of all shards; options as in `read`."""
    return shards.fingerprint_of(shards.read_index(shards.locate(root, remote, cache, endpoint)))


class _Payloads:
    """The archives of an open data set, the latest kept; picklable, safe among threads."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.readers: list[Any] = []
        self._forget()

    def archive(self, shard: int, sample: int) -> Archive:
        """One episode's archive, from memory or from its shard."""
        with self._lock:
            if (shard, sample) in self._kept:
                self._kept.move_to_end((shard, sample))
                return self._kept[shard, sample][0]
        payload = shards.read_sample(self.readers[shard], sample)["payload"]
        archive = open_archive(payload)
        with self._lock:
            self._kept[shard, sample] = archive, len(payload)
            while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > KEPT_PAYLOAD_BYTES:
                self._kept.popitem(last=False)
        return archive

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], tuple[Archive, int]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"address": self.address, "readers": self.readers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()


@dataclass(frozen=True, slots=True)
class FrameSource:
    """One frame inside an episode inside a shard; equal when it is the same frame of the same data set."""

    payloads: _Payloads = field(compare=False, repr=False)
    address: str
    shard: int
    sample: int
    member: str

    def read_bytes(self) -> bytes:
        """The encoded image.

        Raises:
            Refused: the shard was removed or changed since the data set was opened.
        """
        return self.payloads.archive(self.shard, self.sample).read(self.member)


def _scan(
    place: shards.Place, entries: Sequence[shards.Entry], pairing: Pairing, log: RefusalLog
) -> tuple[Episode, ...]:
    payloads = _Payloads(place.address)
    taken: set[str] = set()
    episodes = []
    for number, entry in enumerate(entries):
        name = shards.name_of(entry)
        log.consider(entry["samples"])
        try:
            reader = shards.open_shard(place, entry)
        except Refused as refused:
            payloads.readers.append(None)
            for sample in range(entry["samples"]):
                log.add(f"{name}#{sample}", refused.reason, refused.detail)
            continue
        payloads.readers.append(reader)
        for sample in range(entry["samples"]):
            id = f"{name}#{sample}"
            try:
                columns = shards.read_sample(reader, sample)
                id = _unique(columns.get("episode_id"), id, taken)
                source_of = partial(FrameSource, payloads, place.address, number, sample)
                episodes.append(build(id, columns, pairing, source_of, log))
            except Refused as refused:
                log.add(id, refused.reason, refused.detail)
    return tuple(episodes)


def _unique(recorded: Any, fallback: str, taken: set[str]) -> str:
    base = recorded if isinstance(recorded, str) and recorded.strip() else fallback
    id, copy = base, 1
    while id in taken:
        copy += 1
        id = f"{base}~{copy}"
    taken.add(id)
    return id
