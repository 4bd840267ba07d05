"""A bounded number of threads for calls that block on a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class Threads:
    """Up to `count` threads; more calls than that wait for their turn."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._running: set[Future[Any]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, count: int, patience_ms: float) -> AsyncIterator[Self]:
        """Give the threads; the exit drops what has not begun, and waits `patience_ms` for what has."""
        threads = cls(name, count)
        try:
            yield threads
        finally:
            await threads._end(patience_ms)

    def run(self, call: Callable[..., Result], *arguments: object) -> asyncio.Future[Result]:
        """Return the future result of `call(*arguments)` in a thread; `dropped` is how not to wait for it."""
        running = self._pool.submit(call, *arguments)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return asyncio.wrap_future(running)

    async def _end(self, patience_ms: float) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        ending = [asyncio.wrap_future(call) for call in tuple(self._running)]
        try:
            if ending:
                await asyncio.wait(ending, timeout=patience_ms / 1000)
            if all(call.done() for call in ending):
                self._pool.shutdown(wait=True)  # joins threads that have nothing to do
        finally:
            for call in ending:
                drop(call)


def drop(call: asyncio.Future[Any]) -> None:
    """Wait for it no longer: a call that has not begun never will; the result of one that has is thrown away."""
    if not call.cancel() and not call.cancelled():
        call.exception()  # asyncio would log one that nobody took
