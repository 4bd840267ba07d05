"""Changes the sample rate of live PCM streams, with soxr."""

import numpy as np
import soxr
from numpy.typing import NDArray

from tandem.core.audio import HIGHEST_RATE, LOWEST_RATE
from tandem.core.ports import Resampler


class SoxrResampler:
    """A Resampler that lags by a steady 10-30 ms; the same bytes come out however the stream was cut into pieces."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        # soxr's usual engine filters in blocks: in 20 ms frames from 8 to 16 kHz (or back) it holds audio for up to
        # 61 ms and releases it in bursts (20 ms between 16 and 48 kHz), and it dulls the top quarter of the band.
        # The engine behind `vr` holds 30 ms (15 ms back, 12-15 ms between 16 and 48 kHz), always, and is flat to 90 %.
        self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="LQ", vr=True)

    def feed(self, pcm: bytes) -> bytes:
        """Take mono 16-bit PCM of any length; return what is ready. Raises ValueError for half a sample."""
        return self._resampled(_samples(pcm), last=False)

    def flush(self) -> bytes:
        """Return what is held back; the next feed begins a new stream."""
        tail = self._resampled(_samples(b""), last=True)
        self._stream.clear()
        return tail

    def _resampled(self, samples: NDArray[np.int16], *, last: bool) -> bytes:
        # Through floats, because soxr's own 16-bit output adds dither: silence would no longer be silent.
        sound = self._stream.resample_chunk(samples.astype(np.float32), last=last)
        pcm: bytes = np.clip(np.rint(sound), -32768, 32767).astype("<i2").tobytes()
        return pcm


class PassThrough:
    """The Resampler between equal rates."""

    def feed(self, pcm: bytes) -> bytes:
        """Return `pcm`. Raises ValueError for half a sample."""
        _check(pcm)
        return pcm

    def flush(self) -> bytes:
        """Return nothing: nothing is held back."""
        return b""


def make_resampler(from_rate: int, to_rate: int) -> Resampler:
    """Return a resampler for one stream. Raises ValueError for a rate (Hz) outside LOWEST_RATE-HIGHEST_RATE."""
    for rate in (from_rate, to_rate):
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise ValueError(f"{rate} Hz is outside {LOWEST_RATE}-{HIGHEST_RATE} Hz")
    return PassThrough() if from_rate == to_rate else SoxrResampler(from_rate, to_rate)


def _check(pcm: bytes) -> None:
    if len(pcm) % 2:
        raise ValueError(f"{len(pcm)} bytes hold half a 16-bit sample")


def _samples(pcm: bytes) -> NDArray[np.int16]:
    _check(pcm)
    return np.frombuffer(pcm, dtype="<i2")
