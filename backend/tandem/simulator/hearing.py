"""What a simulated recogniser makes of a stream of audio: its words, and where speech starts and stops."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tandem.simulator import mulaw
from tandem.simulator.voice import Heard, Voice

_STEP_MS = 20
_PAUSE_MS = 200  # no word goes on behind so much silence
_LONGEST_MS = 10_000  # nor is one longer: what is read again and again stays short whatever is played
_VOICED = 130  # RMS of 16-bit samples; the voice has 9,800 and would be heard 37 dB fainter
_PUNCTUATION = '.,;:!?…"()'


class Hearing:
    """One mono stream, s16le or G.711 mu-law; all times are ms from its first sample."""

    def __init__(self, voice: Voice, rate: int, *, companded: bool = False) -> None:
        """Take the sample rate in Hz."""
        self._voice, self._rate = voice, rate
        self._companded = companded
        self._rest = b""  # half a sample
        self._kept = bytearray()  # what is still to be understood
        self._samples = 0
        self.voiced = False  # there was voice in the last step
        self.voiced_until_ms = 0.0

    @property
    def at_ms(self) -> float:
        """Return how much audio has come."""
        return self._samples * 1000 / self._rate

    @property
    def quiet_ms(self) -> float:
        """Return how long it has been quiet."""
        return self.at_ms - self.voiced_until_ms

    def steps(self, audio: bytes) -> Iterator[None]:
        """Take audio, and stop after every 20 ms of it for the recogniser to look around."""
        pcm = self._decoded(audio)
        size = 2 * (self._rate * _STEP_MS // 1000)
        for first in range(0, len(pcm), size):
            piece = pcm[first : first + size]
            self._kept += piece
            self._samples += len(piece) // 2
            samples = np.frombuffer(piece, "<i2").astype(np.float32)
            self.voiced = float(np.sqrt(np.mean(samples**2))) > _VOICED
            if self.voiced:
                quiet = len(samples) - 1 - int(np.flatnonzero(np.abs(samples) > _VOICED)[-1])
                self.voiced_until_ms = self.at_ms - quiet * 1000 / self._rate
            yield

    def words(self) -> list[Heard]:
        """Return the words that became complete since this was last asked."""
        from_ms = self.at_ms - self._ms(len(self._kept))
        heard = self._voice.hear(bytes(self._kept), self._rate)
        words = [word for word in heard if word.whole]
        if self.quiet_ms > _PAUSE_MS or self._ms(len(self._kept)) > _LONGEST_MS:
            self._kept.clear()
        elif words:
            del self._kept[: int(words[-1].end_ms * self._rate / 1000) * 2]
        return [
            dataclasses.replace(word, start_ms=word.start_ms + from_ms, end_ms=word.end_ms + from_ms) for word in words
        ]

    def _ms(self, size: int) -> float:
        return size / 2 * 1000 / self._rate

    def _decoded(self, audio: bytes) -> bytes:
        if self._companded:
            return mulaw.decoded(audio)
        audio = self._rest + audio
        whole = len(audio) // 2 * 2
        self._rest = audio[whole:]
        return audio[:whole]


def plain(word: str) -> str:
    """Return a word as a recogniser writes it that does not punctuate."""
    return word.strip(_PUNCTUATION).lower() or word
