"""Threads for engines that block: they end with their owner, and never hold up the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

END_DEADLINE_S = 5.0

Result = TypeVar("Result")


class EngineFailed(Exception):
    """A local engine could not be loaded or returned an error; the message holds no spoken word."""


class EngineThreads:
    """`count` threads that work through what they are given, in order."""

    def __init__(self, name: str, count: int) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._running: set[Future[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._all_done = asyncio.Event()
        self._all_done.set()

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, count: int) -> AsyncIterator[Self]:
        """Give the threads; the exit drops what has not begun, waits for what has, and ends them."""
        threads = cls(name, count)
        try:
            yield threads
        finally:
            await threads._end()

    def run(self, call: Callable[..., Result], *arguments: object) -> asyncio.Future[Result]:
        """Return the future result of `call(*arguments)` in a thread.

        Cancelling it drops a call that has not begun; one that has begun runs on, and its result is dropped.
        """
        running = self._threads.submit(call, *arguments)
        self._running.add(running)
        self._all_done.clear()
        running.add_done_callback(self._finished)
        return asyncio.wrap_future(running)

    async def _end(self) -> None:
        for call in list(self._running):
            call.cancel()
        try:
            async with asyncio.timeout(END_DEADLINE_S):
                await self._all_done.wait()
        except TimeoutError:
            self._threads.shutdown(wait=False)  # a thread cannot be killed; it ends after its call
        except asyncio.CancelledError:
            self._threads.shutdown(wait=False)
            raise
        else:
            self._threads.shutdown(wait=True)  # joins threads that have nothing to do

    def _finished(self, running: Future[Any]) -> None:
        """Called in the thread, or in the event loop for a call that was dropped."""
        self._loop.call_soon_threadsafe(self._forget, running)

    def _forget(self, running: Future[Any]) -> None:
        self._running.discard(running)
        if not self._running:
            self._all_done.set()
