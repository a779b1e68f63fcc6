"""What was demonstrated before a crash is on disk, and is turned into an episode."""

import io
import os
import signal
import subprocess
import sys

import pytest
from PIL import Image

from screensmith.capture.journal import recover
from screensmith.core.refusals import RefusalLog

PAGE = """<body style="background: rgb(250, 0, 0)"><script>
  addEventListener('mousedown', () => { document.body.style.background = 'rgb(0, 0, 250)' })
</script>"""


class Store:
    def __init__(self, out):
        self.out = out
        self.episodes = []

    def append(self, episode):
        self.episodes.append(episode)


@pytest.fixture
def store(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    return Store(out)


PROGRAM = """
import sys
from pathlib import Path
from screensmith.capture.payload import sample_of
from screensmith.capture.person import record_person

class Store:
    out = Path(sys.argv[2])
    def append(self, episode):
        print("stored", len(episode.steps), flush=True)

def drive(page):
    page.mouse.click(100, 100)
    page.mouse.click(200, 200)
    while True:
        yield 1.0

record_person(sys.argv[1], "show it", Store(), headless=True, width=640, height=480, drive=drive,
              on_event=lambda line: print(line, flush=True))
"""


@pytest.fixture
def recording(tmp_path, store):
    page = tmp_path / "page.html"
    page.write_text(PAGE)
    command = [sys.executable, "-c", PROGRAM, page.as_uri(), str(store.out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        for line in process.stdout:
            if line.startswith("2."):
                break
        yield process
        process.kill()


@pytest.mark.alone
@pytest.mark.browser
def test_what_was_done_before_a_kill_is_recovered_once(recording, store):
    assert recover(store.out, store) == 0  # it is still running
    recording.send_signal(signal.SIGKILL)
    recording.wait()
    (folder,) = store.out.glob(".session-*")
    with (folder / "events.ndjson").open("a") as file:
        file.write('{"actions": [{"kind": "Cli')

    refusals = RefusalLog()
    assert recover(store.out, store, refusals) == 1
    (episode,) = store.episodes
    places = [step.actions[0].at.to_pixels(step.screenshot.size) for step in episode.steps]
    assert places == [(100, 100), (200, 200)]
    assert (episode.goal, episode.facts["recovered"]) == ("show it", True)
    with Image.open(io.BytesIO(episode.steps[0].screenshot.read_bytes())) as image:
        assert image.getpixel((600, 450))[0] > 240
    assert [refusal.reason for refusal in refusals] == ["unreadable journal step"]
    assert [path.name for path in store.out.iterdir()] == [f".recovered-{episode.id}"]
    assert recover(store.out, store) == 0


@pytest.mark.alone
@pytest.mark.browser
def test_an_interrupt_ends_it_in_order(recording):
    os.killpg(recording.pid, signal.SIGINT)  # as a terminal does, to the browser's driver too
    assert "stored 2\n" in recording.stdout.read()
    assert recording.wait() == 0


def test_a_journal_without_a_step_is_set_aside(store):
    folder = store.out / ".session-broken"
    folder.mkdir()
    (folder / "events.ndjson").write_text(
        '{"id": "broken", "goal": "g", "facts": {}}\n{"frame": "../../secret"}\n'
    )
    refusals = RefusalLog()
    assert recover(store.out, store, refusals) == 0
    assert [refusal.reason for refusal in refusals] == [
        "unreadable journal step",
        "journal without a readable step",
    ]
    assert [path.name for path in store.out.iterdir()] == [".unreadable-broken"]
