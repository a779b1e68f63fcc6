"""An environment drawn with Pillow: a button that must be clicked, somewhere that depends on the seed."""

import io
import random

import pytest
from PIL import Image, ImageDraw

from screensmith.core.actions import Click
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Size
from screensmith.environments import CannotAct, Outcome, Start
from screensmith.plugins import suggest


class Buttons:
    """`once`: one click decides; `until`: misses are free; `twice`: two hits, half the reward each."""

    tasks = ("once", "until", "twice")
    size = Size(160, 210)

    def __init__(self):
        self.log = []

    def reset(self, task, seed):
        if task not in self.tasks:
            raise suggest("task", task, list(self.tasks))
        self.task, self.hits, self.done = task, 0, False
        left, top = random.Random(seed).randrange(100), random.Random(seed).randrange(150)
        self.box = Box(left / 160, top / 210, (left + 40) / 160, (top + 30) / 210)
        self.log.append((task, seed))
        return Start(f"click the button of {task} {seed}", self._screen())

    def act(self, action):
        self.log.append(action)
        if not isinstance(action, Click):
            raise CannotAct("only clicks are possible here")
        hit = self.box.contains(action.at)
        self.hits += hit
        self.done = self.hits == (2 if self.task == "twice" else 1) or (self.task == "once" and not hit)
        return self._screen()

    def outcome(self):
        return Outcome(self.done, self.hits / (2 if self.task == "twice" else 1))

    def _screen(self):
        picture = Image.new("RGB", (160, 210), "white")
        box = (self.box.left * 160, self.box.top * 210, self.box.right * 160, self.box.bottom * 210)
        ImageDraw.Draw(picture).rectangle(box, fill="red")
        file = io.BytesIO()
        picture.save(file, "PNG")
        return Screenshot(file.getvalue(), self.size)


@pytest.fixture
def make_environment():
    return Buttons
