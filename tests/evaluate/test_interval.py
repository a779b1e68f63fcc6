import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.evaluate.interval import wilson


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    # (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_intervals(successes, count, low, high):
    found = wilson(successes, count)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10_000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_interval_holds_the_proportion_and_mirrors(pair):
    successes, count = pair
    found, mirrored = wilson(successes, count), wilson(count - successes, count)
    assert 0.0 <= found.low <= successes / count <= found.high <= 1.0
    assert found.high > found.low
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


@pytest.mark.parametrize(("successes", "count"), [(0, 0), (-1, 3), (4, 3)])
def test_what_is_no_proportion_is_refused(successes, count):
    with pytest.raises(ValueError, match="a proportion needs"):
        wilson(successes, count)
