"""Text and images keep their order."""

from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size

FIRST, SECOND = (Screenshot(name, Size(2, 2)) for name in (b"1", b"2"))


def test_text_is_joined_without_a_separator_and_images_in_reading_order():
    message = Message("user", (Text("a"), Image(FIRST), Text("b")))
    conversation = Conversation((message, Message("user", (Image(SECOND),))))
    assert message.text == "ab"
    assert conversation.screenshots == (FIRST, SECOND)


def test_nothing_is_learned_unless_said():
    assert not Message("assistant", (Text("a"),)).learn
