"""What an attempt and its successor come to, as the observers are told."""

from typing import Any

from tandem.core.errors import Fault, ProviderError
from tandem.core.events import AttemptFailed, AttemptSucceeded, FailedOver, Resumed
from tandem.core.ports import Slot
from tandem.slots.attempt import Attempt


def success(slot: Slot, winner: Attempt[Any, Any]) -> AttemptSucceeded:
    return AttemptSucceeded(slot, winner.name, winner.first_output_ms or 0.0)


def failure(slot: Slot, attempt: Attempt[Any, Any], error: ProviderError) -> AttemptFailed:
    return AttemptFailed(slot, attempt.name, error.fault, error.detail, attempt.answered)


def switch(slot: Slot, failed: Attempt[Any, Any], attempt: Attempt[Any, Any], fault: Fault) -> FailedOver:
    gap_ms = attempt.began - failed.latest
    return FailedOver(slot, failed.name, attempt.name, fault, failed.answered, gap_ms=gap_ms)


def resumption(slot: Slot, failed: Attempt[Any, Any], winner: Attempt[Any, Any]) -> Resumed:
    gap_ms = winner.began + (winner.first_output_ms or 0.0) - failed.latest
    return Resumed(slot, winner.name, gap_ms)
