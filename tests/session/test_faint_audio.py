"""Faint audio is looked at in longer pieces: the recogniser gets it in order, and nobody is heard later."""

import asyncio

import looptime
import pytest
from caller import call
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import CodedSpeech, FakeRecogniser, tone
from tandem.core.link import MuteChanged, VoiceActivity
from tandem.core.ports import SpeechMark

RATE = 16_000
LENGTHS_MS = st.integers(1, 90).map(lambda frames: frames * 20)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), LENGTHS_MS), min_size=1, max_size=6))
def test_the_recogniser_gets_each_utterance_whole_with_what_comes_before_it(parts: list[tuple[bool, int]]) -> None:
    ears: list[FakeRecogniser] = []
    sent = [tone(ms) if loud else bytes(ms * RATE // 1000 * 2) for loud, ms in parts]

    def stt(speech: CodedSpeech) -> list[FakeRecogniser]:
        ears.append(FakeRecogniser(hear=speech.hear))
        return ears

    async def course() -> None:
        async with call(stt=stt) as caller:
            for pcm in sent:
                await caller.sound(pcm)
            caller.does(MuteChanged(True))  # what was not looked at yet is now
            await asyncio.sleep(1)  # of virtual time: what is on its way arrives

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(course())
    [heard] = ears[0].heard
    whole, begins, ends, speaking = b"".join(sent), 0, 0, False
    for item in heard:
        if isinstance(item, SpeechMark):
            speaking = item is SpeechMark.STARTED
            assert ends - begins >= min(300 * RATE // 1000 * 2, ends)
            continue
        at = round(item.start_ms * RATE / 1000) * 2
        assert at == ends or not speaking
        begins, ends = begins if at == ends else at, at + len(item.pcm)
        assert whole[at:ends] == item.pcm


@pytest.mark.looptime
@pytest.mark.parametrize("quiet_ms", range(1_000, 1_100, 20))
async def test_a_voice_behind_faint_audio_is_noticed_as_soon_as_behind_loud_audio(quiet_ms: int) -> None:
    async with call() as caller:
        await caller.silence(quiet_ms)
        before = asyncio.get_running_loop().time()
        await caller.sound(tone(300))
        noticed = next(at for at, message in caller.received if isinstance(message, VoiceActivity))
    assert noticed - before * 1000 <= 100  # 64 ms of voice, in windows of 32 ms and frames of 20
