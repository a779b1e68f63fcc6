import json
from pathlib import Path

import pytest
from PIL import Image

from screensmith.benchmarks.miniwob import benchmark, tasks_of_release
from screensmith.core.prediction import Prediction
from screensmith.environments._miniwob_solvers import SOLVERS
from screensmith.evaluate.live_benchmark import play_benchmark, program_of


def test_the_protocol_is_seeclicks():
    rules = benchmark()
    assert len(rules.tasks) == 55
    assert (rules.episodes, rules.max_steps, rules.history_steps) == (10, 10, 4)
    assert dict(rules.max_steps_of) == {"guess-number": 30, "use-slider": 30, "choose-date": 30}
    assert rules.success_above == 0.8


def test_every_task_has_a_page_and_all_but_two_a_script():
    miniwob = pytest.importorskip("screensmith.environments.miniwob")
    pytest.importorskip("miniwob")
    pages = {page.stem for page in miniwob._pages_folder().glob("*.html")}
    assert set(benchmark().tasks) <= pages
    assert set(benchmark().tasks) - set(SOLVERS) <= {"click-pie", "tic-tac-toe"}


@pytest.mark.parametrize("layout", ["raw", "showui"])
def test_a_release_says_which_tasks_count(tmp_path: Path, layout: str):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (160, 210)).save(tmp_path / "images" / "a.png")
    if layout == "raw":
        step = {"img_filename": "a.png", "goal": "go", "action_type": "type", "typed_text": "x"}
        rows = {"use-spinner": [[step]], "click-test": [[step], [step]]}
        (tmp_path / "miniwob_data_train.json").write_text(json.dumps(rows), "utf-8")
    else:
        step = {"img_url": "a.png", "action_type": "type", "action_meta": "x"}
        shared = {
            **step,
            "task": "go",
            "img_size": [160, 210],
            "step_id": 0,
            "step_history": [],
            "step": step,
        }
        names = ["use-spinner", "click-test", "click-test"]
        rows = [{**shared, "split": name, "id": f"miniwob_{at}"} for at, name in enumerate(names)]
        (tmp_path / "metadata").mkdir()
        (tmp_path / "metadata" / "hf_train.json").write_text(json.dumps(rows), "utf-8")
    assert tasks_of_release(str(tmp_path)) == ("use-spinner", "click-test")


def test_a_folder_without_the_release_is_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match=str(tmp_path)):
        tasks_of_release(str(tmp_path))


@pytest.mark.browser
def test_the_environments_own_script_scores_1_in_a_browser_and_doing_nothing_0():
    pytest.importorskip("miniwob")
    from screensmith.environments import miniwob

    with miniwob.open() as screen:
        scripts = []

        def script(samples):
            (sample,) = samples
            if sample.id.endswith("#0"):
                scripts.append(screen.solve())
            return [Prediction("as the script does", (next(scripts[-1]).action,))]

        program = program_of(
            benchmark(), screen.tasks, seed=3, tasks=["click-button", "enter-text"], episodes=1
        )
        assert play_benchmark(script, program, [screen], history_steps=4).result.score == 1.0
        program = program_of(benchmark(), screen.tasks, seed=3, tasks=["click-button"], episodes=1)
        idle = play_benchmark(
            lambda samples: [Prediction("?", problem="no action") for _ in samples],
            program,
            [screen],
            history_steps=4,
        )
    assert idle.result.score == 0.0
    assert idle.live.endings == {"out of steps": 1}
    assert idle.live.answers == 10
