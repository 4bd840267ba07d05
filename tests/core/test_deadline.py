"""The deadline of a turn."""

from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from tandem.core.deadline import LEAST_MS, Deadline


def test_what_is_left_shrinks_with_the_time_and_ends_at_nothing() -> None:
    clock = FakeClock(1_000)
    deadline = Deadline(2_200, clock)
    left = []
    for _ in range(4):
        left.append(deadline.left_ms)
        clock.advance(500)
    assert left == [1_200, 700, 200, 0]


def test_one_deadline_is_the_same_for_all_that_hold_it() -> None:
    clock = FakeClock()
    assert Deadline(900, clock) == Deadline(900, clock)


def test_the_least_time_that_makes_sense_is_a_quarter_of_a_second() -> None:
    assert LEAST_MS == 250


@given(at=st.floats(-1e9, 1e9), now=st.floats(-1e9, 1e9))
def test_it_is_never_negative_and_never_more_than_the_distance(at: float, now: float) -> None:
    left = Deadline(at, FakeClock(now)).left_ms
    assert left == max(0.0, at - now)
