"""Totals add what is known, and say nothing about what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.compute._energy import CPU, GPU
from screensmith.compute.phases import Phase
from screensmith.compute.totals import totals_of


def test_hours_are_those_of_devices_in_use_and_those_held():
    train = Phase("train", wall_seconds=3600, device_seconds=8 * 3600, cpu_seconds=1800, tokens=7200)
    judge = Phase("evaluate", wall_seconds=1800, device_seconds=1800, cpu_seconds=900, operations=5.0)
    totals = totals_of([train, judge], 8, 16)
    assert (totals.wall_hours, totals.device_hours, totals.device_hours_held) == (1.5, 8.5, 12.0)
    assert (totals.cpu_core_hours_measured, totals.cpu_core_hours_available) == (0.75, 24.0)
    assert totals.tokens_per_second == 2.0  # over the hour that counted them
    assert totals.operations == 5.0
    assert (totals.images, totals.images_per_second) == (None, None)


def test_energy_that_is_not_known_of_every_phase_is_not_known():
    train = Phase("train", energy_joules={CPU: 5.0, GPU: 7.0})
    judge = Phase("evaluate", energy_joules={CPU: 2.0})
    totals = totals_of([train, judge], 1, 1)
    assert (totals.cpu_energy_joules, totals.gpu_energy_joules) == (7.0, None)


def test_a_run_without_phases_took_nothing():
    totals = totals_of([], 1, 2)
    assert (totals.wall_seconds, totals.device_hours, totals.tokens) == (0, 0, None)
    assert (totals.cpu_energy_joules, totals.peak_device_memory_bytes) == (None, None)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.one_of(st.none(), st.integers(0, 10**12)))))
def test_totals_are_sums(rows):
    every = [Phase("train", wall_seconds=wall, device_seconds=wall, tokens=n) for wall, n in rows]
    totals = totals_of(every, 1, 1)
    counted = [tokens for _, tokens in rows if tokens is not None]
    assert totals.tokens == (sum(counted) if counted else None)
    assert totals.wall_seconds == pytest.approx(sum(wall for wall, _ in rows))
    assert totals.device_hours == pytest.approx(totals.device_hours_held)
