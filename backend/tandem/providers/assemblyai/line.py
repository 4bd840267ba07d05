"""The line to AssemblyAI: a session, and the next one where that had to end to show that it was alive."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

from tandem.core.audio import Word
from tandem.providers.assemblyai.session import Session
from tandem.providers.stt_ledger import Heard

Dial = Callable[[], AbstractAsyncContextManager[Session]]


class Sessions:
    """The line of one call (see stt_ledger.Line).

    A session that has no words to say says nothing, and so does one that has stalled. Told to end, the first one says
    so; the next session is opened at once, before the caller speaks again.
    """

    chunk_ms = 60.0
    shortest_ms = 60.0  # the vendor takes 50-1,000
    keep_alive_ms = 5_000.0

    def __init__(self, dial: Dial, stack: AsyncExitStack, session: Session, beat_ms: float) -> None:
        self._dial = dial
        self._stack = stack
        self._session = session
        self._beat_ms = beat_ms
        self._ready = asyncio.Event()  # the session takes audio
        self._ready.set()
        self._over = False  # what the session was told to end for is known
        self._unused = True
        self._base_ms = 0.0  # what was sent before the session's first audio

    @classmethod
    @asynccontextmanager
    async def opened(cls, dial: Dial, beat_ms: float) -> AsyncIterator["Sessions"]:
        """Open the first session; raises ProviderError. Leaving drops the one that is open."""
        async with AsyncExitStack() as stack:
            yield cls(dial, stack, await stack.enter_async_context(dial()), beat_ms)

    def begin(self, sent_ms: float) -> None:
        if self._unused:
            self._base_ms, self._unused = sent_ms, False
        self._session.begin()

    async def send(self, pcm: bytes) -> None:
        await self._ready.wait()
        await self._session.send(pcm)

    async def finalise(self, sent_ms: float) -> float:
        await self._ready.wait()
        await self._session.finalise()
        return 0.0

    async def insist(self) -> None:
        await self._session.insist()
        if self._session.ending:
            self._ready.clear()
            self._unused = True

    async def keep_alive(self) -> float:
        await self._ready.wait()
        await self._session.keep_alive()
        return 0.0

    async def receive(self) -> Heard | None:
        if self._over:
            await self._renew()
        heard = await self._session.receive()
        if heard is None:
            return None
        self._over = self._session.ending and heard.answers
        words = tuple(
            Word(word.text, self._base_ms + word.start_ms, self._base_ms + word.end_ms) for word in heard.words
        )
        return replace(heard, words=words, end_ms=self._base_ms + heard.end_ms)

    def settled(self) -> bool:
        return self._session.settled()

    def silence_ms(self, stall_ms: float) -> float:
        return stall_ms if self._session.has_cause_to_speak() else max(stall_ms, self._beat_ms)

    async def _renew(self) -> None:
        await self._stack.aclose()
        self._session = await self._stack.enter_async_context(self._dial())
        self._over = False
        self._ready.set()
