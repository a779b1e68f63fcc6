"""The laws of readers; every file in screensmith/readers must have an example here."""

from __future__ import annotations

import csv
import inspect
import io
import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.core.actions import Click, Drag, TypeText, points_of
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog


def write_mds(folder: Path) -> int:
    """Two good episodes and one of which nothing can be used; returns how many are good."""
    from screensmith.capture.store import EpisodeStore

    buffer = io.BytesIO()
    Image.new("RGB", (80, 60), "teal").save(buffer, "PNG")
    screenshot = Screenshot(buffer.getvalue(), Size(80, 60))
    click = Step(screenshot, (Click(Point(0.2, 0.9)),), target=Box(0.1, 0.8, 0.3, 1.0))
    drag = Step(screenshot, (Drag(Point(0, 0), Point(1, 1)), TypeText("x")), target=Box(0, 0, 0.1, 0.1))
    beside = Step(screenshot, (Click(Point(0.2, 0.9)),), target=Box(0, 0, 0.1, 0.1))
    with EpisodeStore(folder) as store:
        store.append(Episode("a", "press", (click, drag)))
        store.append(Episode("a", "press again", (click,)))
        store.append(Episode("b", "miss", (beside,)))
    return 2


def write_images(folder: Path, *names: str) -> None:
    """Images of 100x50 pixels in folder/images."""
    (folder / "images").mkdir(parents=True)
    for name in names:
        Image.new("RGB", (100, 50), "teal").save(folder / "images" / name)


def write_rows(path: Path, rows: object) -> None:
    """A JSON file of this."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows))


def write_showui_elements(folder: Path) -> int:
    """Two screens with elements, of which one is bad; a third has no image and a fourth only a caption."""
    write_images(folder, "a.png")
    good = {"instruction": "Save", "bbox": [0.1, 0.2, 0.3, 0.4], "point": [0.2, 0.3], "data_type": "text"}
    bad = {"instruction": "Open", "bbox": [0.3, 0.2, 0.1, 0.4]}
    row = {"img_url": "a.png", "img_size": [100, 50], "element": [good, bad], "element_size": 2}
    caption = {"img_url": "a.png", "img_size": [100, 50], "caption": "A page"}
    write_rows(folder / "metadata" / "hf_train.json", [row, row, {**row, "img_url": "gone.png"}, caption])
    return 2


def write_amex(folder: Path) -> int:
    """The raw layout: a screen with two bad elements of three, and a file that is no JSON."""
    write_images(folder, "s1.png")
    elements = [
        {"bbox": [10, 20, 30, 26], "xml_desc": ["Sign in", "Sign in"]},
        {"bbox": [0, 0, 5, 5], "xml_desc": ["Menu", "Drawer"]},
        {"bbox": [-3, 10, 40, 50], "xml_desc": ["Back"]},
    ]
    write_rows(
        folder / "element_anno" / "s1.json", {"image_path": "s1.png", "clickable_elements": elements}
    )
    (folder / "element_anno" / "s2.json").write_text("{")
    return 1


def write_screenspot(folder: Path) -> int:
    """ShowUI's metadata: a good row and one whose box lies beside the screen."""
    write_images(folder, "web_a.png")
    row = {
        "split": "web",
        "data_type": "text",
        "task": "open",
        "img_url": "web_a.png",
        "img_size": [100, 50],
    }
    rows = [{**row, "bbox": [10, 5, 20, 5]}, {**row, "bbox": [95, 5, 20, 5]}]
    write_rows(folder / "metadata" / "hf_test_full.json", rows)
    return 1


def write_osworld_g(folder: Path) -> int:
    """A box, a polygon, a refusal, and a row with an unknown kind of target."""
    write_images(folder, "a.png")
    targets = {"bbox": [10, 5, 20, 5], "polygon": [0, 0, 50, 0, 0, 25], "refusal": [0, 0, 0, 0], "star": []}
    rows = [
        {
            "image_path": "a.png",
            "image_size": [100, 50],
            "instruction": kind,
            "box_type": kind,
            "box_coordinates": at,
        }
        for kind, at in targets.items()
    ]
    write_rows(folder / "OSWorld-G.json", rows)
    return 3


GROUNDING_EXAMPLES: dict[str, Callable[[Path], int]] = {
    "amex": write_amex,
    "osworld_g": write_osworld_g,
    "screenspot": write_screenspot,
    "showui_desktop": write_showui_elements,
    "showui_web": write_showui_elements,
}


def write_mind2web(folder: Path) -> int:
    """One episode, of whose three steps one has no box."""
    write_images(folder, "e-0.jpg", "e-1.jpg", "e-2.jpg")
    box = {"x": 10, "y": 10, "width": 30, "height": 20}
    actions = [
        {
            "action_uid": "0",
            "operation": {"op": "SELECT", "original_op": "SELECT", "value": "L"},
            "bbox": box,
        },
        {"action_uid": "1", "operation": {"op": "CLICK", "original_op": "HOVER", "value": ""}},
        {"action_uid": "2", "operation": {"op": "TYPE", "original_op": "TYPE", "value": "x"}, "bbox": box},
    ]
    episode = {
        "annotation_id": "e",
        "confirmed_task": "buy a shirt",
        "action_reprs": [],
        "actions": actions,
    }
    write_rows(folder / "mind2web_data_train.json", [episode])
    return 1


def write_aitw(folder: Path) -> int:
    """Two episodes; one of three steps has no image."""
    write_images(folder, "0.png")
    tap = {"ep_id": 1, "img_filename": "0", "goal": "open", "action_type_id": 4, "annot_position": []}
    tap |= {"touch": [0.5, 0.5], "lift": [0.5, 0.5], "type_text": ""}
    swipe = {**tap, "lift": [0.5, 0.9]}
    write_rows(
        folder / "aitw_data_test.json",
        {"general": [[tap, {**tap, "img_filename": "1"}]], "install": [[swipe]]},
    )
    return 2


def write_miniwob(folder: Path) -> int:
    """Two episodes, and one with a box that lies off the page."""
    write_images(folder, "0.jpg")
    click = {"img_filename": "0.jpg", "goal": "press", "action_type": "click", "bbox": [40, 84, 80, 126]}
    typing = {"img_filename": "0.jpg", "goal": "type", "action_type": "type", "typed_text": "x"}
    beside = {**click, "bbox": [40, 84, 170, 126]}
    write_rows(folder / "miniwob_data_train.json", {"a": [[click], [beside]], "b": [[typing]]})
    return 2


def write_guiact(folder: Path) -> int:
    """Of an episode one step is not there and one scrolls nowhere: two parts are left."""
    uids = [f"uid_record_1_step_{number:02d}" for number in (0, 2, 3, 4)]
    write_images(folder, *(f"{uid}.png" for uid in uids))
    click = {"name": "click", "element": {"id": 1, "absolute": "<box>10, 10, 40, 20</box>"}}
    still = {"name": "scroll", "scroll": {"absolute": {"down": 0, "right": 0}}}
    shared = {"question": "find it", "image_size": {"width": 100, "height": 50}, "thoughts": ""}
    labels = [[click], [{**click, "name": "hover"}], [click, {"name": "enter"}], [still]]
    rows = [
        {"uid": uid, "image_id": uid, "actions_label": label, **shared}
        for uid, label in zip(uids, labels, strict=True)
    ]
    write_rows(folder / "web-multi_train_data.json", rows)
    return 2


def write_seeclick(folder: Path) -> int:
    """Two answers, and one that is no action."""
    write_images(folder, "0.png")
    rows = []
    for answer in ('{"action_type": 4, "click_point": (0.25,0.42)}', "press it", '{"action_type": 5}'):
        asked = {
            "from": "user",
            "value": "Picture 1: <img>0.png</img>\nInstruction: go. Previous actions: ",
        }
        rows.append({"id": "aitw_0", "conversations": [asked, {"from": "assistant", "value": answer}]})
    write_rows(folder / "train.json", rows)
    return 2


def write_androidcontrol(folder: Path) -> int:
    """Two episodes, and a step whose action nobody knows."""
    write_images(folder, "0.png")
    line = {"episode_id": 1, "step": 0, "goal": "go", "instruction": "press", "image": "0.png"}
    click = {
        **line,
        "image_size": [100, 50],
        "action": {"kind": "Click", "at": [0.5, 0.5]},
        "boxes": [[0, 0, 9, 9]],
    }
    lines = [click, {**click, "episode_id": 2}, {**click, "step": 1, "action": {"kind": "Fly"}}]
    (folder / "test.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return 2


def write_task_results(folder: Path) -> int:
    """Two tasks, of which one has a row without an action, and a row with a cell too few."""
    write_images(folder, "a.png")
    truth = {"action": "CLICK", "original_step_data": {"bbox": [10, 10, 30, 30]}}
    action = {"action": "CLICK", "target": "Load", "coords": [20, 20]}
    good = json.dumps({"Predicted": {"predicted_action": action}, "Grounding": {"ground_truth": truth}})
    rows = [("1", good), ("1", "{}"), ("2", good)]
    with (folder / "task_results.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Task_id", "Image_id", "Output"])
        table.writerows([task, "a.png", output] for task, output in rows)
        table.writerow(["2", "a.png"])
    return 2


def write_aguvis(folder: Path) -> int:
    """A screen with two clicks, two steps of an episode, and code that is no action."""
    write_images(folder, "p.png", "e_0.png", "e_1.png")

    def row(image: str, *said: str) -> dict[str, object]:
        speakers = ("human", "gpt") * len(said)
        turns = [{"from": who, "value": text} for who, text in zip(speakers, said, strict=False)]
        return {"image": image, "conversations": turns}

    def step(number: int, before: str, code: str) -> dict[str, object]:
        made = row(f"e_{number}.png", f"<image>Instruction: go\nPrevious actions:\n{before}", "Thought: so")
        turns = [*made["conversations"], {"from": "gpt", "value": code}]
        return {**made, "conversations": turns}

    click = "pyautogui.click(x=0.5, y=0.5)"
    rows = [row("p.png", "<image>Save", click, "Open", click), row("p.png", "<image>Run", "os.system('x')")]
    rows += [step(0, "None", click), step(1, "Step 1: a", "pyautogui.scroll(page=-0.5)")]
    write_rows(folder / "part.json", rows)
    return 2


def write_forge(folder: Path) -> int:
    """Two screens, of which one has two clicks; a step with a thought; and calls that nobody knows."""
    write_images(folder, "p.png", "q.png")
    click = {"image_path": "images/p.png", "instruction": "Save", "action": "click(x=0.5, y=0.5)"}
    rows = [click, {**click, "instruction": "Open", "action": "click(0.1, 0.2)"}]
    rows += [{**click, "image_path": "images/q.png"}, {**click, "action": "fly(0.1, 0.2)"}]
    for name, lines in (("stage1_grounding", rows), ("stage2_reasoning", [{**click, "thought": "so"}])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 3


NAVIGATION_EXAMPLES: dict[str, Callable[[Path], int]] = {
    "aguvis": write_aguvis,
    "aitw": write_aitw,
    "androidcontrol": write_androidcontrol,
    "forge": write_forge,
    "guiact": write_guiact,
    "mind2web": write_mind2web,
    "miniwob": write_miniwob,
    "seeclick": write_seeclick,
    "task_results": write_task_results,
}


EXAMPLES: dict[str, Callable[[Path], int]] = {"mds": write_mds, **GROUNDING_EXAMPLES, **NAVIGATION_EXAMPLES}


def test_every_reader_has_an_example():
    assert sorted(EXAMPLES) == plugins.names("readers")


@pytest.fixture(params=sorted(EXAMPLES))
def example(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A reader's function, and the folder of its example with the number of good episodes in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    folder = tmp_path / "data"
    good = EXAMPLES[request.param](folder)
    return plugins.load("readers", request.param).read, folder, good


def test_options_are_keywords_and_refusals_can_be_collected(example):
    read, _, _ = example
    parameters = list(inspect.signature(read).parameters.values())
    assert [parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY] == [
        "root"
    ]
    assert "refusals" in plugins.options_of(read)
    assert inspect.getdoc(read)


def test_twice_the_same_and_it_can_be_sent_to_a_worker(example):
    read, folder, good = example
    first = read(str(folder))
    assert isinstance(first, Sequence)
    assert len(first) == good
    assert list(read(str(folder))) == list(first)
    assert pickle.loads(pickle.dumps(first)) == first


def test_ids_are_unique_goals_are_said_and_steps_are_there(example):
    read, folder, _ = example
    episodes = read(str(folder))
    assert len({episode.id for episode in episodes}) == len(episodes)
    assert all(episode.goal.strip() and episode.steps for episode in episodes)


def test_screenshots_can_be_read_and_have_their_size(example):
    read, folder, _ = example
    for step in (step for episode in read(str(folder)) for step in episode.steps):
        with Image.open(io.BytesIO(step.screenshot.read_bytes())) as image:
            image.load()
            assert image.size == (step.screenshot.size.width, step.screenshot.size.height)


def test_the_first_point_lies_in_the_target(example):
    read, folder, _ = example
    for step in (step for episode in read(str(folder)) for step in episode.steps):
        places = points_of(step.actions[0])
        assert step.target is None or not places or step.target.contains(places[0])


def test_what_is_refused_is_counted_with_its_reason(example):
    read, folder, _ = example
    log = RefusalLog()
    read(str(folder), refusals=log)
    assert len(log) > 0, "the example should hold something that is refused"
    assert log.considered >= len(log)
    assert all(refusal.id and refusal.reason for refusal in log)
    assert len({refusal.id for refusal in log}) == len(log)


def test_a_place_that_holds_nothing_is_an_error_that_names_it(example, tmp_path):
    read, _, _ = example
    with pytest.raises(ValueError, match="nowhere"):
        read(str(tmp_path / "nowhere"))
