"""Barge-in: when the caller's voice over a reply means "stop"."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BargeInLimits:
    """`voiced_ms` of unbroken voice interrupt a reply: longer than a click or a breath, shorter than "stop"."""

    voiced_ms: float = 160


def interrupts(voiced_ms: float, limits: BargeInLimits) -> bool:
    """Tell whether a caller who has spoken for `voiced_ms` over the reply wants the floor."""
    return voiced_ms >= limits.voiced_ms
