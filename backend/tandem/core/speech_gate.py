"""The speech gate: where in the caller's audio speech starts and stops."""

from collections.abc import Iterable
from dataclasses import dataclass

from tandem.core.ports import SpeechMark


@dataclass(frozen=True, slots=True)
class GateLimits:
    """When a run of voice probabilities counts as speech.

    The two thresholds are Silero's own recommendation (start at 0.5, stop 0.15 lower); 64 ms of voice starts speech,
    so that a click does not; 192 ms of quiet stops it, longer than the closure of a plosive (about 100 ms), and a
    detector is the last to let go of a voice. With 256 ms no turn of tests/audio/turns was cut off less.
    """

    start_probability: float = 0.5
    stop_probability: float = 0.35
    start_ms: float = 64
    stop_ms: float = 192


@dataclass(frozen=True, slots=True)
class SpeechEdge:
    """Speech began or ended at `at_ms` of the caller's audio (when it happened, not when it was noticed)."""

    mark: SpeechMark
    at_ms: float


class SpeechGate:
    """Turns voice probabilities into the edges of speech, with hysteresis.

    `tail_ms` is how long its detector goes on hearing a voice that has ended.
    """

    def __init__(self, window_ms: float, limits: GateLimits | None = None, *, tail_ms: float = 0.0) -> None:
        self._window_ms = window_ms
        self._tail_ms = tail_ms
        self._limits = limits or GateLimits()
        self.now_ms = 0.0  # how much audio it was fed; the times of its edges are of this clock
        self._run_ms = 0.0
        self._edge_ms = 0.0
        self.speaking = False
        self.probability = 0.0

    @property
    def voiced_ms(self) -> float:
        """From the start of the caller's speech to its last sound so far; 0 while silent."""
        return self.now_ms - self._edge_ms - self._run_ms if self.speaking else 0.0

    @property
    def quiet_ms(self) -> float:
        """Since the last sound of the caller's speech, while it is not over yet; 0 while silent."""
        return self._run_ms if self.speaking else 0.0

    def feed(self, probabilities: Iterable[float]) -> list[SpeechEdge]:
        """Take one probability per window; return the edges found, in order."""
        edges = []
        for probability in probabilities:
            edge = self._window(probability)
            if edge:
                edges.append(edge)
        return edges

    def close(self) -> list[SpeechEdge]:
        """The audio stopped coming (mute, push-to-talk released): end speech here."""
        if not self.speaking:
            self._run_ms = 0.0
            return []
        last_sound_ms = self.now_ms - self._run_ms
        self.speaking, self._run_ms = False, 0.0
        return [SpeechEdge(SpeechMark.STOPPED, last_sound_ms)]

    def _window(self, probability: float) -> SpeechEdge | None:
        limits = self._limits
        self.probability = probability
        self.now_ms += self._window_ms
        against = probability < limits.stop_probability if self.speaking else probability >= limits.start_probability
        if not against:
            self._run_ms = 0.0
            return None
        self._run_ms += self._window_ms
        if self._run_ms < (limits.stop_ms if self.speaking else limits.start_ms):
            return None
        changed_ms = self.now_ms - self._run_ms
        self.speaking, self._run_ms = not self.speaking, 0.0
        if not self.speaking:
            return SpeechEdge(SpeechMark.STOPPED, max(self._edge_ms, changed_ms - self._tail_ms))
        self._edge_ms = changed_ms
        return SpeechEdge(SpeechMark.STARTED, changed_ms)
