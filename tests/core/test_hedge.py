"""Hedging: when a second provider is asked, and how often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from tandem.core.hedge import Budget, HedgeLimits
from tandem.core.recent import Recent

LIMITS = HedgeLimits(350, 700)


def measured(*values: float) -> Recent:
    recent = Recent()
    for value in values:
        recent.add(value)
    return recent


def taken(budget: Budget) -> int:
    """Take all hedges that are left."""
    count = 0
    while budget.take():
        count += 1
    return count


# --- when ---


def test_without_measurements_the_longest_time_is_waited() -> None:
    assert LIMITS.delay_ms(measured()) == 700
    assert LIMITS.delay_ms(measured(*[400] * 19)) == 700


@pytest.mark.parametrize(("usual_ms", "delay_ms"), [(10, 350), (350, 350), (512, 512), (700, 700), (9_000, 700)])
def test_the_usual_time_is_waited_within_the_limits(usual_ms: float, delay_ms: float) -> None:
    assert LIMITS.delay_ms(measured(*[usual_ms] * 20)) == delay_ms


def test_the_usual_time_is_that_of_nineteen_in_twenty() -> None:
    assert LIMITS.delay_ms(measured(*[400] * 19, 690)) == 400
    assert LIMITS.delay_ms(measured(*[400] * 18, 690, 690)) == 690


@given(st.lists(st.floats(0, 1e6), max_size=300))
def test_the_time_never_leaves_the_limits(values: list[float]) -> None:
    assert 350 <= LIMITS.delay_ms(measured(*values)) <= 700


# --- how often ---


def test_ten_hedges_are_there_at_the_start() -> None:
    assert taken(Budget(FakeClock())) == 10


def test_one_comes_back_each_second_up_to_ten() -> None:
    clock = FakeClock(5e9)
    budget = Budget(clock)
    taken(budget)
    clock.advance(999)
    assert taken(budget) == 0
    clock.advance(1)
    assert taken(budget) == 1
    clock.advance(1e9)
    assert taken(budget) == 10


def test_twenty_requests_are_worth_one() -> None:
    budget = Budget(FakeClock())
    taken(budget)
    for _ in range(21):  # a twentieth is not exact in binary
        budget.requested()
    assert taken(budget) == 1


def test_a_refusal_costs_nothing() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    taken(budget)
    for _ in range(1_000):
        clock.advance(1)
        budget.take()
    clock.advance(1)
    assert taken(budget) <= 1


@given(
    st.lists(
        st.one_of(st.just("request"), st.just("take"), st.floats(0, 3_000, allow_nan=False)),
        max_size=200,
    )
)
def test_over_any_time_there_are_no_more_than_the_share_and_one_a_second_beside_the_first_ten(
    steps: list[str | float],
) -> None:
    clock = FakeClock()
    budget = Budget(clock)
    requests = hedges = 0
    for step in steps:
        if isinstance(step, float):
            clock.advance(step)
        elif step == "request":
            requests += 1
            budget.requested()
        else:
            hedges += budget.take()
    assert hedges <= 10 + requests * 0.05 + clock() / 1_000 + 1e-6
