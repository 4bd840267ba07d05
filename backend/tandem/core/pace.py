"""Pace: whether output comes fast enough for those who wait for it."""

from collections import deque

from tandem.core.ports import Clock


class Pace:
    """Watches the output of one attempt after another: in `window_ms` it should be at least `floor` units a ms."""

    def __init__(self, clock: Clock, window_ms: float, floor: float) -> None:
        self._clock = clock
        self._window_ms = window_ms
        self._floor = floor
        self._attempt = 0
        self._began_ms = 0.0
        self._recent: deque[tuple[float, float]] = deque()  # when, and how much
        self._units = 0.0  # of the recent ones

    def took(self, attempt: int, units: float) -> None:
        """So much output came, of the attempt of this number."""
        now = self._clock()
        if attempt != self._attempt:
            self._attempt, self._began_ms, self._units = attempt, now, 0.0
            self._recent.clear()
        self._recent.append((now, units))
        self._units += units

    @property
    def too_slow(self) -> bool:
        """Whether the present attempt has been at work for a window, and was below the floor in the last one."""
        now = self._clock()
        while self._recent and self._recent[0][0] < now - self._window_ms:
            self._units -= self._recent.popleft()[1]
        worked = self._attempt > 0 and now - self._began_ms >= self._window_ms
        return worked and self._units < self._floor * self._window_ms
