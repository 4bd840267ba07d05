"""Recognisers that send what none should: nothing is invented, the call goes on, and the next turn is fine."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import pytest
from answers import INF, NAN, answered, faults
from caller import Caller, call

from fakes import CodedSpeech, Fail, FakeModel, FakeRecogniser, Hang, Listen
from tandem.core.audio import AudioFrame, Word
from tandem.core.breaker import State
from tandem.core.errors import Fault
from tandem.core.events import BreakerChanged
from tandem.core.ports import (
    Role,
    SpeechMark,
    SttOptions,
    Transcript,
)


async def asks_twice(caller: Caller) -> None:
    await caller.say("what is six times seven")
    await answered(caller, 1)
    await caller.say("and once more")
    await answered(caller, 2)


def said(model: FakeModel) -> list[str]:
    """Return what the caller has said, as the model reads it."""
    return [message.text for message in model.requests[-1][0] if message.role is Role.USER]


LATER = {
    "beyond the stream": (900_000.0, 901_000.0),
    "that begin now and end beyond the stream": (0.0, 900_000.0),
    "of no length, far ahead": (900_000.0, 900_000.0),
    "that run backwards": (900_000.0, 10.0),
    "from nan": (NAN, 400.0),
    "to nan": (0.0, NAN),
    "nan": (NAN, NAN),
    "infinite": (-INF, INF),
    "to infinity": (0.0, INF),
}


@pytest.mark.looptime
@pytest.mark.parametrize("final", [True, False], ids=["final", "interim"])
@pytest.mark.parametrize("place", LATER.values(), ids=LATER.keys())
@pytest.mark.parametrize("script", ["before anybody spoke", "within the utterance"])
async def test_words_at_a_place_that_was_not_heard_are_not_taken_for_the_callers(
    script: str, place: tuple[float, float], final: bool
) -> None:
    ghost = Transcript("ghost words", final, *place)

    def ears(speech: CodedSpeech) -> list[FakeRecogniser]:
        before = [Listen(600)] if script == "within the utterance" else []
        return [
            FakeRecogniser("mad", [*before, ghost, Listen()], hear=speech.hear),
            FakeRecogniser("sane", hear=speech.hear),
        ]

    model = FakeModel()
    async with call(stt=ears, llm=[model]) as caller:
        await asks_twice(caller)
    assert said(model) == ["what is six times seven", "and once more"]
    assert faults(caller, "mad")[0] is Fault.MALFORMED


@pytest.mark.looptime
async def test_words_that_nobody_said_hurt_no_call() -> None:
    """A sound that the detector did not take for speech may be a word; where there was none the call goes on."""

    def ears(speech: CodedSpeech) -> list[FakeRecogniser]:
        ghost = Transcript("thank you", True, 200, 380)
        return [FakeRecogniser("mad", [Listen(500), ghost, Listen()], hear=speech.hear)]

    model = FakeModel()
    async with call(stt=ears, llm=[model]) as caller:
        await caller.silence(3_000)
        await asks_twice(caller)
    assert " ".join(said(model)).replace("thank you ", "") == "what is six times seven and once more"


@pytest.mark.looptime
async def test_two_finals_for_one_utterance_say_it_once() -> None:
    class Twice(FakeRecogniser):
        async def transcribe(
            self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
        ) -> AsyncGenerator[Transcript, None]:
            async for transcript in super().transcribe(audio, options):
                yield transcript
                yield transcript

    model = FakeModel()
    async with call(stt=lambda speech: [Twice("mad", hear=speech.hear)], llm=[model]) as caller:
        await asks_twice(caller)
    assert said(model) == ["what is six times seven", "and once more"]


@pytest.mark.looptime
@pytest.mark.parametrize("after_ms", [300, 900, 1_100])
async def test_an_answer_to_a_pause_that_the_caller_did_not_make_costs_no_word(after_ms: int) -> None:
    """The recogniser dies right after it: what it had not heard must still be there for its successor."""

    def ears(speech: CodedSpeech) -> list[FakeRecogniser]:
        early = Transcript("", True, 0, 20, ends_utterance=True)
        return [
            FakeRecogniser("mad", [Listen(after_ms), early, Fail()], hear=speech.hear),
            FakeRecogniser("sane", hear=speech.hear),
        ]

    model = FakeModel()
    async with call(stt=ears, llm=[model]) as caller:
        await asks_twice(caller)
    assert said(model) == ["what is six times seven", "and once more"]


@pytest.mark.looptime
@pytest.mark.parametrize("time", [NAN, INF, -INF, -5.0, 1e300], ids=str)
@pytest.mark.parametrize("which", ["start", "end", "both"])
async def test_word_times_that_cannot_be_cost_no_word_where_a_recogniser_is_followed_by_another(
    which: str, time: float
) -> None:
    class Odd(FakeRecogniser):
        async def transcribe(
            self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
        ) -> AsyncGenerator[Transcript, None]:
            async for transcript in super().transcribe(audio, options):
                words = tuple(
                    Word(
                        word.text,
                        word.start_ms if which == "end" else time,
                        word.end_ms if which == "start" else time,
                    )
                    for word in transcript.words
                )
                yield replace(transcript, words=words)

    def ears(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [
            FakeRecogniser("first", [Listen(700), Fail()], hear=speech.hear, segment_ms=300),
            Odd("odd", hear=speech.hear),
        ]

    model = FakeModel()
    async with call(stt=ears, llm=[model]) as caller:
        await asks_twice(caller)
    assert said(model) == ["what is six times seven", "and once more"]


@pytest.mark.looptime
@pytest.mark.parametrize("from_ms", [NAN, -INF, INF, None], ids=str)
@pytest.mark.parametrize("to_ms", [NAN, -INF, INF, None], ids=str)
async def test_places_that_cannot_be_cost_no_word_where_a_recogniser_is_followed_by_another(
    from_ms: float | None, to_ms: float | None
) -> None:
    class Odd(FakeRecogniser):
        async def transcribe(
            self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
        ) -> AsyncGenerator[Transcript, None]:
            async for heard in super().transcribe(audio, options):
                start_ms = heard.start_ms if from_ms is None else from_ms
                end_ms = heard.end_ms if to_ms is None else to_ms
                yield replace(heard, start_ms=start_ms, end_ms=end_ms, words=())

    def ears(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [
            FakeRecogniser("first", [Listen(700), Fail()], hear=speech.hear, segment_ms=300),
            Odd("odd", hear=speech.hear),
            FakeRecogniser("sane", hear=speech.hear),
        ]

    model = FakeModel()
    async with call(stt=ears, llm=[model]) as caller:
        await asks_twice(caller)
    assert said(model) == ["what is six times seven", "and once more"]


@pytest.mark.looptime
async def test_a_recogniser_that_never_answers_costs_no_word_in_any_turn_of_a_call() -> None:
    def ears(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [FakeRecogniser("silent", [Hang()], hear=speech.hear), FakeRecogniser("sane", hear=speech.hear)]

    model = FakeModel()
    async with call(stt=ears, llm=[model]) as caller:
        for turn in range(1, 16):
            await caller.say(f"this is turn {turn}")
            await answered(caller, turn)
    assert said(model) == [f"this is turn {turn}" for turn in range(1, 16)]
    assert State.OPEN in [changed.state for changed in caller.notified.of(BreakerChanged)]
