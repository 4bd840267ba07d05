"""A caller's silence: they are asked whether they are still there, and later the call is ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tandem.core.turn import State


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How long nobody may speak, in ms: before the caller is asked, and from then on before the call ends; 0: for ever.

    Both are off unless somebody wants them: a page that is left open harms nobody, and some callers read.
    """

    ask_after_ms: float = 0
    end_after_ms: float = 0


class Step(Enum):
    """What a silence that lasts calls for, one after the other."""

    ASK = "ask"
    SAY_GOODBYE = "say goodbye"
    HANG_UP = "hang up"


class SilenceWatch:
    """Watches the states of one call; `act` is told when a silence has lasted long enough."""

    def __init__(self, limits: SilenceLimits, act: Callable[[Step], None]) -> None:
        self._act = act
        self._delays_ms = {Step.SAY_GOODBYE: limits.end_after_ms, Step.HANG_UP: 1}
        if limits.ask_after_ms:
            self._delays_ms[Step.ASK] = limits.ask_after_ms
        self._first = Step.ASK if limits.ask_after_ms else Step.SAY_GOODBYE
        self._next: Step | None = self._first
        self._state = State.LISTENING
        self._muted = False
        self._timer: asyncio.TimerHandle | None = None

    def caller_spoke(self) -> None:
        """The caller said or typed something: they are there."""
        self._next = self._first

    def state(self, state: State) -> None:
        """The call is in this state now; only while nobody speaks a silence lasts."""
        self._state = state
        self._wait()

    def mute(self, muted: bool) -> None:
        """A caller who is muted is silent on purpose, and not asked."""
        self._muted = muted
        self._wait()

    def _wait(self) -> None:
        self.close()
        if self._state is not State.LISTENING or self._muted or self._next is None:
            return
        if delay_ms := self._delays_ms[self._next]:
            self._timer = asyncio.get_running_loop().call_later(delay_ms / 1000, self._due, self._next)

    def close(self) -> None:
        """The call is over, or somebody speaks."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _due(self, step: Step) -> None:
        self._timer = None
        self._next = {Step.ASK: Step.SAY_GOODBYE, Step.SAY_GOODBYE: Step.HANG_UP}.get(step)
        self._act(step)
