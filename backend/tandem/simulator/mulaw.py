"""G.711 mu-law (ITU-T Rec. G.711, table 2a): one byte a sample, to and from 16-bit samples."""

import numpy as np
import numpy.typing as npt

_BIAS, _LOUDEST = 132, 32_635


def encoded(pcm: bytes) -> bytes:
    """Return s16le samples as mu-law."""
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    loud = np.minimum(np.abs(samples), _LOUDEST) + _BIAS
    exponent = np.floor(np.log2(loud)).astype(np.int32) - 7
    mantissa = (loud >> (exponent + 3)) & 15
    code = np.where(samples < 0, 128, 0) | (exponent << 4) | mantissa
    return bytes((code ^ 255).astype(np.uint8))


def decoded(data: bytes) -> bytes:
    """Return mu-law as s16le samples."""
    return _SAMPLES[np.frombuffer(data, np.uint8)].tobytes()


def _samples() -> npt.NDArray[np.int16]:
    code = np.arange(256) ^ 255
    loud = (((code & 15) << 3) + _BIAS << (code >> 4 & 7)) - _BIAS
    return np.where(code & 128, -loud, loud).astype("<i2")


_SAMPLES = _samples()
