"""What a caller may send and how fast: pure counting, with the time as an argument."""

from tandem.core.audio import duration_ms
from tandem.core.errors import CallerError

AUDIO_AHEAD_MS = 10_000
CONTROLS_PER_SECOND = 20
_STRIKES = 50  # bad messages before the call is closed; one a second is forgiven


class Allowance:
    """Counts what one caller sends. Every check raises CallerError when it goes too far."""

    def __init__(self, sample_rate: int, now_ms: float) -> None:
        self._sample_rate = sample_rate
        self._audio_ms = 0.0
        self._audio_since = now_ms
        self._controls = float(CONTROLS_PER_SECOND)
        self._controls_at = now_ms
        self._strikes = 0.0
        self._struck_at = now_ms

    def audio(self, byte_count: int, now_ms: float) -> None:
        """Audio came in: refused when it is more than AUDIO_AHEAD_MS ahead of real time."""
        ahead = self._audio_ms - (now_ms - self._audio_since)
        if ahead < 0:  # the caller was silent for a while; silence is no credit
            self._audio_since, self._audio_ms, ahead = now_ms, 0.0, 0.0
        if ahead > AUDIO_AHEAD_MS:
            raise CallerError(
                "audio_too_fast",
                f"Audio comes in faster than real time: is its rate the negotiated {self._sample_rate} Hz?",
                close_code=4429,
            )
        self._audio_ms += duration_ms(byte_count, self._sample_rate)

    def control(self, now_ms: float) -> None:
        """A JSON message came in: at most CONTROLS_PER_SECOND of them."""
        earned = (now_ms - self._controls_at) / 1000 * CONTROLS_PER_SECOND
        self._controls = min(CONTROLS_PER_SECOND, self._controls + earned)
        self._controls_at = now_ms
        if self._controls < 1:
            raise CallerError("too_fast", f"At most {CONTROLS_PER_SECOND} control messages a second.", close_code=4429)
        self._controls -= 1

    def strike(self, now_ms: float) -> bool:
        """A bad message was answered; return True when there have been too many to go on."""
        self._strikes = max(0.0, self._strikes - (now_ms - self._struck_at) / 1000) + 1
        self._struck_at = now_ms
        return self._strikes > _STRIKES
