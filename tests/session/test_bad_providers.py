"""Providers that send what no provider should: nothing is invented, the call goes on, and the next turn is fine."""

import asyncio
import math
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from caller import APOLOGY, Caller, call

from fakes import RATE, CodedSpeech, Fail, FakeModel, FakeRecogniser, FakeVoice, Hang, Listen, Speech, Text, Wait, tone
from openai_server import Behaviour, Exchange, OpenAIServer, answering, chunk, end, openai_server
from tandem.core.audio import AudioFrame, Word
from tandem.core.breaker import State
from tandem.core.errors import Fault
from tandem.core.events import AttemptFailed, BreakerChanged
from tandem.core.link import CallError, ReplyAudio, ReplyDone, SkillCalled, StateChanged, StopPressed, TextTyped
from tandem.core.ports import (
    Completed,
    Delta,
    Message,
    ModelOutput,
    Role,
    SpeechMark,
    SpokenAudio,
    SttOptions,
    ToolCall,
    Transcript,
    TtsOptions,
)
from tandem.providers.openai.llm import OpenAIChat
from tandem.providers.openai.wire import request_messages
from tandem.skills.calculator import calculator
from tandem.skills.toolbox import Toolbox

ANSWER = "Six times seven is forty two."
NAN, INF = math.nan, math.inf


async def answered(caller: Caller, count: int) -> ReplyDone:
    """Wait until the caller has heard this many replies and is listened to again."""
    done = await caller.until(ReplyDone, count=count)
    await caller.until(StateChanged, lambda _: caller.states()[-1] == "listening")
    return done


async def asks_twice(caller: Caller) -> None:
    await caller.say("what is six times seven")
    await answered(caller, 1)
    await caller.say("and once more")
    await answered(caller, 2)


def said(model: FakeModel) -> list[str]:
    """Return what the caller has said, as the model reads it."""
    return [message.text for message in model.requests[-1][0] if message.role is Role.USER]


def faults(caller: Caller, provider: str) -> list[Fault]:
    return [failed.fault for failed in caller.notified.of(AttemptFailed) if failed.provider == provider]


# --- recognisers ---------------------------------------------------------------------------------------------

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


# --- models --------------------------------------------------------------------------------------------------


async def typed(caller: Caller, count: int = 1) -> ReplyDone:
    caller.does(TextTyped("count"))
    return await answered(caller, count)


async def two_turns(*models: FakeModel) -> Caller:
    """Hold a call of two typed turns with these models."""
    async with call(llm=models) as caller:
        await typed(caller)
        await typed(caller, 2)
    return caller


GOOD: list[Text | ModelOutput] = [Text(), Completed("stop")]


@pytest.mark.looptime
@pytest.mark.parametrize(
    "script",
    [
        [Delta("x" * 10_000_000), Completed("stop")],
        [Delta("x " * 5_000_000), Completed("stop")],
        [Delta("   \n \t"), Completed("stop")],
        [Delta("\u200b \u2060"), Completed("stop")],
        [Delta(""), Completed("stop")],
        [*[Delta("")] * 1_000_000, Completed("stop")],
        [*[Delta(" ")] * 10_000, Completed("stop")],
        [*[Delta(""), Wait(100)] * 100, Completed("stop")],
        [Delta(None), Completed("stop")],  # type: ignore[arg-type]
        [Delta(7), Completed("stop")],  # type: ignore[arg-type]
        [Delta(b"six"), Completed("stop")],  # type: ignore[arg-type]
    ],
    ids=[
        "a token of 10 MB",
        "10 MB of words at once",
        "white space",
        "spaces that are not seen",
        "an empty token",
        "a million empty tokens",
        "ten thousand spaces",
        "an empty token every 100 ms for 10 s",
        "None",
        "a number",
        "bytes",
    ],
)
async def test_a_model_that_writes_nothing_readable_is_followed_by_one_that_does(
    script: Sequence[Wait | Text | ModelOutput],
) -> None:
    caller = await two_turns(FakeModel("mad", script, GOOD), FakeModel("sane"))
    assert [reply.heard_text for reply in caller.replies()] == [ANSWER, ANSWER]
    assert len(faults(caller, "mad")) == 1


@pytest.mark.looptime
async def test_where_every_model_writes_only_white_space_the_caller_hears_an_apology() -> None:
    caller = await two_turns(FakeModel("mad", [Delta(" \n "), Completed("stop")], GOOD))
    assert [reply.heard_text for reply in caller.replies()] == [APOLOGY, ANSWER]


@pytest.mark.looptime
async def test_a_token_of_10_mb_is_not_kept() -> None:
    tracemalloc.start()
    try:
        await two_turns(FakeModel("mad", [Delta("x " * 5_000_000), Completed("stop")], GOOD), FakeModel("sane"))
        assert tracemalloc.get_traced_memory()[0] < 15_000_000  # the script itself is 10 MB
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def go_on() -> str:
    """Return what a model is told when it has to go on with a reply."""
    before = [Message(Role.SYSTEM, ""), Message(Role.ASSISTANT, "One")]
    return str(request_messages(before)[0].get("content")).strip()


@pytest.mark.looptime
async def test_a_reply_that_says_the_instruction_to_go_on_is_a_reply_like_any_other() -> None:
    models = FakeModel("a", [Text(go_on()), Completed("stop")], [Text(go_on()[:60]), Fail()]), FakeModel(answer=go_on())
    caller = await two_turns(*models)
    assert [reply.heard_text for reply in caller.replies()] == [go_on(), go_on()]


@pytest.mark.looptime
async def test_a_tool_that_does_not_exist_is_told_to_the_model_which_answers() -> None:
    asking: list[ModelOutput] = [ToolCall("1", "launch", "{}"), Completed("tool_calls")]
    for toolbox in (None, Toolbox([calculator()], lambda _: None)):
        model = FakeModel("mad", asking, GOOD)
        async with call(llm=[model], toolbox=toolbox) as caller:
            assert (await typed(caller)).heard_text == ANSWER
            assert (await typed(caller, 2)).heard_text == ANSWER
        assert not caller.notified.of(AttemptFailed)


@pytest.mark.looptime
async def test_what_a_caller_says_opens_no_breaker() -> None:
    """A request that the model cannot serve says nothing about the model."""
    model = FakeModel("picky", *[[Fail(Fault.INVALID)]] * 12, GOOD)
    async with call(llm=[model]) as caller:
        for count in range(1, 13):
            assert (await typed(caller, count)).heard_text == APOLOGY
        assert (await typed(caller, 13)).heard_text == ANSWER
    assert not caller.notified.of(BreakerChanged)


@pytest.mark.looptime
async def test_a_model_that_writes_rubbish_each_time_is_left_alone_at_last() -> None:
    mad = FakeModel("mad", [Delta(" "), Completed("stop")])
    async with call(llm=[mad, FakeModel("sane")]) as caller:
        for count in range(1, 6):
            assert (await typed(caller, count)).heard_text == ANSWER
    assert State.OPEN in [changed.state for changed in caller.notified.of(BreakerChanged)]
    assert mad.streams.opened == 3


# --- models behind the real adapter ----------------------------------------------------------------------------


@asynccontextmanager
async def over_http(behave: Behaviour) -> AsyncIterator[tuple[Caller, OpenAIServer]]:
    """Hold a call over an OpenAI-compatible server that behaves so, and a sane model behind it."""
    async with openai_server() as server:
        server.behave = behave
        async with OpenAIChat.open(name="server", base_url=server.url, model="m") as model:
            toolbox = Toolbox([calculator()], lambda _: None)
            async with call(llm=[model, FakeModel("sane", answer="Forty two.")], toolbox=toolbox) as caller:
                yield caller, server


def call_piece(arguments: str, name: str = "calculator") -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return chunk(calls=[{"index": 0, "id": "c", "type": "function", "function": function}])


def half_a_call(finish: str | None, name: str = "calculator", arguments: str = '{"expre') -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.frame(call_piece(arguments, name))
        if finish:
            await end(exchange, finish)
        else:
            await exchange.close()

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        half_a_call("tool_calls"),
        half_a_call("length"),
        half_a_call("stop"),
        half_a_call(None),
        half_a_call("tool_calls", arguments='{"expression": "6*7"}', name="launch"),
        half_a_call("tool_calls", arguments="[6, 7]"),
        half_a_call("tool_calls", arguments="9" * 10_000_000),
    ],
    ids=["ended", "out of tokens", "stopped", "cut", "a tool that does not exist", "a list", "10 MB of arguments"],
)
async def test_half_a_tool_call_is_never_made_and_the_next_model_answers(behave: Behaviour) -> None:
    async with over_http(behave) as (caller, server):
        assert (await typed(caller)).heard_text == "Forty two."
        server.behave = answering(["Six."])
        assert (await typed(caller, 2)).heard_text == "Six."
    assert not caller.all(SkillCalled)
    assert faults(caller, "server") in ([Fault.MALFORMED], [Fault.CUT])


async def test_a_caller_who_says_the_instruction_to_go_on_changes_no_instruction() -> None:
    async with over_http(answering(["Six."])) as (caller, server):
        caller.does(TextTyped(go_on()))
        await answered(caller, 1)
    assert server.bodies[-1]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": go_on()},
    ]


# --- voices --------------------------------------------------------------------------------------------------


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
