"""One call over one line to a recogniser: its deadlines and its order, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tandem.core.audio import AudioFrame
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, Transcript
from tandem.providers.stt_ledger import Heard
from tandem.providers.stt_stream import Item, Patience, listen

pytestmark = pytest.mark.looptime

RATE = 8_000
STARTED, STOPPED = SpeechMark.STARTED, SpeechMark.STOPPED


class ScriptedLine:
    """Notes what it is told and when, in ms; says what it was given to say, and answers what it can."""

    chunk_ms = 100.0
    shortest_ms = 0.0
    keep_alive_ms = 4_000.0

    def __init__(
        self,
        *,
        says_every_ms: float = 0,
        answers: bool = True,
        settled: bool = False,
        stuck: bool = False,
        silence_ms: float = 0,
    ) -> None:
        self.told: list[tuple[str, float]] = []
        self.dropped = False
        self._says_every_ms = says_every_ms
        self._answers = answers
        self._settled = settled
        self._stuck = stuck
        self._silence_ms = silence_ms
        self._asked = asyncio.Event()

    def begin(self, sent_ms: float) -> None:
        self._note("begin", sent_ms)

    async def send(self, pcm: bytes) -> None:
        self._note("audio", len(pcm) / 16)
        if self._stuck:
            await asyncio.Event().wait()

    async def finalise(self, sent_ms: float) -> float:
        self._note("finalise", sent_ms)
        self._asked.set()
        return 0.0

    async def keep_alive(self) -> float:
        self._note("keep alive", asyncio.get_running_loop().time() * 1000)
        return 0.0

    async def receive(self) -> Heard | None:
        try:
            async with asyncio.timeout(self._says_every_ms / 1000 if self._says_every_ms else None):
                await self._asked.wait()
        except TimeoutError:
            return None
        if not self._answers:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self._asked.clear()
        return Heard(0, "word", final=True, answers=True)

    async def insist(self) -> None:
        self._note("insist", asyncio.get_running_loop().time() * 1000)

    def settled(self) -> bool:
        return self._settled

    def silence_ms(self, stall_ms: float) -> float:
        return self._silence_ms or stall_ms

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]

    def _note(self, kind: str, value: float) -> None:
        self.told.append((kind, value))


class ClosedLine(ScriptedLine):
    """Closed after the first chunk; what was said before that is read after a message that says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._closed = asyncio.Event()
        self._unread: list[Heard | ProviderError | None] = [
            None,
            ProviderError(Fault.UNAVAILABLE, "it", "error frame"),
            ProviderError(Fault.CUT, "it", "closed"),
        ]

    async def send(self, pcm: bytes) -> None:
        if self._closed.is_set():
            raise ProviderError(Fault.CUT, "it", "closed")
        self._closed.set()

    async def receive(self) -> Heard | None:
        await self._closed.wait()
        await asyncio.sleep(0.11 if len(self._unread) == 3 else 0)  # the second chunk is sent before
        match self._unread.pop(0):
            case ProviderError() as error:
                raise error
            case message:
                return message


@asynccontextmanager
async def _dialled(line: ScriptedLine) -> AsyncIterator[ScriptedLine]:
    try:
        yield line
    finally:
        line.dropped = True


async def _spoken(items: Sequence[Item], silence_ms: float = 0.0) -> AsyncIterator[Item]:
    """Give frames when they have been spoken, then nothing for `silence_ms`."""
    for item in items:
        if isinstance(item, AudioFrame):
            await asyncio.sleep(item.duration_ms / 1000)
        yield item
    await asyncio.sleep(silence_ms / 1000)


def _frames(count: int, start_ms: float = 0.0) -> list[Item]:
    return [AudioFrame(b"\x00\x40" * 160, RATE, start_ms + 20.0 * at) for at in range(count)]


async def _heard(line: ScriptedLine, items: Sequence[Item], silence_ms: float = 0.0) -> list[Transcript]:
    audio = _spoken(items, silence_ms)
    try:
        return [each async for each in listen("it", lambda: _dialled(line), audio, RATE, Patience())]
    finally:
        assert line.dropped


async def test_speech_is_sent_while_it_is_spoken_and_silence_is_not() -> None:
    line = ScriptedLine(says_every_ms=500)
    (final,) = await _heard(line, [*_frames(50), STARTED, *_frames(10, 1000.0), STOPPED, *_frames(50, 1200.0)])
    assert (final.text, final.start_ms, final.end_ms) == ("word", 700.0, 1200.0)
    assert line.kinds() == ["begin", *["audio"] * 5, "finalise"]


async def test_a_silent_caller_is_kept_alive() -> None:
    line = ScriptedLine()
    assert await _heard(line, _frames(1), silence_ms=13_000) == []
    assert line.kinds() == ["keep alive"] * 3
    assert [at for _, at in line.told] == pytest.approx([4000, 8000, 12000], abs=30)


async def test_speech_without_any_message_is_a_stall() -> None:
    line = ScriptedLine()
    with pytest.raises(ProviderError) as raised:
        await _heard(line, [STARTED, *_frames(500)])
    assert raised.value.fault is Fault.STALLED
    assert asyncio.get_running_loop().time() == pytest.approx(1.3, abs=0.05)


async def test_speech_that_is_told_of_is_no_stall_however_long_it_is() -> None:
    (final,) = await _heard(ScriptedLine(says_every_ms=1_000), [STARTED, *_frames(500), STOPPED])
    assert final.ends_utterance


async def test_a_line_that_may_be_silent_for_longer_is_given_longer() -> None:
    with pytest.raises(ProviderError) as raised:
        await _heard(ScriptedLine(silence_ms=6_000), [STARTED, *_frames(500)])
    assert raised.value.fault is Fault.STALLED
    assert asyncio.get_running_loop().time() == pytest.approx(6.1, abs=0.05)


async def test_an_answer_that_is_late_is_insisted_on_once() -> None:
    line = ScriptedLine(answers=False, settled=True)
    await _heard(line, [STARTED, *_frames(10), STOPPED, STARTED, *_frames(10, 200.0), STOPPED])
    assert [at for kind, at in line.told if kind == "insist"] == pytest.approx([700, 1_900], abs=1)


async def test_no_answer_to_a_finalisation_is_a_stall() -> None:
    with pytest.raises(ProviderError) as raised:
        await _heard(ScriptedLine(answers=False), [STARTED, *_frames(10), STOPPED])
    assert raised.value.fault is Fault.STALLED
    assert asyncio.get_running_loop().time() == pytest.approx(1.2, abs=0.01)


async def test_a_finalisation_that_needs_no_answer_gives_what_is_known() -> None:
    (final,) = await _heard(ScriptedLine(answers=False, settled=True), [STARTED, *_frames(10), STOPPED])
    assert (final.text, final.ends_utterance) == ("", True)


async def test_a_vendor_that_takes_no_audio_has_stalled() -> None:
    with pytest.raises(ProviderError) as raised:
        await _heard(ScriptedLine(stuck=True), [STARTED, *_frames(10), STOPPED])
    assert raised.value.fault is Fault.STALLED
    assert asyncio.get_running_loop().time() == pytest.approx(1.3, abs=0.01)


async def test_what_a_vendor_said_last_tells_why_it_takes_no_more_audio() -> None:
    with pytest.raises(ProviderError) as raised:
        await _heard(ClosedLine(), [STARTED, *_frames(10), STOPPED])
    assert raised.value.fault is Fault.UNAVAILABLE


async def test_an_utterance_waits_until_the_one_before_it_is_answered() -> None:
    line = ScriptedLine()
    answers = await _heard(line, [STARTED, *_frames(5), STOPPED, STARTED, *_frames(5, 100.0), STOPPED])
    assert [(each.text, each.start_ms, each.end_ms) for each in answers] == [("word", 0, 100), ("word", 100, 200)]
    assert line.kinds() == ["begin", "audio", "finalise"] * 2


async def test_audio_that_ends_within_an_utterance_gives_a_final_that_does_not_end_it() -> None:
    (final,) = await _heard(ScriptedLine(), [STARTED, *_frames(5)])
    assert (final.text, final.final, final.ends_utterance) == ("word", True, False)


async def test_a_stop_without_speech_is_answered_without_the_vendor() -> None:
    line = ScriptedLine()
    assert [each.text for each in await _heard(line, [STARTED, STOPPED, STOPPED])] == ["", ""]
    assert line.kinds() == ["begin"]
