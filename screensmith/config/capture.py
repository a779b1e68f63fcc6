"""How demonstrations are recorded. Defaults are the documented ones."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

COMPRESSION_LEVELS = {"bz2": range(1, 10), "gz": range(10), "zstd": range(1, 23)}
HASH_NAMES = (
    "blake2b", "blake2s", "md5", "sha1", "sha224", "sha256", "sha384", "sha512",
    "sha3_224", "sha3_256", "sha3_384", "sha3_512", "xxh32", "xxh64", "xxh128", "xxh3_64", "xxh3_128",
)  # fmt: skip
UNITS_BYTES = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}
# A shard holds its samples' places as 32-bit numbers.
LARGEST_SHARD_BYTES = 2**32 - 1


def _check_compression(text: str) -> str:
    if text.lower() in ("", "none"):
        return ""
    name, _, level = text.partition(":")
    levels = COMPRESSION_LEVELS.get(name, ())
    if not levels or (text != name and not (level.isdecimal() and int(level) in levels)):
        raise ValueError("unknown compression")
    return text


def _read_bytes(value: Any) -> Any:
    found = (
        re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?b|)", value.strip().lower())
        if isinstance(value, str)
        else None
    )
    return int(float(found[1]) * UNITS_BYTES[found[2]]) if found else value


Compression = Annotated[str, AfterValidator(_check_compression)]
ByteCount = Annotated[int, BeforeValidator(_read_bytes)]


class CaptureSettings(BaseModel):
    """Options of `screensmith capture` that people keep in a `.env`. Unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    out: str = Field("./data/mds", description="folder that recorded episodes are added to")
    compression: Compression = Field(
        "zstd:6",
        description="compression of finished shards, none for no compression",
        json_schema_extra={"allowed": "none, or bz2, gz or zstd, with or without :level"},
    )
    shard_size: ByteCount = Field(
        512 * UNITS_BYTES["mb"],
        ge=1,
        le=LARGEST_SHARD_BYTES,
        description="largest shard, bytes",
        json_schema_extra={
            "allowed": "a number of bytes such as 512mb, below 4gb",
            "shown_default": "512mb",
        },
    )
    hashes: tuple[Literal[HASH_NAMES], ...] = Field(  # type: ignore[valid-type]
        ("sha1",), description="checksums kept of each shard"
    )
    jpeg_quality: int = Field(85, ge=1, le=95, description="quality of recorded frames")
    fps: float = Field(2.0, gt=0, le=60, description="frames a second while a person demonstrates")
