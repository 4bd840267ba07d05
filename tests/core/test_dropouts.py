"""Dropouts: audio that never came is told from audio that came late."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.dropouts import Dropouts

FRAME_MS = 20.0


def play(stream: Dropouts, frames: int, now: float) -> float:
    """Let these frames come on time; return the time after them."""
    for _ in range(frames):
        now += FRAME_MS
        stream.received(FRAME_MS, now)
    return now


def test_a_steady_stream_has_none() -> None:
    stream = Dropouts()
    assert stream.read() == 0
    now = play(stream, 100, 5_000)
    assert stream.read() == 0
    play(stream, 100, now)
    assert stream.read() == 0


def test_what_is_missing_is_counted_once() -> None:
    stream = Dropouts()
    now = play(stream, 100, 0)
    stream.read()
    now = play(stream, 50, now + 300)
    assert stream.read() == pytest.approx(300)
    play(stream, 100, now)
    assert stream.read() == 0


def test_what_comes_late_is_not_missing() -> None:
    stream = Dropouts()
    now = play(stream, 50, 0)
    stream.read()
    for _ in range(20):
        stream.received(FRAME_MS, now + 20 * FRAME_MS)  # all at once
    play(stream, 50, now + 20 * FRAME_MS)
    assert stream.read() == 0


def test_a_stall_over_the_end_of_a_stretch_is_not_missing_once_it_has_caught_up() -> None:
    stream = Dropouts()
    now = play(stream, 50, 0)
    assert stream.read() == 0
    stream.received(FRAME_MS, now + 500)
    for _ in range(24):
        stream.received(FRAME_MS, now + 500)
    assert stream.read() == 0


@pytest.mark.parametrize("on_purpose", [True, False])
def test_a_sender_that_pauses_loses_nothing(on_purpose: bool) -> None:
    stream = Dropouts()
    now = play(stream, 50, 0)
    if on_purpose:
        stream.restart()
    play(stream, 50, now + (500 if on_purpose else 2_500))
    assert stream.read() == 0


@given(st.lists(st.tuples(st.integers(2, 40), st.sampled_from([0.0, 60.0, 200.0, 900.0])), min_size=1, max_size=20))
def test_all_that_is_missing_is_counted_when_each_stretch_is_read(course: list[tuple[int, float]]) -> None:
    stream, now, missing, counted = Dropouts(), 0.0, 0.0, 0.0
    for frames, gap_ms in course:
        now = play(stream, frames, now)
        counted += stream.read()
        missing += gap_ms
        now += gap_ms
    play(stream, 2, now)
    assert counted + stream.read() == pytest.approx(missing)
