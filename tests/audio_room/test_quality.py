"""The microphone meter's figures on known signals, its advice, and its calm with any bytes."""

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tandem.audio.quality import CLIPPING, MUTED, NOISY, TOO_QUIET, MicrophoneMeter
from tandem.core.audio import AudioQuality

RATE = 16_000
FRAME = RATE // 50 * 2
Sound = NDArray[np.float64]


def noise(level_dbfs: float, seconds: float = 3) -> Sound:
    return np.random.default_rng(3).normal(0, 10 ** (level_dbfs / 20), int(RATE * seconds))


def voice(level_dbfs: float, seconds: float = 3) -> Sound:
    """A buzz of ten harmonics at a talker's pitch, with the RMS `level_dbfs`."""
    time = np.arange(int(RATE * seconds)) / RATE
    buzz = np.sum([np.cos(2 * np.pi * 120 * n * time + n * n) for n in range(1, 11)], axis=0, dtype=np.float64)
    return np.asarray(buzz / buzz.std() * 10 ** (level_dbfs / 20))


def pcm(sound: Sound) -> bytes:
    return np.clip(np.round(sound * 32768), -32768, 32767).astype("<i2").tobytes()


def heard(*parts: tuple[Sound, bool]) -> AudioQuality | None:
    meter = MicrophoneMeter(RATE)
    for sound, speaking in parts:
        stream = pcm(sound)
        for start in range(0, len(stream), FRAME):
            meter.feed(stream[start : start + FRAME], speaking=speaking)
    return meter.read()


def call(level_dbfs: float, noise_dbfs: float) -> AudioQuality:
    """A pause and then speech over the same noise."""
    hiss = noise(noise_dbfs)
    quality = heard((hiss, False), (voice(level_dbfs) + hiss, True))
    assert quality is not None
    return quality


def test_a_good_microphone_needs_no_advice() -> None:
    quality = call(-20, -60)
    assert quality.advice == ""
    assert quality.score == 100
    assert quality.clipping == 0


@pytest.mark.parametrize("noise_dbfs", [-60, -45, -35, -30])
def test_the_signal_to_noise_ratio_is_right_within_1_db(noise_dbfs: float) -> None:
    assert call(-20, noise_dbfs).snr_db == pytest.approx(-20 - noise_dbfs, abs=1)


def test_level_and_peak_are_those_of_the_speech() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 200 / RATE * np.arange(RATE))
    quality = heard((noise(-70), False), (tone, True))
    assert quality is not None
    assert quality.rms_dbfs == pytest.approx(-9.03, abs=0.1)
    assert quality.peak_dbfs == pytest.approx(-6.02, abs=0.1)


@pytest.mark.parametrize(
    ("level_dbfs", "noise_dbfs", "advice"),
    [(-55, -85, TOO_QUIET), (-25, -32, NOISY), (-2, -60, CLIPPING)],
)
def test_the_worst_fault_is_the_one_that_is_told(level_dbfs: float, noise_dbfs: float, advice: str) -> None:
    quality = call(level_dbfs, noise_dbfs)
    assert quality.advice == advice
    assert quality.score < 75


def test_more_noise_never_raises_the_score() -> None:
    scores = [call(-20, noise_dbfs).score for noise_dbfs in (-60, -45, -40, -35, -30, -25)]
    assert all(louder <= quieter for quieter, louder in pairwise(scores))
    assert scores[0] > scores[-1]


def test_the_share_of_clipped_samples_is_counted() -> None:
    square = np.where(np.arange(RATE) // 40 % 4 == 0, 1.0, -0.5)
    quality = heard((noise(-60), False), (square, True))
    assert quality is not None
    assert quality.clipping == pytest.approx(0.25, abs=0.01)
    assert quality.peak_dbfs == pytest.approx(0, abs=0.001)
    assert quality.advice == CLIPPING


def test_a_constant_offset_is_neither_noise_nor_speech() -> None:
    straight = call(-20, -50)
    hiss = noise(-50)
    shifted = heard((hiss + 0.3, False), (voice(-20) + hiss + 0.3, True))
    assert shifted is not None
    assert shifted.snr_db == pytest.approx(straight.snr_db, abs=0.1)
    assert shifted.rms_dbfs == pytest.approx(straight.rms_dbfs, abs=0.1)


@pytest.mark.parametrize("offset", [0.0, 0.25, -1.0])
def test_three_seconds_of_dead_silence_ask_whether_it_is_muted(offset: float) -> None:
    dead = np.full(RATE * 3, offset)
    assert heard((dead[: RATE * 2], False)) is None
    assert heard((dead, False)) == AudioQuality(0.0, -120.0, -120.0, 0.0, 0, MUTED)


def test_a_microphone_that_comes_back_is_judged_again() -> None:
    quality = heard((np.zeros(RATE * 5), False), (noise(-60), False), (voice(-20), True))
    assert quality is not None
    assert quality.advice == ""


def test_there_is_no_judgement_before_there_is_speech() -> None:
    assert MicrophoneMeter(RATE).read() is None
    assert heard((noise(-60, 10), False)) is None
    assert heard((noise(-60), False), (voice(-20, 0.28), True)) is None
    assert heard((noise(-60), False), (voice(-20, 0.3), True)) is not None


def test_without_a_pause_the_noise_between_the_words_is_taken() -> None:
    hiss = noise(-50)
    words = np.where(np.arange(hiss.size) // 4_000 % 3 < 2, voice(-20), 0.0)
    quality = heard((words + hiss, True))
    assert quality is not None
    assert quality.snr_db == pytest.approx(30, abs=2)


def test_what_is_older_than_three_seconds_of_its_kind_is_forgotten() -> None:
    hiss = noise(-60)
    loud, soft = voice(-2) + hiss, voice(-20) + hiss
    assert heard((hiss, False), (loud, True), (soft, True)) == heard((hiss, False), (soft, True))


def values(quality: AudioQuality) -> Iterable[float]:
    return quality.snr_db, quality.peak_dbfs, quality.rms_dbfs, quality.clipping


SAMPLES = st.one_of(st.integers(-32768, 32767), st.sampled_from([0, 1, -1, 32767, -32768]), st.just(-32768), st.just(0))
BURSTS = st.lists(
    st.tuples(st.lists(SAMPLES, min_size=1, max_size=12), st.integers(1, 4_000), st.booleans()), max_size=12
)


@given(bursts=BURSTS)
@settings(deadline=None, max_examples=150)
def test_any_pcm_gives_finite_figures_and_a_score_of_0_to_100(
    bursts: list[tuple[list[int], int, bool]],
) -> None:
    meter = MicrophoneMeter(RATE)
    for pattern, length, speaking in bursts:
        meter.feed(np.resize(np.array(pattern, "<i2"), length).tobytes(), speaking=speaking)
        quality = meter.read()
        if quality is not None:
            assert all(math.isfinite(value) for value in values(quality))
            assert 0 <= quality.score <= 100
            assert 0 <= quality.clipping <= 1
            assert -120 <= quality.rms_dbfs <= 0
            assert -120 <= quality.peak_dbfs <= 0
            assert quality.snr_db >= 0


@given(cuts=st.lists(st.integers(0, 5_000), max_size=30))
@settings(deadline=None, max_examples=25)
def test_the_way_a_stream_is_cut_changes_nothing(cuts: list[int]) -> None:
    stream = pcm(voice(-20, 1) + noise(-50, 1))
    edges = [0, *np.minimum(np.cumsum(cuts, dtype=int) * 2, len(stream)).tolist(), len(stream)]
    meter = MicrophoneMeter(RATE)
    for start, end in pairwise(edges):
        meter.feed(stream[start:end], speaking=True)
    assert meter.read() == heard((voice(-20, 1) + noise(-50, 1), True))


def test_an_hour_of_audio_takes_no_more_memory_than_six_seconds() -> None:
    meter = MicrophoneMeter(RATE)
    minute = pcm(noise(-40, 60))
    for _ in range(60):
        meter.feed(minute + b"\x00\x00", speaking=True)
    assert len(meter._speech) == 150
    assert len(meter._unmeasured) < FRAME


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="half a 16-bit sample"):
        MicrophoneMeter(RATE).feed(b"\x00", speaking=False)


def test_every_figure_can_be_written_as_json() -> None:
    quality = heard((voice(-3), True))
    assert quality is not None
    assert quality.clipping > 0
    assert {type(value) for value in (quality.snr_db, quality.peak_dbfs, quality.rms_dbfs, quality.clipping)} == {float}


def test_a_microphone_that_is_gated_to_silence_between_words_is_not_taken_for_a_muted_one() -> None:
    quality = heard((voice(-20), True), (np.zeros(RATE * 10), False))
    assert quality is not None
    assert quality.advice == ""
