"""The recent past in figures: percentiles of the last measurements."""

import math
from collections import deque

_KEPT = 256


class Recent:
    """The last 256 measurements of one quantity."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=_KEPT)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float) -> None:
        self._values.append(value)

    def percentile(self, share: float) -> float | None:
        """Return the smallest value that at least `share` (0-1) of all do not exceed; None before there is one."""
        if not self._values:
            return None
        ordered = sorted(self._values)
        rank = math.ceil(round(share * len(ordered), 9))  # 0.14 of 150 is 21.000000000000004 to a computer
        return ordered[max(0, rank - 1)]
