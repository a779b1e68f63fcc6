"""Solvers of MiniWoB++ tasks in small applications: mail, social media, search."""

from __future__ import annotations

import re
from collections.abc import Mapping

from screensmith.environments import Unsolvable
from screensmith.environments._miniwob_scene import Demonstrations, Scene, Solver

RESULTS_A_PAGE = 3
SHOWN_BUTTONS = {"Reply": "reply", "Retweet": "retweet", "Like": "like"}
HIDDEN_BUTTONS = {
    "Share via DM": "share",
    "Copy link to Tweet": "copy",
    "Embed Tweet": "embed",
    "Mute": "menu-user",
    "Block": "block-user",
    "Report": "report",
}


def email_inbox(scene: Scene) -> Demonstrations:
    """Star, delete, answer or forward the mail of the named sender."""
    sender = scene.word(r"the email by (\S+) and")
    reply = re.search(r'with the text "(.*)"', scene.goal)
    forward = re.search(r"forward that email to (.*)[.]", scene.goal)
    if reply:
        yield from _reply(scene, sender, reply[1])
    elif forward:
        yield from _forward(scene, sender, forward[1])
    else:
        yield from _mark(scene, sender, "star" if "star icon" in scene.goal else "trash")


def email_inbox_by_fields(scene: Scene) -> Demonstrations:
    """The same with a goal in free words, whose parts the page also states as fields."""
    fields = scene.fields
    task = fields.get("task", "forward" if "to" in fields else "")
    if task == "delete":
        yield from _mark(scene, fields["by"], "trash")
    elif task in ("important", "star"):
        yield from _mark(scene, fields["by"], "star")
    elif task == "reply":
        yield from _reply(scene, fields["by"], fields["message"])
    else:
        yield from _forward(scene, fields["by"], fields["to"])


def _thread(scene: Scene, sender: str) -> str:
    """The selector of the mail of a sender in the list."""
    senders = [found.text for found in scene.all("#main .email-thread .email-sender")]
    if sender not in senders:
        raise Unsolvable(f"{scene.task}: no mail by {sender!r}")
    index = scene.all("#main .email-thread")[senders.index(sender)].data["index"]
    return f"#main .email-thread[data-index='{index}']"


def _mark(scene: Scene, sender: str, icon: str) -> Demonstrations:
    yield from scene.click(f"{_thread(scene, sender)} .{icon}")


def _reply(scene: Scene, sender: str, text: str) -> Demonstrations:
    yield from scene.click(f"{_thread(scene, sender)} .email-sender")
    yield from scene.click(".email-reply")
    yield from scene.enter("#reply-text", text)
    yield from scene.click("#send-reply")


def _forward(scene: Scene, sender: str, receiver: str) -> Demonstrations:
    yield from scene.click(f"{_thread(scene, sender)} .email-sender")
    yield from scene.click(".email-forward")
    yield from scene.enter(".forward-sender", receiver)
    yield from scene.click("#send-forward")


def _posts(scene: Scene, user: str) -> list[str]:
    """The selectors of a user's posts."""
    users = [found.text for found in scene.all(".media .username")]
    return [f".media[data-result='{number}']" for number, each in enumerate(users) if each == user]


def social_media(scene: Scene) -> Demonstrations:
    """A button of a user's post, some of which are behind its menu."""
    user, button = scene.words(r'the user (\S+), click on the "(.*)" button')
    posts = _posts(scene, user)
    if not posts:
        raise Unsolvable(f"{scene.task}: no post by {user!r}")
    if button in SHOWN_BUTTONS:
        yield from scene.click(f"{posts[0]} .{SHOWN_BUTTONS[button]}")
        return
    yield from scene.click(f"{posts[0]} .more")
    yield from scene.click(f"{posts[0]} ul li.{HIDDEN_BUTTONS[button]}")


def social_media_many(scene: Scene) -> Demonstrations:
    """A button on all or on some of a user's posts."""
    button, count, user = scene.words(r'Click the "(.*)" button on (all|\d+) posts? by (\S+) and')
    posts = _posts(scene, user)
    for post in posts if count == "all" else posts[: int(count)]:
        yield from scene.click(f"{post} .{button.lower()}")
    yield from scene.click("#submitRow button")


def search_engine(scene: Scene) -> Demonstrations:
    """Search, go to the page of the wanted result and click it."""
    text, number = scene.words(r'enter "(.*)" and press "Search", then find and click the (\d+)')
    page, place = divmod(int(number) - 1, RESULTS_A_PAGE)
    yield from scene.enter("#search-text", text)
    yield from scene.click("#search")
    if page:
        yield from scene.click("#pagination a", str(page + 1))
    yield from scene.click("#page-content a", number=place)


SOLVERS: Mapping[str, Solver] = {
    "email-inbox": email_inbox,
    "email-inbox-delete": email_inbox,
    "email-inbox-forward": email_inbox,
    "email-inbox-forward-nl": email_inbox_by_fields,
    "email-inbox-forward-nl-turk": email_inbox_by_fields,
    "email-inbox-important": email_inbox,
    "email-inbox-nl-turk": email_inbox_by_fields,
    "email-inbox-noscroll": email_inbox,
    "email-inbox-reply": email_inbox,
    "email-inbox-star-reply": email_inbox,
    "search-engine": search_engine,
    "social-media": social_media,
    "social-media-all": social_media_many,
    "social-media-some": social_media_many,
}
