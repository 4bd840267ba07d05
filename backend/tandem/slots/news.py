"""What the attempts of one request come to, as the observers are told."""

from typing import Any

from tandem.core.errors import Fault, ProviderError
from tandem.core.events import AttemptFailed, AttemptSucceeded, FailedOver, FailoverEnded, FailoverOutcome, Hedged
from tandem.core.ports import Notify, Slot
from tandem.slots.attempt import Attempt


class Announcer:
    """Tells the news of one request; each failover ends with one outcome."""

    def __init__(self, slot: Slot, notify: Notify) -> None:
        self._slot = slot
        self._notify = notify
        self._begun: FailedOver | None = None
        self._stopped = 0.0  # when the last output came, or the request began

    def failed(self, attempt: Attempt[Any, Any], error: ProviderError) -> None:
        self._notify(AttemptFailed(self._slot, attempt.name, error.fault, error.detail, attempt.answered))

    def succeeded(self, winner: Attempt[Any, Any]) -> None:
        first_output_ms = winner.first_output_ms or 0.0
        self._notify(AttemptSucceeded(self._slot, winner.name, first_output_ms))
        self._end(FailoverOutcome.SERVED, winner.began + first_output_ms)

    def hedged(self, late: Attempt[Any, Any], rival: Attempt[Any, Any], *, won: bool) -> None:
        self._notify(Hedged(self._slot, late.name, rival.name, won=won))

    def switched(self, failed: Attempt[Any, Any], successor: Attempt[Any, Any], fault: Fault, now: float) -> None:
        """The request has gone on to `successor`; times are of the clock, in ms."""
        if self._begun is None:
            self._stopped = failed.latest
        self._end(FailoverOutcome.FAILED, now)
        gap_ms = successor.began - failed.latest
        self._begun = FailedOver(self._slot, failed.name, successor.name, fault, failed.answered, gap_ms=gap_ms)
        self._notify(self._begun)

    def spent(self, now: float) -> None:
        """Nobody is left."""
        self._end(FailoverOutcome.FAILED, now)

    def closed(self, now: float, *, whole: bool) -> None:
        """The request is over: nothing is missing of a `whole` one."""
        self._end(FailoverOutcome.SERVED if whole else FailoverOutcome.ABANDONED, now)

    def _end(self, outcome: FailoverOutcome, now: float) -> None:
        if self._begun:
            self._notify(FailoverEnded(self._begun, outcome, now - self._stopped))
            self._begun = None
