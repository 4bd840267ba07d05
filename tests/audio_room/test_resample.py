"""The resampler's sound, its lag, and its indifference to how a stream was cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tandem.audio.resample import make_resampler

RATE_PAIRS = [
    (8_000, 16_000),
    (16_000, 8_000),
    (16_000, 48_000),
    (48_000, 16_000),
    (24_000, 16_000),
    (44_100, 16_000),
    (24_000, 8_000),
    (16_000, 44_100),
]
Samples = NDArray[np.int16]


def tone(frequency: float, rate: int, amplitude: float = 16_000) -> Samples:
    """One second of a sine."""
    wave = amplitude * np.sin(2 * np.pi * frequency / rate * np.arange(rate))
    return np.asarray(wave, dtype="<i2")


def resampled(sound: Samples, from_rate: int, to_rate: int) -> Samples:
    """Resample in frames of 20 ms, as a call does."""
    resampler = make_resampler(from_rate, to_rate)
    frame = from_rate // 50
    pieces = [resampler.feed(sound[at : at + frame].tobytes()) for at in range(0, sound.size, frame)]
    return np.frombuffer(b"".join([*pieces, resampler.flush()]), "<i2")


def middle(sound: Samples) -> NDArray[np.float64]:
    """The half of a sound that its beginning and its end do not colour."""
    return sound[sound.size // 4 : sound.size * 3 // 4].astype(np.float64)


def decibels(sound: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(sound**2) / np.mean(reference**2)))


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
@pytest.mark.parametrize("share_of_band", [0.1, 0.5, 0.9])
def test_a_tone_keeps_its_level_and_pitch(from_rate: int, to_rate: int, share_of_band: float) -> None:
    frequency = share_of_band * min(from_rate, to_rate) / 2
    got = middle(resampled(tone(frequency, from_rate), from_rate, to_rate))
    assert abs(decibels(got, middle(tone(frequency, to_rate)))) < 0.1
    spectrum = np.abs(np.fft.rfft(got * np.hanning(got.size)))
    assert np.argmax(spectrum) * to_rate / got.size == pytest.approx(frequency, abs=3)


@pytest.mark.parametrize(("from_rate", "to_rate"), [pair for pair in RATE_PAIRS if pair[0] > pair[1]])
def test_what_the_lower_rate_cannot_carry_is_gone(from_rate: int, to_rate: int) -> None:
    for frequency in np.linspace(to_rate / 2 * 1.1, from_rate / 2 * 0.95, 4):
        loud = tone(frequency, from_rate)
        alias = middle(resampled(loud, from_rate, to_rate))
        assert decibels(alias + 1e-9, middle(loud)) < -60


@given(cuts=st.lists(st.integers(0, 900), max_size=30), pair=st.sampled_from(RATE_PAIRS))
@settings(deadline=None, max_examples=40)
def test_the_way_a_stream_is_cut_changes_nothing(cuts: list[int], pair: tuple[int, int]) -> None:
    sound = np.random.default_rng(7).normal(0, 6_000, 6_000).astype("<i2")
    edges = [0, *np.minimum(np.cumsum(cuts, dtype=int), sound.size).tolist(), sound.size]
    resampler = make_resampler(*pair)
    pieces = [resampler.feed(sound[start:end].tobytes()) for start, end in pairwise(edges)]
    assert b"".join([*pieces, resampler.flush()]) == resampled(sound, *pair).tobytes()


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_nothing_is_lost_or_added_over_ten_minutes(from_rate: int, to_rate: int) -> None:
    resampler = make_resampler(from_rate, to_rate)
    second = bytes(from_rate * 2)
    got = sum(len(resampler.feed(second)) for _ in range(600)) + len(resampler.flush())
    assert abs(got // 2 - 600 * to_rate) <= 2


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_the_end_of_the_sound_comes_with_the_flush(from_rate: int, to_rate: int) -> None:
    resampler = make_resampler(from_rate, to_rate)
    click = np.zeros(from_rate // 10, "<i2")
    click[-from_rate // 200] = 30_000
    before = np.frombuffer(resampler.feed(click.tobytes()), "<i2")
    tail = np.frombuffer(resampler.flush(), "<i2")
    assert np.abs(before).max(initial=0) < 50
    assert (before.size + int(np.argmax(tail))) / to_rate == pytest.approx(0.095, abs=0.0005)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATE_PAIRS)
def test_live_audio_is_never_held_back_longer_than_31_ms(from_rate: int, to_rate: int) -> None:
    resampler = make_resampler(from_rate, to_rate)
    got = 0
    for frame in range(1, 200):
        got += len(resampler.feed(bytes(from_rate // 50 * 2)))
        assert frame * 20 - got / 2 / to_rate * 1000 < 31


def test_silence_stays_digital_silence() -> None:
    assert not resampled(np.zeros(16_000, "<i2"), 16_000, 8_000).any()


def test_sound_at_full_scale_is_limited_and_does_not_wrap_around() -> None:
    square = np.where(np.arange(8_000) // 40 % 2, 32767, -32768).astype("<i2")
    got = resampled(square, 8_000, 16_000)
    assert got.max() == 32767
    assert got.min() == -32768
    crossings = np.count_nonzero(np.diff(np.sign(got[got != 0])))
    assert crossings == np.count_nonzero(np.diff(np.sign(square)))


def test_a_flushed_resampler_begins_a_new_stream() -> None:
    resampler = make_resampler(16_000, 8_000)
    first = resampler.feed(tone(440, 16_000).tobytes()) + resampler.flush()
    second = resampler.feed(tone(440, 16_000).tobytes()) + resampler.flush()
    assert first == second
    assert resampler.flush() == b""


def test_equal_rates_pass_the_bytes_through() -> None:
    resampler = make_resampler(16_000, 16_000)
    sound = tone(440, 16_000).tobytes()
    assert resampler.feed(sound) == sound
    assert resampler.flush() == b""


@pytest.mark.parametrize(("from_rate", "to_rate"), [(7_999, 16_000), (16_000, 48_001), (0, 0), (-16_000, 8_000)])
def test_a_rate_outside_the_range_is_refused(from_rate: int, to_rate: int) -> None:
    with pytest.raises(ValueError, match="outside 8000-48000 Hz"):
        make_resampler(from_rate, to_rate)


@pytest.mark.parametrize("to_rate", [8_000, 16_000])
def test_half_a_sample_is_refused(to_rate: int) -> None:
    with pytest.raises(ValueError, match="half a 16-bit sample"):
        make_resampler(8_000, to_rate).feed(b"\x00")
