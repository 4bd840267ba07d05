"""Joins voices that follow each other: no click where one goes on for another, and both equally loud."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

FADE_MS = 12  # long enough for no click, too short for a sound of its own
GAIN_LIMIT = 10 ** (12 / 20)  # 12 dB either way; beyond it, it is the measuring that went wrong
_RAMP_MS = 5  # for a gain that changes while its voice speaks
_WINDOW_MS = 20
_REMEMBERED = 500  # windows: 10 s
_UNMEASURED_MS = 1_000  # measured together they cost less, and most of them nobody asks for
_FLOOR = (32_768 * 10 ** (-60 / 20)) ** 2  # power of what is no voice, however faint the voice is
_BELOW_LOUDEST = 10 ** (-20 / 10)  # power of what is a pause, or the breath in it, beside the loudest window
_LEAST_WINDOWS = 3  # 60 ms of voice: with less there is nothing to go by
# With 400 ms of voice the gain is settled: two or three words. Measured with flite and espeak, the level of so much
# differs from that of the whole phrase by 1.1 dB (median; 90 %: 2.3 dB).
_SETTLED_WINDOWS = 20
_HIGHEST = 32_767.0

_Samples = NDArray[np.float32]


class SmoothJoint:
    """A VoiceJoint. What a turn's first voice says in it goes through untouched.

    A gain is chosen from the first voiced audio of a voice, and follows what more is heard until that is 400 ms; then
    it stays. Nothing is held back for it.
    """

    def __init__(self, rate: int) -> None:
        """`rate` in Hz is that of all PCM to come."""
        self._rate = rate
        fade = np.arange(1, rate * FADE_MS // 1000 + 1, dtype=np.float32) / (rate * FADE_MS // 1000 + 1)
        self._rising = np.sin(np.pi / 2 * fade).astype(np.float32) ** 2
        self.new_turn()

    def new_turn(self) -> None:
        """Forget all voices: the next one is the measure of the others."""
        self._levels: dict[str, _Level] = {}
        self._reference = self._voice = ""
        self._gain = 1.0
        self._settled = True
        self._latest = b""  # the end of what was returned, as long as a fade
        self._fading = 0  # samples for which the fade still lasts

    def begin(self, voice: str, *, joined: bool) -> None:
        """What follows is said by `voice`; `joined`: in the middle of a phrase that another one began."""
        if voice not in self._levels:
            self._levels[voice] = _Level(self._rate)
        self._reference = self._reference or voice
        if voice != self._voice:
            self._voice, self._gain, self._settled = voice, 1.0, voice == self._reference
            self._follow()
        self._fading = len(self._rising) if joined else 0
        if not joined:
            self._latest = b""

    def feed(self, pcm: bytes) -> bytes:
        """Take mono 16-bit PCM of the voice; return as much, joined to what was returned before."""
        if not pcm:
            return b""
        self._levels[self._voice].feed(pcm)
        if self._gain != 1.0 or not self._settled or self._fading:
            pcm = self._joined(_samples(pcm))
        if not self._fading:  # or else it is still needed
            self._latest = (self._latest + pcm)[-2 * len(self._rising) :]
        return pcm

    def _joined(self, samples: _Samples) -> bytes:
        before = self._gain
        self._follow()
        self._gain = min(self._gain, _HIGHEST / max(1.0, float(np.abs(samples).max())))
        sound = self._mixed(samples * self._gains(before, samples))
        joined: bytes = np.clip(np.rint(sound), -32_768, _HIGHEST).astype("<i2").tobytes()
        return joined

    def _follow(self) -> None:
        """Choose the gain anew, as long as it is not settled."""
        if self._settled:
            return
        windows, power = self._levels[self._voice].read()
        reference_windows, reference_power = self._levels[self._reference].read()
        self._settled = windows >= _SETTLED_WINDOWS
        if min(windows, reference_windows) >= _LEAST_WINDOWS:
            self._gain = float(np.clip(np.sqrt(reference_power / power), 1 / GAIN_LIMIT, GAIN_LIMIT))

    def _gains(self, before: float, samples: _Samples) -> _Samples:
        gains = np.full(len(samples), self._gain, np.float32)
        if before != self._gain and self._fading < len(self._rising):
            too_loud = np.flatnonzero(np.abs(samples) * before > _HIGHEST)
            ramp = min(len(samples), self._rate * _RAMP_MS // 1000, *too_loud[:1].tolist())
            gains[:ramp] = np.linspace(before, self._gain, ramp, dtype=np.float32)
        return gains

    def _mixed(self, sound: _Samples) -> _Samples:
        """Fade in, over the fading end of what came before.

        What the voice before would have said next is not known: its last moments, backwards, go on from it smoothly.
        """
        count = min(self._fading, len(sound))
        if count:
            done = len(self._rising) - self._fading
            rising = self._rising[done : done + count]
            sound[:count] *= rising
            echo = _samples(self._latest)[::-1][done : done + count]
            sound[: len(echo)] += echo * (1 - rising[: len(echo)])
            self._fading -= count
        return sound


def _samples(pcm: bytes) -> _Samples:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32)


class _Level:
    """How loud a voice is, pauses aside."""

    def __init__(self, rate: int) -> None:
        self._window = 2 * (rate * _WINDOW_MS // 1000)
        self._most = rate * _UNMEASURED_MS // 1000 * 2
        self._unmeasured = bytearray()
        self._powers: deque[float] = deque(maxlen=_REMEMBERED)

    def feed(self, pcm: bytes) -> None:
        self._unmeasured += pcm
        if len(self._unmeasured) >= self._most:
            self._measure()

    def _measure(self) -> None:
        whole = len(self._unmeasured) // self._window * self._window
        heard = _samples(bytes(self._unmeasured[:whole]))
        del self._unmeasured[:whole]
        self._powers.extend(np.square(heard).reshape(-1, self._window // 2).mean(axis=1).tolist())

    def read(self) -> tuple[int, float]:
        """Return how many windows have voice in them, and their mean power."""
        self._measure()
        if not self._powers:
            return 0, 0.0
        powers = np.array(self._powers)
        voiced = powers[powers > max(_FLOOR, float(powers.max()) * _BELOW_LOUDEST)]
        return len(voiced), float(voiced.mean()) if len(voiced) else 0.0
