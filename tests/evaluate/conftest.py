"""Coloured buttons drawn with Pillow, as recorded steps and as a live screen, and policies for them."""

import io
import random
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw

from screensmith.core.actions import Click
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample
from screensmith.environments import CannotAct, Outcome, Start

SIZE = Size(160, 210)


def button_box(seed):
    place = random.Random(seed)
    left, top = place.randrange(10, 100), place.randrange(10, 160)
    return Box(left / 160, top / 210, (left + 48) / 160, (top + 24) / 210)


def draw(box):
    picture = Image.new("RGB", (SIZE.width, SIZE.height), "white")
    pen = ImageDraw.Draw(picture)
    edges = (box.left * 160, box.top * 210, box.right * 160, box.bottom * 210)
    pen.rectangle(edges, fill="#d0d4dc", outline="#555")
    pen.text((edges[0] + 6, edges[1] + 7), "Submit", fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return Screenshot(file.getvalue(), SIZE)


def sample(task, seed):
    box = button_box(seed)
    question = Question("", (Click(box.centre),), box)
    return Sample(
        f"{task}-{seed}#0", f"click Submit of {task}", draw(box), (question,), facts={"task": task}
    )


class Buttons:
    """One button; a click on it ends the episode with reward 1 (`half`: 0.5), `last-chance` any."""

    tasks = ("until", "last-chance", "half")

    def reset(self, task, seed):
        self.task, self.box, self.reward, self.done = task, button_box(seed), 0.0, False
        return Start(f"click Submit of {task}", draw(self.box))

    def act(self, action):
        if not isinstance(action, Click):
            raise CannotAct("only clicks are possible here")
        hit = self.box.contains(action.at)
        self.reward = (0.5 if self.task == "half" else 1.0) if hit else 0.0
        self.done = hit or self.task == "last-chance"
        return draw(self.box)

    def outcome(self):
        return Outcome(self.done, self.reward)


def find(screenshot):
    """The middle of what is not white."""
    picture = Image.open(io.BytesIO(screenshot.read_bytes())).convert("L")
    left, top, right, bottom = picture.point(lambda grey: 255 - grey).getbbox()
    return Point((left + right) / 2 / picture.width, (top + bottom) / 2 / picture.height)


def expert(samples):
    return [Prediction("click it", (Click(find(one.screenshot)),)) for one in samples]


def clumsy(samples):
    """Always clicks the corner, and every third answer is gibberish."""
    answers = []
    for one in samples:
        if sum(map(ord, one.id)) % 3:
            answers.append(Prediction('{"action": "CLICK"}', (Click(Point(0.95, 0.95)),)))
        else:
            answers.append(Prediction("<b>gibberish</b>", problem="neither JSON nor a literal"))
    return answers


@pytest.fixture
def world():
    return SimpleNamespace(
        Buttons=Buttons, expert=expert, clumsy=clumsy, sample=sample, draw=draw, button_box=button_box
    )
