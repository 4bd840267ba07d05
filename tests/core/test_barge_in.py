"""Barge-in: how long a voice must last to interrupt."""

import pytest

from tandem.core.barge_in import BargeInLimits, interrupts
from tandem.core.speech_gate import SpeechGate


@pytest.mark.parametrize(("voiced_ms", "enough"), [(0, False), (159.9, False), (160, True), (10_000, True)])
def test_a_voice_interrupts_from_the_limit_on(voiced_ms: float, enough: bool) -> None:
    assert interrupts(voiced_ms, BargeInLimits()) is enough


def test_the_limit_can_be_set() -> None:
    assert not interrupts(400, BargeInLimits(voiced_ms=500))
    assert interrupts(500, BargeInLimits(voiced_ms=500))


@pytest.mark.parametrize("windows", [2, 3, 4])
def test_a_noise_shorter_than_the_limit_never_interrupts(windows: int) -> None:
    gate = SpeechGate(window_ms=32)
    for probability in [0.9] * windows + [0.0] * 20:
        gate.feed([probability])
        assert not interrupts(gate.voiced_ms, BargeInLimits())


def test_a_voice_that_goes_on_interrupts_at_its_fifth_window() -> None:
    gate = SpeechGate(window_ms=32)
    told = []
    for _ in range(8):
        gate.feed([0.9])
        told.append(interrupts(gate.voiced_ms, BargeInLimits()))
    assert told == [False] * 4 + [True] * 4
