"""Model cards of checkpoints as runs leave them, and sending them to a server with the hub's protocol."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from screensmith.cli.main import main

ID = "owner/clicker"
COMMIT = "b" * 40
WEIGHTS = bytes(range(256)) * 64
Screensmith = Callable[..., subprocess.CompletedProcess[str]]


class Hub:
    """What the server was sent: repositories by name (True: private), files by path, and requests."""

    def __init__(self) -> None:
        self.private: dict[str, bool] = {}
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.tokens: set[str] = set()
        self.front: list[str] = []
        self.address = ""


class Handler(BaseHTTPRequestHandler):
    """The endpoints of creating a model repository and committing to it, large files by LFS."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            held = b""
            while size := int(self.rfile.readline(), 16):
                held += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return held
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self) -> None:
        path = self._note()
        private = self.hub.private.get(path.removeprefix("/api/models/").partition("/revision/")[0])
        if private is None:
            self._json({"error": "no"}, 404, "RepoNotFound")
        else:
            self._json({"id": ID, "sha": COMMIT, "private": private, "siblings": [], "tags": []})

    def do_PUT(self) -> None:
        path = urlsplit(self.path).path
        self.hub.objects[path.rpartition("/")[2]] = self._body()
        self._json({})

    def do_POST(self) -> None:
        path = self._note()
        body = self._body()
        if path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            self.hub.front.append(json.loads(body)["content"])
            self._json({"errors": [], "warnings": []})
        elif path == f"/api/models/{ID}/preupload/main":
            files = json.loads(body)["files"]
            self._json(
                {
                    "files": [
                        {
                            "path": one["path"],
                            "uploadMode": "lfs" if one["path"].endswith(".safetensors") else "regular",
                            "shouldIgnore": False,
                        }
                        for one in files
                    ]
                }
            )
        elif path == f"/{ID}.git/info/lfs/objects/batch":
            wanted = json.loads(body)["objects"]
            objects = [
                {**one, "actions": {"upload": {"href": f"{self.hub.address}/store/{one['oid']}"}}}
                for one in wanted
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif path == f"/api/models/{ID}/commit/main":
            self._commit(body)
        else:
            self._json({"error": path}, 404)

    def _create(self, wanted: dict[str, Any]) -> None:
        if wanted["name"] == "forbidden":
            self._json({"error": "You don't have the rights"}, 403)
            return
        name = f"{wanted['organization']}/{wanted['name']}"
        self.hub.private[name] = wanted.get("private", wanted.get("visibility") == "private")
        self._json({"url": f"{self.hub.address}/{name}", "name": name, "id": "1"})

    def _commit(self, body: bytes) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                self.hub.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.hub.files[value["path"]] = self.hub.objects[value["oid"]]
        url = f"{self.hub.address}/{ID}/commit/{COMMIT}"
        self._json({"success": True, "commitOid": COMMIT, "commitUrl": url})

    def _note(self) -> str:
        path = urlsplit(self.path).path
        self.hub.asked.append(f"{self.command} {path}")
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        return path

    def _json(self, value: object, status: int = 200, code: str = "") -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running server without repositories, which HF_ENDPOINT names."""
    held = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": held}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    held.address = f"http://127.0.0.1:{server.server_address[1]}"
    for name, value in {
        "HF_ENDPOINT": held.address,
        "HF_TOKEN": "hf_of_this_test",
        "HF_HOME": str(tmp_path / "hf-home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def agent_json(**changed: Any) -> str:
    card = {
        "prompt": "neko",
        "prompt_options": {"instructions": False},
        "dialect": "neko",
        "coordinate_frame": "fraction",
        "action_names": ["CLICK", "TYPE"],
        "version": 1,
        "family": "qwen3_vl",
        "min_pixels": 50176,
        "max_pixels": 313600,
        "base": "/data/of/somebody/starter",
        "data_fingerprints": {"/secret/place/episodes": "aa11", "showui-web/hf_train": "bb22"},
        "screensmith": "0.1.0",
    }
    return json.dumps(card | changed)


@pytest.fixture
def checkpoint(clean: Path) -> Path:
    """A model in a run's folder with its log, as training leaves them; the weights are no real ones."""
    folder = clean / "runs" / "clicker" / "final"
    folder.mkdir(parents=True)
    (folder / "agent.json").write_text(agent_json())
    (folder / "config.json").write_text('{"model_type": "qwen3_vl"}')
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    lines = [{"step": n, "loss": 4.0 / n, "samples": 8, "tokens": 100} for n in range(1, 41)]
    lines += [{"step": 20, "score": 0.25}]
    (folder.parent / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    state = folder.parent / "epoch-2" / "trainer_state"
    state.mkdir(parents=True)
    identity = {"lr": 0.001, "batch": 8, "lora_r": 8, "train_csv": "/secret/place/rows.csv", "data": {}}
    (state / "progress.json").write_text(json.dumps({"step": 40, "identity": identity}))
    return folder


def results(path: Path, **changed: Any) -> Path:
    figure = {"count": 40, "unit": "samples", "hits": 30, "interval_method": "Wilson"}
    record = {
        "evaluation": "benchmark",
        "benchmark": "screenspot",
        "model": "runs/clicker/final",
        "prompt": "neko",
        "dialect": "neko",
        "coordinate_frame": "fraction",
        "history_steps": 0,
        "seed": 3,
        "refused": {"no | image": 2},
        "samples": 40,
        "data_hash": "574f4cc9",
        "unreadable": {"no JSON": 1},
        "cut": 0,
        "policy": {"edges": "inclusive"},
        "headline": "micro",
        "score": 0.75,
        "figures": {
            "web": {**figure, "value": 0.5, "interval_95": None},
            "micro": {**figure, "value": 0.75, "interval_95": [0.598, 0.858]},
        },
        "published": [],
    }
    path.write_text(json.dumps([record | changed]))
    return path


def front_of(text: str) -> dict[str, Any]:
    first, front, rest = text.split("---\n", 2)
    assert first == ""
    assert rest.startswith("<!--")
    held: dict[str, Any] = yaml.safe_load(front)
    return held


def test_a_card_says_what_is_there(
    checkpoint: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["publish", "runs/clicker/final", "--results", str(results(clean / "numbers.json"))]
    words += ["--base", "maker/starter", "--license-of-base", "apache-2.0"]
    assert main(words) == 0
    text = (checkpoint / "README.md").read_text("utf-8")
    front = front_of(text)
    assert front["license"] == "apache-2.0"
    assert front["library_name"] == "transformers"
    assert front["pipeline_tag"] == "image-text-to-text"
    assert front["base_model"] == "maker/starter"
    assert front["base_model_relation"] == "finetune"
    assert {"screensmith", "qwen3_vl", "dialect-neko"} <= set(front["tags"])
    for said in (
        "# clicker-final",
        "| micro | 75 % [59.8 to 85.8 %] | 40 samples |",
        "| web | 50 % | 40 samples |",
        "- data hash: 574f4cc9",
        "- chosen: a slice, seed 3",
        r"- refused: no \| image: 2",
        "no interval is known for screenspot (benchmark): web",
        "no result on live tasks",
        "| first | `neko(instructions=false)` | `neko` | fraction | 0 | CLICK, TYPE |",
        "between 50,176 and 313,600 pixels",
        "| episodes | `aa11` |",
        r"| showui-web/hf\_train | `bb22` |",
        "| `lr` | 0.001 |",
        r"| `train_csv` | rows.csv |",
        "40 optimizer steps; mean training loss of the first 10 steps 1.17, of the last 10 0.113",
        "- 320 samples seen",
        "score while training, after step 20: 0.250",
        "No compute report was beside the checkpoint",
        "'text': 'Task: Open the settings.\\n'",
        "screensmith evaluate final --data data/mds",
        "screensmith act --checkpoint final",
    ):
        assert said in text, said
    assert "no result on a benchmark" not in text
    for place in ("secret", "somebody", str(clean)):
        assert place not in text
    assert "wrote runs/clicker/final/README.md" in capsys.readouterr().out
    assert not (checkpoint / "trainer_state").exists()
    before = text
    assert main(words) == 0  # our own card is written anew, and says the same
    assert (checkpoint / "README.md").read_text("utf-8") == before


def test_what_is_not_known_is_said_to_be_unknown(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("metrics.jsonl", "epoch-2"):
        path = checkpoint.parent / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert main(["publish", str(checkpoint)]) == 0
    text = (checkpoint / "README.md").read_text("utf-8")
    front = front_of(text)
    assert front["license"] == "unknown"
    assert "base_model" not in front
    assert "The licence of `starter` is unknown: the base was not at hand" in text
    assert "None: no results were given" in text
    assert "The run's settings were not beside the checkpoint" in text
    assert "The course of the loss was not beside the checkpoint" in text
    said = capsys.readouterr().out
    assert "note: the licence of the base is unknown" in said
    assert "note: the card has no results" in said


def test_an_earlier_checkpoint_has_its_own_number_of_steps(checkpoint: Path) -> None:
    best = checkpoint.rename(checkpoint.parent / "best")
    progress = best.parent / "epoch-2" / "trainer_state" / "progress.json"
    held = json.loads(progress.read_text())
    progress.write_text(json.dumps(held | {"standing": {"best_step": 20}}))
    assert main(["publish", str(best)]) == 0
    text = (best / "README.md").read_text("utf-8")
    assert "- 20 optimizer steps; mean training loss of the first 10 steps 1.17" in text


@pytest.mark.parametrize(
    ("files", "words", "license", "said"),
    [
        ({"README.md": "---\nlicense: mit\n---\n# Base\n"}, [], "mit", "own README.md says"),
        ({"README.md": "no front", "config.json": '{"license": "gemma"}'}, [], "gemma", "own config.json"),
        ({"config.json": "{}"}, [], "unknown", "no README.md or config.json that says one"),
        ({"README.md": "---\nlicense: unknown\n---\n"}, ["--license-of-base", "mit"], "mit", "as whoever"),
        (
            {
                "README.md": "---\nlicense: other\nlicense_name: own-words\nlicense_link: https://x.org\n---\n"
            },
            [],
            "other",
            "licence is `own-words` (https://x.org), as the base's own README.md says",
        ),
    ],
)
def test_the_licence_is_read_from_the_base(
    checkpoint: Path, clean: Path, files: dict[str, str], words: list[str], license: str, said: str
) -> None:
    base = clean / "models" / "starter"
    base.mkdir(parents=True)
    for name, text in files.items():
        (base / name).write_text(text)
    (checkpoint / "agent.json").write_text(agent_json(base="models/starter"))
    assert main(["publish", str(checkpoint), *words]) == 0
    text = (checkpoint / "README.md").read_text("utf-8")
    front = front_of(text)
    assert front["license"] == license
    assert said in text
    assert "base_model" not in front  # a folder of that name is no model of the hub
    if license == "other":
        assert front["license_name"] == "own-words"


def change(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.parametrize(
    ("prepare", "words", "message"),
    [
        (lambda c: (c / "model.safetensors").unlink(), [], "holds no model.safetensors or"),
        (
            lambda c: change(c / "README.md", "mine"),
            [],
            "was not written by `screensmith publish`; --replace",
        ),
        (lambda c: change(c / "adapter_config.json", "{"), [], "adapter_config.json is not JSON"),
        (lambda c: None, ["--license-of-base", "Do what you like"], "is no id of a licence"),
        (lambda c: None, ["--base", "starter"], "'starter' is no name of the hub: OWNER/NAME"),
        (lambda c: None, ["--run", "elsewhere"], "--run elsewhere: there is no metrics.jsonl"),
        (lambda c: None, ["--yes"], "--public and --yes belong to --push OWNER/NAME"),
        (
            lambda c: results(c / "r.json", model="runs/other/final"),
            ["--results", "RESULTS"],
            "r.json holds results of runs/other/final, none of",
        ),
        (
            lambda c: results(c / "r.json", data_fingerprints={"episodes": "cc33"}),
            ["--results", "RESULTS"],
            "is of a checkpoint that learned from other data",
        ),
        (
            lambda c: results(c / "r.json", evaluation="guess"),
            ["--results", "RESULTS"],
            "record 1: no result of `screensmith evaluate --json`: its `evaluation` is 'guess'",
        ),
        (
            lambda c: results(c / "r.json", figures={"micro": {"value": "high"}}),
            ["--results", "RESULTS"],
            "record 1 (benchmark): a part is missing or of another kind",
        ),
        (lambda c: change(c / "r.json", "[]"), ["--results", "RESULTS"], "r.json holds no results"),
    ],
)
def test_what_cannot_be_said_is_one_clear_error(
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Path], object],
    words: list[str],
    message: str,
) -> None:
    prepare(checkpoint)
    words = [str(checkpoint / "r.json") if word == "RESULTS" else word for word in words]
    assert main(["publish", str(checkpoint), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("screensmith: error: ")
    assert error.count("\n") == 1
    assert message in error
    card = checkpoint / "README.md"
    assert not card.exists() or card.read_text() == "mine"


def test_a_base_that_says_another_licence_is_an_error(
    checkpoint: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clean / "starter").mkdir()
    (clean / "starter" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    (checkpoint / "agent.json").write_text(agent_json(base="starter"))
    assert main(["publish", str(checkpoint), "--license-of-base", "mit"]) == 2
    assert "says that its licence is 'cc-by-nc-4.0' (README.md), --license-of-base says 'mit'" in (
        capsys.readouterr().err
    )


# --- Sending. ---


@pytest.fixture
def model(checkpoint: Path) -> Path:
    """The same checkpoint, brought here without its run."""
    for path in checkpoint.parent.iterdir():
        if path != checkpoint:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return checkpoint


def test_exactly_what_is_listed_is_sent(hub: Hub, model: Path, screensmith: Screensmith) -> None:
    done = screensmith("publish", "runs/clicker/final", "--push", ID, "--yes")
    assert done.returncode == 0, done.stderr
    assert hub.private == {ID: True}
    assert hub.tokens == {"Bearer hf_of_this_test"}  # the store is another server: it gets none
    assert set(hub.files) == {"README.md", "agent.json", "config.json", "model.safetensors"}
    assert hub.files["model.safetensors"] == WEIGHTS
    assert hashlib.sha256(WEIGHTS).hexdigest() in hub.objects
    sent = json.loads(hub.files["agent.json"])
    assert sent["base"] == "starter"
    assert sent["data_fingerprints"] == {"episodes": "aa11", "showui-web/hf_train": "bb22"}
    assert "/secret/place" in (model / "agent.json").read_text()  # the disk's own stays as it was
    assert hub.files["README.md"] == (model / "README.md").read_bytes()
    assert "# clicker\n" in hub.files["README.md"].decode()
    assert f"hf download {ID} --local-dir clicker" in hub.files["README.md"].decode()
    assert f"to {hub.address}/{ID} (private): 4 files" in done.stdout
    assert "agent.json" in done.stdout
    assert "without names of folders of this machine" in done.stdout
    assert f"sent: {hub.address}/{ID}/commit/{COMMIT}" in done.stdout


def test_nobody_to_ask_means_that_nothing_is_sent(hub: Hub, model: Path, screensmith: Screensmith) -> None:
    done = screensmith("publish", "runs/clicker/final", "--push", ID)
    assert done.returncode == 2
    assert "model.safetensors" in done.stdout  # what would be sent is listed all the same
    assert "nothing was sent: nobody can be asked here; --yes" in done.stderr
    assert hub.asked == []


@pytest.mark.parametrize(("answer", "sent"), [("\n", False), ("y\n", True)])
def test_a_person_is_asked(hub: Hub, model: Path, clean: Path, answer: str, sent: bool) -> None:
    terminal, theirs = pty.openpty()
    words = ["publish", "runs/clicker/final", "--push", ID, "--public"]
    with subprocess.Popen(
        [sys.executable, "-m", "screensmith.cli.main", *words],
        cwd=clean,
        stdin=theirs,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        os.close(theirs)
        os.write(terminal, answer.encode())
        said, _ = started.communicate(timeout=120)
    os.close(terminal)
    assert started.returncode == 0
    assert "PUBLIC: everybody can read it" in said
    assert "Send these files? [y/N]" in said
    assert (hub.private == {ID: False}) is sent
    assert ("nothing was sent" in said) is not sent


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("trainer_state/optimizer.pt", "x", "trainer_state/optimizer.pt (state of the training)"),
        ("optimizer.bin", "x", "optimizer.bin (state of the training)"),
        (".env", "HF_TOKEN=1", ".env (looks like a secret)"),
        ("keys/id_ed25519", "x", "keys/id_ed25519 (looks like a secret)"),
        ("pytorch_model.bin", "x", "pytorch_model.bin (pickled"),
        (".cache/x", "x", ".cache/x (hidden)"),
        ("notes.txt", "token: hf_" + "a1" * 17, "notes.txt (holds what looks like a secret)"),
    ],
)
def test_what_must_not_be_published_is_refused_before_anything_is_sent(
    hub: Hub,
    model: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str,
    reason: str,
) -> None:
    path = model / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    if name.startswith("trainer_state"):
        (path.parent / "progress.json").write_text('{"step": 40, "identity": {}}')
    assert main(["publish", str(model), "--push", ID, "--yes"]) == 2
    error = capsys.readouterr().err
    assert "holds what must not be published" in error
    assert reason in error
    assert hub.asked == []


def test_a_link_is_refused(hub: Hub, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (model / "more.safetensors").symlink_to("/etc/hostname")
    assert main(["publish", str(model), "--push", ID, "--yes"]) == 2
    assert "more.safetensors (a link or no plain file)" in capsys.readouterr().err
    assert hub.asked == []


def api_of(hub: Hub) -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub.address, token="hf_of_this_test")


def test_a_public_repository_gets_nothing_that_was_meant_to_be_private(hub: Hub, model: Path) -> None:
    from screensmith.cli._upload import NotUploaded, plan, send
    from screensmith.evaluate.model_card import publication

    hub.private[ID] = False
    uploads = plan(publication(model))
    with pytest.raises(NotUploaded, match="is there already and public"):
        send(uploads, ID, public=False, message="m", api=api_of(hub))
    assert hub.files == {}
    with pytest.raises(NotUploaded, match=r"owner/forbidden at http.*the token may not write there"):
        send(uploads, "owner/forbidden", public=False, message="m", api=api_of(hub))


def test_an_adapter_names_its_base_on_the_hub_or_is_refused(
    hub: Hub, model: Path, screensmith: Screensmith
) -> None:
    (model / "model.safetensors").rename(model / "adapter_model.safetensors")
    config = {"base_model_name_or_path": "../../../models/starter", "r": 32, "lora_alpha": 64}
    config |= {"use_rslora": True, "target_modules": ["a", "b"], "peft_type": "LORA"}
    (model / "adapter_config.json").write_text(json.dumps(config))
    words = ["publish", "runs/clicker/final", "--push", ID, "--yes"]
    refused = screensmith(*words)
    assert refused.returncode == 2
    assert "the adapter's base starter is not on the hub as far as is known" in refused.stderr
    assert hub.asked == []
    done = screensmith(*words, "--base", "maker/starter")
    assert done.returncode == 0, done.stderr
    assert json.loads(hub.files["adapter_config.json"]) == config | {
        "base_model_name_or_path": "maker/starter"
    }
    text = hub.files["README.md"].decode()
    front = front_of(text)
    assert (front["library_name"], front["base_model"]) == ("peft", "maker/starter")
    assert front["base_model_relation"] == "adapter"
    assert "rsLoRA of rank 32, alpha 64 on 2 layers." in text
    assert 'AutoModelForImageTextToText.from_pretrained("maker/starter")' in text
