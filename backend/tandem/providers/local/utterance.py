"""What of a call's audio belongs to an utterance: the frames between two marks of the voice detector."""

from dataclasses import dataclass

import numpy as np

from tandem.core.audio import BYTES_PER_SAMPLE, AudioFrame, duration_ms
from tandem.core.ports import SpeechMark

PRE_ROLL_MS = 300.0  # ports.SpeechMark: the detector may be this late
CAP_MS = 30_000.0
CUT_WITHIN_MS = 5_000.0
_WINDOW_MS = 100.0


@dataclass(frozen=True, slots=True)
class Part:
    """Speech to transcribe: mono 16-bit PCM, and its place in the stream in ms.

    `ends_utterance` marks the answer to a STOPPED mark; its `pcm` is empty where no STARTED came before.
    """

    pcm: bytes
    start_ms: float
    end_ms: float
    ends_utterance: bool


class Utterances:
    """Collects one stream's utterances. Without I/O: take an event, get back the parts that it completed.

    An utterance longer than `cap_ms` comes in parts; it is cut where the `cut_within_ms` before the cap were
    quietest, so that no word is cut if there was any pause. A frame may end in the middle of a sample: the other
    half comes first in the next one.
    """

    def __init__(self, sample_rate: int, cap_ms: float = CAP_MS, cut_within_ms: float = CUT_WITHIN_MS) -> None:
        self.speaking = False
        self._rate = sample_rate
        self._cap_bytes = self._bytes(cap_ms)
        self._searched_bytes = min(self._cap_bytes, self._bytes(cut_within_ms))
        self._held = bytearray()  # the utterance so far, or the pre-roll of the next one
        self._end_ms = 0.0

    @property
    def length_ms(self) -> float:
        """How much of the current part is collected."""
        return duration_ms(len(self._held), self._rate)

    def take(self, event: AudioFrame | SpeechMark) -> list[Part]:
        match event:
            case SpeechMark.STARTED:
                self.speaking = True
                return []
            case SpeechMark.STOPPED:
                return [self._stop()]
            case AudioFrame():
                return self._add(event)

    def so_far(self) -> Part:
        """Return what is collected of the utterance that is still going on."""
        return self._part(len(self._held), ends_utterance=False)

    def end(self) -> list[Part]:
        """The stream ended; return the utterance that was going on, as if it were cut there."""
        parts = [self.so_far()] if self.speaking and self._held else []
        self.speaking = False
        return parts

    def _stop(self) -> Part:
        if not self.speaking:
            return Part(b"", self._end_ms, self._end_ms, ends_utterance=True)
        part = self._part(len(self._held), ends_utterance=True)
        self.speaking = False
        # What was transcribed once is no pre-roll of the next utterance; half a sample is.
        del self._held[: len(part.pcm)]
        return part

    def _add(self, frame: AudioFrame) -> list[Part]:
        self._held += frame.pcm
        self._end_ms = frame.end_ms
        if not self.speaking:
            del self._held[: max(0, len(self._held) - self._bytes(PRE_ROLL_MS)) & ~1]
            return []
        parts = []
        while len(self._held) >= self._cap_bytes:
            parts.append(self._part(self._quiet_place(), ends_utterance=False))
            del self._held[: len(parts[-1].pcm)]
        return parts

    def _part(self, size: int, *, ends_utterance: bool) -> Part:
        pcm = bytes(self._held[: size & ~1])
        start_ms = max(0.0, self._end_ms - duration_ms(len(self._held), self._rate))
        return Part(pcm, start_ms, start_ms + duration_ms(len(pcm), self._rate), ends_utterance)

    def _quiet_place(self) -> int:
        """Return the middle of the quietest window in what is searched before the cap, in bytes."""
        window = self._bytes(_WINDOW_MS) // BYTES_PER_SAMPLE
        if self._searched_bytes < window * BYTES_PER_SAMPLE:
            return self._cap_bytes
        first = self._cap_bytes - self._searched_bytes
        samples = np.frombuffer(bytes(self._held[first : self._cap_bytes]), dtype="<i2").astype(np.float32)
        energies = np.square(samples[: len(samples) // window * window]).reshape(-1, window).mean(axis=1)
        quietest = int(energies.argmin())
        return first + (quietest * window + window // 2) * BYTES_PER_SAMPLE

    def _bytes(self, ms: float) -> int:
        return int(ms * self._rate / 1000) * BYTES_PER_SAMPLE
