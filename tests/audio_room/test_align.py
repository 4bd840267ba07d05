"""Where one voice ends in another one's audio of the same words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.audio.align import SpeechAligner, at_once
from tandem.audio.sound import gaps
from tandem.core.audio import Word, duration_ms
from tandem.core.ports import SpokenAudio
from tandem.simulator.voice import Voice

PHRASE = "the second voice goes on where the first one was lost"
RATE = 16_000
WORDS = tuple(Word(*word) for word in Voice().timed(PHRASE))
ALIGNER = SpeechAligner(at_once)


def spoken(rate: int, until_ms: float = 1e9, *, timed: bool = False) -> SpokenAudio:
    pcm = Voice().say(PHRASE, rate)[: 2 * int(until_ms * rate / 1000)]
    return SpokenAudio(pcm, rate, WORDS if timed else ())


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("rate", [8_000, 11_025, 24_000, 44_100])
async def test_a_place_within_a_word_is_the_words_beginning(rate: int, timed: bool) -> None:
    for word in WORDS:
        middle = (word.start_ms + word.end_ms) / 2
        place = await ALIGNER.place_ms(spoken(RATE, middle), spoken(rate, timed=timed), whole=True)
        assert place == pytest.approx(word.start_ms, abs=10)


@pytest.mark.parametrize("timed", [True, False])
async def test_a_place_between_two_words_stays_there(timed: bool) -> None:
    for word in WORDS[:-1]:
        place = await ALIGNER.place_ms(spoken(RATE, word.end_ms + 10), spoken(24_000, timed=timed), whole=True)
        assert place is not None
        assert word.end_ms - 5 <= place <= word.end_ms + 30


async def test_a_place_beyond_what_is_there_is_not_guessed() -> None:
    said, whole = spoken(RATE, 2_000), spoken(24_000)
    assert await ALIGNER.place_ms(said, spoken(24_000, 2_050), whole=False) is None
    assert await ALIGNER.place_ms(said, whole, whole=False) == await ALIGNER.place_ms(said, whole, whole=True)


async def test_a_search_in_a_thread_finds_the_same() -> None:
    said, whole = spoken(RATE, 2_000), spoken(24_000)
    assert await SpeechAligner().place_ms(said, whole, whole=True) == await ALIGNER.place_ms(said, whole, whole=True)


@given(said=st.binary(max_size=4_000), again=st.binary(max_size=8_000), end=st.floats())
async def test_any_audio_has_a_place(said: bytes, again: bytes, end: float) -> None:
    first, second = (SpokenAudio(pcm[: len(pcm) // 2 * 2], 8_000) for pcm in (said, again))
    second = SpokenAudio(second.pcm, 8_000, (Word("word", 0, end),))
    place = await ALIGNER.place_ms(first, second, whole=True)
    assert place is not None
    assert 0 <= place <= duration_ms(len(second.pcm), 8_000)


def test_pauses_are_found_and_the_middle_of_the_last_one_is_where_audio_can_be_cut() -> None:
    sound = (np.sin(np.arange(1_600)) * 9_000).astype("<i2").tobytes()
    pcm = sound + bytes(2 * 640) + sound + bytes(2 * 160) + sound
    assert gaps(pcm, RATE) == [(100, 140)]
    assert ALIGNER.quiet_bytes(pcm, RATE) == len(sound) + 640
    assert (ALIGNER.quiet_bytes(sound, RATE), ALIGNER.quiet_bytes(b"", RATE)) == (0, 0)
