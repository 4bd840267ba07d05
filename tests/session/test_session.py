"""A call from end to end over scripted providers, under a virtual clock."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import pytest
from caller import APOLOGY, FILLER, VOICELESS, call

from fakes import CodedSpeech, Fail, FakeModel, FakeRecogniser, FakeVoice, Hang, Listen, Speech, Text, Wait, tone
from tandem.core.errors import Fault
from tandem.core.events import CallEnded, CallStarted, FailedOver, PhraseBegun, ReplyInterrupted, TurnCompleted
from tandem.core.link import (
    AudioReceived,
    CallerCaption,
    CallError,
    CallReady,
    CallSettings,
    MuteChanged,
    PlaybackCleared,
    PlaybackReported,
    ProviderSwitched,
    ReplyAudio,
    ReplyAudioEnded,
    ReplyDone,
    ReplyText,
    SettingsChanged,
    StateChanged,
    StopPressed,
    TalkReleased,
    TextTyped,
    TurnMeasured,
)
from tandem.core.ports import Completed, Message, Role, SpeechMark, SpokenAudio, TtsOptions
from tandem.core.turn import Event, State
from tandem.session.equipment import Limits
from tandem.slots import tts

pytestmark = pytest.mark.looptime

ANSWER = "Six times seven is forty two."
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


def history(model: FakeModel, request: int) -> list[tuple[str, str]]:
    """Return what the model read in its `request`th request, instructions aside."""
    return [(message.role.value, message.text) for message in model.requests[request][0][1:]]


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


async def test_a_caller_who_speaks_over_the_reply_cuts_it_and_history_holds_what_was_heard() -> None:
    model = FakeModel(answer=LONG)
    async with call(llm=[model]) as caller:
        await caller.say("count")
        await caller.until_state("speaking")
        await caller.silence(700)
        await caller.say("stop that now")
        await caller.until(TurnMeasured, count=2)
    cleared = caller.all(PlaybackCleared)
    assert [message.epoch for message in cleared] == [1]
    cut = next(reply for reply in caller.replies() if reply.interrupted)
    assert cut.text == LONG
    assert cut.heard_text
    assert LONG.startswith(cut.heard_text + " ")
    assert history(model, 1) == [("user", "count"), ("assistant", cut.heard_text), ("user", "stop that now")]
    assert len(caller.notified.of(ReplyInterrupted)) == 1
    at = next(i for i, (_, message) in enumerate(caller.received) if isinstance(message, PlaybackCleared))
    assert not [m for _, m in caller.received[at:] if isinstance(m, ReplyAudio) and m.epoch == 1]


async def test_the_players_own_word_on_what_was_heard_corrects_history() -> None:
    model = FakeModel(answer=LONG)
    async with call(llm=[model]) as caller:
        await caller.say("count")
        await caller.until_state("speaking")
        await caller.silence(700)
        speaking = asyncio.ensure_future(caller.say("stop that now"))
        await caller.until(PlaybackCleared)
        caller.does(PlaybackReported(1, 400))  # one: 180 ms, two: 360 ms, three: 660 ms
        await speaking
        await caller.until(TurnMeasured, lambda measured: measured.turn == 2)
    assert [reply.heard_text for reply in caller.replies() if reply.interrupted] == ["one two"]
    assert ("assistant", "one two") in history(model, 1)


async def test_each_further_phrase_tells_how_much_audio_was_left() -> None:
    async with call(llm=[FakeModel(answer="One two three. Four five six. Seven.")]) as caller:
        await caller.say("count")
        await caller.until(ReplyDone)
    assert [event.lead_ms > 0 for event in caller.notified.of(PhraseBegun)] == [True, True]


async def test_a_cough_stops_the_reply_only_for_a_moment() -> None:
    model, voice = FakeModel(answer=LONG), FakeVoice()
    async with call(llm=[model], tts=[voice]) as caller:
        await caller.say("count")
        await caller.until_state("speaking")
        await caller.silence(700)
        await caller.sound(tone(300))  # a sound, but no word
        await caller.until(ReplyDone, lambda reply: not reply.interrupted)
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1] == ReplyDone(1, LONG, LONG, interrupted=False)
    cut = next(reply for reply in caller.replies() if reply.interrupted)
    assert voice.requests[-1][0] == LONG.removeprefix(cut.heard_text).strip()
    assert len(model.requests) == 1


async def test_a_cough_before_the_model_was_done_has_it_go_on_where_it_was() -> None:
    model = FakeModel("model", [Text("One two three four. Five"), Hang()], [Text("Five six."), Completed("stop")])
    async with call(llm=[model]) as caller:
        await caller.say("count")
        await caller.until_state("speaking")
        await caller.silence(500)
        await caller.sound(tone(300))
        await caller.until(ReplyDone, lambda reply: not reply.interrupted)
    assert model.requests[1][0][-1] == Message(Role.ASSISTANT, "One two three four.")
    whole = "One two three four. Five six."
    assert caller.replies()[-1] == ReplyDone(1, whole, whole, interrupted=False)


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


async def test_a_long_silence_is_filled_once() -> None:
    async with call(llm=[FakeModel("model", [Wait(3_000), Text(), Completed("stop")])], fills=True) as caller:
        await caller.say("what is six times seven")
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == f"{FILLER} {ANSWER}"
    (measured,) = caller.all(TurnMeasured)
    assert measured.turn_latency_ms is not None
    assert measured.turn_latency_ms > 3_000


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


async def test_a_typed_line_is_answered_like_a_spoken_one() -> None:
    model = FakeModel()
    async with call(llm=[model]) as caller:
        caller.does(TextTyped("what is six times seven"))
        await caller.until_state("listening", count=2)
    assert history(model, 0) == [("user", "what is six times seven")]
    (caption,) = caller.all(CallerCaption)
    assert (caption.text, caption.final, caption.provider) == ("what is six times seven", True, "typed")
    assert caller.replies()[-1].heard_text == ANSWER


async def test_a_line_typed_over_a_reply_cuts_it() -> None:
    model = FakeModel(answer=LONG)
    async with call(llm=[model]) as caller:
        caller.does(TextTyped("count"))
        await caller.until_state("speaking")
        await caller.silence(700)
        caller.does(TextTyped("enough"))
        await caller.until(TurnMeasured, count=2)
    roles = [role for role, _ in history(model, 1)]
    assert roles == ["user", "assistant", "user"]
    assert LONG.startswith(history(model, 1)[1][1] + " ")
    assert [caption.turn for caption in caller.all(CallerCaption)] == [1, 2]


async def test_the_stop_button_ends_the_reply_and_a_cough_does_not_bring_it_back() -> None:
    async with call(llm=[FakeModel(answer=LONG)]) as caller:
        caller.does(TextTyped("count"))
        await caller.until_state("speaking")
        await caller.silence(500)
        caller.does(StopPressed())
        await caller.until_state("listening", count=2)
        await caller.sound(tone(300))
        await caller.until_state("listening", count=3)
        await caller.silence(1000)
    assert caller.states()[-4:] == ["listening", "hearing", "paused", "listening"]
    assert len({audio.epoch for audio in caller.all(ReplyAudio)}) == 1


async def test_the_stop_button_before_the_reply_began_withdraws_it() -> None:
    async with call(llm=[FakeModel("model", [Hang()])]) as caller:
        caller.does(TextTyped("count"))
        await caller.until_state("thinking")
        caller.does(StopPressed())
        await caller.until_state("listening", count=2)
    assert caller.replies() == [ReplyDone(1, "", "", interrupted=True)]


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


async def test_a_short_word_over_the_reply_is_not_lost() -> None:
    model = FakeModel(answer=LONG)
    limits = Limits()
    async with call(llm=[model], limits=limits) as caller:
        caller.does(TextTyped("count"))
        await caller.until_state("speaking")
        await caller.silence(500)
        await caller.sound(caller.speech.say("no")[: 2 * 16 * 100])  # 100 ms: too short to interrupt by its length
        await caller.until(TurnMeasured, count=2)
    assert history(model, 1)[-1] == ("user", "no")


async def test_a_caller_who_vanishes_in_mid_reply_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with call(llm=[FakeModel(answer=LONG)]) as caller:
        caller.does(TextTyped("count"))
        await caller.until_state("speaking")
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("steps", range(8))
async def test_a_caller_who_goes_on_in_the_very_moment_the_reply_begins_is_not_answered_over(steps: int) -> None:
    gate = asyncio.Event()

    class Gated(FakeVoice):
        async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
            await gate.wait()
            async with aclosing(super().synthesize(phrase, options)) as audio:
                async for piece in audio:
                    yield piece

    async with call(tts=[Gated()]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("thinking")
        gate.set()
        for _ in range(steps):  # the reply's tasks come this far before the caller is noticed
            await asyncio.sleep(0)
        spoke = caller.session.state is State.SPEAKING
        caller.session.tell(Event.INTERRUPTED if spoke else Event.SPEECH_STARTED)
        before = len(caller.all(ReplyAudio))
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(caller.all(ReplyAudio)) == before
        assert caller.session.state is State.HEARING


async def test_words_begun_over_the_end_of_a_reply_are_answered() -> None:
    model = FakeModel(answer="Yes.")  # 240 ms of voice
    async with call(llm=[model]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("speaking")
        await caller.silence(140)
        await caller.say("how are you today")
        await caller.until(TurnMeasured, count=2)
    assert history(model, 1)[-1] == ("user", "how are you today")


async def test_a_word_that_is_made_out_after_the_reply_ended_is_answered() -> None:
    def chain(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [FakeRecogniser(hear=speech.hear, answer_ms=1500)]

    model = FakeModel(answer="Yes.")
    async with call(stt=chain, llm=[model]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("speaking")
        await caller.sound(caller.speech.say("no")[: 2 * 16 * 100])
        await caller.until(TurnMeasured, count=2)
    assert history(model, 1)[-1] == ("user", "no")


async def test_muting_and_unmuting_does_not_shorten_the_silence_that_ends_a_turn() -> None:
    async with call() as caller:
        for _ in range(60):
            await caller.sound(bytes(960))
            caller.does(MuteChanged(True))
            caller.does(MuteChanged(False))
        await caller.say("hello there")
        measured = await caller.until(TurnMeasured)
    assert measured.endpoint_ms == pytest.approx(Limits().patience.plain_ms, abs=40)


async def test_a_caller_who_presses_stop_right_after_a_cough_is_listened_to_again() -> None:
    def stt(speech: CodedSpeech) -> list[FakeRecogniser]:
        return [FakeRecogniser(hear=speech.hear, answer_ms=900)]

    async with call(stt=stt, llm=[FakeModel(answer=LONG)]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("speaking")
        await caller.silence(700)
        await caller.sound(tone(300))
        await caller.until_state("paused")
        caller.does(StopPressed())
        await caller.silence(2000)
        assert caller.states()[-1] == "listening"


async def test_a_cough_after_the_stop_button_does_not_start_the_stopped_reply_again() -> None:
    model = FakeModel("model", [Wait(3000), Text(), Completed("stop")])
    async with call(llm=[model]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("thinking")
        caller.does(StopPressed())
        await caller.sound(tone(300))
        await caller.silence(3000)
    assert len(model.requests) == 1
    assert caller.states()[-1] == "listening"


async def test_a_turn_that_ends_in_an_apology_is_counted_and_measured() -> None:
    model = FakeModel("model", [Fail()], [Text(), Completed("stop")])
    async with call(llm=[model]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("listening", count=2)
        caller.does(TextTyped("again"))
        await caller.until(TurnMeasured, count=2)
    assert [caption.turn for caption in caller.all(CallerCaption)] == [1, 2]
    assert [measured.turn for measured in caller.all(TurnMeasured)] == [1, 2]


async def test_a_reply_without_spaces_is_resumed_where_it_was_cut() -> None:
    answer = "一二三四五六七八。九十一二三四五六。七八九十一二三四。五六七八九十一二。"
    model, voice = FakeModel(answer=answer), FakeVoice()
    async with call(llm=[model], tts=[voice]) as caller:
        caller.does(TextTyped("hello"))
        await caller.until_state("speaking")
        await caller.silence(700)
        await caller.sound(tone(300))
        await caller.until(ReplyDone, lambda reply: not reply.interrupted)
    assert caller.replies()[-1].heard_text.replace(" ", "") == answer
    spoken = "".join(phrase for phrase, _ in voice.requests)
    assert spoken.endswith(answer[len(caller.replies()[0].heard_text.replace(" ", "")) :])


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
