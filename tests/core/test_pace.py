"""Pace: output that comes too slowly is noticed, and only then."""

from fakes import FakeClock
from tandem.core.pace import Pace


def test_output_above_the_floor_is_never_too_slow() -> None:
    clock = FakeClock()
    pace = Pace(clock, 1_000, 1.1)
    for _ in range(50):
        pace.took(1, 120)
        clock.advance(100)
        assert not pace.too_slow


def test_output_below_the_floor_is_too_slow_once_it_has_had_its_time() -> None:
    clock = FakeClock()
    pace = Pace(clock, 1_000, 1.1)
    slow = []
    for _ in range(12):
        pace.took(1, 60)
        clock.advance(100)
        slow.append(pace.too_slow)
    assert slow == [False] * 9 + [True] * 3


def test_output_that_becomes_slow_is_noticed_after_a_window() -> None:
    clock = FakeClock()
    pace = Pace(clock, 1_000, 1.1)
    for _ in range(50):
        pace.took(1, 300)
        clock.advance(100)
    slow_after = 0
    while not pace.too_slow:
        pace.took(1, 60)
        clock.advance(100)
        slow_after += 100
    assert slow_after <= 1_000


def test_each_attempt_has_its_own_time() -> None:
    clock = FakeClock()
    pace = Pace(clock, 1_000, 1.1)
    pace.took(1, 60)
    clock.advance(2_000)
    assert pace.too_slow
    pace.took(2, 60)
    assert not pace.too_slow


def test_before_the_first_output_nothing_is_too_slow() -> None:
    assert not Pace(FakeClock(5_000), 1_000, 1.1).too_slow
