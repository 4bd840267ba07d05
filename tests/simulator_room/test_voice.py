"""The numbered voice: every word is read back as it was said, or not at all."""

import random

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tandem.audio.g711 import decode_ulaw, encode_ulaw
from tandem.simulator.voice import Heard, Voice

VOICE = Voice()
RATES = (8_000, 16_000, 24_000, 44_100, 48_000)
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'"

plain_words = st.text(_LETTERS, min_size=1, max_size=10)
any_words = st.text(st.characters(exclude_categories=("Cs", "Z", "Cc")), min_size=1, max_size=6)


def _text(count: int, seed: int = 1) -> list[str]:
    source = random.Random(seed)
    return ["".join(source.choices(_LETTERS, k=source.randint(1, 9))) for _ in range(count)]


def _samples(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def _pcm(samples: npt.NDArray[np.float64]) -> bytes:
    return np.clip(np.round(samples), -32_768, 32_767).astype("<i2").tobytes()


def _whole(heard: list[Heard]) -> list[str]:
    return [word.text for word in heard if word.whole]


def test_two_hundred_words_come_back_from_a_telephone_line() -> None:
    words = _text(200)
    line = decode_ulaw(encode_ulaw(VOICE.say(" ".join(words), 8_000)))

    heard = VOICE.hear(line, 8_000)

    assert [word.text for word in heard] == words
    assert all(word.whole for word in heard)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("gain", [0.05, 1.0])
@pytest.mark.parametrize("noisy", [False, True])
def test_words_come_back_resampled_faint_noisy_and_from_any_offset(rate: int, gain: float, noisy: bool) -> None:
    words, source = _text(60), np.random.default_rng(7)
    sound = soxr.resample(_samples(VOICE.say(" ".join(words), 24_000)), 24_000, rate) * gain
    if noisy:
        sound = sound + source.normal(0, 0.1 * np.sqrt(np.mean(sound**2)), len(sound))  # 20 dB below the voice
    offset = int(source.integers(0, rate // 2))

    heard = VOICE.hear(_pcm(sound[offset:]), rate)

    first = next(
        place for place, (_, start, _) in enumerate(VOICE.timed(" ".join(words))) if start * rate >= 1e3 * offset
    )
    assert _whole(heard)[-len(words) + first :] == words[first:]
    assert _whole(heard) in (words[first:], words[first - 1 :])  # a word that lacks some ms at its start may be whole
    assert all(word.whole for word in heard[1:])


@given(st.lists(plain_words, max_size=6), st.sampled_from(RATES))
@settings(max_examples=60, deadline=None)
def test_any_plain_words_come_back(words: list[str], rate: int) -> None:
    heard = VOICE.hear(VOICE.say(" ".join(words), rate), rate)
    assert _whole(heard) == words
    for word, (_, start, end) in zip(heard, VOICE.timed(" ".join(words)), strict=True):
        assert word.start_ms == pytest.approx(start, abs=3)
        assert word.end_ms == pytest.approx(end, abs=3)


@given(st.lists(any_words, max_size=5))
@settings(max_examples=60, deadline=None)
def test_words_of_any_script_come_back(words: list[str]) -> None:
    said = " ".join(words).split()
    assert [word.text for word in VOICE.hear(VOICE.say(" ".join(words), 16_000), 16_000)] == said


def test_a_word_of_average_length_takes_about_300_ms() -> None:
    timed = VOICE.timed("a word is of five signs on average")
    assert 200 < timed[-1][2] / len(timed) < 320


def test_the_audio_of_two_texts_one_after_the_other_is_the_audio_of_both() -> None:
    assert VOICE.say("one two", 16_000) + VOICE.say("three", 16_000) == VOICE.say("one two three", 16_000)


@pytest.mark.parametrize("pcm", [b"", b"\0", b"\0\0", bytes(3), bytes(32_000)])
def test_silence_holds_no_words(pcm: bytes) -> None:
    assert VOICE.hear(pcm, 16_000) == []


def test_noise_holds_no_words() -> None:
    source = np.random.default_rng(3)
    assert VOICE.hear(_pcm(source.normal(0, 5_000, 160_000)), 16_000) == []


def test_a_word_that_was_cut_is_a_piece_and_its_neighbours_are_whole() -> None:
    text = "alpha bravo charlie delta echo"
    sound, timed = _samples(VOICE.say(text, 16_000)), VOICE.timed(text)
    begin, end = (int((timed[2][1] + ms) * 16) for ms in (100, 180))

    heard = VOICE.hear(_pcm(np.delete(sound, slice(begin, end))), 16_000)

    assert _whole(heard) == ["alpha", "bravo", "delta", "echo"]
    [piece] = [word for word in heard if not word.whole]
    assert piece.text == ""
    assert piece.start_ms == pytest.approx(timed[2][1], abs=15)
    assert piece.end_ms == pytest.approx(timed[2][2] - 80, abs=15)


def test_a_word_that_breaks_off_into_silence_is_a_piece() -> None:
    sound = _samples(VOICE.say("alpha bravo", 16_000))
    sound[int(0.5 * 16_000) :] = 0

    heard = VOICE.hear(_pcm(sound), 16_000)

    assert [(word.text, word.whole) for word in heard] == [("alpha", True), ("", False)]
    assert heard[1].start_ms == pytest.approx(300, abs=15)
    assert heard[1].end_ms == pytest.approx(500, abs=15)


def test_a_word_said_twice_is_heard_twice() -> None:
    sound = VOICE.say("alpha bravo", 16_000) + VOICE.say("bravo charlie", 16_000)
    assert [word.text for word in VOICE.hear(sound, 16_000)] == ["alpha", "bravo", "bravo", "charlie"]


def test_a_word_that_is_begun_twice_is_a_piece_and_a_word() -> None:
    once = VOICE.say("alpha", 16_000)
    for cut_ms in (20, 30, 45, 90, 150):
        heard = VOICE.hear(once[: cut_ms * 32] + once, 16_000)
        assert heard[-1].text == "alpha", cut_ms
        assert heard[-1].start_ms == pytest.approx(cut_ms, abs=5)
        assert all(not word.whole and word.end_ms <= cut_ms + 5 for word in heard[:-1])


def test_words_survive_a_cross_fade_between_two_loudnesses() -> None:
    sound = _samples(VOICE.say("alpha bravo charlie delta", 24_000))
    fade = np.interp(np.arange(len(sound)), [20_000, 20_500], [1.0, 0.4])
    assert _whole(VOICE.hear(_pcm(sound * fade), 24_000)) == ["alpha", "bravo", "charlie", "delta"]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.4)), min_size=1, max_size=8), st.sampled_from((1.0, 1.5)))
@settings(max_examples=150, deadline=None)
def test_splices_never_make_a_word_that_was_not_said(cuts: list[tuple[float, float]], speed: float) -> None:
    text = "alpha bravo charlie delta echo foxtrot golf hotel"
    sound = _samples(VOICE.say(text, 8_000, speed))
    parts = [sound[int(start * len(sound)) :][: int(length * len(sound))] for start, length in cuts]

    heard = VOICE.hear(_pcm(np.concatenate(parts)), 8_000)

    assert set(_whole(heard)) <= set(text.split())


@pytest.mark.parametrize(("speed", "as_long"), [(0.25, 4), (0.7, 1 / 0.7), (1.1, 1 / 1.1), (1.25, 0.8), (4, 0.8)])
def test_speech_of_another_speed_is_as_long_as_it_should_and_as_well_heard(speed: float, as_long: float) -> None:
    text = " ".join(_text(60))
    sound = VOICE.say(text, 8_000, speed)
    line = decode_ulaw(encode_ulaw(sound))

    heard = VOICE.hear(line, 8_000)

    assert len(sound) == pytest.approx(as_long * len(VOICE.say(text, 8_000)), rel=0.001)
    for word, (said, start, end) in zip(heard, VOICE.timed(text, speed), strict=True):
        assert word.text == said
        assert word.start_ms == pytest.approx(start, abs=3)
        assert word.end_ms == pytest.approx(end, abs=3)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("gain", [0.05, 1.0])
def test_fast_words_come_back_resampled_faint_and_noisy(rate: int, gain: float) -> None:
    words, source = _text(60), np.random.default_rng(7)
    sound = soxr.resample(_samples(VOICE.say(" ".join(words), 24_000, 1.5)), 24_000, rate) * gain
    sound = sound + source.normal(0, 0.1 * np.sqrt(np.mean(sound**2)), len(sound))  # 20 dB below the voice
    assert [word.text for word in VOICE.hear(_pcm(sound), rate)] == words


@given(st.lists(st.tuples(any_words, st.sampled_from((0.5, 1.0, 1.2, 1.5))), max_size=6), st.sampled_from(RATES))
@settings(max_examples=60, deadline=None)
def test_words_of_any_speed_stand_beside_each_other(said: list[tuple[str, float]], rate: int) -> None:
    sound = b"".join(VOICE.say(word, rate, speed) for word, speed in said)
    assert [word.text for word in VOICE.hear(sound, rate)] == [word for text, _ in said for word in text.split()]


def test_a_fast_word_that_was_cut_is_a_piece_and_its_neighbours_are_whole() -> None:
    text = "alpha bravo charlie delta echo"
    sound, timed = _samples(VOICE.say(text, 16_000, 1.5)), VOICE.timed(text, 1.5)
    begin, end = (int((timed[2][1] + ms) * 16) for ms in (80, 150))

    heard = VOICE.hear(_pcm(np.delete(sound, slice(begin, end))), 16_000)

    assert _whole(heard) == ["alpha", "bravo", "delta", "echo"]
    assert {word.text for word in heard if not word.whole} == {""}
