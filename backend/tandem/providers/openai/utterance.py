"""The audio of each utterance in a stream, whole, for a vendor that hears no stream."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tandem.core.audio import BYTES_PER_SAMPLE, AudioFrame, duration_ms
from tandem.core.ports import SpeechMark

PRE_ROLL_MS = 300.0  # ports.SpeechMark: the detector may be this late
LONGEST_MS = 30_000.0  # as much as a call keeps for a successor
_WINDOW_MS = 50.0
_SILENCE_RMS = 0.0015  # -56 dBFS: quieter than any voice a caller sends, louder than a sound card's own noise


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said: mono 16-bit PCM, and its place in the stream in ms; `ended` tells that a STOPPED ended it."""

    pcm: bytes
    start_ms: float
    end_ms: float
    ended: bool


class Collector:
    """Collects the utterances of one stream. Without I/O: take an event, get back the utterance that it completed.

    One that is longer than `longest_ms` comes in parts, cut in the quietest place of the part's second half. A frame
    may end within a sample: the other half comes first in the next one.
    """

    def __init__(self, sample_rate: int, longest_ms: float = LONGEST_MS) -> None:
        self._rate = sample_rate
        self._longest = self._bytes(longest_ms)
        self._held = bytearray()  # the utterance so far, or what may turn out to be its beginning
        self._speaking = False
        self._end_ms = 0.0

    def take(self, event: AudioFrame | SpeechMark) -> Utterance | None:
        """Return the utterance, or the part of a long one, that `event` completes."""
        if event is SpeechMark.STARTED:
            self._speaking = True
            return None
        if isinstance(event, AudioFrame):
            return self._add(event)
        said = self._cut(len(self._held) if self._speaking else 0, ended=True)
        self._speaking = False
        return said

    def end(self) -> Utterance | None:
        """The stream is over: return the utterance that it broke off."""
        return self._cut(len(self._held), ended=False) if self._speaking and self._held else None

    def _add(self, frame: AudioFrame) -> Utterance | None:
        self._held += frame.pcm
        self._end_ms = frame.end_ms
        if self._speaking and len(self._held) >= self._longest:
            return self._cut(self._quietest(), ended=False)
        if not self._speaking:
            del self._held[: _whole(max(0, len(self._held) - self._bytes(PRE_ROLL_MS)))]
        return None

    def _cut(self, size: int, *, ended: bool) -> Utterance:
        """Return the first `size` bytes that are held, and let go of them."""
        start_ms = max(0.0, self._end_ms - duration_ms(len(self._held), self._rate)) if size else self._end_ms
        pcm = bytes(self._held[: _whole(size)])
        del self._held[: len(pcm)]
        return Utterance(pcm, start_ms, start_ms + duration_ms(len(pcm), self._rate), ended)

    def _quietest(self) -> int:
        half = _whole(len(self._held) // 2)
        loudness = _loudness(bytes(self._held[half : _whole(len(self._held))]), self._rate)
        if not len(loudness):
            return len(self._held)
        middle = (float(loudness.argmin()) + 0.5) * _WINDOW_MS
        return half + self._bytes(middle)

    def _bytes(self, ms: float) -> int:
        return int(ms * self._rate / 1000) * BYTES_PER_SAMPLE


def is_silent(pcm: bytes, sample_rate: int) -> bool:
    """Tell whether mono 16-bit `pcm` holds nothing that could be a voice."""
    loudness = _loudness(pcm, sample_rate)
    return not len(loudness) or float(loudness.max()) < _SILENCE_RMS


def _loudness(pcm: bytes, sample_rate: int) -> NDArray[np.float32]:
    """Return the RMS (full scale 1) of each whole window of `pcm`; of less than a window, its own."""
    samples = np.frombuffer(pcm, dtype="<i2")
    window = min(int(_WINDOW_MS * sample_rate / 1000), len(samples))
    if not window:
        return np.zeros(0, np.float32)
    windows = samples[: len(samples) // window * window].reshape(-1, window).astype(np.float32)
    power = np.einsum("ij,ij->i", windows, windows) / window
    loudness: NDArray[np.float32] = np.sqrt(power) / 32_768
    return loudness


def _whole(size: int) -> int:
    return size - size % BYTES_PER_SAMPLE
