"""What speech sounds like, whoever speaks: the shape of its spectrum from moment to moment, and its pauses."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HOP_MS = 10
_WINDOW_MS = 25
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 24, 100.0, 3_800.0  # a telephone's voice has that much too
_CEPSTRA = 13
_SILENCE = 100.0  # power in a band that counts as none: keeps the logarithm of digital silence in reach
_VOICED_DB = 35.0  # below the loudest frame
_FAR = 4.0  # standard deviations; beyond them nothing differs more
# Loudness is what two voices share most of. Tried with flite and espeak from 0.5 to 6: the places found grew better.
_LOUDNESS_WEIGHT = 6.0
_CHANGE_WEIGHT = 0.5

_STEP_MS = 5
_GAP_STEPS = 4  # 20 ms
_QUIET_DB = 30.0  # below the loudest step
_QUIET = (32_768 * 10 ** (-60 / 20)) ** 2  # power that is always quiet

_Floats = NDArray[np.float64]


def cepstra(pcm: bytes, rate: int) -> tuple[_Floats, _Floats]:
    """Return what the spectrum is like every HOP_MS of mono 16-bit PCM at `rate` Hz, (frames, 13), and its dB."""
    frames = _frames(pcm, rate)
    spectra = np.square(np.abs(np.fft.rfft(frames, axis=1))) / frames.shape[1]
    shapes: _Floats = np.log(spectra @ _filters(frames.shape[1], rate) + _SILENCE) @ _cosines()
    return shapes, 10 * np.log10(spectra.sum(axis=1) + 1)


def normal(shapes: _Floats, power_db: _Floats, known: int) -> _Floats:
    """Return (frames, 26): cepstra set off against the mean and the spread of the first `known`, and how they change.

    So two voices are alike, if those first ones are the same words.
    """
    voiced = shapes[:known][power_db[:known] >= power_db[:known].max() - _VOICED_DB]
    alike = np.clip((shapes - voiced.mean(axis=0)) / (voiced.std(axis=0) + 1e-3), -_FAR, _FAR)
    alike[:, 0] *= _LOUDNESS_WEIGHT
    change = np.zeros_like(alike)
    change[2:-2] = alike[4:] - alike[:-4] + (alike[3:-1] - alike[1:-3]) / 2
    return np.concatenate([alike, _CHANGE_WEIGHT * change], axis=1)


def gaps(pcm: bytes, rate: int) -> list[tuple[float, float]]:
    """Return (start_ms, end_ms) of each pause of at least 20 ms in mono 16-bit PCM."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    size = rate * _STEP_MS // 1000
    whole = len(samples) // size * size
    if not whole:
        return []
    power = np.square(samples[:whole]).reshape(-1, size).mean(axis=1)
    quiet = power <= max(_QUIET, float(power.max()) * 10 ** (-_QUIET_DB / 10))
    edges = np.flatnonzero(np.diff(np.r_[False, quiet, False]))
    step_ms = size / rate * 1000
    return [
        (float(start * step_ms), float(end * step_ms))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start >= _GAP_STEPS
    ]


def _frames(pcm: bytes, rate: int) -> _Floats:
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    size, hop = rate * _WINDOW_MS // 1000, rate * HOP_MS / 1000
    count = max(1, round(len(samples) / hop))
    starts = np.round(np.arange(count) * hop + hop / 2 + size / 2).astype(int)
    frames: _Floats = np.pad(samples, size)[starts[:, None] + np.arange(size)] * np.hanning(size)
    return frames


@lru_cache(maxsize=16)
def _filters(size: int, rate: int) -> _Floats:
    lowest, highest = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    edges = np.linspace(lowest, highest, _BANDS + 2)
    places = _mel(np.fft.rfftfreq(size, 1 / rate).astype(np.float64))[:, None]
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    filters: _Floats = np.clip(np.minimum(rising, falling), 0, None)
    return filters


def _mel(hz: _Floats) -> _Floats:
    mel: _Floats = 2_595 * np.log10(1 + hz / 700)
    return mel


@lru_cache(maxsize=1)
def _cosines() -> _Floats:
    bands = np.arange(_BANDS)[:, None] + 0.5
    cosines: _Floats = np.cos(np.pi / _BANDS * bands * np.arange(_CEPSTRA)) * np.sqrt(2 / _BANDS)
    return cosines
