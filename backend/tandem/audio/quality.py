"""Judges a caller's microphone by its level, its noise and its clipping, and says in a sentence what to change."""

from collections import deque
from typing import NamedTuple

import numpy as np

from tandem.core.audio import AudioQuality

WINDOW_MS = 20
REMEMBERED = 3_000 // WINDOW_MS  # windows of each kind: 3 s of speech and 3 s of pauses
ENOUGH_SPEECH = 300 // WINDOW_MS
ENOUGH_PAUSE = 200 // WINDOW_MS
MEASURED_AT_ONCE = 2_000 // WINDOW_MS  # windows; each by itself, as it comes, would cost three times as much

# One step of 16-bit PCM: a live microphone has more noise than that, a muted one has digital zero or dither.
MUTED_BELOW_DBFS = -90.0
MUTED_BELOW_POWER = 10 ** (MUTED_BELOW_DBFS / 10)
FLOOR_DBFS = -120.0
FLOOR_POWER = 10 ** (FLOOR_DBFS / 10)

# Each pair is where the sound is hopeless (0) and where more of it changes nothing (1). Heard by the local recogniser,
# synthetic speech lost 2-8 % of its words without noise, 11 % at 20 dB and over a third at 10 dB of noise.
SNR_DB = (0.0, 25.0)
SPEECH_DBFS = (-60.0, -35.0)
CLIPPED_SHARE = (0.02, 0.0005)
WORTH_SAYING = 0.75

MUTED = "No sound arrives from your microphone: is it muted?"
TOO_QUIET = "Your microphone is too quiet: move closer or raise its level."
CLIPPING = "The sound is clipping: move back a little or lower your microphone's level."
NOISY = "There is a lot of background noise: find a quieter place or use a headset."


class Window(NamedTuple):
    """What is kept of WINDOW_MS of sound: its power around its own mean and its peak (full scale = 1), its clipping."""

    power: float
    peak: float
    clipped: float


class MicrophoneMeter:
    """One call's QualityMeter. What it keeps does not grow: 300 windows of a few numbers, and 2 s of PCM.

    Speech is judged by the windows fed with `speaking` true, noise by the others; while the assistant can be heard
    through the caller's loudspeaker, its echo counts as noise.
    """

    def __init__(self, sample_rate: int) -> None:
        """`sample_rate` in Hz is that of the PCM to come."""
        self._window_bytes = sample_rate * WINDOW_MS // 1000 * 2
        self._unmeasured = bytearray()
        self._spoken: list[bool] = []  # of each whole window in it
        self._speech: deque[Window] = deque(maxlen=REMEMBERED)
        self._pauses: deque[Window] = deque(maxlen=REMEMBERED)
        self._silent_windows = 0

    def feed(self, pcm: bytes, *, speaking: bool) -> None:
        """Take mono 16-bit little-endian PCM of any length. Raises ValueError for half a sample."""
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes hold half a 16-bit sample")
        self._unmeasured += pcm
        whole = len(self._unmeasured) // self._window_bytes
        while len(self._spoken) < whole:
            self._spoken.append(speaking)
        if whole >= MEASURED_AT_ONCE:
            self._measure()

    def _measure(self) -> None:
        whole = len(self._spoken) * self._window_bytes
        windows = _measured(bytes(self._unmeasured[:whole]), self._window_bytes // 2)
        for speaking, window in zip(self._spoken, windows, strict=True):
            (self._speech if speaking else self._pauses).append(window)
            silent = window.power < MUTED_BELOW_POWER
            self._silent_windows = self._silent_windows + 1 if silent else 0
        del self._unmeasured[:whole]
        self._spoken.clear()

    def read(self) -> AudioQuality | None:
        """Return the judgement of the last 3 s of speech and 3 s of pauses.

        None until 300 ms of speech were heard, unless 3 s of dead silence say enough. Once a caller was heard, silence
        says nothing any more: noise suppression may gate a live microphone to zero between words.
        """
        self._measure()
        if len(self._speech) < ENOUGH_SPEECH:
            muted = self._silent_windows >= REMEMBERED
            return AudioQuality(0.0, FLOOR_DBFS, FLOOR_DBFS, 0.0, 0, MUTED) if muted else None
        speech = np.array([window.power for window in self._speech])
        # The louder half: a detector that lets go late counts pauses as speech.
        level = float(speech[speech >= np.median(speech)].mean())
        noise = self._noise()
        snr_db = _decibels(level - noise) - _decibels(noise) if level > noise else 0.0
        peak_dbfs = _decibels(max(window.peak for window in self._speech) ** 2)
        clipping = sum(window.clipped for window in self._speech) / len(self._speech)
        return _judged(max(snr_db, 0.0), peak_dbfs, _decibels(level), clipping)

    def _noise(self) -> float:
        if len(self._pauses) >= ENOUGH_PAUSE:
            return float(np.median([window.power for window in self._pauses]))
        # No pause so far: between its words, speech lets the noise through.
        return float(np.percentile([window.power for window in self._speech], 10))


def _measured(pcm: bytes, count: int) -> list[Window]:
    """Measure windows of `count` samples."""
    samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, count)
    highest, lowest = samples.max(axis=1).astype(int), samples.min(axis=1).astype(int)
    sound = samples.astype(np.float64)
    means = sound.mean(axis=1)
    # Around the mean, so that a microphone's DC offset is taken neither for speech nor for noise.
    powers = np.maximum(np.einsum("ij,ij->i", sound, sound) / count - means * means, 0.0) / 32768**2
    peaks = np.maximum(highest, -lowest) / 32768
    clipped = np.zeros(len(samples))
    full = (highest == 32767) | (lowest == -32768)
    clipped[full] = np.mean((samples[full] == 32767) | (samples[full] == -32768), axis=1)
    return list(map(Window._make, zip(powers.tolist(), peaks.tolist(), clipped.tolist(), strict=True)))


def _judged(snr_db: float, peak_dbfs: float, rms_dbfs: float, clipping: float) -> AudioQuality:
    grades = {
        CLIPPING: _grade(clipping, CLIPPED_SHARE),
        TOO_QUIET: _grade(rms_dbfs, SPEECH_DBFS),
        NOISY: _grade(snr_db, SNR_DB),
    }
    worst = min(grades, key=lambda advice: grades[advice])
    advice = worst if grades[worst] < WORTH_SAYING else ""
    score = round(100 * grades[CLIPPING] * grades[TOO_QUIET] * grades[NOISY])
    return AudioQuality(snr_db, peak_dbfs, rms_dbfs, clipping, score, advice)


def _grade(value: float, between: tuple[float, float]) -> float:
    """Return 0-1 by where `value` lies on the way from `between[0]` to `between[1]`."""
    hopeless, fine = between
    return min(max((value - hopeless) / (fine - hopeless), 0.0), 1.0)


def _decibels(power: float) -> float:
    return 10 * float(np.log10(max(power, FLOOR_POWER)))
