"""The log: what happened, a line each."""

import logging

import pytest

from tandem.core.errors import Fault
from tandem.core.events import AttemptFailed, CallStarted
from tandem.core.ports import Slot
from tandem.observers.log import log_event


def test_trouble_is_a_warning_with_its_figures(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tandem"):
        log_event(AttemptFailed(Slot.TTS, "flite", Fault.CUT, "the engine process ended", after_output=True))
        log_event(CallStarted("abc"))
    assert caplog.messages == [
        "AttemptFailed slot=tts provider=flite fault=cut detail=the engine process ended after_output=True"
    ]


def test_everything_else_is_information(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tandem"):
        log_event(CallStarted("abc"))
    assert caplog.messages == ["CallStarted session_id=abc"]
