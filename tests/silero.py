"""The Silero network on one stream by itself, at once: what the calls that share it are compared with."""

import numpy as np

from tandem.audio.vad import SAMPLE_RATE, STATE_SHAPE, TAIL_MS, WINDOW, Silence, SileroModel, Windows


class Alone:
    """One stream: `feed` returns the probability of speech in each window that it completes."""

    window_ms: float = WINDOW / SAMPLE_RATE * 1000
    tail_ms: float = TAIL_MS

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._windows, self._silence = Windows(), Silence()
        self._state = np.zeros(STATE_SHAPE, dtype=np.float32)

    def feed(self, pcm: bytes) -> list[float]:
        """Take mono 16 kHz 16-bit PCM of any length."""
        found = []
        for window in self._windows.cut(pcm):
            if self._silence.holds(window):
                found.append(0.0)
                continue
            probabilities, self._state = self._model.judge(window, self._state)
            found.append(float(probabilities[0]))
            self._silence.judged(found[-1])
        return found
