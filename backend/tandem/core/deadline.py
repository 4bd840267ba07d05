"""The deadline of a turn: one for all of its attempts, so that retries never multiply a timeout."""

from dataclasses import dataclass

from tandem.core.ports import Clock

LEAST_MS = 250  # nothing is begun with less than this left


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the clock, in ms."""

    at_ms: float
    clock: Clock

    @property
    def left_ms(self) -> float:
        return max(0.0, self.at_ms - self.clock())
