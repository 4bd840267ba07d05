"""What of a stream is an utterance, and what is silence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.contracts.stt import RATE, UNITS, noise
from tandem.core.audio import AudioFrame, duration_ms
from tandem.core.ports import SpeechMark
from tandem.providers.openai.utterance import Collector, Utterance, is_silent

Event = AudioFrame | SpeechMark


def collected(events: list[Event], longest_ms: float = 30_000.0) -> list[Utterance]:
    collector = Collector(RATE, longest_ms)
    said = [collector.take(event) for event in events]
    return [each for each in [*said, collector.end()] if each is not None]


def frames(pcm: bytes, sizes: tuple[int, ...] = (640,), start_ms: float = 0.0) -> list[Event]:
    events: list[Event] = []
    at = 0
    while at < len(pcm):
        size = sizes[len(events) % len(sizes)]
        events.append(AudioFrame(pcm[at : at + size], RATE, start_ms + duration_ms(at, RATE)))
        at += size
    return events


def samples(count: int) -> bytes:
    return np.arange(count, dtype="<i2").tobytes()


@given(st.lists(st.integers(1, 900), min_size=1, max_size=5), st.integers(0, 6_000))
def test_an_utterance_holds_every_sample_however_it_is_cut_into_frames(sizes: list[int], count: int) -> None:
    pcm = samples(count)
    (said,) = collected([SpeechMark.STARTED, *frames(pcm, tuple(sizes)), SpeechMark.STOPPED])
    assert said.pcm == pcm
    assert said.ended
    assert said.end_ms == pytest.approx(duration_ms(len(pcm), RATE))


def test_an_utterance_begins_up_to_300_ms_before_its_mark_and_not_in_the_one_before() -> None:
    second = samples(RATE)
    events = [*frames(second), SpeechMark.STARTED, *frames(second, start_ms=1_000), SpeechMark.STOPPED]
    events += [*frames(bytes(3_200), start_ms=2_000), SpeechMark.STARTED, SpeechMark.STOPPED]
    first, after = collected(events)
    assert (first.start_ms, first.end_ms) == (700.0, 2_000.0)
    assert first.pcm == second[-9_600:] + second
    assert (after.start_ms, after.end_ms, after.pcm) == (2_000.0, 2_100.0, bytes(3_200))


def test_a_stop_without_a_start_is_an_utterance_of_no_length() -> None:
    assert collected([*frames(samples(3_200)), SpeechMark.STOPPED]) == [Utterance(b"", 200.0, 200.0, ended=True)]


def test_a_stream_that_breaks_off_gives_what_was_begun() -> None:
    (said,) = collected([SpeechMark.STARTED, *frames(samples(3_200))])
    assert said.pcm == samples(3_200)
    assert not said.ended


def test_a_long_utterance_comes_in_parts_that_are_cut_in_a_pause() -> None:
    loud = noise(0.1, 1.0)
    pcm = loud + noise(0.1, 0.5) + bytes(6_400) + loud
    first, rest = collected([SpeechMark.STARTED, *frames(pcm), SpeechMark.STOPPED], longest_ms=2_000.0)
    assert first.pcm + rest.pcm == pcm
    assert 1_500 <= first.end_ms <= 1_700
    assert rest.start_ms == pytest.approx(first.end_ms)
    assert (first.ended, rest.ended) == (False, True)


@pytest.mark.parametrize(
    ("pcm", "silent"),
    [(b"", True), (bytes(RATE * 2), True), (noise(0.001), True), (noise(0.01), False), (UNITS.pcm, False)],
)
def test_only_what_no_voice_is_as_quiet_as_is_silence(pcm: bytes, silent: bool) -> None:
    assert is_silent(pcm, RATE) is silent


def test_a_word_in_much_silence_is_no_silence() -> None:
    assert not is_silent(bytes(RATE * 10) + UNITS.pcm[:RATE] + bytes(RATE * 10), RATE)
