"""The vendor's speed limit for audio: real time."""

LEAD_MS = 500.0  # how far audio may run ahead: a detector's pre-roll, and the jitter of a network


class Pace:
    """Says how long a chunk must wait; times are ms of any clock. Without I/O."""

    def __init__(self, lead_ms: float = LEAD_MS) -> None:
        self._lead_ms = lead_ms
        self._ahead_ms = 0.0
        self._at_ms = 0.0

    def wait_ms(self, chunk_ms: float, now_ms: float) -> float:
        """Return in how many ms from `now_ms` a chunk of `chunk_ms` may go out, and take it as gone by then."""
        self._ahead_ms = max(0.0, self._ahead_ms - (now_ms - self._at_ms)) + chunk_ms
        self._at_ms = now_ms
        return max(0.0, self._ahead_ms - self._lead_ms)
