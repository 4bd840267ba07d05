"""A socket to Cartesia: many phrases at once, each in its own context, none of which can hold up another."""

import asyncio
import json
from collections.abc import Callable

from cartesia.types.websocket_client_event_param import WebsocketClientEventParam
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tandem.core.errors import Fault, ProviderError
from tandem.providers.cartesia import wire

NAME = "cartesia"
_MOST_FRAMES = 4_096  # of one phrase that nobody reads: some minutes of audio
_MOST_UNSENT = 256  # requests and cancellations
_SEND_S = 1.0  # a frame of ours that takes longer meets a dead connection


class Context:
    """One phrase's place on a socket: what came for it and was not read yet."""

    def __init__(self, socket: "Socket", name: str, *, first: bool) -> None:
        self._socket = socket
        self._name = name
        self._first = first
        self.heard = False  # something of it was read
        self._frames: asyncio.Queue[wire.Frame] = asyncio.Queue()  # bounded in `put`, so that a Failure always fits

    def put(self, frame: wire.Frame) -> None:
        """Take the next frame; a phrase that is read too slowly fails, so that it holds up no other."""
        if self._frames.qsize() < _MOST_FRAMES:
            self._frames.put_nowait(frame)
        else:
            self.leave()
            self._frames.put_nowait(wire.Failure(self._name, Fault.CUT, "its reader fell too far behind"))

    async def next(self, deadline: float, late: Fault) -> wire.Frame:
        """Return the next frame; ProviderError for a Failure, and with `late` when the loop's time is `deadline`."""
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(deadline):
                frame = await self._frames.get()
        except TimeoutError as error:
            self._socket.doubt(since=began)
            raise ProviderError(late, NAME, "no audio in time") from error
        if isinstance(frame, wire.Failure):
            raise ProviderError(frame.fault, NAME, frame.detail)
        self.heard = True
        return frame

    @property
    def stillborn(self) -> bool:
        """Whether a socket that had served before ended without a word on this phrase: a new one may well speak it."""
        return self._socket.ended and not self._first and not self.heard

    def leave(self) -> None:
        """Have the vendor stop if it has not, and drop what it still sends."""
        self._socket.forget(self._name)


class Socket:
    """A connection and the contexts that are open on it; `lost` is called once, as soon as it is no good any more."""

    def __init__(self, connection: ClientConnection, lost: Callable[[], None]) -> None:
        self._connection = connection
        self._lost = lost
        self._contexts: dict[str, Context] = {}
        self._outbox: asyncio.Queue[WebsocketClientEventParam] = asyncio.Queue(_MOST_UNSENT)
        self._heard_at = _now()
        self._given_up = asyncio.Event()
        self._unused = True

    @property
    def ended(self) -> bool:
        """Whether it is no good any more."""
        return self._given_up.is_set()

    def begin(self, name: str, request: WebsocketClientEventParam) -> Context:
        """Send the request for a new context."""
        context = self._contexts[name] = Context(self, name, first=self._unused)
        self._unused = False
        self._send(request)
        return context

    def forget(self, name: str) -> None:
        if self._contexts.pop(name, None) is not None:
            self._send(wire.cancel(name))

    def doubt(self, since: float) -> None:
        """Give the socket up if nothing at all has come since then: the phrases after this one deserve a new one."""
        if self._heard_at < since:
            self._give_up()

    async def run(self) -> None:
        """Carry frames both ways until the socket is no good; then every open context fails with CUT."""
        try:
            async with asyncio.TaskGroup() as both:
                tasks = [both.create_task(self._read()), both.create_task(self._write())]
                await self._given_up.wait()
                for task in tasks:
                    task.cancel()
        finally:
            self._give_up()
            self._fail_all(wire.Failure(None, Fault.CUT, "the socket closed"))

    async def _read(self) -> None:
        try:
            while True:
                frame = wire.read(await self._connection.recv(decode=False))
                self._heard_at = _now()
                if frame is not None and self._route(frame):
                    await asyncio.sleep(0)  # it is waited for: it goes on before what came with it is looked at
        except (ConnectionClosed, OSError):
            self._give_up()

    async def _write(self) -> None:
        try:
            while True:
                event = await self._outbox.get()
                async with asyncio.timeout(_SEND_S):
                    await self._connection.send(json.dumps(event))
        except (ConnectionClosed, OSError):  # TimeoutError is an OSError
            self._give_up()

    def _route(self, frame: wire.Frame) -> bool:
        """Hand on a frame; tell whether it is a phrase's first audio."""
        if frame.context is None:
            # Nobody knows what of the contexts is left at the vendor's: closing the socket ends them there too.
            self._fail_all(frame)
            self._give_up()
            return False
        context = self._contexts.get(frame.context)
        if context is None:
            return False
        if isinstance(frame, wire.Done) or (isinstance(frame, wire.Failure) and frame.fault is not Fault.MALFORMED):
            del self._contexts[frame.context]  # it ended at the vendor's: there is nothing to cancel
        context.put(frame)
        return isinstance(frame, wire.Audio) and not context.heard

    def _fail_all(self, failure: wire.Frame) -> None:
        contexts, self._contexts = self._contexts, {}
        for context in contexts.values():
            context.put(failure)

    def _send(self, event: WebsocketClientEventParam) -> None:
        try:
            self._outbox.put_nowait(event)
        except asyncio.QueueFull:
            self._give_up()

    def _give_up(self) -> None:
        if not self._given_up.is_set():
            self._given_up.set()
            self._lost()


def _now() -> float:
    return asyncio.get_running_loop().time()
