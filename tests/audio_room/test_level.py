"""The detector that goes by loudness alone."""

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.audio.level import LevelDetector


def tone(level: float, windows: int) -> bytes:
    """Return a tone with a peak of `level` (full scale 1), in windows of 32 ms."""
    samples = np.sin(2 * np.pi * 440 * np.arange(512 * windows) / 16_000) * level * 32767
    return bytes(samples.astype("<i2").tobytes())


def judged(*pieces: bytes) -> list[float]:
    told: list[float] = []
    detector = LevelDetector(told.extend)
    for piece in pieces:
        detector.feed(piece)
    return told


def test_what_is_loud_is_a_voice_and_what_is_faint_is_none() -> None:
    assert judged(tone(0.1, 3) + tone(0.001, 2) + bytes(1024)) == [1, 1, 1, 0, 0, 0]


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=20))
def test_windows_do_not_depend_on_how_the_audio_was_cut(sizes: list[int]) -> None:
    audio = tone(0.1, 10) + bytes(10_240)
    starts = [0, *accumulate(2 * size for size in sizes)]
    pieces = [audio[start : start + 2 * size] for start, size in zip(starts, sizes, strict=False)]
    assert judged(*pieces, audio[starts[-1] :]) == judged(audio)


def test_half_a_sample_is_refused_and_a_reset_forgets_the_rest() -> None:
    told: list[float] = []
    detector = LevelDetector(told.extend)
    with pytest.raises(ValueError, match="half"):
        detector.feed(b"\0")
    detector.feed(tone(1, 1)[:1000])
    detector.reset()
    detector.feed(bytes(1024))
    assert told == [0]
