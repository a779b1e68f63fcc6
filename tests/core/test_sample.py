"""A sample asks something."""

import pytest

from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample

SCREEN = Screenshot(b"", Size(2, 2))


def test_a_live_sample_asks_its_goal_and_expects_nothing():
    assert Sample("s", "log in", SCREEN).questions == (Question("", (), None),)


def test_a_sample_without_questions_cannot_be_written_down():
    with pytest.raises(ValueError, match="sample s: at least one question"):
        Sample("s", "log in", SCREEN, questions=())
