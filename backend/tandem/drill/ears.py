"""A drill's recogniser: writes down the numbered words that it reads from the audio it is really given."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from functools import lru_cache

from tandem.core.audio import AudioFrame, Word, duration_ms
from tandem.core.ports import SpeechMark, SttOptions, Transcript
from tandem.drill.faults import Point
from tandem.drill.health import Effect, Health, Scene
from tandem.drill.script import caller_words, turn_of, turn_script
from tandem.simulator.voice import Voice

_PRE_ROLL_MS = 300.0  # what a detector may be late by (ports.SpeechMark)
_LOOK_MS = 200.0  # of speech between two interim transcripts
_SEGMENT_WORDS = 4
_PACE, _DRIP = 0.1, 2.0  # how long it works at audio, as a share of its length
_VOICE = Voice()


@dataclass(frozen=True, slots=True)
class Hearing:
    """How a recogniser answers: with word times or without, with final transcripts in mid-utterance as well or not."""

    timed: bool = True
    segments: bool = False


@lru_cache(maxsize=4_096)
def _heard(pcm: bytes, rate: int) -> tuple[Word, ...]:
    return tuple(Word(word.text, word.start_ms, word.end_ms) for word in _VOICE.hear(pcm, rate) if word.whole)


class NumberedEars:
    """Answers a pause after 100-300 ms, and reads what was recorded ten times as fast as it sounded."""

    def __init__(self, name: str, scene: Scene, health: Health, hearing: Hearing, *, long: frozenset[int]) -> None:
        self.name = name
        self._scene = scene
        self._health = health
        self._hearing = hearing
        self._long = long
        self._busy_until_ms = 0.0
        self._answers = 0
        self._told = (0, 0)  # turn, and transcripts given in it

    async def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield an interim transcript with each few words, and final ones."""
        await self._health.opened()
        ear, inbox = _Ear(options.sample_rate, self._hearing), _Inbox()
        self._busy_until_ms = self._scene.clock()
        # As a socket does, it takes what comes however late it is with its work.
        filling = asyncio.ensure_future(inbox.fill(audio))
        try:
            while (item := await inbox.take()) is not None:
                await self._work(item)
                for transcript in ear.take(item):
                    if (given := await self._given(transcript)) is not None:
                        yield given
            for transcript in ear.end():
                yield transcript
        finally:
            filling.cancel()
            await asyncio.wait({filling})

    async def _given(self, transcript: Transcript) -> Transcript | None:
        """Return what becomes of a transcript; None if it is not given."""
        await self._strike(transcript)
        if self._health.mute:
            empty = Transcript("", True, transcript.start_ms, transcript.end_ms, ends_utterance=True)
            return empty if transcript.ends_utterance else None
        if not transcript.text and not transcript.ends_utterance:
            return None
        self._told = (self._scene.turn, self._units() + 1)
        return transcript

    async def _work(self, item: AudioFrame | SpeechMark) -> None:
        if self._scene.idle:
            await self._health.reached(Point.BETWEEN)
        if isinstance(item, AudioFrame):
            now, took = self._scene.clock(), item.duration_ms * (_DRIP if self._health.dripping else _PACE)
            self._busy_until_ms = max(now, self._busy_until_ms) + took
            if self._busy_until_ms - now > _LOOK_MS / 10:
                await asyncio.sleep((self._busy_until_ms - now) / 1000)
        elif item is SpeechMark.STOPPED:
            await self._answer_late()

    async def _answer_late(self) -> None:
        self._answers += 1
        late_ms = self._scene.law(self.name, self._scene.turn, self._answers).uniform(100, 300)
        await asyncio.sleep(late_ms / 1000)

    def _units(self) -> int:
        turn, units = self._told
        return units if turn == self._scene.turn else 0

    async def _strike(self, transcript: Transcript) -> None:
        """Let the fault happen before this transcript is given, if that is its point."""
        turn = self._scene.turn
        of_turn = [word for word in caller_words(transcript.text) if turn_of(word) == turn]
        if not of_turn:
            return
        said = turn_script(self._scene.seed, turn, long=turn in self._long).said
        effect = await self._health.reached(Point.BEFORE_FIRST)
        share = (said.index(of_turn[-1]) + 1) / len(said)
        last = transcript.ends_utterance and share >= 1
        if effect is not Effect.END:
            await self._health.progressed(self._units(), share, last=last)


class _Inbox:
    """Audio that has come and is not worked at yet."""

    def __init__(self) -> None:
        self._items: deque[AudioFrame | SpeechMark | None] = deque()
        self._came = asyncio.Event()

    async def fill(self, audio: AsyncIterator[AudioFrame | SpeechMark]) -> None:
        async for item in audio:
            self._put(item)
        self._put(None)

    def _put(self, item: AudioFrame | SpeechMark | None) -> None:
        self._items.append(item)
        self._came.set()

    async def take(self) -> AudioFrame | SpeechMark | None:
        """Return the next item, or None at the end."""
        while not self._items:
            self._came.clear()
            await self._came.wait()
        return self._items.popleft()


class _Ear:
    """What a recogniser keeps of its audio: the utterance, or the pre-roll of the next one."""

    def __init__(self, rate: int, hearing: Hearing) -> None:
        self._rate = rate
        self._hearing = hearing
        self._pcm = bytearray()
        self._start_ms = 0.0  # of the first byte that is kept
        self._words: list[Word] = []  # of the transcript to come
        self._read_ms = 0.0  # whole words were read up to here
        self._from_ms = 0.0  # where the transcript to come begins
        self._look_ms = 0.0
        self._speaking = False

    def take(self, item: AudioFrame | SpeechMark) -> Iterator[Transcript]:
        """Take the next item; yield the transcripts that are due now."""
        if isinstance(item, AudioFrame):
            self._keep(item)
            if self._speaking and self._end_ms >= self._look_ms:
                self._look_ms += _LOOK_MS
                if self._read():
                    yield self._interim()
        elif item is SpeechMark.STARTED:
            self._speaking = True
            self._from_ms = self._read_ms = max(self._start_ms, self._end_ms - _PRE_ROLL_MS)
            self._look_ms = self._end_ms + _LOOK_MS
        else:
            self._read()
            self._speaking = False
            yield self._transcript(final=True, ends=True)

    def end(self) -> Iterator[Transcript]:
        """The audio is over."""
        if self._speaking:
            self._read()
            yield self._transcript(final=True)

    @property
    def _end_ms(self) -> float:
        return self._start_ms + duration_ms(len(self._pcm), self._rate)

    def _keep(self, frame: AudioFrame) -> None:
        if not self._pcm or frame.start_ms > self._end_ms + 1:
            self._pcm, self._start_ms = bytearray(), frame.start_ms
        self._pcm += frame.pcm
        keep_ms = self._read_ms if self._speaking else self._end_ms - _PRE_ROLL_MS
        self._drop(keep_ms)

    def _drop(self, before_ms: float) -> None:
        count = 2 * int(max(0.0, before_ms - self._start_ms) * self._rate / 1000)
        del self._pcm[:count]
        self._start_ms += duration_ms(count, self._rate)

    def _read(self) -> bool:
        """Read the words that became whole; tell whether there are any."""
        base = self._start_ms
        found = [Word(w.text, base + w.start_ms, base + w.end_ms) for w in _heard(bytes(self._pcm), self._rate)]
        self._words += found
        if found:
            self._read_ms = found[-1].end_ms
        return bool(found)

    def _interim(self) -> Transcript:
        return self._transcript(final=self._hearing.segments and len(self._words) >= _SEGMENT_WORDS)

    def _transcript(self, *, final: bool, ends: bool = False) -> Transcript:
        words = tuple(self._words)
        end_ms = self._end_ms if ends or not words else words[-1].end_ms
        text = " ".join(word.text for word in words)
        transcript = Transcript(
            text, final, self._from_ms, end_ms, ends_utterance=ends, words=words if self._hearing.timed else ()
        )
        if final:
            self._words, self._from_ms = [], end_ms
        return transcript
