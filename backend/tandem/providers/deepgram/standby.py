"""Keeps a few sockets of /v1/listen open for calls that may come, so that these have nothing to dial."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from websockets.asyncio.client import ClientConnection
from websockets.protocol import State

from tandem.core.errors import ProviderError
from tandem.providers.deepgram.lines import NovaLine
from tandem.providers.deepgram.socket import Door, drop, dropping

_MOST = 2  # spare sockets of an adapter: the vendor counts them as connections of the project
_KEPT_S = 30.0  # a caller who speaks has the spare renewed at every utterance
_REST_S = 10.0  # at most six attempts a minute while the vendor is out


@dataclass(slots=True, eq=False)
class _Spare:
    """A socket in waiting, and the task that holds it; it has no `socket` while it is dialled."""

    wanted_until: float = 0.0  # of the loop's clock
    socket: ClientConnection | None = None
    task: asyncio.Task[None] = field(init=False)


class Standby:
    """One spare socket for each path and query of those that were wanted last, and no more than two in all.

    A spare is dropped 30 s after it was wanted last. One that fails is not missed: it tells nobody, and nothing is
    dialled here for 10 s from when its own dial began. The same rest follows when one drives out another, so that
    calls with many different options do not dial without end.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._spares: dict[str, _Spare] = {}  # by path and query; the one that was wanted last stands last
        self._tasks: set[asyncio.Task[None]] = set()
        self._resting_until = -math.inf

    @classmethod
    @asynccontextmanager
    async def open(cls, door: Door) -> AsyncIterator[Self]:
        """Keep spares until the exit, which drops them all."""
        standby = cls(door)
        # No task group: it would wrap what the block raises into an exception group.
        try:
            yield standby
        finally:
            standby._resting_until = math.inf
            for task in standby._tasks:
                task.cancel()
            await asyncio.gather(*standby._tasks, return_exceptions=True)

    def want(self, path_and_query: str, language: str) -> None:
        """Have a spare ready soon, or keep the one that is; returns at once, raises nothing.

        Nothing is dialled beside another dial: whoever is passed over will want it again.
        """
        now = self._loop.time()
        spare = self._spares.pop(path_and_query, None)
        if spare is None:
            if now < self._resting_until or any(other.socket is None for other in self._spares.values()):
                return
            if len(self._spares) == _MOST:
                self._let_go(next(iter(self._spares)))
            spare = _Spare()
            spare.task = self._loop.create_task(self._keep(path_and_query, language, spare))
            self._tasks.add(spare.task)
            spare.task.add_done_callback(self._tasks.discard)
        spare.wanted_until = now + _KEPT_S
        self._spares[path_and_query] = spare

    @asynccontextmanager
    async def socket(self, path_and_query: str, language: str) -> AsyncIterator[ClientConnection]:
        """Give the spare if it is open, else dial as `Door.socket` does; leaving drops the connection.

        A spare that is still being dialled is not waited for: it would not be open sooner than one with its own
        deadline.
        """
        spare = self._spares.get(path_and_query)
        if spare is not None and spare.socket is not None:
            async with dropping(spare.socket) as waiting:
                del self._spares[path_and_query]
                spare.socket = None
                spare.task.cancel()
                await asyncio.wait({spare.task})  # it reads, and two must not
                if waiting.state is State.OPEN:
                    yield waiting
                    return
        async with self._door.socket(path_and_query, language) as dialled:
            yield dialled

    def _let_go(self, path_and_query: str) -> None:
        self._spares.pop(path_and_query).task.cancel()
        self._resting_until = self._loop.time() + _REST_S

    async def _keep(self, path_and_query: str, language: str, spare: _Spare) -> None:
        began = self._loop.time()
        try:
            spare.socket = await self._door.dial(path_and_query, language)
            await self._hold(spare, NovaLine(self._door.name, spare.socket))
        except (ProviderError, TimeoutError):
            self._resting_until = max(self._resting_until, began + _REST_S)
        finally:
            if self._spares.get(path_and_query) is spare:
                del self._spares[path_and_query]
            if spare.socket is not None:
                await drop(spare.socket)

    async def _hold(self, spare: _Spare, line: NovaLine) -> None:
        """Wait until the spare is wanted no more; raises ProviderError, or TimeoutError if nothing can be sent.

        What the vendor says is read, so that its end is noticed; none of it is about a call.
        """
        while (now := self._loop.time()) < spare.wanted_until:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(spare.wanted_until, now + line.keep_alive_ms / 1000)):
                    while True:
                        await line.receive()
            async with asyncio.timeout(self._door.open_ms / 1000):
                await line.keep_alive()
