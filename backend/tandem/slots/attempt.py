"""One try of one provider: a task of its own reads the stream, so that a wait for it can end without ending it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Generic, TypeVar

from tandem.core.chain import Lease, P
from tandem.core.errors import ProviderError
from tandem.core.ports import Clock

T = TypeVar("T")

_MOST_AHEAD = 32  # items that are read before anybody asks for them


class StreamEnded(Exception):
    """The provider ended its output properly."""


class Attempt(Generic[P, T]):
    """The output of `stream`, item by item. `news` is set whenever there is more to know."""

    def __init__(
        self,
        lease: Lease[P],
        stream: AsyncGenerator[T, None],
        *,
        clock: Clock,
        news: asyncio.Event,
        hedge: bool = False,
    ) -> None:
        self.lease = lease
        self.hedge = hedge
        self.began = self.latest = clock()
        self.first_output_ms: float | None = None
        self._clock = clock
        self._news = news
        self._items: deque[T] = deque()
        self._space = asyncio.Event()
        self._task = asyncio.ensure_future(self._read(stream))
        self._task.add_done_callback(lambda _: news.set())

    @property
    def name(self) -> str:
        return self.lease.member.name

    async def _read(self, stream: AsyncGenerator[T, None]) -> None:
        try:
            async for item in stream:
                if self.first_output_ms is None:
                    self.first_output_ms = self._clock() - self.began
                self._items.append(item)
                self._news.set()
                while len(self._items) >= _MOST_AHEAD:
                    self._space.clear()
                    await self._space.wait()
        finally:
            # However it came out, what goes wrong in the closing changes nothing any more.
            with suppress(ProviderError):
                await stream.aclose()

    @property
    def answered(self) -> bool:
        """Whether it has given any output."""
        return self.first_output_ms is not None

    def take(self) -> T | None:
        """Return the next item, or None while there is none; raises StreamEnded, or what the provider raised."""
        if self._items:
            self._space.set()
            self.latest = self._clock()
            return self._items.popleft()
        if not self._task.done():
            return None
        self._task.result()
        raise StreamEnded

    async def next(self, within_ms: float | None) -> T | None:
        """Return the next item, or None if there is none within `within_ms`; raises as `take` does."""
        if (item := self.take()) is not None:
            return item
        try:
            async with asyncio.timeout(None if within_ms is None else within_ms / 1000) as deadline:
                while (item := self.take()) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            if not deadline.expired():
                raise
        return item

    async def close(self) -> None:
        """End the provider's work. What it says from here on is of no interest."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()  # seen, so that it is not reported as forgotten
