"""The line to Cartesia: one warm socket for the whole process, and another one when it dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import cartesia
from cartesia.types.websocket_connection_options import WebsocketConnectionOptions
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.protocol import State

from tandem.core.errors import Fault, ProviderError
from tandem.providers.cartesia import wire
from tandem.providers.cartesia.socket import NAME, Socket

_PING_S = 5.0  # a socket that died unnoticed is found within twice this, mostly before the next phrase needs it
_CLOSE_S = 0.2
_STEADY_S = 5.0  # a socket that lived this long is worth opening again at once
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


class Line:
    """Keeps one socket open, and opens another when it dies: at once if it had lived, else after a pause or on demand.

    Idle sockets are closed by the vendor after five minutes (its documentation on limits).
    """

    def __init__(self, client: cartesia.AsyncCartesia, connect_ms: float) -> None:
        self._client = client
        self._connect_ms = connect_ms
        self._outcome = _attempt()
        self._wanted = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, client: cartesia.AsyncCartesia, connect_ms: float) -> AsyncIterator["Line"]:
        """Keep a line until the exit; the first attempt to connect is over, well or not, at the entry."""
        line = cls(client, connect_ms)
        # No task group: it would wrap what the block raises into an exception group.
        keeper = asyncio.get_running_loop().create_task(line._keep())
        try:
            first: set[asyncio.Future[Any]] = {line._outcome, keeper}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            yield line
        finally:
            keeper.cancel()
            await asyncio.wait({keeper}, timeout=2 * _CLOSE_S)
            if keeper.done() and not keeper.cancelled():
                keeper.result()

    async def socket(self, deadline: float) -> Socket:
        """Return the live socket, waiting for one until the loop's time is `deadline`; ProviderError if none came."""
        if self._outcome.done() and isinstance(self._outcome.result(), ProviderError):
            self._outcome = _attempt()
        self._wanted.set()
        while True:
            outcome = self._outcome
            if not outcome.done():
                await asyncio.wait({outcome}, timeout=max(deadline - _now(), 0))
            if not outcome.done():
                raise ProviderError(Fault.TIMEOUT, NAME, "no connection in time")
            found = outcome.result()
            if isinstance(found, ProviderError):
                raise ProviderError(found.fault, NAME, found.detail, retry_after_ms=found.retry_after_ms) from found
            if not found.ended:
                return found

    async def _keep(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            self._wanted.clear()
            began = _now()
            await self._serve()
            if _now() - began > _STEADY_S:
                pause_s = _FIRST_PAUSE_S
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wanted.wait()
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _serve(self) -> None:
        """Make one attempt, and carry what comes of it until its end."""
        if self._outcome.done():
            self._outcome = _attempt()
        try:
            async with self._connected() as connection:
                socket = Socket(connection, self._lost)
                self._outcome.set_result(socket)
                await socket.run()
        except ProviderError as error:
            self._outcome.set_result(error)

    def _lost(self) -> None:
        self._outcome = _attempt()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        made: list[ClientConnection] = []

        def make(*args: Any, **kwargs: Any) -> ClientConnection:
            made.append(ClientConnection(*args, **kwargs))
            return made[-1]

        # The SDK hands every option on to websockets, but declares only some of them.
        options: dict[str, Any] = {
            "create_connection": make,
            "compression": None,  # audio hardly gets smaller, and all of it would have to be inflated
            "ping_interval": _PING_S,
            "ping_timeout": _PING_S,
        }
        opening = self._client.tts.websocket_connect(
            websocket_connection_options=cast("WebsocketConnectionOptions", options)
        )
        try:
            async with self._translating():
                await opening.enter()
            # The websocket itself, not the SDK's wrapper: that one may connect again by itself, its contexts hang on
            # every fault, and looking through each request takes it 0.15 ms.
            yield made[-1]
        finally:
            for socket in made:
                await _close(socket)

    @asynccontextmanager
    async def _translating(self) -> AsyncIterator[None]:
        """Raise what keeps a socket from opening as ProviderError."""
        try:
            async with asyncio.timeout(self._connect_ms / 1000):
                yield
        except TimeoutError as error:
            raise ProviderError(Fault.TIMEOUT, NAME, "no connection in time") from error
        except OSError as error:
            raise ProviderError(Fault.REFUSED, NAME, "no connection") from error
        except InvalidStatus as error:
            fault, detail = wire.status_fault(error.response.status_code)
            after = wire.retry_after_ms(error.response.headers)
            raise ProviderError(fault, NAME, detail, retry_after_ms=after) from error
        except WebSocketException as error:
            raise ProviderError(Fault.CUT, NAME, "the connection broke before it was open") from error


async def _close(connection: ClientConnection) -> None:
    """Take leave within _CLOSE_S; a peer that does not answer is not waited for."""
    transport: asyncio.Transport | None = getattr(connection, "transport", None)  # it has none before it connected
    try:
        if connection.state is State.OPEN:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await connection.close()
    finally:
        if transport is not None:
            transport.abort()


def _attempt() -> asyncio.Future[Socket | ProviderError]:
    return asyncio.get_running_loop().create_future()


def _now() -> float:
    return asyncio.get_running_loop().time()
