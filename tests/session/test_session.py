"""A call from end to end over scripted providers, under a virtual clock."""

import asyncio
from itertools import pairwise

import pytest
from answers import ANSWER, LONG, history
from caller import FILLER, call

from fakes import CodedSpeech, FakeModel, FakeRecogniser, FakeVoice, Speech, Text, Wait, tone
from tandem.core.events import CallEnded, CallStarted, PhraseBegun, TurnCompleted
from tandem.core.link import (
    AudioReceived,
    CallerCaption,
    CallReady,
    CallSettings,
    MuteChanged,
    PlaybackReported,
    ReplyAudio,
    ReplyAudioEnded,
    ReplyDone,
    ReplyText,
    SettingsChanged,
    StateChanged,
    TalkReleased,
    TextTyped,
    TurnMeasured,
)
from tandem.core.ports import Completed
from tandem.session.equipment import Limits

pytestmark = pytest.mark.looptime


async def test_a_spoken_question_gets_a_spoken_answer() -> None:
    model = FakeModel()
    async with call(llm=[model]) as caller:
        await caller.say("what is six times seven")
        await caller.until_state("listening", count=2)
    assert caller.finals() == ["what is six times seven"]
    assert caller.states() == ["listening", "hearing", "paused", "thinking", "speaking", "listening"]
    assert caller.replies() == [ReplyDone(1, ANSWER, ANSWER, interrupted=False)]
    assert "".join(text.delta for text in caller.all(ReplyText)) == ANSWER
    assert history(model, 0) == [("user", "what is six times seven")]
    assert caller.audio_of(1) == FakeVoiceAudio.of(ANSWER)


class FakeVoiceAudio:
    """What the fake voice makes of a phrase."""

    @staticmethod
    def of(phrase: str) -> bytes:
        whole = b""
        left = sum(len(word) for word in phrase.split()) * 60.0
        while left > 0:
            whole += tone(min(left, 100))
            left -= 100
        return whole


async def test_the_first_message_says_what_the_call_is() -> None:
    async with call() as caller:
        ready = await caller.until(CallReady)
    assert ready.chains == {"stt": ["recogniser"], "llm": ["model"], "tts": ["voice"]}
    assert isinstance(caller.notified.events[0], CallStarted)
    assert isinstance(caller.notified.events[-1], CallEnded)


async def test_a_caller_who_goes_on_before_the_reply_began_is_answered_once_for_all_words() -> None:
    model = FakeModel("model", [Wait(3000), Text(), Completed("stop")])
    async with call(llm=[model]) as caller:
        await caller.say("what is six")
        await caller.until_state("thinking")
        await caller.say("times seven")
        await caller.until_state("listening", count=2)
    assert history(model, -1) == [("user", "what is six times seven")]
    assert [reply for reply in caller.replies() if reply.heard_text] == [ReplyDone(1, ANSWER, ANSWER, False)]
    assert {caption.turn for caption in caller.all(CallerCaption)} == {1}


async def test_a_pause_within_a_turn_does_not_end_it() -> None:
    model = FakeModel()
    async with call(llm=[model]) as caller:
        await caller.say("what is six times the")
        await caller.silence(900)
        await caller.say("number seven")
        await caller.until_state("listening", count=2)
    assert history(model, 0) == [("user", "what is six times the number seven")]
    assert len(model.requests) == 1


async def test_each_further_phrase_tells_how_much_audio_was_left() -> None:
    async with call(llm=[FakeModel(answer="One two three. Four five six. Seven.")]) as caller:
        await caller.say("count")
        await caller.until(ReplyDone)
    assert [event.lead_ms > 0 for event in caller.notified.of(PhraseBegun)] == [True, True]


async def test_a_long_silence_is_filled_once() -> None:
    async with call(llm=[FakeModel("model", [Wait(3_000), Text(), Completed("stop")])], fills=True) as caller:
        await caller.say("what is six times seven")
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == f"{FILLER} {ANSWER}"
    (measured,) = caller.all(TurnMeasured)
    assert measured.turn_latency_ms is not None
    assert measured.turn_latency_ms > 3_000


async def test_a_typed_line_is_answered_like_a_spoken_one() -> None:
    model = FakeModel()
    async with call(llm=[model]) as caller:
        caller.does(TextTyped("what is six times seven"))
        await caller.until_state("listening", count=2)
    assert history(model, 0) == [("user", "what is six times seven")]
    (caption,) = caller.all(CallerCaption)
    assert (caption.text, caption.final, caption.provider) == ("what is six times seven", True, "typed")
    assert caller.replies()[-1].heard_text == ANSWER


async def test_with_push_to_talk_a_silence_ends_no_turn_and_the_key_does() -> None:
    async with call(settings=CallSettings(push_to_talk=True)) as caller:
        await caller.say("what is six")
        await caller.silence(3000)
        assert "thinking" not in caller.states()
        await caller.say("times seven")
        caller.does(TalkReleased())
        await caller.until(ReplyAudio)
    assert caller.finals() == ["what is six", "times seven"]


async def test_push_to_talk_can_be_switched_on_during_the_call() -> None:
    async with call() as caller:
        caller.does(SettingsChanged(push_to_talk=True))
        await caller.say("hello")
        await caller.silence(3000)
        assert "thinking" not in caller.states()
        caller.does(TalkReleased())
        await caller.until(ReplyAudio)


async def test_a_key_pressed_and_released_without_a_word_is_no_turn() -> None:
    async with call(settings=CallSettings(push_to_talk=True)) as caller:
        await caller.sound(tone(300))
        caller.does(TalkReleased())
        await caller.until_state("listening", count=2)
    assert not caller.all(ReplyAudio)


async def test_a_muted_caller_is_not_heard_and_words_begun_before_count() -> None:
    model = FakeModel()
    async with call(llm=[model]) as caller:
        await caller.say("hello there")
        caller.does(MuteChanged(True))
        await caller.say("not for you")
        await caller.until_state("listening", count=2)
    assert history(model, 0) == [("user", "hello there")]


async def test_settings_changed_in_the_call_travel_with_the_next_attempt() -> None:
    voice = FakeVoice()
    async with call(tts=[voice]) as caller:
        caller.does(SettingsChanged(voice="rms"))
        caller.does(TextTyped("hello"))
        await caller.until_state("listening", count=2)
    assert voice.requests[0][1].voice == "rms"


async def test_reply_audio_never_runs_further_ahead_than_the_limit() -> None:
    async with call(llm=[FakeModel(answer=f"{LONG} {LONG} {LONG}")], limits=Limits(audio_lead_ms=1000)) as caller:
        caller.does(TextTyped("count"))
        await caller.until(ReplyAudioEnded)
    sent = [(at, message) for at, message in caller.received if isinstance(message, ReplyAudio)]
    began = sent[0][0]
    assert all(message.offset_ms - (at - began) <= 1000 + 1 for at, message in sent)
    assert sent[-1][1].offset_ms > 5000


async def test_a_long_message_of_audio_is_heard_as_well_as_short_ones() -> None:
    async with call() as caller:
        caller.does(AudioReceived(caller.speech.say("what is six times seven") + bytes(16_000)))
        await caller.until_state("listening", count=2)
    assert caller.finals() == ["what is six times seven"]


async def test_a_caller_who_vanishes_in_mid_reply_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with call(llm=[FakeModel(answer=LONG)]) as caller:
        caller.does(TextTyped("count"))
        await caller.until_state("speaking")
    assert asyncio.all_tasks() == before


async def test_muting_and_unmuting_does_not_shorten_the_silence_that_ends_a_turn() -> None:
    async with call() as caller:
        for _ in range(60):
            await caller.sound(bytes(960))
            caller.does(MuteChanged(True))
            caller.does(MuteChanged(False))
        await caller.say("hello there")
        measured = await caller.until(TurnMeasured)
    assert measured.endpoint_ms == pytest.approx(Limits().patience.plain_ms, abs=40)


async def test_a_player_that_stands_still_does_not_hold_the_call() -> None:
    async with call() as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("speaking")
        for _ in range(400):
            caller.does(PlaybackReported(1, 0))
            await caller.silence(40)
    assert caller.states()[-1] == "listening"
    assert caller.replies()[-1].heard_text == ""


async def test_a_turns_figures_add_up_to_its_latency() -> None:
    def chain(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [FakeRecogniser(hear=speech.hear, answer_ms=100)]

    model = FakeModel("model", [Wait(200), Text(), Completed("stop")])
    async with call(stt=chain, llm=[model], tts=[FakeVoice("voice", [Wait(50), Speech()])]) as caller:
        await caller.say("what is six times seven?")
        measured = await caller.until(TurnMeasured)
    assert measured.stt_ms == pytest.approx(100, abs=2)
    assert measured.llm_ttft_ms == pytest.approx(200, abs=2)
    assert measured.tts_ttfb_ms == pytest.approx(50, abs=2)
    assert measured.endpoint_ms is not None
    assert measured.turn_latency_ms == pytest.approx(measured.endpoint_ms + 250, abs=5)
    assert caller.notified.of(TurnCompleted)[0].measured == measured


async def test_states_are_told_in_an_unbroken_chain() -> None:
    async with call() as caller:
        await caller.say("hello")
        await caller.until_state("listening", count=2)
    told = caller.all(StateChanged)
    assert all(later.previous == earlier.state for earlier, later in pairwise(told))
