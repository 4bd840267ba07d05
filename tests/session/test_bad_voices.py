"""Voices that send what none should: nothing is invented, the call goes on, and the next turn is fine."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from answers import ANSWER, INF, NAN, answered, faults, typed
from caller import call

from fakes import RATE, Fail, FakeVoice, Speech, tone
from tandem.core.audio import Word
from tandem.core.link import CallError, ReplyAudio, StopPressed, TextTyped
from tandem.core.ports import (
    SpokenAudio,
    TtsOptions,
)

SOUND = tone(400)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("pieces", "taken"),
    [
        ([SpokenAudio(SOUND[:999], RATE), SpokenAudio(SOUND[999:2_000], RATE), SpokenAudio(SOUND[2_000:], RATE)], True),
        ([SpokenAudio(SOUND[:-1], RATE)], True),
        ([SpokenAudio(b"", RATE), SpokenAudio(SOUND, RATE)], True),
        ([SpokenAudio(b"x", RATE)], False),
        ([SpokenAudio(b"", RATE)] * 5, False),
        ([SpokenAudio(SOUND, 0)], False),
        ([SpokenAudio(SOUND, 7)], False),
        ([SpokenAudio(SOUND, -16_000)], False),
        ([SpokenAudio(SOUND, 10**9)], False),
        ([SpokenAudio(SOUND, RATE), SpokenAudio(SOUND, 0)], False),
        ([SpokenAudio("sound", RATE)], False),  # type: ignore[arg-type]
        ([SpokenAudio(None, RATE)], False),  # type: ignore[arg-type]
    ],
    ids=[
        "samples cut in two",
        "half a sample at the end",
        "an empty piece first",
        "half a sample",
        "empty pieces",
        "at 0 Hz",
        "at 7 Hz",
        "at less than 0 Hz",
        "at 1 GHz",
        "at 0 Hz in the end",
        "text",
        "None",
    ],
)
async def test_audio_that_cannot_be_played_is_spoken_by_the_next_voice(pieces: list[SpokenAudio], taken: bool) -> None:
    async with call(tts=[FakeVoice("mad", pieces, [Speech()]), FakeVoice("sane")]) as caller:
        assert (await typed(caller)).heard_text == ANSWER
        assert (await typed(caller, 2)).heard_text == ANSWER
    assert [len(audio.pcm) % 2 for audio in caller.all(ReplyAudio)] == [0] * len(caller.all(ReplyAudio))
    assert bool(faults(caller, "mad")) is not taken


@pytest.mark.looptime
async def test_where_no_voice_makes_audio_that_can_be_played_the_caller_reads_the_reply() -> None:
    async with call(tts=[FakeVoice("mad", [SpokenAudio(SOUND, 7)], [Speech()])]) as caller:
        first = await typed(caller)
        assert (await caller.until(CallError)).code == "tts_unavailable"
        assert ANSWER in first.heard_text
        assert (await typed(caller, 2)).heard_text == ANSWER


@pytest.mark.looptime
@pytest.mark.parametrize(
    "ends",
    [
        [180, 90, 360, 20, 5, 4],
        [NAN] * 6,
        [180, NAN, 400, 500, 600, 700],
        [INF] * 6,
        [180, INF, INF, INF, INF, INF],
        [-INF] * 6,
        [1e300] * 6,
        [0] * 6,
        [-1, -2, -3, -4, -5, -6],
        [180] * 600,
    ],
    ids=["backwards", "nan", "a nan", "inf", "later inf", "-inf", "far", "0", "negative", "too many"],
)
@pytest.mark.parametrize("fails", [False, True], ids=["whole", "cut"])
async def test_word_times_that_cannot_be_cost_no_word_and_history_holds_what_was_heard(
    ends: list[float], fails: bool
) -> None:
    words = tuple(Word(text, end - 100, end) for text, end in zip(ANSWER.split() * 100, ends, strict=False))
    told = SpokenAudio(tone(500), RATE, words)
    rest: list[SpokenAudio | Fail] = [Fail()] if fails else [SpokenAudio(tone(1_000), RATE)]
    async with call(tts=[FakeVoice("mad", [told, *rest], [Speech()]), FakeVoice("sane")]) as caller:
        assert (await typed(caller)).heard_text == ANSWER
        caller.does(TextTyped("again"))
        await caller.until_state("speaking", 2)
        await caller.silence(200)
        caller.does(StopPressed())
        cut = await answered(caller, 2)
    assert ANSWER.startswith(cut.heard_text)


@pytest.mark.looptime
@pytest.mark.parametrize("word_times", [False, True], ids=["without word times", "with word times"])
async def test_a_voice_that_never_stops_is_stopped(word_times: bool) -> None:
    """An hour of audio for one phrase: neither does the caller hear it out, nor is it all kept."""
    taken = 0

    class Endless(FakeVoice):
        async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
            nonlocal taken
            words = tuple(Word(word, 200.0 * i, 200.0 * (i + 1)) for i, word in enumerate(phrase.split()))
            yield SpokenAudio(tone(1_000), RATE, words if word_times else ())
            for _ in range(3_600):
                taken += 1
                await asyncio.sleep(0)
                yield SpokenAudio(tone(1_000), RATE)

    async with call(tts=[Endless("mad"), FakeVoice("sane")]) as caller:
        caller.does(TextTyped("count"))
        await caller.until_state("speaking")
        await caller.silence(50_000)
        assert taken < 120
        await answered(caller, 1)
        assert len(caller.audio_of(1)) < len(tone(60_000))
        assert ANSWER in caller.replies()[0].heard_text
    assert faults(caller, "mad")
