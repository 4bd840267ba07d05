"""Hedging: when a second provider is asked although the first has not failed, and how often that may be."""

from dataclasses import dataclass

from tandem.core.ports import Clock
from tandem.core.recent import Recent

_ENOUGH = 20  # measurements, before their percentile means anything


@dataclass(frozen=True, slots=True)
class HedgeLimits:
    """The second provider is asked after the first's usual time (its 95th percentile), within these bounds; in ms."""

    least_ms: float
    most_ms: float

    def delay_ms(self, first_outputs: Recent) -> float:
        """Return how long to wait for the first provider's first output."""
        usual = first_outputs.percentile(0.95) if len(first_outputs) >= _ENOUGH else None
        return self.most_ms if usual is None else min(max(usual, self.least_ms), self.most_ms)


class Budget:
    """How many requests that may be for nothing are left: a share of all requests, and a few a second beside it."""

    def __init__(self, clock: Clock, *, share: float = 0.05, per_second: float = 1.0, most: float = 10.0) -> None:
        self._clock = clock
        self._share = share
        self._per_second = per_second
        self._most = most
        self._left = most
        self._at = clock()

    def requested(self) -> None:
        """A request began."""
        self._left = min(self._most, self._left + self._share)

    def returned(self) -> None:
        """What was taken has cost nothing after all."""
        self._left = min(self._most, self._left + 1.0)

    def take(self) -> bool:
        """Take one, if there is one."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) / 1000 * self._per_second)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
