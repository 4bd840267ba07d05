"""The line to a streaming recogniser: what was sent over it of a call, and what came of that; without any I/O."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tandem.core.audio import BYTES_PER_SAMPLE, AudioFrame, Word, duration_ms, is_faint
from tandem.core.endpointing import same_words
from tandem.core.ports import Transcript

PRE_ROLL_MS = 300.0  # ports.SpeechMark: the detector may be this late
# For so long behind a voice each faint frame goes out at once: a reply may wait for the words that hang on it.
_PAUSE_BEGINS_MS = 120.0
_CONTIGUOUS_MS = 1.0  # frames that are nearer than this to each other have no gap between them


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message of a recogniser says of the current utterance; times are in ms of the audio it was sent.

    `part` orders the pieces of an utterance: a later message on the same part replaces the earlier one. `final` text
    is not replaced by what is not final. `answers` marks the answer to the finalisation of the utterance. `turn_over`
    is as in Transcript, of all words up to these.
    """

    part: float
    text: str
    final: bool
    answers: bool = False
    words: tuple[Word, ...] = ()
    end_ms: float = 0.0
    confidence: float | None = None
    turn_over: float | None = None


class Line(Protocol):
    """A socket to a recogniser; it raises ProviderError. Positions are in ms of the audio that went over it."""

    chunk_ms: float
    shortest_ms: float
    keep_alive_ms: float  # the longest silence on the line

    def begin(self, sent_ms: float) -> None:
        """An utterance begins here; what is said of earlier audio is no part of it."""
        ...

    async def send(self, pcm: bytes) -> None: ...

    async def finalise(self, sent_ms: float) -> float:
        """Ask for what is still missing of the utterance; return how many ms of silence were sent for that."""
        ...

    async def keep_alive(self) -> float:
        """Say that the caller is still there; return how many ms of silence were sent for that."""
        ...

    async def receive(self) -> Heard | None:
        """Return the next message, or None for one that says nothing of what was heard."""
        ...

    async def insist(self) -> None:
        """Half the patience for an answer is over: ask in a way that a vendor which is well has to answer, if any."""
        ...

    def settled(self) -> bool:
        """Tell whether a finalisation that has had no answer needs none: all that was said is known."""
        ...

    def silence_ms(self, stall_ms: float) -> float:
        """Return how long the line may be silent about speech now: `stall_ms`, or longer where it may be right to."""
        ...


class SentAudio:
    """Cuts the audio of utterances into chunks, and knows where in the call each ms of what was sent belongs.

    The recogniser hears utterances only, each with its pre-roll, one right behind the other: its clock stands still
    while the caller is silent. A chunk is `chunk_ms` long; it is shorter where a pause begins, so that the end of the
    last word is not held back. The last chunk of an utterance is filled up with silence to `shortest_ms`; no other is
    shorter.
    """

    def __init__(self, sample_rate: int, chunk_ms: float, shortest_ms: float = 0.0) -> None:
        self.speaking = False
        self.sent_ms = 0.0
        self.began_ms = 0.0  # where the current utterance begins in what was sent
        self.start_ms = 0.0  # and where in the call
        self.end_ms = 0.0  # of what was taken, in the call
        self._rate = sample_rate
        self._chunk_bytes = self._bytes(chunk_ms)
        self._shortest_bytes = self._bytes(shortest_ms)
        self._faint_ms = 0.0  # up to now, within an utterance
        self._held = bytearray()
        self._places: list[tuple[float, float]] = [(0.0, 0.0)]  # from this ms of what was sent: ms to add for the call

    def begin(self) -> None:
        """The caller began to speak: what is held is the pre-roll."""
        self.speaking = True
        self.began_ms = self.sent_ms
        self.start_ms = max(0.0, self.end_ms - duration_ms(len(self._held), self._rate))
        self._places = self._places[-1:]

    def add(self, frame: AudioFrame) -> list[bytes]:
        """Take the next frame; return the chunks that are complete. A frame may end within a sample."""
        chunks = []
        if self._held and abs(frame.start_ms - self.end_ms) > _CONTIGUOUS_MS:
            chunks = self._flush() if self.speaking else []
            self._held.clear()
        self._held += frame.pcm
        self.end_ms = frame.end_ms
        if not self.speaking:
            del self._held[: max(0, len(self._held) - self._bytes(PRE_ROLL_MS)) & ~1]
            return []
        while len(self._held) >= self._chunk_bytes:
            chunks.append(self._cut(self._chunk_bytes))
        self._faint_ms = self._faint_ms + frame.duration_ms if is_faint(frame.pcm) else 0.0
        size = len(self._held) & ~1
        if size and size >= self._shortest_bytes and 0 < self._faint_ms <= _PAUSE_BEGINS_MS:
            chunks.append(self._cut(size))
        return chunks

    def stop(self) -> list[bytes]:
        """The caller paused: return the rest of the utterance."""
        chunks = self._flush() if self.speaking else []
        self.speaking = False
        return chunks

    def add_silence(self, ms: float) -> None:
        """So much silence was sent that is no part of the call."""
        self.sent_ms += ms

    def place(self, sent_ms: float, *, end: bool = False) -> float:
        """Return where in the call `sent_ms` is; with `end`, of something that ends there."""
        find = bisect_left if end else bisect_right
        at = max(0, find(self._places, sent_ms, key=lambda place: place[0]) - 1)
        return sent_ms + self._places[at][1]

    def _flush(self) -> list[bytes]:
        chunks = [self._cut(self._chunk_bytes) for _ in range(len(self._held) // self._chunk_bytes)]
        if size := len(self._held) & ~1:
            chunk = self._cut(size)
            missing = max(0, self._shortest_bytes - size)
            self.sent_ms += duration_ms(missing, self._rate)
            chunks.append(chunk + bytes(missing))
        return chunks

    def _cut(self, size: int) -> bytes:
        offset = self.end_ms - duration_ms(len(self._held), self._rate) - self.sent_ms
        if abs(offset - self._places[-1][1]) > _CONTIGUOUS_MS:
            self._places.append((self.sent_ms, offset))
        chunk = bytes(self._held[:size])
        del self._held[:size]
        self.sent_ms += duration_ms(size, self._rate)
        return chunk

    def _bytes(self, ms: float) -> int:
        return int(ms * self._rate / 1000) * BYTES_PER_SAMPLE


class Utterance:
    """Joins what was heard of the current utterance, in the call's own time."""

    def __init__(self, sent: SentAudio) -> None:
        self._sent = sent
        self._finals: dict[float, Heard] = {}
        self._interim: Heard | None = None
        self._told: tuple[str, float | None] = ("", None)
        self._turn_over: float | None = None
        self._judged = ""  # the words that this is about

    def hear(self, heard: Heard) -> Transcript | None:
        """Take the next message; return an interim transcript if it says anything new, of the words or of their end."""
        if heard.final:
            self._finals[heard.part] = heard
            if self._interim and self._interim.part <= heard.part:
                self._interim = None
        elif heard.part not in self._finals:
            self._interim = heard
        parts = self._parts()
        text = _joined(parts)
        self._judge(heard, parts)
        if not text or (text, self._turn_over) == self._told:
            return None
        self._told = (text, self._turn_over)
        return self._transcript(parts, final=False, ends=False)

    def settle(self, *, ends: bool) -> Transcript:
        """Return the final transcript and forget the utterance; `ends` as in Transcript.ends_utterance."""
        transcript = self._transcript(self._parts(), final=True, ends=ends)
        self._finals, self._interim, self._told = {}, None, ("", None)
        self._turn_over, self._judged = None, ""
        return transcript

    def _judge(self, heard: Heard, parts: Sequence[Heard]) -> None:
        """Note whether the turn is over with the last words; what was said of fewer or other words is forgotten."""
        words = _joined(parts)
        spoken = [part for part in parts if part.text]
        if spoken and spoken[-1] is heard and heard.turn_over is not None and 0 <= heard.turn_over <= 1:
            self._turn_over = heard.turn_over
        elif not same_words(words, self._judged):
            self._turn_over = None
        self._judged = words

    def _parts(self) -> list[Heard]:
        interim = [self._interim] if self._interim else []
        return [part for _, part in sorted(self._finals.items())] + interim

    def _transcript(self, parts: Sequence[Heard], *, final: bool, ends: bool) -> Transcript:
        sent = self._sent
        end_ms = sent.end_ms if final else min(sent.end_ms, sent.place(max(p.end_ms for p in parts), end=True))
        spoken = [part for part in parts if part.text]
        timed = bool(spoken) and all(part.words for part in spoken)
        sure = [part.confidence for part in spoken if part.confidence is not None]
        return Transcript(
            text=_joined(parts),
            final=final,
            start_ms=sent.start_ms,
            end_ms=max(end_ms, sent.start_ms + 1 if parts else sent.start_ms),
            ends_utterance=ends,
            words=tuple(self._placed(word) for part in spoken for word in part.words) if timed else (),
            confidence=min(sure) if len(sure) == len(spoken) and sure else None,
            turn_over=self._turn_over,
        )

    def _placed(self, word: Word) -> Word:
        first, last = self._sent.start_ms, self._sent.end_ms
        start_ms = max(first, min(self._sent.place(word.start_ms), last - 1))
        return Word(word.text, start_ms, max(start_ms + 1, min(self._sent.place(word.end_ms, end=True), last)))


def _joined(parts: Sequence[Heard]) -> str:
    return " ".join(part.text for part in parts if part.text)
