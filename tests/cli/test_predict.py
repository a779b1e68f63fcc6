import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import screensmith
from screensmith.agent.predictor import Predictor
from screensmith.cli.main import main
from screensmith.cli.predict import natural_order
from screensmith.core.prediction import Prediction


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    assert main(["new-model", "--family", "qwen3_vl", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def pictures(clean):
    folder = clean / "screens"
    folder.mkdir()
    for name in ("step10.png", "step2.png", "step1.jpg"):
        Image.new("RGB", (64, 64), "teal").save(folder / name)
    (folder / "notes.txt").write_text("not a picture", "utf-8")
    return folder


def asked(model, pictures, *more):
    return main(
        ["predict", "--model_path", str(model), "--images", str(pictures), "--goal", "Load it", *more]
    )


def test_a_folder_is_walked_in_natural_order(model, pictures, capsys):
    assert asked(model, pictures, "--max-new-tokens", "3", "--device", "cpu") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["image"] for one in records] == ["step1.jpg", "step2.png", "step10.png"]
    assert [one["step_number"] for one in records] == [1, 2, 3]
    assert records[0]["problem"] == "answer cut off"
    assert set(records[0]) >= {"action", "target", "coordinates", "reason", "short_term_memory", "notes"}


def test_answers_go_to_a_file_that_is_never_overwritten(model, pictures, capsys):
    out = pictures.parent / "answers.jsonl"
    more = ("--output", str(out), "--max-new-tokens", "2", "--device", "cpu", "--use_local")
    assert asked(model, pictures, *more) == 0
    assert "3 answers" in capsys.readouterr().out
    assert len(out.read_text("utf-8").splitlines()) == 3
    assert asked(model, pictures, *more) == 2
    assert "exists already" in capsys.readouterr().err


def test_what_is_known_of_the_screens_is_shown_to_the_model(model, pictures, capsys, monkeypatch):
    seen = []

    def policy(samples):
        seen.extend(sample.facts.get("grounding") for sample in samples)
        return [Prediction("", problem="nothing said") for _ in samples]

    def shown(place):
        seen.clear()
        assert asked(model, pictures, "--grounding", str(place)) == 0
        assert "of 1 screenshots" in capsys.readouterr().err
        return list(seen)

    monkeypatch.setattr(screensmith, "load_model_for_inference", lambda *_, **__: Predictor(policy))
    viewer, listed = {"screen": "viewer", "buttons": 3}, {"screen": "list"}
    folder = pictures.parent / "known"
    folder.mkdir()
    (folder / "step1.json").write_text("{'screen': 'viewer', 'buttons': 3,}", "utf-8")
    (folder / "step10.png.json").write_text(json.dumps(listed), "utf-8")
    assert shown(folder) == [viewer, None, listed]
    whole = pictures.parent / "known.json"
    whole.write_text(json.dumps({"step1.jpg": viewer, "step10.png": listed}), "utf-8")
    assert shown(whole) == [viewer, None, listed]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "known.json: "),
        ('{"step1.jpg": [1]}', "step1.jpg must be an object, got list"),
        ('{"other.png": {}}', "it needs the key 'step1.jpg'"),
        ("", "it needs the key 'step1.jpg'"),
    ],
)
def test_broken_grounding_is_named_before_the_model_is_loaded(model, pictures, capsys, text, message):
    file = pictures.parent / "known.json"
    file.write_text(text, "utf-8")
    assert asked(model, pictures, "--grounding", str(file)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "nowhere"], "there is no folder nowhere"),
        (["--images", "."], "holds no screenshot"),
        (["--model_path", "nowhere"], "there is no checkpoint folder nowhere"),
        (["--goal", " "], "--goal is blank"),
        (["--grounding", "nowhere"], "there is no file or folder nowhere"),
        (["--grounding", "."], "it needs step1.json or step1.jpg.json"),
    ],
)
def test_mistakes_are_named(model, pictures, capsys, words, message):
    assert asked(model, pictures, "--max-new-tokens", "1", *words) == 2
    assert message in capsys.readouterr().err


@given(st.lists(st.text(max_size=12), unique=True), st.randoms())
def test_the_order_is_the_same_whatever_it_begins_with(names, chance):
    shuffled = list(names)
    chance.shuffle(shuffled)
    assert sorted(shuffled, key=natural_order) == sorted(names, key=natural_order)


def test_numbers_count_as_numbers():
    names = ["a10b2", "a9b10", "A9b2", "b", "10", "9"]
    assert sorted(names, key=natural_order) == ["9", "10", "A9b2", "a9b10", "a10b2", "b"]
