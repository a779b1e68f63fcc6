"""Which samples a step uses is arithmetic: nothing is lost, caps count optimizer steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.config.train import TrainSettings
from screensmith.data.order import Mixture, Passes
from screensmith.train.plan import Plan, learning_rate, plan_run

SMALL = st.integers(1, 6)


def plan_of(samples, batch, accum, processes, seed=3, epochs=1):
    return Plan(Passes(samples, seed), batch, accum, epochs, 0, samples, processes)


@given(st.integers(1, 60), SMALL, SMALL, SMALL, st.integers(0, 9))
def test_every_sample_comes_once_an_epoch_whatever_the_machines(samples, batch, accum, processes, seed):
    plan = plan_of(samples, batch, accum, processes, seed, epochs=2)
    for epoch in range(2):
        steps = range(epoch * plan.steps_per_epoch, (epoch + 1) * plan.steps_per_epoch)
        used = [draw.sample for step in steps for draw in plan.draws_of(step)]
        assert sorted(used) == list(range(samples))


@given(st.integers(1, 60), SMALL, SMALL, SMALL)
def test_the_samples_of_a_step_do_not_depend_on_how_it_is_split(samples, batch, accum, processes):
    split = plan_of(samples, batch, accum, processes)
    whole = plan_of(samples, batch * accum * processes, 1, 1)
    assert split.steps == whole.steps
    for step in range(split.steps):
        assert split.draws_of(step) == whole.draws_of(step)


def test_what_is_left_over_is_a_smaller_step():
    plan = plan_run(TrainSettings(batch=2, accum=3), [8])
    assert plan.steps == 2
    assert len(plan.draws_of(1)) == len(plan.positions_of(1)) == 2


def test_caps_count_optimizer_steps_and_samples():
    assert plan_run(TrainSettings(batch=2, accum=3, max_steps=1), [100]).steps == 1
    plan = plan_run(TrainSettings(batch=2, accum=2, epochs=3, max_samples_per_epoch=10), [100])
    assert (plan.steps_per_epoch, plan.steps) == (3, 9)


def test_epochs_of_a_mixture_have_their_number_of_optimizer_steps():
    settings = TrainSettings(batch=2, accum=3, epochs=4, steps_per_epoch=5, random_sample=True)
    plan = plan_run(settings, [3, 4], processes=2, ratios=[1.0, 9.0])
    assert (plan.steps_per_epoch, plan.steps) == (5, 20)
    assert all(len(plan.draws_of(step)) == 2 * 3 * 2 for step in range(20))
    assert plan.order == Mixture((3, 4), (1.0, 9.0), settings.seed, replacement=True)


def test_uniform_and_recorded_sampling():
    settings = TrainSettings(random_sample=True, record_sample=True, uniform_sample=True, steps_per_epoch=1)
    order = plan_run(settings, [3, 4], ratios=[1.0, 1.0]).order
    assert order == Mixture((3, 4), (3.0, 4.0), settings.seed, replacement=False)


def test_concatenated_sets_are_passed_through_once_however_many_steps_an_epoch_has():
    plan = plan_run(TrainSettings(batch=2, steps_per_epoch=2, epochs=3), [5, 7])
    used = [draw.sample for step in range(6) for draw in plan.draws_of(step)]
    assert sorted(used) == list(range(12))


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_learning_rate_warms_up_and_never_exceeds_its_peak(schedule):
    settings = TrainSettings(lr=1.0, warmup_steps=4, schedule=schedule)
    rates = [learning_rate(settings, step, 20) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert max(rates) == 1.0
    assert all(rate > 0 for rate in rates)
    assert (rates[-1] == 1.0) == (schedule == "constant")


def test_a_warm_up_may_be_a_share_of_the_steps():
    as_share = TrainSettings(lr=1.0, warmup_share=0.03, schedule="cosine")
    as_steps = TrainSettings(lr=1.0, warmup_steps=4, schedule="cosine")  # 3.6 of 120, rounded up
    assert [learning_rate(as_share, step, 120) for step in range(120)] == [
        learning_rate(as_steps, step, 120) for step in range(120)
    ]
