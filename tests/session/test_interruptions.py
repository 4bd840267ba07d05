"""A caller who speaks, coughs, types or presses stop over a reply: it is cut, or goes on where it was."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from answers import LONG, history
from caller import call

from fakes import CodedSpeech, FakeModel, FakeRecogniser, FakeVoice, Hang, Text, Wait, tone
from tandem.core.events import ReplyInterrupted
from tandem.core.link import (
    CallerCaption,
    PlaybackCleared,
    PlaybackReported,
    ReplyAudio,
    ReplyDone,
    StopPressed,
    TextTyped,
    TurnMeasured,
)
from tandem.core.ports import Completed, Message, Role, SpokenAudio, TtsOptions
from tandem.core.turn import Event, State
from tandem.session.equipment import Limits

pytestmark = pytest.mark.looptime


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
