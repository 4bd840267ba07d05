"""Telephone audio: mu-law and A-law bytes to and from 16-bit PCM, by the tables of ITU-T G.711 (11/1988).

Each law cuts a sample into sign, segment (3 bits) and step within it (4 bits); a segment's steps are twice as wide as
those of the segment below. Mu-law works on 14 bits (table 2 of G.711), A-law on 13 (table 1). Where a sample lies
between two steps, these tables choose as Sun's g711.c does, and with it Python's audioop and most telephone software.
"""

import numpy as np
from numpy.typing import NDArray

# Keeps the logarithm defined at zero: mu-law's first segment then begins at 33, and each next one at twice that.
ULAW_BIAS = 33
ULAW_LARGEST = (1 << 13) - 1 - ULAW_BIAS  # the last that the eighth segment holds


def _segment(magnitude: NDArray[np.int32], lowest_bits: int) -> NDArray[np.int32]:
    """Return which of the 8 segments each magnitude lies in; the lowest is what fits in `lowest_bits` bits."""
    ends = (1 << np.arange(lowest_bits, lowest_bits + 7, dtype=np.int32)) - 1
    segment: NDArray[np.int32] = np.searchsorted(ends, magnitude).astype(np.int32)
    return segment


def _ulaw_encode_table() -> NDArray[np.uint8]:
    sample = np.arange(65_536).astype(np.int16).astype(np.int32) >> 2
    magnitude: NDArray[np.int32] = np.minimum(np.abs(sample), ULAW_LARGEST) + ULAW_BIAS
    segment = _segment(magnitude, 6)
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    # Every bit is sent inverted, so that a quiet line carries many ones (G.711, table 2).
    return (code ^ np.where(sample < 0, 0x7F, 0xFF)).astype(np.uint8)


def _ulaw_decode_table() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0xFF
    segment = (code >> 4) & 0x07
    magnitude = (((code & 0x0F) * 2 + ULAW_BIAS) << segment) - ULAW_BIAS
    return (np.where(code & 0x80, -magnitude, magnitude) * 4).astype("<i2")


def _alaw_encode_table() -> NDArray[np.uint8]:
    sample = np.arange(65_536).astype(np.int16).astype(np.int32) >> 3
    magnitude = np.where(sample < 0, -sample - 1, sample)
    segment = _segment(magnitude, 5)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0x0F)
    # Every other bit is sent inverted (G.711, table 1); a set sign bit means positive.
    return (code ^ np.where(sample < 0, 0x55, 0xD5)).astype(np.uint8)


def _alaw_decode_table() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code >> 4) & 0x07
    within = (code & 0x0F) * 2 + 1
    magnitude = np.where(segment == 0, within, (within + 32) << (np.maximum(segment, 1) - 1))
    return (np.where(code & 0x80, magnitude, -magnitude) * 8).astype("<i2")


_ULAW_ENCODE = _ulaw_encode_table()
_ULAW_DECODE = _ulaw_decode_table()
_ALAW_ENCODE = _alaw_encode_table()
_ALAW_DECODE = _alaw_decode_table()


def encode_ulaw(pcm: bytes) -> bytes:
    """Return a mu-law byte per sample of 16-bit little-endian PCM. Raises ValueError for half a sample."""
    return _ULAW_ENCODE.take(np.frombuffer(pcm, dtype="<u2")).tobytes()


def decode_ulaw(codes: bytes) -> bytes:
    """Return 16-bit little-endian PCM, a sample per mu-law byte."""
    return _ULAW_DECODE.take(np.frombuffer(codes, dtype=np.uint8)).tobytes()


def encode_alaw(pcm: bytes) -> bytes:
    """Return an A-law byte per sample of 16-bit little-endian PCM. Raises ValueError for half a sample."""
    return _ALAW_ENCODE.take(np.frombuffer(pcm, dtype="<u2")).tobytes()


def decode_alaw(codes: bytes) -> bytes:
    """Return 16-bit little-endian PCM, a sample per A-law byte."""
    return _ALAW_DECODE.take(np.frombuffer(codes, dtype=np.uint8)).tobytes()
