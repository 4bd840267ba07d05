"""Eager replies: begun while the caller may be done, heard only if the turn is over with the same words."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from caller import Caller, call

from fakes import CodedSpeech, FakeDetector, FakeModel, FakeRecogniser, FakeVoice, Text, Wait, loop_clock
from tandem.core.events import EagerReplyEnded
from tandem.core.hedge import Budget
from tandem.core.link import ReplyAudio, ReplyDone, ReplyText, SkillCalled, StateChanged, TextTyped, TurnMeasured
from tandem.core.ports import Completed, Role, SpeechToText, Tool, ToolCall, ToolResult

pytestmark = pytest.mark.looptime

ANSWER = "Six times seven is forty two."
QUESTION = "what is six times seven"


def interim(speech: CodedSpeech) -> Sequence[SpeechToText]:
    """A recogniser that tells of each word as soon as it has sounded, and answers a pause after 50 ms."""
    return [FakeRecogniser(hear=speech.hear, interim_ms=20, answer_ms=50)]


def slow_model() -> FakeModel:
    return FakeModel("model", [Wait(300), Text(ANSWER), Completed("stop")])


def budget() -> Budget:
    return Budget(loop_clock, share=0.5, per_second=0.1)


def ended(caller: Caller) -> list[bool]:
    return [event.used for event in caller.notified.of(EagerReplyEnded)]


def turn_over_at(caller: Caller) -> float:
    return next(
        at for at, message in caller.received if isinstance(message, StateChanged) and message.state == "thinking"
    )


async def latency_ms(*, eager: bool) -> float:
    async with call(stt=interim, llm=[slow_model()], eager=budget() if eager else None) as caller:
        await caller.say(QUESTION)
        measured = await caller.until(TurnMeasured)
        await caller.until(ReplyDone)
    assert measured.turn_latency_ms is not None
    return measured.turn_latency_ms


async def test_a_reply_that_was_prepared_is_heard_when_the_turn_is_over() -> None:
    model = slow_model()
    async with call(stt=interim, llm=[model], eager=budget()) as caller:
        await caller.say(QUESTION)
        done = await caller.until(ReplyDone)
    assert done == ReplyDone(1, ANSWER, ANSWER, interrupted=False)
    assert len(model.requests) == 1
    assert ended(caller) == [True]
    heard = [at for at, message in caller.received if isinstance(message, ReplyAudio | ReplyText)]
    assert min(heard) == turn_over_at(caller)


async def test_it_saves_the_time_that_the_model_and_the_voice_would_have_taken() -> None:
    assert await latency_ms(eager=False) == pytest.approx(await latency_ms(eager=True) + 300, abs=10)


class LateDetector(FakeDetector):
    """Goes on hearing a voice for 160 ms after it has ended, as neural detectors do for some time."""

    def __init__(self, tell: Callable[[list[float]], None]) -> None:
        super().__init__(self._linger)
        self._told, self._left = tell, 0

    def _linger(self, judged: list[float]) -> None:
        for probability in judged:
            self._left = 5 if probability else max(0, self._left - 1)
            self._told([float(self._left > 0)])


async def test_a_reply_is_prepared_when_the_voice_has_ended_though_the_detector_still_hears_it() -> None:
    model = slow_model()
    async with call(stt=interim, llm=[model], eager=budget(), make_detector=LateDetector) as caller:
        await caller.say(f"{QUESTION}?")
        await caller.silence(20)
        assert len(model.requests) == 1
        await caller.until(ReplyDone)
    assert ended(caller) == [True]


async def test_a_caller_who_goes_on_never_hears_it_and_both_parts_are_one_turn() -> None:
    model = FakeModel("model", answer=ANSWER)
    async with call(stt=interim, llm=[model], eager=budget()) as caller:
        await caller.say("what is six")
        await caller.silence(300)
        await caller.say("times seven")
        done = await caller.until(ReplyDone)
    assert done == ReplyDone(1, ANSWER, ANSWER, interrupted=False)
    assert ended(caller) == [False, True]
    assert [request[0][-1].text for request in model.requests] == ["what is six", QUESTION]
    assert "".join(text.delta for text in caller.all(ReplyText)) == ANSWER


@pytest.mark.parametrize("share", range(1, 21))
async def test_what_is_thrown_away_is_never_heard_whenever_the_caller_goes_on(share: int) -> None:
    """In ten calls each, the caller pauses for anything from nothing to nearly all that ends a turn."""
    for more in range(10):
        model = FakeModel("model", answer=ANSWER)
        pause_ms = 2.3 * (10 * share + more)
        async with call(stt=interim, llm=[model], tts=[FakeVoice()], eager=budget()) as caller:
            await caller.say("what is six")
            await caller.silence(pause_ms)
            await caller.say("times seven")
            done = await caller.until(ReplyDone)
            await caller.until_state("listening", count=2)
        assert done == ReplyDone(1, ANSWER, ANSWER, interrupted=False)
        assert {audio.epoch for audio in caller.all(ReplyAudio)} == {1}
        assert "".join(text.delta for text in caller.all(ReplyText)) == ANSWER
        assert caller.finals() in ([QUESTION], ["what is six", "times seven"])
        assert model.requests[-1][0][-1].text == QUESTION
        assert ended(caller).count(True) == 1


async def test_words_that_ask_for_more_are_not_answered_in_advance() -> None:
    async with call(stt=interim, eager=budget()) as caller:
        await caller.say("what is the")
        await caller.silence(400)
        assert ended(caller) == []
        await caller.until(ReplyDone)
    assert ended(caller) == []


async def test_no_tool_runs_before_the_turn_is_over() -> None:
    ran: list[float] = []

    class Toolbox:
        tools = (Tool("look", "Looks.", {"type": "object", "properties": {}}),)

        async def run(self, call: ToolCall) -> ToolResult:
            ran.append(loop_clock())
            return ToolResult("found")

    model = FakeModel(
        "model", [ToolCall("1", "look", "{}"), Completed("tool_calls")], [Text("Yes."), Completed("stop")]
    )
    async with call(stt=interim, llm=[model], toolbox=Toolbox(), eager=budget()) as caller:
        await caller.say(QUESTION)
        await caller.until(ReplyDone)
    assert ended(caller) == [True]
    assert ran == [turn_over_at(caller)]
    assert [message.role for message in model.requests[1][0][-2:]] == [Role.ASSISTANT, Role.TOOL]
    assert len(caller.all(SkillCalled)) == 2


async def test_who_types_meanwhile_is_answered_to_what_was_typed() -> None:
    model = FakeModel("model", answer=ANSWER)
    async with call(stt=interim, llm=[model], eager=budget()) as caller:
        await caller.say("what is six")
        await caller.silence(400)
        caller.does(TextTyped("never mind"))
        await caller.until(ReplyDone)
    assert ended(caller) == [False]
    assert model.requests[-1][0][-1].text.endswith("never mind")


@pytest.mark.parametrize("busy", [True, False])
async def test_without_a_budget_or_time_there_are_none(busy: bool) -> None:
    spent = Budget(loop_clock, share=0, per_second=0, most=0)
    async with call(stt=interim, eager=budget() if busy else spent, busy=busy) as caller:
        await caller.say(QUESTION)
        await caller.until(ReplyDone)
    assert ended(caller) == []


async def test_a_caller_who_hangs_up_leaves_none_behind() -> None:
    model = slow_model()
    async with call(stt=interim, llm=[model], eager=budget()) as caller:
        await caller.say(QUESTION)
        await caller.silence(200)
        assert model.streams.opened == 1
    await asyncio.sleep(0)
    assert model.streams.closed == 1
    assert ended(caller) == [False]
