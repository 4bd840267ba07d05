"""Mu-law and A-law against G.711's arithmetic, over every code and every sample there is."""

import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from tandem.audio.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2").tobytes()


def ulaw_code(sample: int) -> int:
    """Mu-law of one 16-bit sample, step by step on 14 bits."""
    sample >>= 2
    magnitude = min(abs(sample) + 33, 8191)
    segment = max(magnitude.bit_length() - 6, 0)
    code = segment * 16 + (magnitude >> (segment + 1)) % 16
    return (0x7F if sample < 0 else 0xFF) - code


def alaw_code(sample: int) -> int:
    """A-law of one 16-bit sample, step by step on 13 bits."""
    sample >>= 3
    magnitude = ~sample if sample < 0 else sample
    segment = max(magnitude.bit_length() - 5, 0)
    code = segment * 16 + (magnitude >> max(segment, 1)) % 16
    return (code if sample < 0 else code + 128) ^ 0x55


def ulaw_value(code: int) -> int:
    """The middle of a mu-law code's step, as a 16-bit sample."""
    negative, segment, step = (255 - code) // 128, (255 - code) // 16 % 8, (255 - code) % 16
    magnitude = 4 * (((33 + 2 * step) << segment) - 33)
    return -magnitude if negative else magnitude


def alaw_value(code: int) -> int:
    """The middle of an A-law code's step, as a 16-bit sample."""
    code ^= 0x55
    positive, segment, step = code // 128, code // 16 % 8, code % 16
    magnitude = 8 * (2 * step + 1) if segment == 0 else 8 * (2 * step + 33) << (segment - 1)
    return magnitude if positive else -magnitude


@pytest.mark.parametrize(("encode", "code"), [(encode_ulaw, ulaw_code), (encode_alaw, alaw_code)])
def test_every_sample_gets_the_code_of_the_standard(
    encode: Callable[[bytes], bytes], code: Callable[[int], int]
) -> None:
    assert encode(EVERY_SAMPLE) == bytes(code(sample) for sample in range(-32768, 32768))


@pytest.mark.parametrize(("decode", "value"), [(decode_ulaw, ulaw_value), (decode_alaw, alaw_value)])
def test_every_code_gets_the_sample_of_the_standard(
    decode: Callable[[bytes], bytes], value: Callable[[int], int]
) -> None:
    assert np.frombuffer(decode(EVERY_CODE), "<i2").tolist() == [value(code) for code in range(256)]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="audioop left the standard library")
def test_both_laws_agree_with_the_standard_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop

    assert encode_ulaw(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert encode_alaw(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    assert decode_ulaw(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert decode_alaw(EVERY_CODE) == audioop.alaw2lin(EVERY_CODE, 2)


def test_a_code_survives_the_way_to_pcm_and_back() -> None:
    assert encode_alaw(decode_alaw(EVERY_CODE)) == EVERY_CODE
    # Mu-law has two zeros; the negative one comes back as the positive.
    assert encode_ulaw(decode_ulaw(EVERY_CODE)) == EVERY_CODE.replace(b"\x7f", b"\xff")


@pytest.mark.parametrize(("encode", "decode"), [(encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)])
def test_a_tone_keeps_the_quality_of_a_telephone_line(
    encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]
) -> None:
    tone = (10_000 * np.sin(2 * np.pi * 1004 / 8000 * np.arange(8000))).astype("<i2")
    heard = np.frombuffer(decode(encode(tone.tobytes())), "<i2").astype(float)
    assert 10 * np.log10(np.mean(tone.astype(float) ** 2) / np.mean((heard - tone) ** 2)) > 36


@pytest.mark.parametrize("encode", [encode_ulaw, encode_alaw])
def test_half_a_sample_is_refused(encode: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="multiple of element size"):
        encode(b"\x00\x00\x00")


@pytest.mark.parametrize("convert", [encode_ulaw, encode_alaw, decode_ulaw, decode_alaw])
def test_nothing_becomes_nothing(convert: Callable[[bytes], bytes]) -> None:
    assert convert(b"") == b""
