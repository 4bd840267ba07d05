"""Spread: percentiles are among the values and rise."""

from hypothesis import given
from hypothesis import strategies as st

from tandem.core.spread import spread


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_percentiles_rise_and_are_among_the_values(values: list[float]) -> None:
    found = spread(values)
    assert found is not None
    assert found.n == len(values)
    assert found.p50 <= found.p95 <= found.p99 <= found.most == round(max(values), 2)
    assert found.p50 in [round(value, 2) for value in values]


def test_nothing_measured_has_no_spread() -> None:
    assert spread([]) is spread([None, None]) is None
