"""Which samples a step uses is arithmetic: nothing is lost, caps count optimizer steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.config.train import TrainSettings
from screensmith.train.plan import Plan, learning_rate, plan_run

SMALL = st.integers(1, 6)


@given(st.integers(1, 60), SMALL, SMALL, SMALL, st.integers(0, 9))
def test_every_sample_comes_once_an_epoch_whatever_the_machines(samples, batch, accum, processes, seed):
    plan = Plan(samples, batch, accum, 2, 0, samples, seed, processes)
    for epoch in range(2):
        steps = range(epoch * plan.steps_per_epoch, (epoch + 1) * plan.steps_per_epoch)
        used = [index for step in steps for index in plan.samples_of(step)]
        assert sorted(used) == list(range(samples))


@given(st.integers(1, 60), SMALL, SMALL, SMALL)
def test_the_samples_of_a_step_do_not_depend_on_how_it_is_split(samples, batch, accum, processes):
    split = Plan(samples, batch, accum, 1, 0, samples, 3, processes)
    whole = Plan(samples, batch * accum * processes, 1, 1, 0, samples, 3)
    assert split.steps == whole.steps
    for step in range(split.steps):
        assert split.samples_of(step) == whole.samples_of(step)


def test_what_is_left_over_is_a_smaller_step():
    plan = plan_run(TrainSettings(batch=2, accum=3), samples=8)
    assert plan.steps == 2
    assert len(plan.samples_of(1)) == 2


def test_caps_count_optimizer_steps_and_samples():
    assert plan_run(TrainSettings(batch=2, accum=3, max_steps=1), samples=100).steps == 1
    plan = plan_run(TrainSettings(batch=2, accum=2, epochs=3, max_samples_per_epoch=10), samples=100)
    assert (plan.steps_per_epoch, plan.steps) == (3, 9)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_learning_rate_warms_up_and_never_exceeds_its_peak(schedule):
    settings = TrainSettings(lr=1.0, warmup_steps=4, schedule=schedule)
    rates = [learning_rate(settings, step, 20) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert max(rates) == 1.0
    assert all(rate > 0 for rate in rates)
    assert (rates[-1] == 1.0) == (schedule == "constant")
