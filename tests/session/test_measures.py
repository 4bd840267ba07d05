"""What a call measures: where a turn's time went to its first sound at the caller, and what of the audio never came."""

import asyncio

import pytest
from caller import FRAME_MS, Caller, call

from fakes import FakeModel, Text, Wait, tone
from tandem.core.events import TurnHeard
from tandem.core.link import AudioReceived, MicrophoneQuality, PlaybackReported, ReplyAudio, ReplyDone, TurnMeasured
from tandem.core.ports import Completed

pytestmark = pytest.mark.looptime


async def frames(caller: Caller, ms: float, *, dropping: int = 0) -> None:
    """Speak with pauses for so long; every `dropping`th frame is lost on the way."""
    for number in range(int(ms / FRAME_MS)):
        await asyncio.sleep(FRAME_MS / 1000)
        if not dropping or number % dropping:
            speaks = number % 50 < 20
            caller.does(AudioReceived(tone(FRAME_MS) if speaks else bytes(len(tone(FRAME_MS)))))


async def test_the_player_completes_the_figures_of_a_turn() -> None:
    model = FakeModel("model", [Wait(100), Text("Well then. "), Wait(50), Text("Four."), Completed("stop")])
    async with call(llm=[model]) as caller:
        await caller.say("two and two")
        first = await caller.until(TurnMeasured)
        audio = await caller.until(ReplyAudio)
        await asyncio.sleep(0.25)
        caller.does(PlaybackReported(audio.epoch, 0))  # not yet
        caller.does(PlaybackReported(audio.epoch, 170))
        caller.does(PlaybackReported(audio.epoch, 190))
        again = await caller.until(TurnMeasured, count=2)
        await caller.until(ReplyDone)
    assert first.heard_ms is None
    assert again.heard_ms == pytest.approx(80, abs=FRAME_MS)
    assert again.phrase_ms == pytest.approx(50, abs=1)
    assert len(caller.all(TurnMeasured)) == 2
    assert [event.measured for event in caller.notified.of(TurnHeard)] == [again]


async def test_a_filler_is_not_taken_for_the_answer() -> None:
    model = FakeModel("model", [Wait(2_000), Text("Four."), Completed("stop")])
    async with call(llm=[model], fills=True) as caller:
        await caller.say("two and two")
        audio = await caller.until(ReplyAudio)
        caller.does(PlaybackReported(audio.epoch, 100))
        await caller.until(TurnMeasured)
        told = [message for _, message in caller.received if isinstance(message, ReplyAudio | TurnMeasured)]
        at = next(number for number, message in enumerate(told) if isinstance(message, TurnMeasured))
        begins_ms = [message.offset_ms for message in told[:at] if isinstance(message, ReplyAudio)][-1]
        assert begins_ms > 100
        caller.does(PlaybackReported(audio.epoch, begins_ms))
        await caller.silence(FRAME_MS)
        assert len(caller.all(TurnMeasured)) == 1
        await caller.silence(200)
        caller.does(PlaybackReported(audio.epoch, begins_ms + 150))
        again = await caller.until(TurnMeasured, count=2)
        await caller.until(ReplyDone)
    assert again.heard_ms == pytest.approx(70, abs=2 * FRAME_MS)


async def test_audio_that_never_came_is_told_with_advice() -> None:
    async with call() as caller:
        await frames(caller, 6_000, dropping=5)
        quality = (await caller.until(MicrophoneQuality, count=2)).quality
    assert quality.lost == pytest.approx(0.2, abs=0.02)
    assert "connection" in quality.advice


async def test_a_good_connection_loses_nothing() -> None:
    async with call() as caller:
        await frames(caller, 6_000)
        quality = (await caller.until(MicrophoneQuality, count=2)).quality
    assert quality.lost == 0
    assert "connection" not in quality.advice
