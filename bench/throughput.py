"""How fast data is read, scored and converted, and MiniWoB++ is played: one process each, CPU time.

    python bench/throughput.py [--seconds 30] [--csv-rows 1000000] [--out bench/results/throughput.json]

Data is made up: file sizes and shapes of the documented formats, one small image for all rows. Reading
does not decode images. Rates are medians of three passes; memory is the peak of a whole process.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from PIL import Image

from machine import describe
from measure import versions

PASSES = 3
SIDE = 64
PAGE = (1280, 720)
SCREENS, ELEMENTS = 1000, 100
EPISODES, STEPS = 2000, 5
QUESTIONS = 4  # about each screenshot
PREDICTIONS = 100_000
CSV_ROWS = 20_000
ROWS = (1_000, 100_000)


def rate(count: int, work: Callable[[], Any]) -> float:
    """Things a second of CPU time."""
    seconds = []
    for _ in range(PASSES):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return count / statistics.median(seconds)


def write(folder: Path, name: str, value: Any) -> Path:
    """A file of metadata and the image that its rows share."""
    for below in ("metadata", "images"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (SIDE, SIDE), "teal").save(folder / "images" / "a.png")
    (folder / "metadata" / f"{name}.json").write_text(json.dumps(value), "utf-8")
    return folder


def grounding(folder: Path, screens: int) -> Path:
    """ShowUI-web's layout."""
    chance = random.Random(0)
    rows = []
    for _ in range(screens):
        elements = []
        for number in range(ELEMENTS):
            x, y = chance.uniform(0, 0.8), chance.uniform(0, 0.8)
            box = [round(value, 4) for value in (x, y, x + 0.1, y + 0.1)]
            at = [round(x + 0.05, 4), round(y + 0.05, 4)]
            elements.append({"instruction": f"element {number}", "bbox": box, "point": at})
        rows.append({"img_url": "a.png", "img_size": [SIDE, SIDE], "element": elements})
    return write(folder, "hf_train", rows)


def aitw(folder: Path, episodes: int) -> Path:
    """AITW as ShowUI prepared it."""
    boxes = [value for number in range(30) for value in (number / 40, 0.1, 0.02, 0.2)]
    rows = []
    for episode in range(episodes):
        for step in range(STEPS):
            raw = {
                "ep_id": str(episode),
                "img_filename": "a",
                "goal": "open clock",
                "action_type_id": 4,
                "action_type_text": "click",
                "annot_position": boxes,
                "touch": [0.25, 0.42],
                "lift": [0.25, 0.42],
                "type_text": "",
            }
            row = {**raw, "split": "train", "domain": "general", "step_id": step, "task": "open clock"}
            rows.append({**row, "img_url": "a", "img_size": [SIDE, SIDE], "step": raw, "step_history": []})
    return write(folder, "hf_train", rows)


def mind2web(folder: Path, episodes: int) -> Path:
    """Mind2Web as ShowUI prepared it."""
    rows = []
    for episode in range(episodes):
        for step in range(STEPS):
            raw = {
                "action_uid": f"u{step}",
                "operation": {"op": "CLICK", "original_op": "CLICK", "value": ""},
                "bbox": {"x": 10, "y": 10, "width": 20, "height": 10},
            }
            row = {"split": "train", "annot_id": f"e{episode}", "action_uid": f"u{step}", "step_id": step}
            named = {"website": "shop", "domain": "Shopping", "subdomain": "General", "task": "buy"}
            shown = {"img_url": "a.png", "img_size": [SIDE, SIDE], "step": raw}
            told = {"step_repr": "[button] Add -> CLICK", "step_history": [], "repr_history": []}
            rows.append({**row, **named, **shown, **told})
    return write(folder, "hf_train", rows)


def aguvis(folder: Path, records: int) -> Path:
    """AGUVIS's second stage: episodes of five steps, each record with its own system turn."""
    rows = []
    for number in range(records):
        episode, step = divmod(number, STEPS)
        before = "".join(f"Step {done + 1}: Click the button\n" for done in range(step)) or "None\n"
        asked = f"<image>\nGo on.\n\nInstruction: task {episode}\n\nPrevious actions:\n{before}"
        code = "pyautogui.click(x=0.25, y=0.5)" if number % 2 else "pyautogui.scroll(page=-0.1)"
        turns = [{"from": "system", "value": "function " * 200}, {"from": "human", "value": asked}]
        turns.append(
            {"from": "gpt", "value": f"Thought: {'so ' * 40}\nAction: Go on\n", "recipient": "all"}
        )
        turns.append({"from": "gpt", "value": code, "recipient": "os"})
        rows.append({"image": "a.png", "conversations": turns})
    write(folder, "unused", [])
    (folder / "part-l2.json").write_text(json.dumps(rows), "utf-8")
    return folder


def aguvis_questions(folder: Path, records: int) -> Path:
    """AGUVIS's first stage: questions about a screenshot, each record with a screenshot of its own."""
    rows = []
    draw = random.Random(0)
    write(folder, "unused", [])
    page = folder / "images" / "page.png"
    Image.new("RGB", PAGE, "white").save(page)
    for number in range(records):
        shutil.copy(page, folder / "images" / f"{number}.png")
        turns = []
        for question in range(QUESTIONS):
            asked = f"{'' if question else '<image>'}\nthe button number {question} of page {number}"
            code = f"pyautogui.click(x={draw.random():.4f}, y={draw.random():.4f})"
            turns += [{"from": "human", "value": asked}, {"from": "gpt", "value": code, "recipient": "os"}]
        rows.append({"image": f"{number}.png", "conversations": turns})
    (folder / "part.json").write_text(json.dumps(rows), "utf-8")
    return folder


def forged(root: Path, records: int) -> float:
    """Records of AGUVIS a second that become the forge's lines, read, linked and written, none decoded."""
    from screensmith import plugins

    read = plugins.load("readers", "aguvis").stream
    write_into = plugins.load("writers", "forge").open_writer
    runs = iter(range(PASSES))

    def work_once() -> None:
        episodes = read(str(root))
        first = next(episodes)
        with write_into(root / f"forge{next(runs)}", source={}, like=first, link=True) as writer:
            for episode in itertools.chain([first], episodes):
                writer.write(episode)
        assert records in (writer.written.steps, writer.written.episodes)

    return rate(records, work_once)


def conversions(work: Path) -> dict[str, float]:
    """Records a second, from files to files."""
    records = EPISODES * STEPS
    return {
        f"aguvis records of {QUESTIONS} questions to forge": forged(
            aguvis_questions(work / "questions", records), records
        ),
        "aguvis records of a step to forge": forged(aguvis(work / "steps", records), records),
    }


def readers(work: Path) -> dict[str, float]:
    """Elements or steps a second, from the file to episodes."""
    from screensmith import plugins

    places = {
        "showui_web elements": ("showui_web", grounding(work / "web", SCREENS), SCREENS * ELEMENTS),
        "aitw steps": ("aitw", aitw(work / "aitw", EPISODES), EPISODES * STEPS),
        "mind2web steps": ("mind2web", mind2web(work / "mind2web", EPISODES), EPISODES * STEPS),
        "aguvis records": ("aguvis", aguvis(work / "aguvis", EPISODES * STEPS), EPISODES * STEPS),
    }
    found = {}
    for name, (reader, root, count) in places.items():
        read = plugins.load("readers", reader).read

        def work_once(read: Callable[..., Any] = read, root: Path = root, count: int = count) -> None:
            episodes = read(str(root))
            steps = [step for episode in episodes for step in episode.steps]
            assert sum(len(step.elements) or 1 for step in steps) == count

        found[name] = rate(count, work_once)
    return found


def dialects() -> dict[str, float]:
    """Typical answers in code a second, for each dialect that writes it."""
    from parse_fuzz import rates

    return {name: told["all"] for name, told in rates().items()}


def metrics() -> dict[str, float]:
    """Predictions a second of one metric, on random answers."""
    from screensmith import plugins
    from screensmith.core.actions import Click
    from screensmith.core.episode import Screenshot
    from screensmith.core.geometry import Box, Point, Size
    from screensmith.core.prediction import Prediction
    from screensmith.core.sample import Question, Sample

    chance = random.Random(0)
    screen = Screenshot(b"", Size(1080, 2400))
    boxes = [[number / 40, 0.1, 0.02, 0.2] for number in range(30)]
    facts = {"action_type_id": 4, "touch": [0.25, 0.42], "lift": [0.25, 0.42], "boxes": boxes}
    facts |= {"operation": "CLICK", "action_boxes": [[0.2, 0.2, 0.4, 0.6]]}
    expected = (Click(Point(0.25, 0.42)),)
    sample = Sample("s", "go", screen, (Question("", expected, Box(0.2, 0.2, 0.4, 0.6)),), facts=facts)
    answers = [
        Prediction("", (Click(Point(chance.random(), chance.random())),)) for _ in range(PREDICTIONS)
    ]
    found = {}
    for name in ("point", "aitw", "mind2web_step", "guiact_finish", "click", "whole"):
        score = plugins.load("metrics", name).score

        def work_once(score: Callable[..., Any] = score) -> None:
            for answer in answers:
                score(answer, sample)

        found[name] = rate(PREDICTIONS, work_once)
    return found


def conversion_peaks(work: Path) -> dict[str, float]:
    """Largest memory of a whole `screensmith convert`, for few and many rows, in MiB."""
    found = {}
    for rows in ROWS:
        root = aitw(work / f"aitw{rows}", rows // STEPS)
        words = ["convert", "aitw", str(root), "--to", "showui", str(work / f"out{rows}")]
        code = (
            "import resource, subprocess, sys\n"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        line = [sys.executable, "-c", code, sys.executable, "-m", "screensmith", *words]
        done = subprocess.run(line, check=True, capture_output=True, text=True)
        found[f"{rows} rows"] = int(done.stdout) / (2**20 if sys.platform == "darwin" else 2**10)
    return found


def task_results(folder: Path, count: int) -> Path:
    """Task results with rows of about 1.1 KB, ten to a task."""
    folder.mkdir()
    with (folder / "task_results.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            "Task_id Slide_number Image_id Grounding Short_Term_Memory Long_term_Memory Output".split()
        )
        for row in range(count):
            action = {"action": "CLICK", "target": f"Load {row}", "coords": [20, 20]}
            truth = {"ground_truth": action, "screen": ["Save", "Open", "Close"] * 8}
            memory = json.dumps({"last_action": "CLICK", "last_observation": "seen " * 25})
            answer = {"Reason": "it loads " * 10, "Predicted": {"predicted_action": action}}
            output = json.dumps({"Grounding": truth, **answer})
            cells = (row // STEPS, row % STEPS + 1, "a.png", json.dumps(truth), memory, "{}", output)
            table.writerow(cells)
    return folder


def index_task_results(work: Path, count: int) -> dict[str, float]:
    """Finding every row of a CSV file and putting them in order: seconds of CPU, and the process's peak."""
    root = task_results(work / "task_results", count)
    line = [sys.executable, __file__, "--index", str(root / "task_results.csv")]
    told = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    assert told.pop("found") == count
    return {"rows": count, "file_mib": (root / "task_results.csv").stat().st_size / 2**20, **told}


def index(path: Path) -> None:
    """Index one CSV file of task results; print what it took."""
    from screensmith.compute._usage import peak_memory_bytes
    from screensmith.core.refusals import RefusalLog
    from screensmith.readers._task_results_file import Table

    begin = time.process_time()
    rows = Table(path).find_rows(lambda _: True, RefusalLog())
    found = sum(len(numbers) for _, numbers in rows.by_task())
    seconds = time.process_time() - begin
    # Not `ru_maxrss`, which begins with what the process that started this one held.
    print(json.dumps({"found": found, "cpu_seconds": seconds, "peak_mib": peak_memory_bytes() / 2**20}))


def episodes_per_second(seconds: float, processes: int) -> float:
    """MiniWoB++ episodes that the scripts play, over every task, in several processes at once."""
    line = [sys.executable, __file__, "--play", str(seconds)]
    begun = [
        subprocess.Popen([*line, str(number), str(processes)], stdout=subprocess.PIPE)
        for number in range(processes)
    ]
    told = [json.loads(process.communicate()[0]) for process in begun]
    return sum(each["episodes"] / each["seconds"] for each in told)


def play(seconds: float, first: int, stride: int) -> None:
    """Play scripted episodes for a while, task after task; print how many."""
    from screensmith.environments import Unsolvable, miniwob

    with miniwob.open() as environment:
        tasks = environment.tasks[first::stride]
        environment.reset(tasks[0], 0)
        begin, played = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            environment.reset(tasks[played % len(tasks)], played)
            try:
                for demonstration in environment.solve():
                    environment.act(demonstration.action)
            except Unsolvable:
                continue
            finally:
                played += 1
        print(json.dumps({"episodes": played, "seconds": time.perf_counter() - begin}))


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument(
        "--seconds", type=float, default=30.0, help="of playing, for each number of processes"
    )
    asked.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "throughput.json")
    asked.add_argument("--play", nargs=3, metavar=("SECONDS", "FIRST", "STRIDE"), help=argparse.SUPPRESS)
    asked.add_argument("--csv-rows", type=int, default=CSV_ROWS, help="of task results, to index")
    asked.add_argument("--index", type=Path, help=argparse.SUPPRESS)
    arguments = asked.parse_args()
    if arguments.index:
        index(arguments.index)
        return
    if arguments.play:
        play(float(arguments.play[0]), int(arguments.play[1]), int(arguments.play[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        result: dict[str, Any] = {
            "machine": describe(),
            "versions": versions(),
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "read_per_cpu_second": readers(Path(folder)),
            "converted_per_cpu_second": conversions(Path(folder)),
            "parsed_per_cpu_second": dialects(),
            "scored_per_cpu_second": metrics(),
            "conversion_peak_mib": conversion_peaks(Path(folder)),
            "task_results_index_seconds_and_mib": index_task_results(Path(folder), arguments.csv_rows),
            "miniwob_episodes_per_second": {
                f"{count} processes": episodes_per_second(arguments.seconds, count) for count in (1, 2, 4)
            },
            "own_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
        }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(
        json.dumps({key: value for key, value in result.items() if "per" in key or "mib" in key}, indent=1)
    )


if __name__ == "__main__":
    main()
