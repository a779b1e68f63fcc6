"""Shards of an MDS folder or bucket: found, fetched, verified and opened for random access.

The pieces of mosaicml-streaming are used (shard format, codecs, hashes, downloads) without its
`StreamingDataset`: that keeps its state in shared memory (left behind by a `kill -9`), waits for ever
for a shard that failed once, deletes decompressed shards it finds without their compressed form,
and trusts a decompressed shard without checking it. Source: mosaicml-streaming 0.13.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import hashlib
import importlib
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from screensmith.core.refusals import Refused

INDEX_NAME = "index.json"
LARGEST_SHARD_BYTES = 2**32 - 1  # offsets inside a shard are uint32
MOST_SAMPLES = 1_000_000  # in one shard
COMPRESSIONS = ("zstd", "gz", "bz2")
DOWNLOAD_TIMEOUT_SECONDS = 60.0
SAFE_ENCODING = re.compile(r"(str|bytes|json|int|u?int(8|16|32|64)|float(16|32|64)|str_int|str_float)")

Entry = Mapping[str, Any]


class NotMds(ValueError):
    """The place holds no MDS data set; the message names it and says what is expected."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a data set is: a folder, or a remote address that is fetched into `cache`.

    `endpoint` is the address of an S3-compatible server (R2, MinIO); empty means Amazon's.
    """

    address: str
    cache: Path
    remote: bool = False
    endpoint: str = ""


def streaming() -> Any:
    """The mosaicml-streaming package, or an error that says how to install it."""
    try:
        import streaming.base.compression
        import streaming.base.format
        import streaming.base.hashing
        import streaming.base.storage
    except ImportError as error:
        raise RuntimeError(
            f"reading and writing MDS needs mosaicml-streaming ({error}): pip install 'screensmith[mds]'"
        ) from error
    return streaming


def locate(root: str, remote: str, cache: str, endpoint: str) -> Place:
    """The place meant by the options of `screensmith.readers.mds.read`."""
    if not remote and "://" in root:
        remote = root
    if not remote and not Path(root).is_dir():
        raise NotMds(_expected(root, "there is no such folder"))
    address = remote.rstrip("/") if remote else str(Path(root).resolve())
    shown = re.sub(r"[^A-Za-z0-9._-]+", "-", address).strip("-.")[-40:]
    key = f"{shown}-{hashlib.sha256(f'{endpoint} {address}'.encode()).hexdigest()[:12]}"
    return Place(address, _cache_folder(cache) / key, bool(remote), endpoint)


def read_index(place: Place) -> tuple[Entry, ...]:
    """The index entries of all shards, in order.

    Raises:
        NotMds: there is no index, it is unreadable, or it names files outside the folder.
    """
    text = _fetch_index(place) if place.remote else _read_local_index(place.address)
    try:
        index = json.loads(text)
        version, entries = index["version"], index["shards"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotMds(_expected(place.address, f"{INDEX_NAME} is unreadable ({error})")) from error
    if version != 2 or not isinstance(entries, list):
        raise NotMds(_expected(place.address, f"{INDEX_NAME} has version {version!r}, not 2"))
    for number, entry in enumerate(entries):
        _check_entry(place.address, number, entry)
    return tuple(entries)


def fingerprint_of(entries: tuple[Entry, ...]) -> str:
    """A hash of what the index says about all shards: sizes, hashes and columns."""
    text = json.dumps(entries, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def name_of(entry: Entry) -> str:
    """The shard's short name, for example "shard.00003"."""
    return str(entry["raw_data"]["basename"]).removesuffix(".mds")


def open_shard(place: Place, entry: Entry) -> Any:
    """A random-access reader of one verified shard (`streaming`'s MDSReader); picklable.

    Raises:
        Refused: the shard is missing, corrupt, or of a kind that is not read.
    """
    _check_columns(entry)
    folder, basename = _verified_file(place, entry)
    located = copy.deepcopy(dict(entry))
    located["raw_data"]["basename"] = basename
    try:
        return streaming().base.format.reader_from_json(str(folder), None, located)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise Refused("shard entry unreadable", str(error)) from error


def read_sample(reader: Any, number: int) -> dict[str, Any]:
    """One sample's columns, decoded.

    Raises:
        Refused: the shard file is gone or the sample cannot be decoded.
    """
    import numpy as np

    try:
        # Offsets of a corrupt shard without hashes would wrap around with a mere warning.
        with np.errstate(over="raise"):
            sample: dict[str, Any] = reader.get_item(number)
    except FileNotFoundError as error:
        detail = f"{error.filename}: it was removed after the data set was opened; open it again"
        raise Refused("shard missing", detail) from error
    except (ValueError, KeyError, IndexError, TypeError, OSError, RecursionError, ArithmeticError) as error:
        raise Refused("sample unreadable", str(error)) from error
    return sample


def _cache_folder(cache: str) -> Path:
    if cache:
        return Path(cache)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "screensmith" / "mds"


def _expected(address: str, problem: str) -> str:
    return (
        f"{address} is no MDS data set: {problem}. Expected a folder or bucket prefix with {INDEX_NAME} "
        "and shards (shard.00000.mds or shard.00000.mds.zstd), as `screensmith capture` writes"
    )


def _read_local_index(address: str) -> str:
    path = Path(address) / INDEX_NAME
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotMds(_expected(address, f"{INDEX_NAME} is missing")) from error
    except (OSError, UnicodeDecodeError) as error:
        raise NotMds(_expected(address, f"{INDEX_NAME} cannot be read ({error})")) from error


def _fetch_index(place: Place) -> str:
    """The remote index, fetched anew each time because the data set may have grown."""
    place.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.cache) as folder:
        target = Path(folder) / INDEX_NAME
        try:
            _download(place, INDEX_NAME, target)
        except FileNotFoundError as error:
            raise NotMds(_expected(place.address, f"{INDEX_NAME} cannot be fetched ({error})")) from error
        return target.read_text(encoding="utf-8", errors="replace")


def _check_entry(address: str, number: int, entry: Any) -> None:
    try:
        known = entry["version"] == 2 and entry["format"] == "mds"
        files = [info for info in (entry["raw_data"], entry["zip_data"]) if info]
        names = [str(info["basename"]) for info in files]
        counts = [entry["samples"], *(info["bytes"] for info in files)]
        hashes = [dict(info["hashes"]) for info in files]
    except (KeyError, TypeError, ValueError) as error:
        raise NotMds(_expected(address, f"shard {number} of {INDEX_NAME} lacks {error}")) from error
    sane = all(isinstance(count, int) and count >= 0 for count in counts) and counts[0] <= MOST_SAMPLES
    if not known or not entry["raw_data"] or not sane:
        raise NotMds(_expected(address, f"shard {number} of {INDEX_NAME} is not MDS version 2"))
    if not all(isinstance(value, str) for table in hashes for value in table.values()):
        raise NotMds(_expected(address, f"shard {number} of {INDEX_NAME} has a hash that is not text"))
    for name in names:
        if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) is None:
            raise NotMds(_expected(address, f"shard {number} of {INDEX_NAME} names the file {name!r}"))


def _check_columns(entry: Entry) -> None:
    names, encodings = entry.get("column_names"), entry.get("column_encodings")
    if not isinstance(names, list) or not isinstance(encodings, list) or len(names) != len(encodings):
        raise Refused("shard entry unreadable", "column_names and column_encodings do not match")
    for name, encoding in zip(names, encodings, strict=True):
        if not isinstance(encoding, str) or SAFE_ENCODING.fullmatch(encoding) is None:
            raise Refused("column encoding refused", f"column {name!r} is encoded as {encoding!r}")


def _verified_file(place: Place, entry: Entry) -> tuple[Path, str]:
    """The folder and name of the uncompressed shard, after comparing its hashes."""
    raw, packed = entry["raw_data"], entry["zip_data"]
    if raw["bytes"] > LARGEST_SHARD_BYTES:
        raise Refused(
            "shard too large", f"{raw['bytes']} bytes; the format's limit is {LARGEST_SHARD_BYTES}"
        )
    if not place.remote:
        beside = Path(place.address) / raw["basename"]
        if packed is None or beside.is_file():
            problem = _problem_of(beside, raw)
            if problem is None:
                return beside.parent, beside.name
            if packed is None:
                raise problem
    place.cache.mkdir(parents=True, exist_ok=True)
    cached = place.cache / f"{_cache_key(entry)}.mds"
    with _locked(cached.with_suffix(".lock")):
        if not _trusted(cached, entry):
            _unpack(place, entry, cached)
    return cached.parent, cached.name


def _cache_key(entry: Entry) -> str:
    # The name follows from the content, so a shard that changes under its old name is fetched anew.
    text = json.dumps([entry["raw_data"], entry["zip_data"]], sort_keys=True)
    return f"{name_of(entry)}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _trusted(cached: Path, entry: Entry) -> bool:
    # Without hashes nothing says that the cached file is still what the index means.
    return bool(entry["raw_data"]["hashes"]) and _problem_of(cached, entry["raw_data"]) is None


def _problem_of(path: Path, info: Entry) -> Refused | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Refused("shard missing", path.name)
    except OSError as error:
        return Refused("shard unreadable", str(error))
    try:
        _verify(data, info, path.name)
    except Refused as refused:
        return refused
    return None


def _verify(data: bytes, info: Entry, name: str) -> None:
    if len(data) != info["bytes"]:
        raise Refused("shard corrupt", f"{name} has {len(data)} bytes, {INDEX_NAME} says {info['bytes']}")
    hashing = streaming().base.hashing
    for algorithm, expected in info["hashes"].items():
        if not hashing.is_hash(algorithm):
            raise Refused("shard hash unknown", f"{name}: {algorithm!r}")
        if hashing.get_hash(algorithm, data) != expected:
            raise Refused("shard corrupt", f"{name} does not have the {algorithm} that {INDEX_NAME} says")


def _unpack(place: Place, entry: Entry, cached: Path) -> None:
    """Fetch, verify and decompress a shard; `cached` appears only when it is complete."""
    raw, packed = entry["raw_data"], entry["zip_data"]
    source = packed or raw
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        path = Path(place.address) / source["basename"]
        if place.remote:
            path = Path(folder) / source["basename"]
            try:
                _download(place, source["basename"], path)
            except FileNotFoundError as error:
                raise Refused("shard missing", str(error)) from error
        problem = _problem_of(path, source)
        if problem is not None:
            raise problem
        if packed:
            unpacked = Path(folder) / "unpacked"
            unpacked.write_bytes(_decompress(path.read_bytes(), entry))
            path = unpacked
            problem = _problem_of(path, raw)
            if problem is not None:
                raise problem
        path.replace(cached)


def _decompress(data: bytes, entry: Entry) -> bytes:
    zstd: Any = importlib.import_module("zstd")  # it has no types
    compression = str(entry["compression"])
    if compression.split(":", maxsplit=1)[0] not in COMPRESSIONS:
        raise Refused("shard compression not read", f"{compression!r}; read are {', '.join(COMPRESSIONS)}")
    if compression.startswith("zstd"):
        declared = _zstd_content_bytes(data)
        if declared is not None and declared != entry["raw_data"]["bytes"]:
            detail = f"it unpacks to {declared} bytes, {INDEX_NAME} says {entry['raw_data']['bytes']}"
            raise Refused("shard corrupt", detail)
    try:
        unpacked: bytes = streaming().base.compression.decompress(compression, data)
    except (zstd.Error, zlib.error, OSError, EOFError, ValueError) as error:
        raise Refused("shard corrupt", f"{compression} cannot unpack it: {error}") from error
    return unpacked


def _zstd_content_bytes(data: bytes) -> int | None:
    """The size a zstd frame declares, which its decoder would allocate. Source: RFC 8878, 3.1.1.1."""
    if len(data) < 6 or data[:4] != b"\x28\xb5\x2f\xfd":
        return None
    single, code = bool(data[4] & 0x20), data[4] >> 6
    length = (1 if single else 0, 2, 4, 8)[code]
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[data[4] & 3]
    value = int.from_bytes(data[start : start + length], "little")
    return None if length == 0 else value + (256 if length == 2 else 0)


def _download(place: Place, name: str, target: Path) -> None:
    """Fetch one remote file; FileNotFoundError when the server says that there is none.

    Raises:
        NotMds: the server cannot be reached or refuses; the message says what to set.
    """
    storage = streaming().base.storage
    address = f"{place.address}/{name}"
    try:
        with _endpoint(place.endpoint):
            storage.CloudDownloader.get(place.address).download(
                address, str(target), DOWNLOAD_TIMEOUT_SECONDS
            )
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{address} does not exist") from error
    except _client_errors(place.address) as error:
        code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        if code in ("404", "NoSuchKey", "NoSuchBucket"):
            raise FileNotFoundError(f"{address} does not exist") from error
        hint = "check the address, the endpoint setting, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise NotMds(f"cannot fetch {address}: {type(error).__name__}: {error}; {hint}") from error


def _client_errors(address: str) -> tuple[type[Exception], ...]:
    # Only S3's client is known here; other clouds' errors are passed on as they are.
    if not address.startswith("s3://"):
        return ()
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return Boto3Error, BotoCoreError, ClientError


@contextlib.contextmanager
def _endpoint(endpoint: str) -> Iterator[None]:
    # streaming takes the endpoint from this variable when it makes a client, and from nowhere else.
    name = "S3_ENDPOINT_URL"
    before = os.environ.get(name)
    if endpoint:
        os.environ[name] = endpoint
    try:
        yield
    finally:
        if endpoint:
            os.environ.pop(name)
            if before is not None:
                os.environ[name] = before


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
