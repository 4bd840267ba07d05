"""The joint of two voices: no click, no step in loudness, and not a bit changed where there is one voice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tandem.audio.joint import FADE_MS, SmoothJoint

RATE = 24_000


def tone(level: float, ms: int, hz: float = 200.0) -> bytes:
    """Return a tone with a peak of `level` (full scale 1), which begins at that peak: a click, where nothing fades."""
    samples = np.cos(2 * np.pi * hz * np.arange(RATE * ms // 1000) / RATE) * level * 32_767
    return bytes(samples.astype("<i2").tobytes())


def samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def level(pcm: bytes) -> float:
    return float(np.sqrt(np.square(samples(pcm)).mean()))


def joined(first: bytes, second: bytes, size: int = 2 * RATE // 50) -> tuple[bytes, bytes]:
    """Return what becomes of two voices' audio, fed in pieces of `size` bytes."""
    joint, out = SmoothJoint(RATE), []
    for voice, pcm in (("a", first), ("b", second)):
        joint.begin(voice, joined=voice == "b")
        out.append(b"".join(joint.feed(pcm[at : at + size]) for at in range(0, len(pcm), size)))
    return out[0], out[1]


@given(st.lists(st.binary(max_size=400).map(lambda data: data[: len(data) // 2 * 2]), max_size=20))
def test_one_voice_passes_as_it_is(pieces: list[bytes]) -> None:
    joint = SmoothJoint(RATE)
    for phrase in (pieces, pieces):
        joint.begin("a", joined=False)
        assert [joint.feed(piece) for piece in phrase] == pieces


@pytest.mark.parametrize("cut_ms", [100.0, 101.25, 102.5, 104.0])
@pytest.mark.parametrize("size", [2, 96, 960, 48_000])
def test_a_change_of_voice_makes_no_click(cut_ms: float, size: int) -> None:
    first = tone(0.5, 400)[: 2 * int(cut_ms * RATE / 1000)]
    before, after = joined(first, tone(0.5, 400, 310), size)
    assert before == first
    steepest = np.abs(np.diff(samples(tone(0.5, 400, 310)))).max()
    assert np.abs(np.diff(samples(before + after))).max() <= 1.5 * steepest


def test_nothing_is_held_back_and_nothing_added() -> None:
    joint = SmoothJoint(RATE)
    joint.begin("a", joined=False)
    joint.feed(tone(0.5, 100))
    joint.begin("b", joined=True)
    assert [len(joint.feed(tone(0.2, ms))) for ms in (1, 20, 500)] == [len(tone(0.2, ms)) for ms in (1, 20, 500)]
    assert joint.feed(b"") == b""


@pytest.mark.parametrize(("quiet", "loud"), [(0.05, 0.1), (0.1, 0.05), (0.02, 0.07)])
def test_the_second_voice_is_as_loud_as_the_first(quiet: float, loud: float) -> None:
    _, after = joined(tone(quiet, 600), tone(loud, 1_000))
    assert level(after[len(after) // 5 :]) == pytest.approx(level(tone(quiet, 600)), rel=0.02)


def test_a_gain_is_12_db_at_most() -> None:
    for first, second in ((0.5, 0.01), (0.01, 0.5)):
        _, after = joined(tone(first, 600), tone(second, 1_000))
        change_db = 20 * np.log10(level(after[len(after) // 5 :]) / level(tone(second, 1_000)))
        assert abs(change_db) == pytest.approx(12, abs=0.1)


def test_nothing_is_clipped_where_a_voice_with_peaks_is_raised() -> None:
    soft, peak = tone(0.1, 500), tone(0.9, 20)
    _, after = joined(tone(0.5, 600), soft + peak + soft)
    assert np.abs(samples(after)).max() <= 32_767
    assert np.count_nonzero(np.abs(samples(after)) >= 32_767) <= 10  # the peaks themselves, no plateaus


def test_a_pause_says_nothing_of_how_loud_a_voice_is() -> None:
    pause = bytes(2 * RATE)
    _, after = joined(tone(0.1, 600) + pause, pause + tone(0.2, 1_000))
    assert level(after[-RATE:]) == pytest.approx(level(tone(0.1, 600)), rel=0.02)


def test_the_gain_is_kept_through_the_turn_and_the_next_turn_begins_afresh() -> None:
    joint, loud = SmoothJoint(RATE), tone(0.4, 1_000)
    joint.begin("a", joined=False)
    joint.feed(tone(0.1, 600))
    joint.begin("b", joined=True)
    joint.feed(loud)
    joint.begin("b", joined=False)
    assert level(joint.feed(loud)) == pytest.approx(level(tone(0.1, 600)), rel=0.02)
    joint.begin("a", joined=False)
    assert joint.feed(tone(0.1, 100)) == tone(0.1, 100)
    joint.new_turn()
    joint.begin("b", joined=False)
    assert joint.feed(loud) == loud


def test_the_fade_is_over_after_12_ms() -> None:
    _, after = joined(tone(0.2, 600), tone(0.2, 600))
    fade = 2 * RATE * FADE_MS // 1000
    assert samples(after[fade:]) == pytest.approx(samples(tone(0.2, 600)[fade:]), abs=2)
