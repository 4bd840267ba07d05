"""Writes what happened to the log: one line an event, with names and figures, without spoken words or keys."""

import logging
from dataclasses import fields, is_dataclass

from tandem.core.events import AttemptFailed, FailedOver, SlotSpent

_LOG = logging.getLogger("tandem")


def log_event(event: object) -> None:
    """Log one event of core/events.py; a failure is a warning, the rest is information."""
    level = logging.WARNING if isinstance(event, AttemptFailed | FailedOver | SlotSpent) else logging.INFO
    if not _LOG.isEnabledFor(level):
        return
    figures = (
        " ".join(f"{field.name}={getattr(event, field.name)}" for field in fields(event)) if is_dataclass(event) else ""
    )
    _LOG.log(level, "%s %s", type(event).__name__, figures)
