"""Writes what happened to the log: one line an event, with names and figures, without spoken words or keys."""

import logging
from dataclasses import fields, is_dataclass

from tandem.core.breaker import Reason, State
from tandem.core.events import AttemptFailed, BreakerChanged, FailedOver, SlotSpent

_LOG = logging.getLogger("tandem")


def log_event(event: object) -> None:
    """Log one event of core/events.py: what only a person can mend is an error, other trouble a warning."""
    level = _level_of(event)
    if not _LOG.isEnabledFor(level):
        return
    figures = (
        " ".join(f"{field.name}={getattr(event, field.name)}" for field in fields(event)) if is_dataclass(event) else ""
    )
    _LOG.log(level, "%s %s%s", type(event).__name__, figures, _advice_on(event))


def _level_of(event: object) -> int:
    match event:
        case BreakerChanged(reason=Reason.PERMANENT):
            return logging.ERROR
        case AttemptFailed() | FailedOver() | SlotSpent() | BreakerChanged(state=State.OPEN):
            return logging.WARNING
        case _:
            return logging.INFO


def _advice_on(event: object) -> str:
    """Return what to do about an event, if a person has to do something."""
    match event:
        case BreakerChanged(slot=slot, provider=provider, cool_down_ms=wait_ms, reason=Reason.PERMANENT):
            again = f"it is tried again after {wait_ms / 1000:.0f} s"
            if slot != "search":
                again = f'POST {{"action": "close"}} to /providers/{slot}/{provider}/breaker lets it serve at once'
            return (
                f": {provider} refuses our key, account or quota, and trying again does not help. Check its key in "
                f".env and its account. After a new key restart Tandem; once the account is in order, {again}."
            )
        case _:
            return ""
