"""Solvers of MiniWoB++ tasks about drawn shapes: what they are, how many, and where to click or drag."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from screensmith.environments import Demonstration, Unsolvable
from screensmith.environments._miniwob_scene import Demonstrations, Found, Scene, Solver

SHAPES = "#area_svg > text, #area_svg > rect, #area_svg > circle, #area_svg > polygon"
SHAPE_NAMES = {"rect": "rectangle", "circle": "circle", "polygon": "triangle"}
LARGE_PIXELS = 15.0
"""Between the sizes that the page draws, 10 and 20 pixels."""

DRAG_PIXELS = {"left": (-18, 0), "right": (18, 0), "up": (0, -18), "down": (0, 18)}
DOT_OFFSET_PIXELS = 2.0
Place = tuple[float, float]


def _type_of(shape: Found) -> str:
    if shape.tag == "text":
        return "digit" if shape.text.isdigit() else "letter"
    return "shape"


def _size_in_pixels(shape: Found) -> float:
    names = {"text": "font-size", "rect": "width", "circle": "r"}
    if shape.tag in names:
        size = float(shape.attributes[names[shape.tag]].removesuffix("px"))
        return size * 2 if shape.tag == "circle" else size
    return shape.whole[2] - shape.whole[0]


def _fits(shape: Found, description: str) -> bool:
    """Whether a shape fits a description such as "large red letter", "small item" or "yellow 7"."""
    *adjectives, noun = description.split(" ")
    size = "large" if _size_in_pixels(shape) > LARGE_PIXELS else "small"
    if any(word not in (size, shape.attributes["fill"]) for word in adjectives):
        return False
    return noun in ("item", _type_of(shape), SHAPE_NAMES.get(shape.tag, shape.text))


def click_shape(scene: Scene) -> Demonstrations:
    """Any shape that fits the description."""
    description = scene.word(r"Click on an? (.*)")
    for shape in scene.drawn(SHAPES):
        if _fits(shape, description) and shape.box is not None:
            yield scene.click_box(shape.box)
            return
    raise Unsolvable(f"{scene.task}: no visible shape is a {description}")


def count_shape(scene: Scene) -> Demonstrations:
    """The button with the number of shapes that fit."""
    description = scene.word(r"How many (.*)s are there")
    count = sum(_fits(shape, description) for shape in scene.drawn(SHAPES))
    yield from scene.click("#count-buttons button", str(count))


def identify_shape(scene: Scene) -> Demonstrations:
    """The button that names what is drawn."""
    shape = scene.one(SHAPES)
    kind = SHAPE_NAMES.get(shape.tag) or _type_of(shape)
    yield from scene.click(f'#area-buttons button[data-type="{kind}"]')


def count_sides(scene: Scene) -> Demonstrations:
    """The button with the number of sides of the shape drawn on the canvas."""
    yield from scene.click("#form button", str(scene.read("() => __screensmithPath.lines")))


def circle_center(scene: Scene) -> Demonstrations:
    """The middle of the circle."""
    yield _mark(scene, scene.one("circle.black-circle").middle)
    yield from scene.submit()


def find_midpoint(scene: Scene) -> Demonstrations:
    """Halfway between two dots."""
    (left, top), (right, bottom) = (dot.middle for dot in scene.drawn(".black-circle")[:2])
    yield _mark(scene, ((left + right) / 2, (top + bottom) / 2))
    yield from scene.submit()


def right_angle(scene: Scene) -> Demonstrations:
    """A place that makes a right angle at the blue dot."""
    arm, corner = scene.one("#init-black").middle, scene.one("#init-blue").middle
    across, down = _direction(corner, arm)
    sides = ((-down, across), (down, -across))
    yield _mark(scene, _in_area(scene, corner, sides))
    yield from scene.submit()


def bisect_angle(scene: Scene) -> Demonstrations:
    """A place on the line that halves the angle at the blue dot."""
    corner = scene.one(".init-blue").middle
    arms = [_direction(corner, dot.middle) for dot in scene.drawn(".init-black")]
    across, down = (sum(parts) for parts in zip(*arms, strict=True))
    length = math.hypot(across, down)
    yield _mark(scene, _in_area(scene, corner, ((across / length, down / length),)))
    yield from scene.submit()


def _mark(scene: Scene, place: Place) -> Demonstration:
    """A click that makes the page draw its dot at a place; it draws the dot a little off the click."""
    return scene.click_near(place[0] - DOT_OFFSET_PIXELS, place[1] - DOT_OFFSET_PIXELS)


def _direction(start: Place, end: Place) -> Place:
    length = math.dist(start, end)
    return (end[0] - start[0]) / length, (end[1] - start[1]) / length


def _in_area(scene: Scene, start: Place, directions: tuple[Place, ...]) -> Place:
    """The farthest place in one of the directions that lies well inside the drawing."""
    left, top, right, bottom = scene.one("#area svg").whole
    for length in (60, 45, 30, 22, 15, 10):
        for across, down in directions:
            x, y = start[0] + across * length, start[1] + down * length
            if left + 4 < x < right - 4 and top + 4 < y < bottom - 4:
                return x, y
    raise Unsolvable(f"{scene.task}: the angle leaves the drawing")


def drag_single_shape(scene: Scene) -> Demonstrations:
    """Drag the shape a little in the named direction."""
    shape = scene.one("#area svg circle, #area svg rect, #area svg polygon")
    across, down = DRAG_PIXELS[scene.word("(left|right|up|down)")]
    x, y = scene.box(shape).centre.x * 160, scene.box(shape).centre.y * 210
    yield scene.drag((x, y), (x + across, y + down), shape.box)
    yield from scene.submit()


def drag_box(scene: Scene) -> Demonstrations:
    """Drag the small box into the large one; where the large one covers it, that is moved away first."""
    if _covered(scene):
        large = scene.one("#draggableLarge")
        x, y = large.whole[0] + 3, large.whole[1] + 3
        yield scene.drag((x, y), (x + (60 if large.whole[0] < 50 else -50), y), large.box)
    small, large = scene.one("#draggableSmall"), scene.one("#draggableLarge")
    yield scene.drag(small.middle, large.middle, small.box)
    yield from scene.submit()


def _covered(scene: Scene) -> bool:
    x, y = scene.one("#draggableSmall").middle
    hit = scene.read("([x, y]) => document.elementFromPoint(x, y)?.id", [x, y])
    return bool(hit == "draggableLarge")


def _texts(scene: Scene) -> Iterator[list[float]]:
    """The first and the last line of every paragraph: x and y of its beginning and of its end."""
    yield from scene.read(
        """() => [...document.querySelectorAll("#area *")]
          .filter(e => !e.children.length && e.tagName !== "BUTTON" && e.textContent.trim().length > 3)
          .map(e => {
            const range = document.createRange();
            range.selectNodeContents(e);
            const lines = [...range.getClientRects()].filter(line => line.width > 1);
            const [first, last] = [lines[0], lines[lines.length - 1]];
            const [start, end] = [first.top + first.height / 2, last.top + last.height / 2];
            return [first.left + 0.5, start, last.right + 1, end];
          })"""
    )


def highlight_text(scene: Scene) -> Demonstrations:
    """Drag over a paragraph, from its first letter to its last."""
    named = re.search(r"the (\d)\w\w paragraph", scene.goal)
    number = int(named[1]) - 1 if named else 0
    left, top, right, bottom = list(_texts(scene))[number]
    yield scene.drag((left, top), (right, bottom), None)
    yield from scene.submit()


SOLVERS: Mapping[str, Solver] = {
    "bisect-angle": bisect_angle,
    "circle-center": circle_center,
    "click-shape": click_shape,
    "count-shape": count_shape,
    "count-sides": count_sides,
    "drag-box": drag_box,
    "drag-circle": drag_single_shape,
    "drag-single-shape": drag_single_shape,
    "find-midpoint": find_midpoint,
    "highlight-text": highlight_text,
    "highlight-text-2": highlight_text,
    "identify-shape": identify_shape,
    "right-angle": right_angle,
}
