"""The order of samples is a pure function of (size, seed, epoch)."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from screensmith.data.order import epoch_order

SEEDS = st.integers(0, 2**70)


@given(st.integers(1, 50), SEEDS, st.integers(0, 9))
def test_a_whole_epoch_is_a_permutation_and_always_the_same(samples, seed, epoch):
    order = epoch_order(samples, seed=seed, epoch=epoch)
    assert sorted(order) == list(range(samples))
    assert order == epoch_order(samples, seed=seed, epoch=epoch)


def test_epochs_and_seeds_differ():
    orders = {tuple(epoch_order(30, seed=s, epoch=e)) for s in range(3) for e in range(3)}
    assert len(orders) == 9


@given(st.integers(1, 20), st.integers(1, 25), SEEDS)
def test_limited_epochs_use_every_sample_once_before_any_twice(samples, limit, seed):
    epochs = [epoch_order(samples, seed=seed, epoch=epoch, limit=limit) for epoch in range(6)]
    assert all(len(order) == min(limit, samples) for order in epochs)
    counts = Counter(index for order in epochs for index in order)
    used = [counts[index] for index in range(samples)]
    assert max(used) - min(used) <= 1
