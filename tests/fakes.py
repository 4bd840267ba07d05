"""Scripted providers, a clock and ears for tests: honest implementations of the ports, without network or engine.

What a provider does is a script of steps, one script per request; the last script serves every later request too.
Waiting is `asyncio.sleep`, so a test that scripts a wait runs on the virtual clock (pytest mark `looptime`).
"""

import asyncio
import math
from array import array
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from typing import TypeVar

from tandem.core.audio import AudioFrame, Word, duration_ms
from tandem.core.chain import Chain, P
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import (
    Completed,
    Delta,
    LlmOptions,
    Message,
    ModelOutput,
    Role,
    Slot,
    SpeechMark,
    SpokenAudio,
    SttOptions,
    ToolCall,
    Transcript,
    TtsOptions,
)
from tandem.slots.request import Bench, SlotLimits

E = TypeVar("E")
T = TypeVar("T")
Hear = Callable[[bytes, int], Sequence[Word]]  # mono 16-bit PCM and its rate in Hz -> the words in it

RATE = 16_000
ANSWER = "Six times seven is forty two."
_PRE_ROLL_MS = 300.0  # ports.SpeechMark


class FakeClock:
    """A Clock that stands still until it is moved; in ms."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, ms: float) -> None:
        self.now += ms


def loop_clock() -> float:
    """The running loop's time in ms: with looptime, a Clock that moves with the waits of the test."""
    return asyncio.get_running_loop().time() * 1000


class Recorder:
    """A Notify that keeps what happened, in order."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def __call__(self, event: object) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def chain(slot: Slot, *providers: P, told: Recorder | None = None, last_resorts: Sequence[str] = ()) -> Chain[P]:
    """Return a chain of these providers, each behind a breaker of its own."""
    return Chain(slot, providers, clock=loop_clock, notify=told or Recorder(), last_resorts=last_resorts)


def bench(limits: SlotLimits, told: Recorder | None = None) -> Bench:
    """Return what a slot works with."""
    return Bench(limits, told or Recorder(), loop_clock, asyncio.ensure_future)


# --- steps of a script ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    ms: float


@dataclass(frozen=True, slots=True)
class Fail:
    """The provider fails, as it says itself. An exception of another kind stands in a script as it is."""

    fault: Fault = Fault.CUT


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing more comes, and the stream does not end."""


Step = Wait | Fail | Hang | Exception


async def act(step: object, provider: str) -> None:
    """Do what a step says that gives no output."""
    match step:
        case Wait(ms):
            await asyncio.sleep(ms / 1000)
        case Hang():
            await asyncio.get_running_loop().create_future()
        case Fail(fault):
            raise ProviderError(fault, provider, "as scripted")
        case Exception():
            raise step
        case _:
            raise TypeError(f"a script cannot hold {step!r}")


@dataclass(slots=True)
class Streams:
    """How many streams of a provider were opened, and how many of them are over."""

    opened: int = 0
    closed: int = 0

    def script(self, scripts: Sequence[T]) -> T:
        """Note that a stream begins; return its script."""
        self.opened += 1
        return scripts[min(self.opened, len(scripts)) - 1]


# --- language model ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of a reply, word by word; None: the answer, or what is missing of it where it was begun."""

    text: str | None = None


class FakeModel:
    """A LanguageModel: whatever is asked, its answer is `answer`."""

    def __init__(
        self, name: str = "model", *scripts: Sequence[Step | Text | ModelOutput], answer: str = ANSWER
    ) -> None:
        self.name = name
        self.answer = answer
        self.requests: list[tuple[Sequence[Message], LlmOptions]] = []
        self.streams = Streams()
        self.scripts: Sequence[Sequence[Step | Text | ModelOutput]] = scripts or [[Text(), Completed("stop")]]

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        self.requests.append((messages, options))
        try:
            for step in self.streams.script(self.scripts):
                match step:
                    case Text(text):
                        for piece in _word_by_word(self._missing(messages) if text is None else text):
                            await asyncio.sleep(0)  # as from a socket: others get their turn
                            yield Delta(piece)
                    case Delta() | ToolCall() | Completed():
                        yield step
                    case _:
                        await act(step, self.name)
        finally:
            self.streams.closed += 1

    def _missing(self, messages: Sequence[Message]) -> str:
        if not messages or messages[-1].role is not Role.ASSISTANT:
            return self.answer
        begun, rest = "".join(messages[-1].text.split()), self.answer
        while begun and rest and (rest[0].isspace() or rest[0] == begun[0]):
            begun, rest = begun[rest[0] == begun[0] :], rest[1:]
        return self.answer if begun else rest


def _word_by_word(text: str) -> list[str]:
    pieces = text.split(" ")
    return [piece for piece in [pieces[0], *(f" {piece}" for piece in pieces[1:])] if piece]


# --- text to speech ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Speech:
    """The phrase's next `chunks` chunks of audio; None: all that are left."""

    chunks: int | None = None


class FakeVoice:
    """A TextToSpeech: a steady tone of 60 ms a character, in chunks of 100 ms, its words' times with the first one."""

    def __init__(
        self,
        name: str = "voice",
        *scripts: Sequence[Step | Speech | SpokenAudio],
        sample_rate: int = RATE,
        word_times: bool = True,
    ) -> None:
        self.name = name
        self.requests: list[tuple[str, TtsOptions]] = []
        self.streams = Streams()
        self.scripts: Sequence[Sequence[Step | Speech | SpokenAudio]] = scripts or [[Speech()]]
        self._rate = sample_rate
        self._word_times = word_times

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        self.requests.append((phrase, options))
        chunks = self._chunks(phrase, 60 / options.speed)
        try:
            for step in self.streams.script(self.scripts):
                match step:
                    case Speech(count):
                        for chunk in islice(chunks, count):
                            await asyncio.sleep(0)
                            yield chunk
                    case SpokenAudio():
                        yield step
                    case _:
                        await act(step, self.name)
        finally:
            self.streams.closed += 1

    def _chunks(self, phrase: str, ms_per_char: float) -> Iterator[SpokenAudio]:
        if not any(char.isalnum() for char in phrase):
            return
        words, at = [], 0.0
        for text in phrase.split():
            words.append(Word(text, at, at + len(text) * ms_per_char))
            at = words[-1].end_ms
        told = tuple(words) if self._word_times else ()
        for start_ms in range(0, math.ceil(at), 100):
            yield SpokenAudio(tone(min(at - start_ms, 100), self._rate), self._rate, told)
            told = ()


def tone(length_ms: float, rate: int = RATE) -> bytes:
    """Return a tone of 200 Hz at a tenth of full scale: mono 16-bit PCM."""
    count = round(length_ms * rate / 1000)
    return array("h", (round(3277 * math.sin(2 * math.pi * 200 * i / rate)) for i in range(count))).tobytes()


# --- speech to text ------------------------------------------------------------------------------------------


class CodedSpeech:
    """Speech that a FakeRecogniser understands exactly, at 16 kHz: each word is 160 ms of a sample value of its own."""

    WORD_MS = 160
    GAP_MS = 40
    _STEP = 100  # from one word's value to the next; the first is louder than what counts as faint
    _FIRST = 3

    def __init__(self) -> None:
        self._words: list[str] = []

    def say(self, text: str) -> bytes:
        """Return the audio of these words, 200 ms each."""
        return b"".join(self._sound(word) for word in text.split())

    def hear(self, pcm: bytes, rate: int = RATE) -> list[Word]:
        """Return the words of which at least half is in `pcm`."""
        words, at = [], 0
        for value, run in groupby(array("h", pcm)):
            length = len(list(run))
            if value and length >= self.WORD_MS * rate // 2000:
                words.append(
                    Word(self._words[value // self._STEP - self._FIRST], at * 1000 / rate, (at + length) * 1000 / rate)
                )
            at += length
        return words

    def _sound(self, word: str) -> bytes:
        if word not in self._words:
            self._words.append(word)
        code = (self._words.index(word) + self._FIRST) * self._STEP
        return array("h", [code] * (self.WORD_MS * RATE // 1000) + [0] * (self.GAP_MS * RATE // 1000)).tobytes()


@dataclass(frozen=True, slots=True)
class Listen:
    """Transcribe the next `ms` of audio, or up to the mark `until` (not answered any more); else to the audio's end."""

    ms: float = math.inf
    until: SpeechMark | None = None


class FakeRecogniser:
    """A SpeechToText: `hear` says which words a stretch of PCM holds, with times from its start.

    It answers a pause after `answer_ms`, and gives an interim transcript per `interim_ms` of speech and a final one
    per `segment_ms`. `heard` has, for each stream, every item that it took.
    """

    def __init__(
        self,
        name: str = "recogniser",
        *scripts: Sequence[Step | Listen | Transcript],
        hear: Hear,
        word_times: bool = True,
        answer_ms: float = 0,
        interim_ms: float = math.inf,
        segment_ms: float = math.inf,
    ) -> None:
        self.name = name
        self.heard: list[list[AudioFrame | SpeechMark]] = []
        self.streams = Streams()
        self.scripts: Sequence[Sequence[Step | Listen | Transcript]] = scripts or [[Listen()]]
        self._answer_ms = answer_ms
        self._make_ear = partial(_Ear, hear, word_times, interim_ms, segment_ms)

    async def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        ear = self._make_ear(options.sample_rate)
        self.heard.append([])
        try:
            for step in self.streams.script(self.scripts):
                match step:
                    case Listen():
                        async with aclosing(self._listen(step, audio, ear)) as transcripts:
                            async for transcript in transcripts:
                                yield transcript
                    case Transcript():
                        yield step
                    case _:
                        await act(step, self.name)
        finally:
            self.streams.closed += 1

    async def _listen(
        self, step: Listen, audio: AsyncIterator[AudioFrame | SpeechMark], ear: "_Ear"
    ) -> AsyncGenerator[Transcript, None]:
        left_ms = step.ms
        async for item in audio:
            self.heard[-1].append(item)
            if item is step.until:
                return
            if item is SpeechMark.STOPPED:
                await asyncio.sleep(self._answer_ms / 1000)
            if (transcript := ear.take(item)) is not None:
                yield transcript
            left_ms -= item.duration_ms if isinstance(item, AudioFrame) else 0
            if left_ms <= 0:
                return
        if (transcript := ear.end()) is not None:
            yield transcript


class _Ear:
    """What one stream of a FakeRecogniser keeps of its audio: the utterance, or the pre-roll of the next one."""

    def __init__(self, hear: Hear, word_times: bool, interim_ms: float, segment_ms: float, rate: int) -> None:
        self._hear = hear
        self._rate = rate
        self._word_times = word_times
        self._interim_ms = interim_ms
        self._segment_ms = segment_ms
        self._frames: list[AudioFrame] = []
        self._at_ms = 0.0
        self._interim_at_ms = 0.0
        self._speaking = False

    def take(self, item: AudioFrame | SpeechMark) -> Transcript | None:
        """Take the next item; return the transcript that is due now."""
        match item:
            case SpeechMark.STARTED:
                self._speaking, self._interim_at_ms = True, self._at_ms + self._interim_ms
                return None
            case SpeechMark.STOPPED:
                if not self._speaking:
                    self._frames.clear()
                self._speaking = False
                return replace(self._final(), ends_utterance=True)
            case AudioFrame():
                self._frames.append(item)
                self._at_ms = item.end_ms
                if self._speaking:
                    return self._due()
                while self._frames[0].end_ms < self._at_ms - _PRE_ROLL_MS:
                    del self._frames[0]
                return None

    def end(self) -> Transcript | None:
        return self._final() if self._speaking and self._frames else None

    def _due(self) -> Transcript | None:
        if self._at_ms - self._frames[0].start_ms >= self._segment_ms:
            return self._final()
        if self._at_ms >= self._interim_at_ms:
            self._interim_at_ms = self._at_ms + self._interim_ms
            return self._transcript(final=False)
        return None

    def _final(self) -> Transcript:
        transcript = self._transcript(final=True)
        self._frames.clear()
        return transcript

    def _transcript(self, *, final: bool) -> Transcript:
        start = self._frames[0].start_ms if self._frames else self._at_ms
        heard = self._hear(b"".join(frame.pcm for frame in self._frames), self._rate)
        words = tuple(Word(word.text, start + word.start_ms, start + word.end_ms) for word in heard)
        text = " ".join(word.text for word in words)
        return Transcript(text, final, start, self._at_ms, words=words if self._word_times else ())


class FakeDetector:
    """A VoiceDetector that hears a voice wherever there is any sound, in windows of 32 ms at 16 kHz."""

    window_ms: float = 32
    tail_ms: float = 0

    def __init__(self, tell: Callable[[list[float]], None]) -> None:
        self._tell = tell
        self._rest = b""

    def feed(self, pcm: bytes) -> None:
        heard = self._rest + pcm
        size = round(self.window_ms * RATE / 1000) * 2
        whole = len(heard) - len(heard) % size
        self._rest = heard[whole:]
        if judged := [float(any(heard[start : start + size])) for start in range(0, whole, size)]:
            self._tell(judged)

    def reset(self) -> None:
        self._rest = b""


def frames(pcm: bytes, start_ms: float = 0.0, frame_ms: float = 20, rate: int = RATE) -> list[AudioFrame]:
    """Cut PCM into frames of one stream, the first of which begins at `start_ms`."""
    size = round(frame_ms * rate / 1000) * 2
    return [AudioFrame(pcm[at : at + size], rate, start_ms + duration_ms(at, rate)) for at in range(0, len(pcm), size)]
