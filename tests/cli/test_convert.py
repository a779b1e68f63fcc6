"""The real program: round trips, a kill in the middle, memory that does not grow, errors in one line."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from screensmith.cli import _conversion
from screensmith.cli._conversion import RefusalFile
from screensmith.cli.main import main
from screensmith.core.refusals import Refusal
from screensmith.readers import mds, seeclick, showui_desktop

Screensmith = Callable[..., subprocess.CompletedProcess[str]]
MOST_GROWTH_KIB = 6 * 1024  # what an allocator keeps differs from run to run; 3,800 episodes weigh far more


def write_source(root: Path, count: int, bad: int = 0) -> Path:
    """ShowUI-desktop: `count` screenshots that share one image, and `bad` rows whose image is missing."""
    (root / "images").mkdir(parents=True)
    (root / "metadata").mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "JPEG")
    (root / "images" / "shared.jpg").write_bytes(buffer.getvalue())

    def row(number: int, image: str) -> dict[str, Any]:
        element = {"bbox": [0.1, 0.2, 0.3, 0.4], "point": [0.2, 0.3], "data_type": "text"}
        elements = [{**element, "instruction": f"element {number}.{place}"} for place in range(3)]
        return {"img_url": image, "img_size": [64, 48], "element": elements, "element_size": 3}

    rows = [row(number, "shared.jpg") for number in range(count)]
    rows += [row(number, f"absent{number}.jpg") for number in range(bad)]
    (root / "metadata" / "hf_train.json").write_text(json.dumps(rows), "utf-8")
    return root


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return write_source(tmp_path / "source", 5, bad=2)


def goals(episodes: Any) -> list[str]:
    return [episode.goal for episode in episodes]


def refused(out: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (out / "refused.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("to", ["mds", "showui", "seeclick"])
def test_every_format_can_be_written_and_is_compared(
    to: str, source: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "showui_desktop", str(source), "--to", to, "out"]) == 0
    printed = capsys.readouterr().out
    assert "5 episodes, 5 steps, 15 elements; read back and compared" in printed
    assert "episodes added: 5\n" in printed
    assert "2 of 22 refused" in printed
    assert "  2 image missing\n" in printed
    read: dict[str, Callable[[], Any]] = {
        "mds": lambda: mds.read("out"),
        "showui": lambda: showui_desktop.read("out"),
        "seeclick": lambda: seeclick.read("out", json="seeclick"),
    }
    assert goals(read[to]()) == [f"element {number}.0" for number in range(5)]
    assert [(each["reason"], each["id"]) for each in refused(Path("out"))] == [
        ("image missing", "hf_train/absent0.jpg"),
        ("image missing", "hf_train/absent1.jpg"),
    ]


def test_there_and_back_again_is_the_same_file(source: Path, clean: Path) -> None:
    assert main(["convert", "showui_desktop", str(source), "--to", "mds", "between"]) == 0
    assert main(["convert", "mds", "between", "--to", "showui", "back"]) == 0
    rows = json.loads((source / "metadata" / "hf_train.json").read_text("utf-8"))
    again = json.loads(Path("back/metadata/hf_train.json").read_text("utf-8"))
    for row in (*rows, *again):
        del row["img_url"]
    assert again == rows[:5]


def test_a_second_run_adds_nothing_and_a_larger_limit_the_rest(
    source: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", "showui_desktop", str(source), "--to", "showui", "out"]
    assert main([*words, "--limit", "2"]) == 0
    assert "episodes added: 2\n" in capsys.readouterr().out
    file = Path("out/metadata/hf_train.json")
    assert len(json.loads(file.read_text("utf-8"))) == 2
    assert main(words) == 0
    assert "episodes added: 3, 2 were there" in capsys.readouterr().out
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert main(words) == 0
    assert "episodes added: 0, 5 were there" in capsys.readouterr().out
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert len(json.loads(file.read_text("utf-8"))) == 5


def test_options_reach_the_reader_and_the_writer(source: Path, clean: Path) -> None:
    (source / "metadata" / "hf_train.json").rename(source / "metadata" / "mine.json")
    words = ["convert", "showui_desktop", str(source), "--json", "mine", "--option", "verify_images=true"]
    assert main([*words, "--to", "showui", "out", "--to-option", "json=hf_other"]) == 0
    assert len(json.loads(Path("out/metadata/hf_other.json").read_text("utf-8"))) == 5
    assert {each["into"] for each in refused(Path("out"))} == {"metadata/hf_other.json"}


def test_refusals_of_two_files_in_one_folder_stay_together(source: Path, clean: Path) -> None:
    words = ["convert", "showui_desktop", str(source), "--to", "showui", "out", "--to-option"]
    for name in ("json=a", "json=b", "json=b"):
        assert main([*words, name]) == 0
    assert sorted(each["into"] for each in refused(Path("out"))) == [
        *["metadata/a.json"] * 2,
        *["metadata/b.json"] * 2,
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("showui_desktob SOURCE --to mds out", "did you mean 'showui_desktop'?"),
        ("showui_desktop SOURCE --to showuy out", "unknown writer 'showuy'; did you mean 'showui'?"),
        ("showui_desktop SOURCE --to mds out --option jso=x", "did you mean 'json'?"),
        ("showui_desktop SOURCE --to mds out --to-option jpeg_qualty=1", "did you mean 'jpeg_quality'?"),
        ("showui_desktop SOURCE --to mds out --to-option like=1", "unknown option of writer mds 'like'"),
        (
            "showui_desktop SOURCE --to mds out --option verify_images=maybe",
            "must be true or false, got 'maybe'",
        ),
        ("showui_desktop SOURCE --to mds out --to-option jpeg_quality=x", "must be a number, got 'x'"),
        (
            "showui_desktop SOURCE --to mds out --to-option jpeg_quality=0",
            "jpeg_quality must be 1 to 95, got 0",
        ),
        (
            "showui_desktop SOURCE --to showui out --to-option layout=wep",
            "unknown layout 'wep'; did you mean 'web'?",
        ),
        ("showui_desktop SOURCE --to mds out --option json", "is written name=value, got 'json'"),
        ("showui_desktop absent --to mds out", "absent is not a folder"),
        ("showui_desktop SOURCE --to mds out --json other", "there is no other.json"),
        ("showui_desktop SOURCE --to showui SOURCE/more", "lies in the source"),
        ("showui_desktop SOURCE --to mds", "the following arguments are required: OUT"),
        ("showui_desktop SOURCE --to mds out --limit 0", "must be a whole number, at least 1"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    words: str, message: str, source: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", *(word.replace("SOURCE", str(source)) for word in words.split())]) == 2
    error = capsys.readouterr().err
    assert error.startswith("screensmith: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (clean / "out" / "index.json").exists()


def test_a_broken_file_is_an_error_after_what_could_be_read(
    source: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = source / "metadata" / "hf_train.json"
    whole = file.read_text("utf-8")
    file.write_text(whole[:-20], "utf-8")
    words = ["convert", "showui_desktop", str(source), "--to", "showui", "out"]
    assert main(words) == 2
    assert "hf_train.json is broken at line 1" in capsys.readouterr().err
    assert not Path("out/metadata/hf_train.json").exists()


def test_another_source_does_not_mix_with_what_is_there(
    source: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "showui_desktop", str(source), "--to", "mds", "out"]) == 0
    other = write_source(clean / "other", 3)
    assert main(["convert", "showui_desktop", str(other), "--to", "mds", "out"]) == 2
    assert "out holds a conversion of another source (fingerprint was" in capsys.readouterr().err
    assert len(mds.read("out")) == 5


def test_nothing_usable_is_a_failure(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_source(clean / "source", 0, bad=2)
    assert main(["convert", "showui_desktop", str(source), "--to", "mds", "out"]) == 1
    assert "2 of 2 refused (100.0%): 2 image missing" in capsys.readouterr().out
    assert len(refused(Path("out"))) == 2


def test_what_does_not_read_back_is_an_error(
    source: Path, clean: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_and_spoil(*given: Any) -> tuple[int, int]:
        done = original(*given)
        (clean / "out" / "images" / "shared.jpg").unlink(missing_ok=True)
        return done

    original = _conversion._write
    monkeypatch.setattr(_conversion, "_write", write_and_spoil)
    words = ["convert", "showui_desktop", str(source), "--to", "showui", "out"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "metadata/hf_train.json does not read back: written were 5 episodes" in error
    assert "image missing shared.jpg" in error
    assert main([*words, "--no-verify"]) == 0
    assert "compared" not in capsys.readouterr().out


def test_a_log_in_a_file_says_what_a_log_in_memory_says(tmp_path: Path) -> None:
    log = RefusalFile()
    log.consider(4)
    log.add("a", "too small", "1x1\u2028")
    log.extend([Refusal("b", "too small"), Refusal("c", "no goal", "½")])
    assert len(log) == 3
    assert list(log) == list(log)
    assert next(iter(log)) == Refusal("a", "too small", "1x1\u2028")
    assert log.summary() == "3 of 4 refused (75.0%): 2 too small, 1 no goal"
    log.add("d", "no goal")
    assert [refusal.id for refusal in log] == ["a", "b", "c", "d"]
    log.write(tmp_path / "plain.jsonl")
    assert len((tmp_path / "plain.jsonl").read_bytes().splitlines()) == 4
    log.close()


def test_help_names_readers_and_writers(screensmith: Screensmith) -> None:
    done = screensmith("convert", "--help")
    assert done.returncode == 0
    assert "showui_desktop" in done.stdout
    assert "writers: forge, mds, seeclick, showui, task_results" in done.stdout


def test_what_was_left_out_of_finished_episodes_is_reported_by_a_continued_run(clean: Path) -> None:
    source = clean / "source"
    source.mkdir()

    def record(image: str, *asked: str) -> dict[str, object]:
        Image.new("RGB", (20, 20)).save(source / image)
        turns = []
        for text in asked:
            turns.append({"from": "human", "value": f"<image>\n{text}" if not turns else text})
            turns.append({"from": "gpt", "value": "pyautogui.click(x=0.5, y=0.5)"})
        return {"image": image, "conversations": turns}

    rows = [record("a.png", "x"), record("b.png", "y"), record("a.png", "x", "z"), record("c.png", "w")]
    (source / "rows.json").write_text(json.dumps(rows), "utf-8")
    words = ["convert", "aguvis", str(source / "rows.json"), "--option", "stage=1", "--to", "forge", "out"]
    assert main([*words, "--limit", "3"]) == 0
    before = refused(clean / "out")
    assert len(before) == 1
    assert main(words) == 0
    assert refused(clean / "out") == before


# --- Real processes ---


def started(clean: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "screensmith.cli.main", "convert", *words],
        cwd=clean,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize(
    ("to", "journal", "enough"),
    [
        ("showui", ".conversion/hf_train.journal.jsonl", (50, 400)),
        ("mds", ".conversion.jsonl", (2, 4)),
    ],
)
def test_a_killed_conversion_continues_and_loses_nothing(
    to: str, journal: str, enough: tuple[int, int], clean: Path, screensmith: Screensmith
) -> None:
    count = 4000
    source = write_source(clean / "source", count, bad=3)
    words = ["showui_desktop", str(source), "--to", to, "out"]
    for lines in enough:
        process = started(clean, *words)
        try:
            for _ in range(12_000):
                if lines_in(clean / "out" / journal) >= lines or process.poll() is not None:
                    break
                time.sleep(0.005)
            assert process.poll() is None, "it finished before it could be killed"
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        finished = lines_in(clean / "out" / journal)
        assert finished >= lines
    assert not (clean / "out" / "metadata" / "hf_train.json").exists()
    done = screensmith("convert", *words)
    assert done.returncode == 0, done.stderr
    assert f"{count} episodes, {count} steps, {3 * count} elements; read back and compared" in done.stdout
    added = int(done.stdout.partition("episodes added: ")[2].partition(",")[0])
    assert 0 < added < count
    read = mds.read if to == "mds" else showui_desktop.read
    assert goals(read(str(clean / "out"))) == [f"element {number}.0" for number in range(count)]
    assert len(refused(clean / "out")) == 3


MEASURE = """
import resource, sys
from screensmith.cli.main import main
status = main(sys.argv[1:])
print("status", status, "peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("to", ["mds", "showui"])
def test_memory_does_not_grow_with_the_rows(to: str, clean: Path) -> None:
    peaks = []
    for count in (200, 4000):
        source = write_source(clean / f"source{count}", count, bad=count // 10)
        words = ["convert", "showui_desktop", str(source), "--to", to, f"out{count}"]
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *words],
            cwd=clean,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert "status 0" in done.stdout, done.stderr
        peaks.append(int(done.stdout.rpartition("peak ")[2]))
    assert peaks[1] - peaks[0] <= MOST_GROWTH_KIB, peaks
