"""Illegal episodes cannot be written down, and pixels are read only when asked for."""

import pytest

from screensmith.core.actions import Back
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Size

SIZE = Size(3, 3)


def test_a_screenshot_reads_bytes_and_files_when_asked(tmp_path):
    path = tmp_path / "screen.png"
    later = Screenshot(path, SIZE)
    path.write_bytes(b"pixels")
    assert later.read_bytes() == b"pixels" == Screenshot(b"pixels", SIZE).read_bytes()


def test_a_step_needs_an_action():
    with pytest.raises(ValueError, match="at least one action"):
        Step(Screenshot(b"", SIZE), ())


@pytest.mark.parametrize("goal", ["", " \n"])
def test_an_episode_needs_a_goal(goal):
    with pytest.raises(ValueError, match="e7: the goal is empty"):
        Episode("e7", goal, (Step(Screenshot(b"", SIZE), (Back(),)),))
