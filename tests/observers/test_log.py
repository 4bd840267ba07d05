"""The log: what happened, a line each."""

import logging

import pytest

from tandem.core.breaker import Reason, State
from tandem.core.errors import Fault
from tandem.core.events import AttemptFailed, BreakerChanged, CallStarted
from tandem.core.ports import Slot
from tandem.observers.log import log_event


def test_trouble_is_a_warning_with_its_figures(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tandem"):
        log_event(AttemptFailed(Slot.TTS, "flite", Fault.CUT, "the engine process ended", after_output=True))
        log_event(CallStarted("abc"))
    assert caplog.messages == [
        "AttemptFailed slot=tts provider=flite fault=cut detail=the engine process ended after_output=True"
    ]


def test_a_key_that_is_refused_is_an_error_that_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tandem"):
        log_event(BreakerChanged(Slot.STT, "deepgram", State.OPEN, Reason.PERMANENT, 300_000))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    for part in ("deepgram", "key", "account", "restart", "/providers/stt/deepgram/breaker"):
        assert part in record.message


@pytest.mark.parametrize(
    ("state", "reason", "level"),
    [
        (State.OPEN, Reason.FAILURES, logging.WARNING),
        (State.OPEN, Reason.OPERATOR, logging.WARNING),
        (State.HALF_OPEN, Reason.COOLED_DOWN, logging.INFO),
        (State.CLOSED, Reason.RECOVERED, logging.INFO),
    ],
)
def test_a_provider_that_is_left_alone_is_a_warning_and_its_return_is_information(
    caplog: pytest.LogCaptureFixture, state: State, reason: Reason, level: int
) -> None:
    with caplog.at_level(logging.INFO, "tandem"):
        log_event(BreakerChanged(Slot.STT, "deepgram", state, reason, 5_000))
    assert [record.levelno for record in caplog.records] == [level]


def test_everything_else_is_information(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tandem"):
        log_event(CallStarted("abc"))
    assert caplog.messages == ["CallStarted session_id=abc"]
