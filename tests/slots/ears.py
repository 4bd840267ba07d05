"""A caller's audio as the session feeds it, and a recognition slot that hears it on a virtual clock."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from itertools import pairwise

import pytest

from fakes import CodedSpeech, Fail, FakeRecogniser, Listen, Recorder, Wait, bench, frames
from fakes import chain as chained
from tandem.core.audio import AudioFrame
from tandem.core.chain import Chain
from tandem.core.ports import Slot, SpeechMark, SpeechToText, SttOptions, Transcript
from tandem.core.transcript import TurnTranscript
from tandem.slots.request import Served
from tandem.slots.stt import LIMITS, SttSlot

Item = AudioFrame | SpeechMark
STARTED, STOPPED = SpeechMark.STARTED, SpeechMark.STOPPED
FRAME_MS = 20
NOTICED_MS = 60  # how late the detector of these tests notices that speech began
SPEECH = CodedSpeech()


class Line:
    """A caller's audio as the session feeds it: frames of 20 ms, with the marks a little after the sound they mean."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.at_ms = 0.0

    def says(self, text: str) -> "Line":
        sound = frames(SPEECH.say(text), self.at_ms, FRAME_MS)
        late = NOTICED_MS // FRAME_MS
        self.items += [*sound[:late], STARTED, *sound[late:]]
        self.at_ms = sound[-1].end_ms
        return self.is_quiet(260)._mark(STOPPED)

    def is_quiet(self, ms: float) -> "Line":
        quiet = frames(bytes(round(ms * 16) * 2), self.at_ms, FRAME_MS)
        self.items += quiet
        self.at_ms = quiet[-1].end_ms
        return self

    def _mark(self, mark: SpeechMark) -> "Line":
        self.items.append(mark)
        return self


class Ears:
    """A slot over a chain of recognisers, and what comes out of it."""

    def __init__(self, *chain: FakeRecogniser) -> None:
        self.told = Recorder()
        self.options = SttOptions()
        self.chain: Chain[SpeechToText] = chained(Slot.STT, *chain, told=self.told)
        self.slot = SttSlot(self.chain, bench(LIMITS, self.told), options=lambda: self.options)
        self.transcripts: list[Served[Transcript]] = []
        self.turns = False  # whether each utterance is a turn

    async def listen(self) -> None:
        async with aclosing(self.slot.transcripts()) as transcripts:
            async for served in transcripts:
                self.transcripts.append(served)
                if self.turns and served.item.ends_utterance:
                    self.slot.new_turn()

    async def play(self, items: Sequence[Item]) -> None:
        """Feed the items as they would come in, each frame after its length."""
        for item in items:
            if isinstance(item, AudioFrame):
                await asyncio.sleep(item.duration_ms / 1000)
            self.slot.feed(item)

    async def hear(self, line: Line) -> str:
        """Hear all of the line while it plays; return the words of the turn."""
        async with asyncio.TaskGroup() as call:
            call.create_task(self.listen())
            await self.play(line.items)
            await asyncio.sleep(10)
            self.slot.end()
        return self.text

    @property
    def text(self) -> str:
        turn = TurnTranscript()
        for served in self.transcripts:
            turn.receive(served.item)
        return turn.text

    @property
    def answers(self) -> list[tuple[str, str]]:
        return [(served.provider, served.item.text) for served in self.transcripts if served.item.ends_utterance]


def recogniser(
    name: str, *scripts: Sequence[Listen | Fail | Wait], word_times: bool = True, answer_ms: float = 0
) -> FakeRecogniser:
    return FakeRecogniser(name, *scripts, hear=SPEECH.hear, word_times=word_times, answer_ms=answer_ms)


def sound(items: Sequence[Item]) -> list[AudioFrame]:
    return [item for item in items if isinstance(item, AudioFrame)]


def marks(items: Sequence[Item]) -> list[SpeechMark]:
    return [item for item in items if isinstance(item, SpeechMark)]


def without_gap(items: Sequence[Item]) -> bool:
    """Tell whether each frame begins where the one before ended, so that none is lost or doubled."""
    heard = sound(items)
    return all(b.start_ms == pytest.approx(a.end_ms) for a, b in pairwise(heard))
