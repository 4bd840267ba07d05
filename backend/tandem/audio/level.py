"""Hears any sound above a level: for voices that are no voices to a neural detector, such as a simulated caller's."""

from collections.abc import Callable

import numpy as np

_RATE = 16_000  # Hz
_WINDOW_MS = 32
_WINDOW_BYTES = _RATE * _WINDOW_MS // 1000 * 2
_LEVEL_DBFS = -45.0  # a quiet talker is louder, a microphone's own noise is not
_LEVEL = 32_768 * 10 ** (_LEVEL_DBFS / 20)


class LevelDetector:
    """A VoiceDetector that takes every window with an RMS over -45 dBFS for a voice; noise is one to it as well."""

    window_ms: float = _WINDOW_MS
    tail_ms: float = _WINDOW_MS / 2  # a voice ends anywhere in its last window

    def __init__(self, tell: Callable[[list[float]], None]) -> None:
        """`tell` gets 0 or 1 per window."""
        self._tell = tell
        self._rest = b""

    def feed(self, pcm: bytes) -> None:
        """Take mono 16 kHz 16-bit PCM of any length. Raises ValueError for half a sample."""
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes hold half a 16-bit sample")
        heard = self._rest + pcm
        whole = len(heard) - len(heard) % _WINDOW_BYTES
        self._rest = heard[whole:]
        if judged := [self._judge(heard, start) for start in range(0, whole, _WINDOW_BYTES)]:
            self._tell(judged)

    def reset(self) -> None:
        """Forget the window that is not yet whole."""
        self._rest = b""

    @staticmethod
    def _judge(heard: bytes, start: int) -> float:
        samples = np.frombuffer(heard, dtype="<i2", count=_WINDOW_BYTES // 2, offset=start).astype(np.float64)
        return float(np.sqrt(samples.dot(samples) / len(samples)) > _LEVEL)
