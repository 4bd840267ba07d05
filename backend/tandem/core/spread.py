"""How measured values are spread: their percentiles, each of which is one of the values."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The percentiles of `n` values, to a hundredth."""

    n: int
    p50: float
    p95: float
    p99: float
    most: float


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return the spread of the values that there are; None if there are none."""
    ordered = sorted(value for value in values if value is not None)
    if not ordered:
        return None

    def at(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 2)

    return Spread(len(ordered), at(0.5), at(0.95), at(0.99), round(ordered[-1], 2))
