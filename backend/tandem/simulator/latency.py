"""How long a simulated vendor takes: seeded random laws for its first output, each unit and a second of audio."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Slot(StrEnum):
    """What a vendor does for a call."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"
    SEARCH = "search"


class Law(Protocol):
    """A distribution of times in ms, never below 0."""

    def draw(self, source: random.Random) -> float:
        """Return one time in ms."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always `ms`."""

    ms: float

    def draw(self, source: random.Random) -> float:
        """Return `ms`."""
        return self.ms


@dataclass(frozen=True, slots=True)
class Normal:
    """Around `mean_ms` with a standard deviation of `sd_ms`, cut at 0."""

    mean_ms: float
    sd_ms: float

    def draw(self, source: random.Random) -> float:
        """Return one time in ms."""
        return max(0.0, source.gauss(self.mean_ms, self.sd_ms))


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Half of the times are below `median_ms`, and about two thirds within a factor of exp(`sigma`) of it."""

    median_ms: float
    sigma: float

    def draw(self, source: random.Random) -> float:
        """Return one time in ms."""
        return source.lognormvariate(math.log(self.median_ms), self.sigma)


@dataclass(frozen=True, slots=True)
class HeavyTailed:
    """As `body`, but a `share` of the times is `tail_ms` or more: Pareto with exponent `alpha`, cut at `most_ms`."""

    body: Law
    share: float
    tail_ms: float
    alpha: float = 1.5
    most_ms: float = 30_000

    def draw(self, source: random.Random) -> float:
        """Return one time in ms."""
        if source.random() >= self.share:
            return self.body.draw(source)
        return min(self.most_ms, self.tail_ms * source.paretovariate(self.alpha))


@dataclass(frozen=True, slots=True)
class Pace:
    """The laws of one slot; `real_time` is ms of work for each ms of audio (1.0: just as fast as it is played).

    With `from_voice_end` a recogniser's `first` counts from the end of the voice, not from when the rest is asked for.
    """

    first: Law = Fixed(0)
    unit: Law = Fixed(0)
    real_time: Law = Fixed(0)
    from_voice_end: bool = False


# Typical times are what vendors and independent tests publish for streaming services seen from the same continent:
# an end-pointed transcript after 0.25-0.33 s, a first token after 0.2-0.7 s with rare waits of seconds, then 50-100
# tokens a second, and a first chunk of speech after 0.08-0.25 s, then audio several times faster than it is played.
PROFILES: Mapping[str, Mapping[Slot, Pace]] = {
    "none": {},
    "typical": {
        Slot.STT: Pace(first=Normal(290, 15), unit=Normal(40, 10)),
        Slot.LLM: Pace(first=HeavyTailed(Lognormal(380, 0.25), share=0.02, tail_ms=2_000), unit=Lognormal(12, 0.5)),
        Slot.TTS: Pace(first=Lognormal(140, 0.22), real_time=Normal(0.2, 0.03)),
        Slot.SEARCH: Pace(first=HeavyTailed(Lognormal(900, 0.3), share=0.02, tail_ms=3_000)),
    },
    # The same every time, and about as typical: what a bench subtracts from what it measures.
    "bench": {
        Slot.STT: Pace(first=Fixed(300), from_voice_end=True),
        Slot.LLM: Pace(first=Fixed(200), unit=Fixed(20)),
        Slot.TTS: Pace(first=Fixed(100), real_time=Fixed(0.2)),
    },
}


class Latency:
    """Draws times from a profile; the same seed gives the same times."""

    def __init__(self, profile: Mapping[Slot, Pace] | str = "none", seed: int = 0) -> None:
        """Take the laws or their profile's name; raises KeyError for a name that is not in PROFILES."""
        self._paces = PROFILES[profile] if isinstance(profile, str) else profile
        self._source = random.Random(seed)  # noqa: S311 a simulation, not a secret

    def first_ms(self, slot: Slot, audio_ms: float = 0) -> float:
        """Return how long the first output takes from the moment its input is there.

        `audio_ms` is how much audio that input is, if it comes all at once.
        """
        pace = self._pace(slot)
        return pace.first.draw(self._source) + (audio_ms * pace.real_time.draw(self._source) if audio_ms else 0)

    def final_ms(self, quiet_ms: float) -> float:
        """Return how long a final transcript takes that is made when the voice has been silent for `quiet_ms`."""
        pace = self._pace(Slot.STT)
        return max(0.0, pace.first.draw(self._source) - (quiet_ms if pace.from_voice_end else 0))

    def unit_ms(self, slot: Slot, audio_ms: float = 0) -> float:
        """Return how long the next unit takes after the one before; `audio_ms` is how much audio it holds."""
        pace = self._pace(slot)
        return pace.unit.draw(self._source) + audio_ms * pace.real_time.draw(self._source)

    def _pace(self, slot: Slot) -> Pace:
        return self._paces.get(slot, Pace())
