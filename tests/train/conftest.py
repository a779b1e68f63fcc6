"""A tiny model and a handful of recorded episodes."""

import io
import random

import pytest
from PIL import Image, ImageDraw

from screensmith.capture.store import EpisodeStore
from screensmith.core.actions import Click, TypeText
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Size
from screensmith.model.create import new_model


def screen(left, top):
    """A small screen with one dark square."""
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).rectangle([left, top, left + 15, top + 15], fill="navy")
    file = io.BytesIO()
    image.save(file, "PNG")
    return Screenshot(file.getvalue(), Size(64, 64))


def episode(number):
    generator = random.Random(number)
    left, top = generator.choice([0, 48]), generator.choice([0, 48])
    box = Box(left / 64, top / 64, (left + 16) / 64, (top + 16) / 64)
    click = Step(screen(left, top), (Click(box.centre),), target=box)
    typing = Step(screen(left, top), (TypeText(f"word{number}"),))
    steps = (click, typing) if number % 2 else (click,)
    return Episode(f"episode-{number:03}", "Click the square.", steps, {"task": "square"})


@pytest.fixture(scope="session")
def episodes():
    return [episode(number) for number in range(10)]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory, episodes):
    folder = tmp_path_factory.mktemp("data") / "mds"
    with EpisodeStore(folder) as store:
        for each in episodes:
            store.append(each)
    return folder


@pytest.fixture(scope="session", params=["qwen2_vl", "qwen3_vl"])
def base(request, tmp_path_factory):
    return new_model(request.param, "tiny", tmp_path_factory.mktemp("base") / request.param, seed=3)


@pytest.fixture(scope="session")
def one_base(tmp_path_factory):
    """For what the family has no part in."""
    return new_model("qwen3_vl", "tiny", tmp_path_factory.mktemp("one_base") / "qwen3_vl", seed=3)
