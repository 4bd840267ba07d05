"""Dropouts: how much of a stream that comes in real time never came."""

_PAUSE_MS = 2_000  # nothing for so long is a sender that pauses, not a connection that drops
_JITTER_MS = 20  # a packet; less is the timing of the last one


class Dropouts:
    """Tells lost audio from late audio: what is late catches up, and what is lost leaves the stream behind for good.

    How far the stream is behind the clock is taken at its best in each stretch; where that has grown since the last
    stretch, so much is missing. Times are in ms.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._received_ms = 0.0
        self._came_at = 0.0
        self._behind: float | None = None  # at its best in this stretch
        self._usual = 0.0  # and in the one before

    def received(self, length_ms: float, now: float) -> None:
        """So much audio came."""
        if self._began is None or now - self._came_at > _PAUSE_MS:
            self._began, self._received_ms, self._behind, self._usual = now - length_ms, 0.0, None, 0.0
        self._came_at = now
        self._received_ms += length_ms
        behind = now - self._began - self._received_ms
        self._behind = behind if self._behind is None else min(self._behind, behind)

    def restart(self) -> None:
        """The sender pauses on purpose."""
        self._began = None

    def read(self) -> float:
        """Return the ms that were lost since the last reading, and begin a new stretch."""
        if self._behind is None:
            return 0.0
        lost_ms = self._behind - self._usual
        if lost_ms > _JITTER_MS or lost_ms < 0:
            self._usual = self._behind
        self._behind = None
        return lost_ms if lost_ms > _JITTER_MS else 0.0
