"""Providers that fail in a call: the next one goes on, or the caller is told and the call stays up."""

from dataclasses import replace

import pytest
from answers import ANSWER, LONG, history
from caller import APOLOGY, VOICELESS, call

from fakes import CodedSpeech, Fail, FakeModel, FakeRecogniser, FakeVoice, Hang, Listen, Speech, Text, tone
from tandem.core.errors import Fault
from tandem.core.events import FailedOver
from tandem.core.link import (
    CallerCaption,
    CallError,
    ProviderSwitched,
    ReplyDone,
    TextTyped,
    TurnMeasured,
)
from tandem.core.ports import Completed, SpeechMark
from tandem.session.equipment import Limits
from tandem.slots import tts

pytestmark = pytest.mark.looptime


async def test_a_model_that_fails_is_followed_by_the_next_and_the_caller_is_told() -> None:
    async with call(llm=[FakeModel("first", [Fail(Fault.UNAVAILABLE)]), FakeModel("second")]) as caller:
        await caller.say("hello")
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == ANSWER
    (switch,) = caller.all(ProviderSwitched)
    assert (switch.slot, switch.previous, switch.provider) == ("llm", "first", "second")
    assert (switch.fault, switch.phase) == ("unavailable", "before_output")
    assert len(caller.notified.of(FailedOver)) == 1


async def test_a_voice_that_hangs_is_given_up_within_its_deadline() -> None:
    limits = Limits(tts=replace(tts.LIMITS, hard_ms=500))
    async with call(tts=[FakeVoice("mute", [Hang()]), FakeVoice("other")], limits=limits) as caller:
        await caller.say("hello")
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == ANSWER
    (measured,) = caller.all(TurnMeasured)
    assert measured.tts_ttfb_ms == pytest.approx(400, abs=30)  # by the hedge
    assert [(a.slot, a.provider, a.outcome) for a in measured.attempts][-2:] == [
        ("tts", "mute", "timeout"),
        ("tts", "other", "ok"),
    ]


async def test_when_no_model_can_answer_the_caller_hears_an_apology_and_the_call_stays_up() -> None:
    model = FakeModel("model", [Fail(Fault.REFUSED)], [Text(), Completed("stop")])
    async with call(llm=[model]) as caller:
        await caller.say("hello")
        await caller.until_state("listening", count=2)
        assert caller.replies()[-1] == ReplyDone(1, APOLOGY, APOLOGY, interrupted=False)
        assert caller.audio_of(1) == tone(900)
        await caller.say("again")
        await caller.until_state("listening", count=3)
    assert caller.replies()[-1].heard_text == ANSWER
    assert history(model, 1) == [("user", "hello"), ("assistant", APOLOGY), ("user", "again")]


async def test_when_no_voice_works_any_more_the_caller_is_told_and_reads_the_rest() -> None:
    model = FakeModel(answer=LONG)
    async with call(llm=[model], tts=[FakeVoice("voice", [Speech(6), Fail()])]) as caller:
        await caller.say("count")
        await caller.until_state("listening", count=2)
        await caller.say("again")
        await caller.until_state("listening", count=3)
    assert (await caller.until(CallError)).code == "tts_unavailable"
    shown = caller.replies()[0]
    assert shown.heard_text == shown.text
    assert sorted(shown.text.split()) == sorted(f"{LONG} {VOICELESS}".split())
    assert history(model, 1)[1] == ("assistant", shown.heard_text)


async def test_a_model_that_nobody_can_follow_has_what_it_wrote_said_before_the_apology() -> None:
    async with call(llm=[FakeModel("model", [Text("one two three. four"), Fail()], [Fail()])]) as caller:
        await caller.say("count")
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == f"one two three. {APOLOGY}"


async def test_a_recogniser_that_dies_in_mid_utterance_loses_no_word() -> None:
    def chain(speech: CodedSpeech) -> list[FakeRecogniser]:
        dying = FakeRecogniser("dying", [Listen(600), Fail()], hear=speech.hear)
        return [dying, FakeRecogniser("next", hear=speech.hear)]

    model = FakeModel()
    async with call(stt=chain, llm=[model]) as caller:
        await caller.say("what is six times seven")
        await caller.until_state("listening", count=2)
    assert history(model, 0) == [("user", "what is six times seven")]
    assert caller.all(ProviderSwitched)[0].provider == "next"


async def test_when_nobody_can_hear_the_caller_they_are_told_and_can_type() -> None:
    async with call(stt=lambda speech: [FakeRecogniser("deaf", [Fail()], hear=speech.hear)]) as caller:
        assert (await caller.until(CallError)).code == "stt_unavailable"
        caller.does(TextTyped("hello"))
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == ANSWER


async def test_recognisers_are_tried_again_when_the_caller_speaks_again() -> None:
    def chain(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [FakeRecogniser("flaky", [Fail()], [Listen()], hear=speech.hear)]

    async with call(stt=chain) as caller:
        await caller.until(CallError)
        await caller.say("hello again")
        await caller.until_state("listening", count=2)
    assert caller.finals() == ["hello again"]


async def test_a_recogniser_that_never_answers_a_pause_does_not_hold_the_turn_for_ever() -> None:
    def chain(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [FakeRecogniser("slow", [Listen(until=SpeechMark.STOPPED), Hang()], hear=speech.hear)]

    async with call(stt=chain, limits=Limits(final_transcript_ms=2000)) as caller:
        await caller.say("hello")
        await caller.until_state("listening", count=2)
    assert caller.states()[-3:] == ["hearing", "paused", "listening"]


async def test_a_turn_that_ends_in_an_apology_is_counted_and_measured() -> None:
    model = FakeModel("model", [Fail()], [Text(), Completed("stop")])
    async with call(llm=[model]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("listening", count=2)
        caller.does(TextTyped("again"))
        await caller.until(TurnMeasured, count=2)
    assert [caption.turn for caption in caller.all(CallerCaption)] == [1, 2]
    assert [measured.turn for measured in caller.all(TurnMeasured)] == [1, 2]
