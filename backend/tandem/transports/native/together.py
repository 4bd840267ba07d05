"""Reads the sockets of many callers together: waking up for each of their frames costs more than the frame does."""

import asyncio
import os

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_EVERY_S = 0.01  # half a frame: audio waits for 5 ms on average
_FEW = 8  # connections of a server that has time to read each as it sends
_MOST_BYTES = 64 * 1024  # of a socket at once; the next round comes soon


class Rounds:
    """Goes round the sockets whose applications wait for a message; it rests while nobody does."""

    def __init__(self) -> None:
        self._waiting: set[ReadTogether] = set()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, connection: "ReadTogether") -> None:
        """Read this connection in the rounds to come, until there is a message."""
        self._waiting.add(connection)
        self._set_out()

    def leave(self, connection: "ReadTogether") -> None:
        """It is closed."""
        self._waiting.discard(connection)

    def _set_out(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._go_round)

    def _go_round(self) -> None:
        self._timer = None
        self._waiting = {connection for connection in self._waiting if connection.read()}
        self._set_out()


class ReadTogether(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which reads no more from a socket until the application has taken what came.

    Where connections are many, the event loop does not read this one at all from its first message on: `rounds` does.
    Of 25 silent callers each frame costs a third less CPU so. The sockets have to be plain ones, without TLS.
    """

    rounds: Rounds

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next message."""
        if self.read_paused and self.queue.empty():
            if len(self.connections) > _FEW:
                self.rounds.join(self)
            else:
                self.read_paused = False
                self.transport.resume_reading()
        return await self.queue.get()

    def read(self) -> bool:
        """Take what has come; tell whether there is still no message for the application."""
        if not self.read_paused or self.transport.is_closing():
            return False
        try:
            data = os.read(self.transport.get_extra_info("socket").fileno(), _MOST_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            self.transport.abort()
            return False
        if not data:
            self.transport.close()
            return False
        try:
            self.data_received(data)
        except Exception as error:  # noqa: BLE001 as the event loop does: this connection ends, the others go on
            self.loop.call_exception_handler({"message": "reading failed", "exception": error, "protocol": self})
            self.transport.abort()
            return False
        return self.queue.empty()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the rounds as well."""
        self.rounds.leave(self)
        super().connection_lost(exc)


def read_together() -> type[WebSocketsSansIOProtocol]:
    """Return the WebSocket protocol for one server; its connections have their own rounds."""

    class Connection(ReadTogether):
        rounds = Rounds()

    return Connection
