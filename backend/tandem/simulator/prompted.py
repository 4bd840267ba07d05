"""An ear that takes every sound for the same words: for callers with a voice that nobody here can read."""

import numpy as np

from tandem.simulator.voice import Heard, Voice

_STEP_MS = 10
_VOICED = 130  # RMS of 16-bit samples, as in `hearing`
_PAUSE_MS = 150  # ends what was said; the closures within a word are shorter


class Prompted(Voice):
    """Speaks as Voice does, and hears `text` in each stretch of sound."""

    def __init__(self, text: str) -> None:
        self._words = text.split()

    def hear(self, pcm: bytes, rate: int) -> list[Heard]:
        """Return the words, over the time of the sound, once it has been followed by silence; else none."""
        size = rate * _STEP_MS // 1000
        samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32)
        steps = samples[: len(samples) // size * size].reshape(-1, size)
        voiced = np.flatnonzero(np.sqrt((steps**2).mean(axis=1)) > _VOICED)
        if not len(voiced) or (len(steps) - 1 - voiced[-1]) * _STEP_MS < _PAUSE_MS:
            return []
        edges = np.linspace(voiced[0] * _STEP_MS, (voiced[-1] + 1) * _STEP_MS, len(self._words) + 1).tolist()
        return [Heard(word, start, end) for word, start, end in zip(self._words, edges, edges[1:], strict=False)]
