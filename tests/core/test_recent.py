"""The recent past in figures: its percentiles are those of the definition."""

import math
import statistics
from bisect import bisect_left, bisect_right
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from tandem.core.recent import Recent

KEPT = 256
VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=400)


def recent_of(values: list[float]) -> Recent:
    recent = Recent()
    for value in values:
        recent.add(value)
    return recent


def test_without_a_measurement_there_is_no_percentile() -> None:
    assert Recent().percentile(0.5) is None
    assert len(Recent()) == 0


def test_of_one_measurement_every_percentile_is_itself() -> None:
    assert {recent_of([7.0]).percentile(share) for share in (0, 0.5, 0.95, 1)} == {7.0}


def test_only_the_last_measurements_count() -> None:
    recent = recent_of([1e9] * 50 + [1.0] * KEPT)
    assert (len(recent), recent.percentile(1)) == (KEPT, 1.0)


@given(VALUES)
def test_the_ends_are_the_least_and_the_greatest(values: list[float]) -> None:
    recent, kept = recent_of(values), values[-KEPT:]
    assert (recent.percentile(0), recent.percentile(1)) == (min(kept), max(kept))


@given(VALUES)
def test_the_half_is_the_lower_median(values: list[float]) -> None:
    assert recent_of(values).percentile(0.5) == statistics.median_low(values[-KEPT:])


@given(st.integers(1, KEPT), st.integers(1, 100))
@example(150, 14)
def test_it_is_the_smallest_value_that_the_share_does_not_exceed(count: int, percent: int) -> None:
    # Of 1, 2, ... n it is the rounded-up share of n, exactly.
    expected = math.ceil(Fraction(percent, 100) * count)
    assert recent_of([float(at) for at in range(count, 0, -1)]).percentile(percent / 100) == expected


@given(st.lists(st.floats(0, 1e4), min_size=20, max_size=KEPT))
def test_it_lies_beside_the_percentile_of_the_statisticians(values: list[float]) -> None:
    found = recent_of(values).percentile(0.95)
    assert found is not None
    ordered = sorted(values)
    cut = statistics.quantiles(values, n=20, method="inclusive")[-1]  # between two neighbours
    above = min(bisect_right(ordered, found), len(ordered) - 1)
    below = max(bisect_left(ordered, found) - 1, 0)
    assert ordered[below] - 1e-6 <= cut <= ordered[above] + 1e-6
