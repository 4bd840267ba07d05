"""What a caller may send and how fast."""

import pytest

from tandem.core.errors import CallerError
from tandem.transports.native.limits import Allowance

SECOND = 32_000  # bytes of audio at 16 kHz


def test_audio_may_run_ten_seconds_ahead_of_real_time_and_no_further() -> None:
    allowance = Allowance(16_000, 0)
    for _ in range(11):
        allowance.audio(SECOND, 0)
    with pytest.raises(CallerError, match="rate") as caught:
        allowance.audio(SECOND, 0)
    assert caught.value.code == "audio_too_fast"
    allowance.audio(SECOND, 2000)


def test_silence_gives_no_credit_for_later() -> None:
    allowance = Allowance(16_000, 0)
    for _ in range(11):
        allowance.audio(SECOND, 60_000)
    with pytest.raises(CallerError):
        allowance.audio(SECOND, 60_000)


def test_audio_in_real_time_is_never_refused() -> None:
    allowance = Allowance(48_000, 0)
    for frame in range(10_000):
        allowance.audio(1920, frame * 20)


def test_audio_at_three_times_the_negotiated_rate_is_refused_within_six_seconds() -> None:
    allowance = Allowance(16_000, 0)
    with pytest.raises(CallerError):
        for frame in range(6 * 50):
            allowance.audio(1920, frame * 20)


def test_twenty_control_messages_a_second_are_enough() -> None:
    allowance = Allowance(16_000, 0)
    for _ in range(20):
        allowance.control(0)
    with pytest.raises(CallerError) as caught:
        allowance.control(0)
    assert caught.value.close_code == 4429
    allowance.control(60)


def test_bad_messages_are_forgiven_with_time_but_not_for_ever() -> None:
    allowance = Allowance(16_000, 0)
    assert not any(allowance.strike(second * 1000) for second in range(1000))
    assert any(allowance.strike(1_000_000) for _ in range(60))
