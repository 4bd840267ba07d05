"""The curtain: holds back what a reply does until the turn that it answers is over."""

import asyncio
from collections.abc import Callable


class Curtain:
    """What is done behind it is done when it rises, in order; dropped, it never is."""

    def __init__(self, *, up: bool) -> None:
        self._up = asyncio.Event()
        self._held: list[Callable[[], None]] = []
        self.dropped = False
        if up:
            self._up.set()

    @property
    def up(self) -> bool:
        return self._up.is_set()

    def do(self, action: Callable[[], None]) -> None:
        """Do it, now or when the curtain rises."""
        if self.dropped:
            return
        if self.up:
            action()
        else:
            self._held.append(action)

    def rise(self) -> None:
        """Do what was held back, and hold back no more."""
        self._up.set()
        held, self._held = self._held, []
        for action in held:
            self.do(action)

    def drop(self) -> None:
        """Whatever is still to be done goes nowhere."""
        self.dropped = True
        self._held.clear()

    async def risen(self) -> None:
        """Wait until it is up."""
        await self._up.wait()
