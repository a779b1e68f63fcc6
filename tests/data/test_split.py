"""An episode's side of the split depends on its id and the seed alone."""

from screensmith.core.actions import Back
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Size
from screensmith.data.split import split_episodes

STEP = Step(Screenshot(b"", Size(1, 1)), (Back(),))
EPISODES = [Episode(f"e{number}", "go back", (STEP,)) for number in range(400)]


def ids(episodes):
    return [episode.id for episode in episodes]


def test_the_share_is_about_right_and_nothing_is_lost():
    training, held_out = split_episodes(EPISODES, 0.25, 7)
    assert 70 <= len(held_out) <= 130
    assert sorted(ids(training) + ids(held_out)) == sorted(ids(EPISODES))


def test_adding_episodes_moves_none():
    before = ids(split_episodes(EPISODES[:200], 0.25, 7)[1])
    after = ids(split_episodes(EPISODES, 0.25, 7)[1])
    assert after[: len(before)] == before


def test_no_share_keeps_everything_for_training():
    assert split_episodes(EPISODES, 0.0, 7) == (EPISODES, [])
