"""Solvers of MiniWoB++ tasks that are done by filling in fields."""

from __future__ import annotations

import re
from collections.abc import Mapping

from screensmith.core.actions import PressKeys, Select, TypeText
from screensmith.environments import Demonstration, Unsolvable
from screensmith.environments._miniwob_scene import Demonstrations, Scene, Solver

ARITHMETIC = {"+": int.__add__, "-": int.__sub__, "x": int.__mul__}


def enter_text(scene: Scene) -> Demonstrations:
    """Type the quoted text."""
    yield from scene.enter("#area input", scene.word(r'Enter "(.*)" into'))
    yield from scene.submit()


def enter_text_2(scene: Scene) -> Demonstrations:
    """Type the quoted text in the named case."""
    text, case = scene.words(r'Type "(.*)" in all (upper|lower)')
    yield from scene.enter("#area input", text.upper() if case == "upper" else text.lower())
    yield from scene.submit()


def enter_password(scene: Scene) -> Demonstrations:
    """Type the password twice."""
    password = scene.word(r'password "(.*)" into')
    yield from scene.enter("#area input", password, number=0)
    yield from scene.enter("#area input", password, number=1)
    yield from scene.submit()


def enter_date(scene: Scene) -> Demonstrations:
    """Click the month of the date field and type the digits; the field moves on by itself."""
    yield from _click_first_part(scene)
    yield Demonstration(TypeText(scene.word(r"Enter (\S+) as").replace("/", "")))
    yield from scene.submit()


def enter_time(scene: Scene) -> Demonstrations:
    """Click the hour of the time field and type hour, minute and half of the day."""
    hour, minute, half = scene.words(r"Enter (\d+):(\d+)\s*([AP])M")
    yield from _click_first_part(scene)
    yield Demonstration(TypeText(f"{int(hour):02d}{minute}{half}"))
    yield from scene.submit()


def _click_first_part(scene: Scene) -> Demonstrations:
    field = scene.one("#tt")
    yield scene.click_near(field.whole[0] + 10, field.middle[1], radius=4)


def find_word(scene: Scene) -> Demonstrations:
    """Type the word with the named number in the text."""
    number = int(scene.word(r"the (\d+)"))
    word = scene.one("#area p").text.split()[number - 1]
    yield from scene.enter("#answer-input", re.sub("[^a-zA-Z]", "", word))
    yield from scene.submit()


def login_user(scene: Scene) -> Demonstrations:
    """Type name and password; a window that comes up in between is cancelled."""
    name, password = scene.words(r'username "(.*?)" and the password "(.*?)"')
    for selector, text in (("#username", name), ("#password", password)):
        yield from scene.click(selector)
        if scene.drawn("#popup-cancel"):
            yield from scene.click("#popup-cancel")
            yield from scene.click(selector)
        yield Demonstration(TypeText(text))
    yield from scene.click("#subbtn")


def multi_layouts(scene: Scene) -> Demonstrations:
    """Fill in a film form whose layout changes; each field is known by the words around it."""
    genre, director, year = scene.words(r"for (.*) movies directed by (.*) from year (\d+)")
    hints = scene.read(
        """() => [...document.querySelectorAll("#area input")].map(field => {
          const say = element => element ? element.textContent : "";
          const alone = element => element && element.querySelectorAll("input").length === 1;
          for (let at = field.parentElement; alone(at); at = at.parentElement)
            if (/genre|director|year|date/i.test(say(at))) return say(at).toLowerCase();
          return [field.placeholder, say(field.previousElementSibling), say(field.nextElementSibling)]
            .join(" ").toLowerCase();
        })"""
    )
    for number, hint in enumerate(hints):
        text = genre if "genre" in hint else director if "director" in hint else year
        yield from scene.enter("#area input", text, number=number)
    buttons = "#area button, #area .final, #area .ui-footer div, #area .submit, #area input[type=submit]"
    yield from scene.click(buttons, number=-1)


def read_table(scene: Scene) -> Demonstrations:
    """Look a value up and type it."""
    yield from scene.enter("#tt", _table(scene)[scene.word(r"value of (.*) into")])
    yield from scene.submit()


def read_table_2(scene: Scene) -> Demonstrations:
    """Look two values up and type each behind its name."""
    table = _table(scene)
    for number in (1, 2):
        yield from scene.enter(f"#tt{number}", table[scene.one(f"#ll{number}").text.rstrip(":")])
    yield from scene.submit()


def _table(scene: Scene) -> dict[str, str]:
    cells = [found.text for found in scene.all("#tab tr > *")]
    return dict(zip(cells[::2], cells[1::2], strict=True))


def simple_arithmetic(scene: Scene) -> Demonstrations:
    """Type the result of a calculation."""
    problem = scene.one("#math-problem").text
    match = re.match(r"(\d+)\s*([-+x])\s*(\d+)", problem)
    if match is None:
        raise Unsolvable(f"{scene.task}: cannot read {problem!r}")
    result = ARITHMETIC[match[2]](int(match[1]), int(match[3]))
    yield from scene.enter("#math-answer", str(result))
    yield from scene.submit()


def simple_algebra(scene: Scene) -> Demonstrations:
    """Type the x of "x + a = b", "x - a = b", "a + x = b" or "a - x = b"."""
    problem = scene.one("#math-problem").text
    match = re.match(r"(x|\d+) ([-+]) (x|\d+) = (-?\d+)", problem)
    if match is None:
        raise Unsolvable(f"{scene.task}: cannot read {problem!r}")
    left, sign, right, result = match[1], match[2], match[3], int(match[4])
    known = int(right if left == "x" else left)
    if sign == "-" and left == "x":
        answer = result + known
    else:
        answer = result - known if sign == "+" else known - result
    yield from scene.enter("#math-answer", str(answer))
    yield from scene.submit()


def visual_addition(scene: Scene) -> Demonstrations:
    """Count the blocks and type the number."""
    yield from scene.enter("#math-answer", str(len(scene.drawn(".addition-block"))))
    yield from scene.submit()


def text_transform(scene: Scene) -> Demonstrations:
    """Type the distorted text."""
    yield from scene.enter("#tt", scene.read("() => document.querySelector('#captcha').textContent"))
    yield from scene.submit()


def guess_number(scene: Scene) -> Demonstrations:
    """Halve the range until the number is found."""
    low, high = 0, 9
    while low <= high:
        guess = (low + high) // 2
        yield from scene.replace("#tt", str(guess))
        yield from scene.click("#subbtn")
        if scene.over:
            return
        if scene.drawn("#higher"):
            low = guess + 1
        else:
            high = guess - 1
    raise Unsolvable(f"{scene.task}: no number was right")


def form_sequence_2(scene: Scene) -> Demonstrations:
    """A radio button, then a number in the named field."""
    radio, number, field = scene.words(r'the (\d)\w\w radio.*number "(-?\d+)" into the (\d)')
    yield from scene.click("#area input[type=radio]", number=int(radio) - 1)
    yield from scene.enter(f"#input-{field}", number)
    yield from scene.submit()


def copy_paste(scene: Scene) -> Demonstrations:
    """Select all of a text, copy it and paste it below."""
    number = int(scene.word(r"the (\d)\w\w text area")) - 1 if re.search(r"the \d", scene.goal) else 0
    yield from scene.click("#area textarea", number=number)
    yield scene.press("Control", "a")
    yield scene.press("Control", "c")
    yield from scene.click("#answer-input")
    yield scene.press("Control", "v")
    yield from scene.submit()


def terminal(scene: Scene) -> Demonstrations:
    """List the files, then delete the one with the named ending, or with none."""
    files = scene.read("() => currentFiles")
    ending = re.search(r"ending with the extension (\S+)", scene.goal)
    wanted = [name for name in files if (name.endswith(ending[1]) if ending else "." not in name)]
    if not wanted:
        raise Unsolvable(f"{scene.task}: no file fits the goal")
    yield from scene.click("#terminal")
    for command in ("ls", f"rm {wanted[0]}"):
        yield Demonstration(TypeText(command))
        yield Demonstration(PressKeys(("Enter",)))


def choose_list(scene: Scene) -> Demonstrations:
    """Choose an option of a native list."""
    box = scene.box(scene.one("#options"))
    yield Demonstration(Select(scene.word(r"Select (.*) from the"), box.centre), box)
    yield from scene.submit()


SOLVERS: Mapping[str, Solver] = {
    "choose-list": choose_list,
    "copy-paste": copy_paste,
    "copy-paste-2": copy_paste,
    "enter-date": enter_date,
    "enter-password": enter_password,
    "enter-text": enter_text,
    "enter-text-2": enter_text_2,
    "enter-text-dynamic": enter_text,
    "enter-time": enter_time,
    "find-word": find_word,
    "form-sequence-2": form_sequence_2,
    "guess-number": guess_number,
    "login-user": login_user,
    "login-user-popup": login_user,
    "multi-layouts": multi_layouts,
    "multi-orderings": multi_layouts,
    "read-table": read_table,
    "read-table-2": read_table_2,
    "simple-algebra": simple_algebra,
    "simple-arithmetic": simple_arithmetic,
    "terminal": terminal,
    "text-transform": text_transform,
    "visual-addition": visual_addition,
}
