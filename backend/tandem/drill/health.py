"""How a scripted provider is: well, or struck by a fault at one point of the call; and what the call's parts share."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Clock, Message, Slot
from tandem.drill.faults import Point, Trouble

_RETRY_AFTER_MS = 2_000
_SLOW_MS = {Slot.STT: 6_000.0, Slot.LLM: 3_000.0, Slot.TTS: 3_000.0}  # a recogniser catches up, so it is later
_SHARES = {Point.QUARTER: 0.25, Point.HALF: 0.5}
_ERRORS = {
    Trouble.REFUSED: Fault.REFUSED,
    Trouble.RESET: Fault.CUT,
    Trouble.RATE_LIMITED: Fault.RATE_LIMITED,
    Trouble.UNAVAILABLE: Fault.UNAVAILABLE,
    Trouble.REJECTED: Fault.REJECTED,
    Trouble.CUT: Fault.CUT,
    Trouble.MALFORMED: Fault.MALFORMED,
}


class Effect(Enum):
    """What a provider has to do itself after it was struck."""

    NONE = "none"
    END = "end"  # properly, as if nothing were missing


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault struck a provider."""

    at_ms: float
    slot: Slot
    provider: str


@dataclass(slots=True)
class Scene:
    """What the parts of one call share. `turn` is the caller's current one; `idle` while nobody speaks before it."""

    clock: Clock
    seed: int
    turn: int = 1
    idle: bool = True
    strikes: list[Strike] = field(default_factory=list)
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    asked_while_ill: int = 0
    asked: list[tuple[float, Sequence[Message]]] = field(default_factory=list)  # what models were given, and when

    def law(self, *of: object) -> random.Random:
        """Return the chance that decides how long things take; the same for the same seed and `of`."""
        return random.Random(f"{self.seed}/{of}")  # noqa: S311 a drill has to be repeatable, not secret


@dataclass(frozen=True, slots=True)
class Illness:
    """A fault that strikes at `point` in the turns from `first` to `last`, after `units` of output at least.

    With `spell_ms` it comes and goes: well for so long, ill for so long.
    """

    trouble: Trouble
    point: Point
    first: int
    last: int
    units: int = 0
    spell_ms: float | None = None

    def spell(self, scene: Scene) -> int | None:
        """Return which bout of the illness it is now; None while there is none."""
        if not self.first <= scene.turn <= self.last:
            return None
        if self.spell_ms is None:
            return 0
        bout = int(scene.clock() / self.spell_ms)
        return bout if bout % 2 else None


class Health:
    """The health of one provider of a call."""

    def __init__(self, scene: Scene, slot: Slot, provider: str, illness: Illness | None = None) -> None:
        self._scene = scene
        self._slot = slot
        self._provider = provider
        self._illness = illness
        self._struck: int | None = None  # in which bout

    @property
    def ill(self) -> bool:
        return self._illness is not None and self._struck is not None and self._struck == self._bout()

    @property
    def dripping(self) -> bool:
        """Whether its output comes at a crawl."""
        return self._has(Trouble.DRIP)

    @property
    def mute(self) -> bool:
        """Whether what it gives is empty."""
        return self._has(Trouble.EMPTY)

    async def opened(self) -> Effect:
        """It was asked; raises ProviderError, hangs, or waits if that is what it has."""
        if self.ill or self._due(Point.BEFORE_SEND) or self._due(Point.BETWEEN):
            self._scene.asked_while_ill += 1
            return await self._strike()
        return Effect.NONE

    async def reached(self, point: Point) -> Effect:
        """It came to this point of its work."""
        return await self._strike() if self._due(point) and not self.ill else Effect.NONE

    async def progressed(self, units: int, share: float, *, last: bool = False) -> Effect:
        """It has given so many units of output by itself, and the turn has come to `share` (0-1) of its output."""
        illness = self._illness
        if illness is None or self.ill or units < illness.units:
            return Effect.NONE
        reached = (
            (illness.point is Point.UNIT_1 and units >= 1)
            or (illness.point in _SHARES and share >= _SHARES[illness.point])
            or (illness.point is Point.LAST_UNIT and last)
        )
        return await self.reached(illness.point) if reached else Effect.NONE

    def _has(self, trouble: Trouble) -> bool:
        return self.ill and self._illness is not None and self._illness.trouble is trouble

    def _bout(self) -> int | None:
        return self._illness.spell(self._scene) if self._illness else None

    def _due(self, point: Point) -> bool:
        return self._illness is not None and self._illness.point is point and self._bout() is not None

    async def _strike(self) -> Effect:
        assert self._illness is not None
        if not self.ill:
            self._struck = self._bout()
            self._scene.strikes.append(Strike(self._scene.clock(), self._slot, self._provider))
            self._scene.struck.set()
        match trouble := self._illness.trouble:
            case Trouble.SILENT | Trouble.STALL:
                await asyncio.get_running_loop().create_future()
            case Trouble.SLOW:
                await asyncio.sleep(_SLOW_MS[self._slot] / 1000)
            case Trouble.EMPTY:
                return Effect.END
            case Trouble.CUT if self._slot is Slot.LLM:
                return Effect.END  # the stream of events is over, without the event that says so
            case Trouble.DRIP:
                pass
            case _:
                retry_after_ms = _RETRY_AFTER_MS if trouble is Trouble.RATE_LIMITED else None
                raise ProviderError(_ERRORS[trouble], self._provider, str(trouble), retry_after_ms=retry_after_ms)
        return Effect.NONE
