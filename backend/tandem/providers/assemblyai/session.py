"""A session of AssemblyAI's SDK under supervision: what it keeps to itself is raised, and its end waits for nobody."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from assemblyai.streaming.v3 import (
    AsyncStreamingClient,
    StreamingClientOptions,
    StreamingError,
    StreamingEvents,
    StreamingParameters,
)
from assemblyai.streaming.v3.models import TerminateSession
from websockets.exceptions import InvalidStatus

from tandem.core.audio import duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.providers.assemblyai import wire
from tandem.providers.assemblyai.pace import Pace
from tandem.providers.stt_ledger import Heard

_FORMAT_MS = 200.0  # how long the punctuation of an answer is waited for
_MOST_EVENTS = 100  # read, but not taken yet; beyond that the socket waits
_MOST_UNSENT = 40  # chunks of audio that the SDK may hold: 2.4 s


@asynccontextmanager
async def opened(
    name: str, options: StreamingClientOptions, parameters: StreamingParameters, open_ms: float
) -> AsyncIterator["Session"]:
    """Open a session; raises ProviderError. Leaving drops the connection."""
    client = AsyncStreamingClient(options)
    session = Session(name, client, parameters)
    try:
        try:
            async with asyncio.timeout(open_ms / 1000):
                await client.connect(parameters)
        except TimeoutError as error:
            raise ProviderError(Fault.TIMEOUT, name, "the socket did not open in time") from error
        session.check()
        yield session
    finally:
        await session.drop()


class Session:
    """One session, from its first audio to its end; `ending` once it was told to end."""

    def __init__(self, name: str, client: AsyncStreamingClient, asked: StreamingParameters) -> None:
        self._name = name
        self._client = client
        self._asked = asked
        self._rate = asked.sample_rate or 0
        self._pace = Pace()
        self._reading = wire.Reading()
        self.ending = False
        self._failed: ProviderError | None = None
        self._events: asyncio.Queue[Any] = asyncio.Queue(_MOST_EVENTS)
        for event in StreamingEvents:
            client.on(event, self._take)

    def begin(self) -> None:
        self._reading.begin()

    async def send(self, pcm: bytes) -> None:
        wait_ms = self._pace.wait_ms(duration_ms(len(pcm), self._rate), asyncio.get_running_loop().time() * 1000)
        if wait_ms:
            await asyncio.sleep(wait_ms / 1000)
        if self._unsent() > _MOST_UNSENT:
            raise ProviderError(Fault.STALLED, self._name, "it takes no more audio")
        await self._client.stream(pcm)

    async def finalise(self) -> None:
        self._reading.finalise()
        await self._client.force_endpoint()

    async def insist(self) -> None:
        """Where nothing shows that the vendor has listened, have it end the session: that it must answer."""
        queue = self._client._write_queue  # noqa: SLF001 the SDK's own way to terminate waits for seconds
        if queue is not None and not (self._reading.settled() or self._reading.within):
            self.ending = True
            await queue.put(TerminateSession())

    async def keep_alive(self) -> None:
        await self._client.keep_alive()

    async def receive(self) -> Heard | None:
        heard = self._reading.read(await self._next())
        if heard is None or not self._reading.awaits_format(heard):
            return heard
        try:
            async with asyncio.timeout(_FORMAT_MS / 1000):
                while True:
                    formatted = self._reading.read(await self._next())
                    if formatted is not None and formatted.answers:
                        return formatted if formatted.part == heard.part else replace(heard, answers=True)
        except TimeoutError:
            return replace(heard, answers=True)

    def settled(self) -> bool:
        return self._reading.settled()

    def has_cause_to_speak(self) -> bool:
        """Tell whether it has to say something about speech that goes on, whatever was said."""
        return self._reading.within or not self._reading.begun

    def check(self) -> None:
        """Raise ProviderError if the session did not open: the SDK only announces it."""
        if self._failed is not None:
            raise self._failed

    async def drop(self) -> None:
        """End the connection at once, and the SDK's tasks with it."""
        socket = self._client._websocket  # noqa: SLF001 the SDK's own end is polite, and waits for the vendor
        if socket is not None:
            socket.transport.abort()
        await self._client.disconnect()

    async def _take(self, _: AsyncStreamingClient, event: Any) -> None:
        if isinstance(event, StreamingError):
            # The SDK tells of an error while it handles another, which alone knows how the connection failed.
            self._failed = self._failure(event.code, sys.exception())
            self._failed.__cause__ = event
        else:
            await self._events.put(event)

    async def _next(self) -> Any:
        """Return the next event; raises ProviderError when the SDK has stopped reading, whatever the reason."""
        reading = self._client._read_task  # noqa: SLF001 that it ended is not announced in every case
        assert reading is not None
        waiting = asyncio.ensure_future(self._events.get())
        try:
            await asyncio.wait({waiting, reading}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
        finally:
            waiting.cancel()
        self.check()
        try:
            reading.result()
        except (ValueError, AttributeError, TypeError) as error:  # JSON of another form, or fields that are wrong
            raise ProviderError(Fault.MALFORMED, self._name, "a message that cannot be read") from error
        raise ProviderError(Fault.CUT, self._name, "the session ended")

    def _unsent(self) -> int:
        queue = self._client._write_queue  # noqa: SLF001 it has no bound, and stream() never waits
        return 0 if queue is None else queue.qsize()

    def _failure(self, code: int | None, cause: BaseException | None) -> ProviderError:
        if code is None and isinstance(cause, OSError):
            return ProviderError(Fault.REFUSED, self._name, "no connection")
        fault = wire.code_fault(code, self._asked)
        after = wire.retry_after_ms(cause.response.headers) if isinstance(cause, InvalidStatus) else None
        return ProviderError(fault, self._name, f"code {code}" if code else "no code", retry_after_ms=after)
