"""Endpointing: where speech starts and stops, and how much silence ends a turn."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tandem.core.ports import SpeechMark


@dataclass(frozen=True, slots=True)
class GateLimits:
    """When a run of voice probabilities counts as speech.

    The two thresholds are Silero's own recommendation (start at 0.5, stop 0.15 lower); 64 ms of voice starts speech,
    so that a click does not; 256 ms of quiet stops it, longer than the closure of a plosive (about 100 ms).
    """

    start_probability: float = 0.5
    stop_probability: float = 0.35
    start_ms: float = 64
    stop_ms: float = 256


@dataclass(frozen=True, slots=True)
class SpeechEdge:
    """Speech began or ended at `at_ms` of the caller's audio (when it happened, not when it was noticed)."""

    mark: SpeechMark
    at_ms: float


class SpeechGate:
    """Turns voice probabilities into the edges of speech, with hysteresis."""

    def __init__(self, window_ms: float, limits: GateLimits | None = None) -> None:
        self._window_ms = window_ms
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
        self.speaking = not self.speaking
        self._edge_ms = self.now_ms - self._run_ms
        self._run_ms = 0.0
        return SpeechEdge(SpeechMark.STARTED if self.speaking else SpeechMark.STOPPED, self._edge_ms)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a silence (ms) ends a turn, by how finished its words look."""

    finished_ms: float = 480
    plain_ms: float = 640
    digits_ms: float = 900
    unfinished_ms: float = 1200


# Words after which a speaker of English nearly always goes on.
_OPEN_ENDING = re.compile(
    r"\b(a|an|and|as|at|because|but|by|for|from|if|in|is|my|of|on|or|so|than|that|the|then|to|um|uh|when|where|which|"
    r"who|with|your)[\s,.…-]*$",
    re.IGNORECASE,
)
_DIGITS_ENDING = re.compile(r"(\d|\b(zero|oh|one|two|three|four|five|six|seven|eight|nine))[\s,.-]*$", re.IGNORECASE)
_SENTENCE_ENDING = re.compile(r"[.?!。？！]\s*$")
_TAIL = 200  # the rules look at the last words only


def silence_that_ends_turn(text: str, patience: Patience) -> float:
    """Return the ms of silence after which a turn with these words is over.

    There are four cases, the first that fits counts: the words ask for more ("what is the"); a number may go on
    ("my code is four two"); a sentence is complete; anything else.
    """
    tail = text[-_TAIL:]
    if _OPEN_ENDING.search(tail):
        return patience.unfinished_ms
    if _DIGITS_ENDING.search(tail):
        return patience.digits_ms
    if _SENTENCE_ENDING.search(tail):
        return patience.finished_ms
    return patience.plain_ms
