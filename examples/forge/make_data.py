"""AGUVIS-format data of both stages, and a held-out benchmark, from episodes recorded in a real Chromium.

    python examples/forge/make_data.py --out runs/forge/raw

Stage 1 asks for every named element of a screen, several questions to a screenshot, as AGUVIS's "seeclick"
does. Stage 2 is the recorded steps with a thought before each, as its "miniwob-l2" has them: every thought
says only what the recording knows (what is done already, which element the next action needs, where that
is). Episodes of the last seeds are learned by neither stage: they become a benchmark in SeeClick's layout
of ScreenSpot, and steps to judge on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from screensmith.core.actions import Action, Click, TypeText
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point
from screensmith.readers import mds

EPISODES = Path(__file__).parents[1] / "task_results" / "episodes"
HELD_OUT_SHARE = 0.2
FUNCTIONS = "You operate a screen with pyautogui. Answer with a thought, the action in words, and its code."


def named(step: Step) -> list[tuple[Element, str]]:
    """The elements that an instruction can ask for without doubt, each with that instruction."""
    found: dict[str, list[Element]] = {}
    for element in step.elements:
        around = any(other is not element and _holds(element.box, other.box) for other in step.elements)
        if not around:  # what holds another element is a panel, and its text is the other's
            found.setdefault(f"click {called(element)}", []).append(element)
    return [(elements[0], asked) for asked, elements in found.items() if len(elements) == 1]


def called(element: Element) -> str:
    """An element in words."""
    kinds = {"textbox": "text field", "tab": "section"}
    kind = kinds.get(element.kind, element.kind or "element")
    return f'the {kind} "{element.text}"' if element.text and element.kind != "textbox" else f"the {kind}"


def _holds(outer: Box, inner: Box) -> bool:
    return outer.contains(Point(inner.left, inner.top)) and outer.contains(Point(inner.right, inner.bottom))


def place_of(point: Point) -> str:
    """A place in words, by thirds of the screen."""
    down = ("top", "middle", "bottom")[min(2, int(3 * point.y))]
    across = ("left", "centre", "right")[min(2, int(3 * point.x))]
    return f"{down} {across}"


def meant(step: Step) -> Element | None:
    """The element that a step's click goes to."""
    return next((element for element in step.elements if element.box == step.target), None)


def in_words(step: Step) -> str:
    """What a step does, in words."""
    action = step.actions[0]
    if isinstance(action, TypeText):
        return f'Type "{action.text}".'
    element = meant(step)
    return f"Click {called(element)}." if element else "Click there."


def thought_of(step: Step, number: int) -> str:
    """The reason for a step, from what the recording knows of it."""
    done = ("Nothing is", "One step is", "Two steps are")[number] if number < 3 else f"{number} steps are"
    done += " done yet" if number == 0 else " done"
    action = step.actions[0]
    if isinstance(action, TypeText):
        return f'{done}. The text field is ready, so I enter "{action.text}".'
    element = meant(step)
    what = called(element) if element else "the next place"
    return f"{done}. Next the task needs {what}, at the {place_of(action.at)}."  # type: ignore[union-attr]


def code_of(action: Action) -> str:
    """An action as AGUVIS writes it."""
    if isinstance(action, TypeText):
        return f"pyautogui.write(message={action.text!r})"
    if isinstance(action, Click) and (action.button, action.count) == ("left", 1):
        return click_at(action.at)
    raise SystemExit(f"the recordings hold another action than clicks and texts: {action}")


def click_at(point: Point) -> str:
    """A click as AGUVIS writes it."""
    return f"pyautogui.click(x={point.x:.4f}, y={point.y:.4f})"


def save(screenshot: Screenshot, folder: Path, stem: str) -> str:
    """Write a screenshot below its stem; returns the file's name."""
    data = screenshot.read_bytes()
    name = stem + (".png" if data.startswith(b"\x89PNG") else ".jpg")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return name


def stem_of(episode: Episode, number: int) -> str:
    """The name that AGUVIS's readers take apart: task, seed, step."""
    return f"{episode.facts['task']}_seed{episode.facts['seed']}_step{number}"


def grounding(episodes: Sequence[Episode], folder: Path) -> Iterator[dict[str, Any]]:
    """Records of stage 1: every question about a screenshot, each with its answer."""
    for episode in episodes:
        for number, step in enumerate(episode.steps):
            turns: list[dict[str, Any]] = []
            for element, asked in named(step):
                mark = "" if turns else "<image>\n"
                turns.append({"from": "human", "value": mark + asked})
                turns.append({"from": "gpt", "value": click_at(element.at)})
            if turns:
                image = save(step.screenshot, folder, stem_of(episode, number))
                yield {"image": image, "conversations": turns}


def reasoning(episodes: Sequence[Episode], folder: Path) -> Iterator[dict[str, Any]]:
    """Records of stage 2: one step each, thought and action in words for all, code for the system."""
    for episode in episodes:
        before: list[str] = []
        for number, step in enumerate(episode.steps):
            done = "\n".join(f"Step {place}: {text}" for place, text in enumerate(before, 1)) or "None"
            asked = f"What is the next move?\n\nInstruction: {episode.goal}\n\nPrevious actions:\n{done}"
            said = f"Thought: {thought_of(step, number)}\nAction: {in_words(step)}\n"
            code = "\n".join(code_of(action) for action in step.actions)
            turns = [
                {"from": "system", "value": FUNCTIONS},
                {"from": "human", "value": f"<image>\n{asked}"},
                {"from": "gpt", "value": said, "recipient": "all", "end_turn": False},
                {"from": "gpt", "value": code, "recipient": "os", "end_turn": True},
            ]
            yield {"image": save(step.screenshot, folder, stem_of(episode, number)), "conversations": turns}
            before.append(in_words(step))


def screenspot(episodes: Sequence[Episode], folder: Path) -> Iterator[dict[str, Any]]:
    """Rows of the benchmark: one element each, its box in pixels from its left upper corner."""
    for episode in episodes:
        for number, step in enumerate(episode.steps):
            width, height = step.screenshot.size.width, step.screenshot.size.height
            for element, asked in named(step):
                box = element.box
                edges = (box.left * width, box.top * height, box.width * width, box.height * height)
                yield {
                    "img_filename": save(step.screenshot, folder, f"web_{stem_of(episode, number)}"),
                    "instruction": asked,
                    "bbox": [round(edge, 2) for edge in edges],
                    "data_type": "icon" if element.kind == "textbox" else "text",
                    "data_source": str(episode.facts["task"]),
                }


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a JSON list and say how long it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{path}: {len(rows)} records")


def main() -> None:
    """Read the episodes, split them by seed, and write everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--episodes", default=str(EPISODES), help="MDS episodes")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--limit", type=int, default=0, help="episodes, 0 for all")
    arguments = parser.parse_args()
    every = sorted(mds.read(arguments.episodes), key=lambda episode: int(episode.facts["seed"]))
    every = every[: arguments.limit or None]
    first = round(len(every) * (1 - HELD_OUT_SHARE))
    training, held_out = every[:first], every[first:]
    out: Path = arguments.out
    parts = (("stage1", "rollouts", grounding, training), ("stage2", "rollouts-l2", reasoning, training))
    for stage, name, records, episodes in (*parts, ("held_out", "rollouts-l2", reasoning, held_out)):
        write(out / stage / f"{name}.json", list(records(episodes, out / stage / name / "images")))
        mixture = f"datasets:\n- json_path: {name}.json\n  images_folder: {name}/images\n"
        (out / stage / "mixture.yaml").write_text(mixture + "  sampling_strategy: all\n", "utf-8")
    rows = list(screenspot(held_out, out / "screenspot" / "images"))
    write(out / "screenspot" / "screenspot_web.json", rows)


if __name__ == "__main__":
    main()
