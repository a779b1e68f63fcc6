"""Fetching a data set, against a server of this test that speaks the hub's protocol."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from screensmith.cli.main import main
from screensmith.data.hub_names import HUB_SETS

COMMIT = "a" * 40
ID = "owner/set"
MIB = 1024**2
LARGE = bytes(range(256)) * 8192  # 2 MiB
SMALL = b'[{"task": "open the cart"}]\n'
FILES = {"metadata/hf_test.json": SMALL, "images/large.bin": LARGE, "README.md": b"read me\n"}
Screensmith = Callable[..., subprocess.CompletedProcess[str]]


class Hub:
    """What the server holds and what it was asked; `cut` stops transfers after so many bytes."""

    def __init__(self) -> None:
        self.files = dict(FILES)
        self.ranges: list[str] = []
        self.served: list[str] = []
        self.corrupt = 0
        self.cut = 0
        self.stalled = threading.Event()
        self.address = ""

    def entry(self, path: str) -> dict[str, object]:
        data = self.files[path]
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": blob}
        if path.endswith(".bin"):
            digest = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
        return entry

    def etag(self, path: str) -> str:
        entry = self.entry(path)
        lfs = entry.get("lfs")
        return str(lfs["oid"] if isinstance(lfs, dict) else entry["oid"])


class Handler(BaseHTTPRequestHandler):
    """The endpoints that a download asks: revision, tree, and resolve with ETag and Range."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == f"/api/datasets/{ID}" or path.startswith(f"/api/datasets/{ID}/revision/"):
            revision = path.rpartition("/")[2]
            if "/revision/" in path and revision not in ("main", COMMIT):
                self._error(404, "RevisionNotFound")
                return
            siblings = [{"rfilename": name} for name in self.hub.files]
            self._json({"id": ID, "sha": COMMIT, "siblings": siblings, "tags": []})
        elif path.startswith(f"/api/datasets/{ID}/tree/{COMMIT}"):
            self._json([self.hub.entry(name) for name in self.hub.files])
        elif path.startswith(f"/datasets/{ID}/resolve/{COMMIT}/"):
            self._file(path.removeprefix(f"/datasets/{ID}/resolve/{COMMIT}/"), body)
        elif path.startswith("/api/datasets/owner/broken"):
            self._error(500, "")
        elif path.startswith("/api/datasets/owner/gated"):
            self._error(403, "GatedRepo")
        else:
            self._error(404, "RepoNotFound")

    def _file(self, name: str, body: bool) -> None:
        data = self.hub.files[name]
        start = 0
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes="):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{self.hub.etag(name)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if not body:
            return
        self.hub.ranges.append(wanted)
        self.hub.served.append(name)
        if self.hub.corrupt and name == "images/large.bin":
            self.hub.corrupt -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        if self.hub.cut and name == "images/large.bin":
            self.wfile.write(data[start : start + self.hub.cut])
            self.wfile.flush()
            self.hub.stalled.set()
            time.sleep(600)  # until the client, or this test, is gone
        self.wfile.write(data[start:])

    def _json(self, value: object) -> None:
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _error(self, status: int, code: str) -> None:
        text = b'{"error": "no"}'
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", f"said by the server: {code or status}")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A running server with one data set."""
    held = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": held}))
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    held.address = f"http://127.0.0.1:{server.server_address[1]}"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def holds(folder: Path, *names: str) -> bool:
    return all((folder / name).read_bytes() == FILES[name] for name in names)


def test_a_data_set_is_fetched_and_compared(hub: Hub, screensmith: Screensmith, tmp_path: Path) -> None:
    done = screensmith("download", ID, "--to", "here", "--endpoint", f"{hub.address}/")
    assert done.returncode == 0, done.stderr
    assert holds(tmp_path / "here", *FILES)
    assert f"{ID} at {COMMIT[:12]}: 3 files, 2.1 MB" in done.stdout
    assert "here: complete, every checksum is right" in done.stdout
    hub.served.clear()
    again = screensmith("download", ID, "--to", "here", "--endpoint", hub.address)
    assert again.returncode == 0, again.stderr
    assert hub.served == []


def test_archives_in_parts_are_joined_and_unpacked_when_asked_for(
    hub: Hub, screensmith: Screensmith, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name in ("images/large.bin", "README.md"):
            info = tarfile.TarInfo(f"aitw-v1/{name}")
            info.size = len(FILES[name])
            file.addfile(info, io.BytesIO(FILES[name]))
    data = buffer.getvalue()
    hub.files["aitw-v1.tar.gz.part_aa"], hub.files["aitw-v1.tar.gz.part_ab"] = data[:2000], data[2000:]
    words = ["download", ID, "--to", "here", "--endpoint", hub.address]
    done = screensmith(*words)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "here" / "aitw-v1").exists()
    for said in ("2 files unpacked", "unpacked before"):
        done = screensmith(*words, "--unpack")
        assert done.returncode == 0, done.stderr
        assert f"aitw-v1.tar.gz: {said}" in done.stdout
    assert holds(tmp_path / "here" / "aitw-v1", "images/large.bin", "README.md")
    hub.files["aitw-v1.tar.gz.part_ab"] = data[2000:-9]
    done = screensmith(*words, "--unpack")
    assert done.returncode == 2
    assert "aitw-v1.tar.gz is broken" in done.stderr


def test_only_what_matches_is_fetched(hub: Hub, screensmith: Screensmith, tmp_path: Path) -> None:
    done = screensmith(
        "download", ID, "--include", "*.json", "--include", "READ*", "--endpoint", hub.address
    )
    assert done.returncode == 0, done.stderr
    assert holds(tmp_path / "data" / "set", "metadata/hf_test.json", "README.md")
    assert not (tmp_path / "data" / "set" / "images").exists()


def test_a_killed_download_continues_where_it_stopped(
    hub: Hub, screensmith: Screensmith, tmp_path: Path
) -> None:
    # The library writes pieces of 10 MiB.
    whole = hub.files["images/large.bin"] = bytes(range(256)) * (24 * MIB // 256)
    hub.cut = 15 * MIB
    words = ["download", ID, "--to", "here", "--endpoint", hub.address]
    started = subprocess.Popen(
        [sys.executable, "-m", "screensmith.cli.main", *words],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        assert hub.stalled.wait(120)
        part = wait_for_part(tmp_path / "here")
    finally:
        started.send_signal(signal.SIGKILL)
        started.wait()
    hub.cut = 0
    hub.ranges.clear()
    done = screensmith(*words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "images/large.bin").read_bytes() == whole
    continued = [wanted for wanted in hub.ranges if wanted]
    assert continued == [f"bytes={part}-"]
    assert not (tmp_path / "here" / ".download").exists()


def wait_for_part(folder: Path) -> int:
    """The size of the half file once it no longer grows."""
    sizes = [0]
    for _ in range(600):
        parts = list((folder / ".download").glob("*.part"))
        sizes.append(max((path.stat().st_size for path in parts), default=0))
        if sizes[-1] == sizes[-2] > 0:
            return sizes[-1]
        time.sleep(0.1)
    raise AssertionError("no half file")


def test_a_corrupt_file_is_fetched_again(hub: Hub, screensmith: Screensmith, tmp_path: Path) -> None:
    hub.corrupt = 1
    done = screensmith("download", ID, "--to", "here", "--endpoint", hub.address)
    assert done.returncode == 0, done.stderr
    assert "1 arrived corrupt and were fetched again" in done.stdout
    assert holds(tmp_path / "here", *FILES)


def test_a_file_that_stays_corrupt_is_an_error(hub: Hub, screensmith: Screensmith) -> None:
    hub.corrupt = 9
    done = screensmith("download", ID, "--to", "here", "--endpoint", hub.address)
    assert done.returncode == 2
    assert (
        "images/large.bin of owner/set: its checksum is not the hub's, also when fetched again"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["owner/nothing"], "there is no data set owner/nothing at http://127.0.0.1"),
        (["owner/gated"], "owner/gated is given only to those who accepted its terms"),
        (["owner/broken"], "cannot fetch owner/broken from http://127.0.0.1"),
        ([ID, "--revision", "v9"], "owner/set has no revision 'v9'"),
        ([ID, "--include", "*.txt"], "no file of owner/set matches *.txt; it holds metadata/hf_test.json"),
        (["screenspott"], "did you mean 'screenspot'?"),
    ],
)
def test_what_cannot_be_fetched_is_one_clear_error(
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["download", *words, "--endpoint", hub.address]) == 2
    error = capsys.readouterr().err
    assert error.startswith("screensmith: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.rglob("*.json")) == []


def test_a_hub_that_is_not_there_is_an_error_even_where_files_are(
    hub: Hub, screensmith: Screensmith, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "notes.txt").write_text("mine")
    done = screensmith("download", ID, "--to", "here", "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert f"cannot fetch {ID} from http://127.0.0.1:9" in done.stderr
    assert "The same command continues where it stopped" in done.stderr


def test_a_name_that_leads_out_of_the_folder_is_refused(
    hub: Hub, screensmith: Screensmith, tmp_path: Path
) -> None:
    hub.files["../outside.txt"] = b"x"
    done = screensmith("download", ID, "--to", "here", "--endpoint", hub.address)
    assert done.returncode == 2
    assert "owner/set names the file '../outside.txt', which leads out of its folder" in done.stderr
    assert not (tmp_path / "outside.txt").exists()


def test_two_downloads_do_not_write_into_one_folder(
    hub: Hub, screensmith: Screensmith, tmp_path: Path
) -> None:
    work = tmp_path / "here" / ".download"
    work.mkdir(parents=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = screensmith("download", ID, "--to", "here", "--endpoint", hub.address)
    assert done.returncode == 2
    assert "another download into here is running" in done.stderr
    assert hub.served == []


def test_the_known_names_are_ids_and_have_folders_of_their_own() -> None:
    assert len({known.id for known in HUB_SETS.values()}) == len(HUB_SETS)
    assert len({known.folder for known in HUB_SETS.values()}) == len(HUB_SETS)
    assert {name for name, known in HUB_SETS.items() if known.unpack} == {"aguvis-stage1", "aguvis-stage2"}
    assert HUB_SETS["screenspot"].id == "KevinQHLin/ScreenSpot"
