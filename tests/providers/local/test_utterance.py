"""Utterances are collected whole: nothing lost, nothing twice, and at their place in the stream."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import AudioFrame, duration_ms
from tandem.core.ports import SpeechMark
from tandem.providers.local.utterance import PRE_ROLL_MS, Part, Utterances

RATE = 1000  # one sample is one ms


def numbered(count: int, start: int = 0) -> bytes:
    return np.arange(start, start + count, dtype="<i2").tobytes()


def feed(utterances: Utterances, pcm: bytes, cuts: list[int], start_ms: float = 0.0) -> list[Part]:
    """Give `pcm` in frames of `cuts` bytes, repeated."""
    parts, at, turn = [], 0, 0
    while at < len(pcm):
        size = max(1, cuts[turn % len(cuts)])
        parts += utterances.take(AudioFrame(pcm[at : at + size], RATE, start_ms + duration_ms(at, RATE)))
        at, turn = at + size, turn + 1
    return parts


@given(
    before=st.integers(0, 700),
    during=st.integers(0, 3000),
    cuts=st.lists(st.integers(1, 99), min_size=1, max_size=5),
    within=st.sampled_from([0.0, 200.0, 500.0]),
)
def test_the_parts_of_an_utterance_are_its_audio_with_the_pre_roll(
    before: int, during: int, cuts: list[int], within: float
) -> None:
    utterances = Utterances(RATE, cap_ms=500.0, cut_within_ms=within)
    assert feed(utterances, numbered(before), cuts) == []
    utterances.take(SpeechMark.STARTED)
    parts = feed(utterances, numbered(during, before), cuts, float(before))
    parts += utterances.take(SpeechMark.STOPPED)

    pre_roll = min(before, int(PRE_ROLL_MS))
    assert b"".join(part.pcm for part in parts) == numbered(pre_roll + during, before - pre_roll)
    assert [part.ends_utterance for part in parts] == [False] * (len(parts) - 1) + [True]
    assert all(duration_ms(len(part.pcm), RATE) <= 500.0 for part in parts)
    assert parts[0].start_ms == pytest.approx(before - pre_roll)
    assert parts[-1].end_ms == pytest.approx(before + during)
    for one, following in pairwise(parts):
        assert following.start_ms == pytest.approx(one.end_ms)


def test_a_long_utterance_is_cut_where_it_is_quiet() -> None:
    loud, quiet = np.full(700, 9000, dtype="<i2"), np.zeros(150, dtype="<i2")
    utterances = Utterances(RATE, cap_ms=1000.0, cut_within_ms=500.0)
    utterances.take(SpeechMark.STARTED)
    (part,) = feed(utterances, np.concatenate([loud, quiet, loud]).tobytes(), [40])
    assert 700 <= part.end_ms <= 850


def test_what_was_transcribed_is_no_pre_roll_of_the_next_utterance() -> None:
    utterances = Utterances(RATE)
    utterances.take(SpeechMark.STARTED)
    feed(utterances, numbered(400), [40])
    utterances.take(SpeechMark.STOPPED)
    feed(utterances, numbered(100, 400), [40], 400.0)
    utterances.take(SpeechMark.STARTED)
    (second,) = utterances.take(SpeechMark.STOPPED)
    assert second.pcm == numbered(100, 400)
    assert second.start_ms == 400.0


def test_a_stop_without_a_start_gives_an_empty_part() -> None:
    utterances = Utterances(RATE)
    feed(utterances, numbered(400), [40])
    assert utterances.take(SpeechMark.STOPPED) == [Part(b"", 400.0, 400.0, ends_utterance=True)]


def test_the_end_of_the_stream_gives_what_was_being_said_once() -> None:
    utterances = Utterances(RATE)
    utterances.take(SpeechMark.STARTED)
    utterances.take(SpeechMark.STARTED)
    feed(utterances, numbered(400), [40])
    assert utterances.end() == [Part(numbered(400), 0.0, 400.0, ends_utterance=False)]
    assert utterances.end() == []
