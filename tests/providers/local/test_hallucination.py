"""Sounds without speech and texts that nobody said are told from the real ones."""

import numpy as np
import pytest

from tandem.contracts.stt import RATE, TIME, UNITS, noise
from tandem.providers.local.hallucination import Samples, believable, may_be_speech

TIMES = np.arange(RATE * 2) / RATE


def samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)


@pytest.mark.parametrize("level", [0.0, 0.0005, 0.001, 0.01, 0.1, 0.3])
def test_silence_and_white_noise_are_no_speech(level: float) -> None:
    assert not may_be_speech(samples(noise(level)), RATE)


@pytest.mark.parametrize("frequency", [50, 440, 1000])
def test_hum_and_tones_are_no_speech(frequency: float) -> None:
    assert not may_be_speech((0.1 * np.sin(2 * np.pi * frequency * TIMES)).astype(np.float32), RATE)


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.03])
@pytest.mark.parametrize("noise_db", [-40, -20, -10])
def test_speech_is_speech_when_it_is_quiet_and_when_it_is_noisy(gain: float, noise_db: float) -> None:
    for said in (UNITS, TIME):
        voice = samples(said.pcm)
        level = float(voice.std()) * 10 ** (noise_db / 20)
        noisy = voice + samples(noise(level, len(voice) / RATE))[: len(voice)]
        assert may_be_speech(noisy * np.float32(gain), RATE)


def test_a_short_word_is_given_the_benefit_of_the_doubt() -> None:
    assert may_be_speech(samples(noise(0.05, 0.2)), RATE)
    assert not may_be_speech(samples(b""), RATE)


@pytest.mark.parametrize("text", ["", " ", ".", "...", "?!", "- -", "You", "you.", " You! "])
def test_a_lone_you_and_mere_punctuation_are_not_believed(text: str) -> None:
    assert believable(text, 2.0) == ""


@pytest.mark.parametrize(
    "text", ["Thank you.", "Are you there?", "No, no, no, no!", "Five five five, one two three four."]
)
def test_what_can_be_said_in_the_time_is_believed(text: str) -> None:
    assert believable(text, 3.0) == text


def test_a_loop_too_fast_to_be_said_is_cut_to_one_turn() -> None:
    assert believable("I see. " + "the " * 30 + "end", 2.0) == "I see. the end"
    assert believable("and I think " * 12, 3.0) == "and I think"
    assert believable("one two three four five six", 1.0) == "one two three four five six"
