"""Audio values: lengths and positions in ms."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import AudioFrame, duration_ms, faint_tail_bytes, is_faint

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])


@pytest.mark.parametrize(
    ("byte_count", "rate", "ms"), [(0, 16_000, 0), (32_000, 16_000, 1000), (640, 16_000, 20), (320, 8_000, 20)]
)
def test_the_length_of_pcm_in_ms(byte_count: int, rate: int, ms: float) -> None:
    assert duration_ms(byte_count, rate) == ms


@given(st.integers(0, 10**6), st.integers(0, 10**6), RATES)
def test_lengths_add_up(first: int, second: int, rate: int) -> None:
    whole = duration_ms((first + second) * 2, rate)
    assert duration_ms(first * 2, rate) + duration_ms(second * 2, rate) == pytest.approx(whole)


@given(st.integers(0, 5_000), RATES, st.floats(0, 1e7))
def test_a_frame_ends_where_its_last_sample_does(samples: int, rate: int, start_ms: float) -> None:
    frame = AudioFrame(bytes(samples * 2), rate, start_ms)
    assert frame.end_ms - frame.start_ms == pytest.approx(frame.duration_ms, abs=1e-6)
    assert frame.duration_ms == pytest.approx(samples * 1000 / rate)


@given(st.lists(st.integers(-32_768, 32_767), max_size=50))
def test_audio_is_faint_while_no_sample_leaves_the_lowest_eight_bits(samples: list[int]) -> None:
    assert is_faint(struct.pack(f"<{len(samples)}h", *samples)) == all(-256 <= sample <= 255 for sample in samples)


@given(st.lists(st.integers(-32_768, 32_767), max_size=20), st.lists(st.integers(-256, 255), max_size=20))
def test_the_faint_tail_begins_behind_the_last_loud_sample(before: list[int], tail: list[int]) -> None:
    pcm = struct.pack(f"<{len(before) + 1 + len(tail)}h", *before, 256, *tail)
    assert faint_tail_bytes(pcm) == 2 * len(tail)
    assert faint_tail_bytes(pcm[len(pcm) - 2 * len(tail) :]) == 2 * len(tail)
