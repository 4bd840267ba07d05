"""A pump: reads a stream in a task of its own, so that a wait for the next item can end without ending the stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Generic, TypeVar

from tandem.core.errors import ProviderError

T = TypeVar("T")

_MOST_AHEAD = 32  # items that are read before anybody asks for them


class StreamEnded(Exception):
    """The stream ended properly."""


class StreamBroken(Exception):
    """The stream was cancelled from within."""


class Pump(Generic[T]):
    """The items of `stream`, one by one. `news` is set whenever there is more to know."""

    def __init__(self, stream: AsyncGenerator[T, None], news: asyncio.Event) -> None:
        self._news = news
        self._items: deque[T] = deque()
        self._space = asyncio.Event()
        self._broken: Exception | None = None
        self._task = asyncio.ensure_future(self._read(stream))
        self._task.add_done_callback(self._over)

    async def _read(self, stream: AsyncGenerator[T, None]) -> None:
        try:
            async for item in stream:
                self._came(item)
                while len(self._items) >= _MOST_AHEAD:
                    self._space.clear()
                    await self._space.wait()
        finally:
            # However it came out, what goes wrong in the closing changes nothing any more.
            with suppress(ProviderError):
                await stream.aclose()

    def _came(self, item: T) -> None:
        self._items.append(item)
        self._news.set()

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # seen, so that it is not reported as forgotten where nobody takes it any more
        self._news.set()

    def take(self) -> T | None:
        """Return the next item, or None for none yet; raises StreamEnded, StreamBroken, or what the stream raised."""
        if self._items:
            self._space.set()
            return self._items.popleft()
        if not self._task.done():
            return None
        if self._broken:
            raise self._broken
        if self._task.cancelled():  # by itself: nobody here has done it
            raise StreamBroken
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

    def break_off(self, error: Exception) -> None:
        """End the stream as if it had raised `error`."""
        self._broken = error
        self._task.cancel()

    def cancel(self) -> None:
        """End the stream, without waiting for it."""
        self._task.cancel()

    async def close(self) -> None:
        """End the stream. What it says from here on is of no interest."""
        self.cancel()
        await asyncio.wait({self._task})
