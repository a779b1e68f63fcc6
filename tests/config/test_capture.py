import pytest
from pydantic import ValidationError

from screensmith.config.capture import COMPRESSION_LEVELS, HASH_NAMES, CaptureSettings


def test_the_compressions_that_are_read_back_are_allowed_and_no_other() -> None:
    known = pytest.importorskip("streaming.base.compression").get_compressions()
    ours = {name for name in known if name.split(":")[0] in COMPRESSION_LEVELS}
    assert {name.split(":")[0] for name in ours} == COMPRESSION_LEVELS.keys()
    for name in ours:
        assert CaptureSettings(compression=name).compression == name
    for name in (known - ours) | {"zstd:0", "zstd:23", "zstd:", "zip", "gz:fast"}:
        with pytest.raises(ValidationError, match="unknown compression"):
            CaptureSettings(compression=name)


@pytest.mark.parametrize("name", ["none", "None", ""])
def test_none_means_no_compression(name: str) -> None:
    assert CaptureSettings(compression=name).compression == ""


def test_every_hash_that_streaming_knows_is_allowed() -> None:
    assert set(HASH_NAMES) == set(pytest.importorskip("streaming.base.hashing").get_hashes())


@pytest.mark.parametrize(
    ("text", "count"),
    [("512mb", 512 * 1024**2), ("1GB", 1024**3), ("1.5 kb", 1536), ("100b", 100), ("7", 7)],
)
def test_a_shard_size_is_read_with_its_unit(text: str, count: int) -> None:
    assert CaptureSettings(shard_size=text).shard_size == count  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["4gb", "0", "-1mb", "much", "5tb"])
def test_a_shard_size_beyond_its_32_bit_places_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="shard_size"):
        CaptureSettings(shard_size=text)  # type: ignore[arg-type]
