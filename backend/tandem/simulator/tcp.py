"""The simulator's doors: TCP proxies in front of its app, for what an ASGI app cannot do to a connection."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tandem.simulator.faults import VENDORS, FaultBoard, Kind

Address = tuple[str, int]

HOST = "127.0.0.1"
_DRAIN_S = 0.02  # how long bytes that the app has written before a fault may take to the client, and then
_DRAIN_TURNS = 5  # of a loop that may have been busy: to read them, to wake the pump, to write them
_FROZEN_S = 600  # a black hole swallows its connection after this
_CHUNK = 65_536
_BACKLOG = 128


class Lines:
    """The open connections, by the address that the app sees as the client's."""

    def __init__(self) -> None:
        self._lines: dict[Address, _Line] = {}

    def reset(self, client: Address | None) -> None:
        """Reset the connection of `client`, behind what the app has written: it gets a TCP RST."""
        _behind_output(self._line(client).reset)

    def cut(self, client: Address | None) -> None:
        """Close the connection of `client` in the middle of whatever it carries, behind what the app has written."""
        _behind_output(self._line(client).cut)

    def freeze(self, client: Address | None) -> None:
        """Leave the connection of `client` open, but read and write nothing any more."""
        _behind_output(self._line(client).freeze)

    def _line(self, client: Address | None) -> "_Line":
        if client is None or client not in self._lines:
            raise LookupError("this connection did not come through a door")
        return self._lines[client]

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, app: Address) -> None:
        """Connect a client to the app at `app`, and carry bytes both ways until either side ends.

        `writer` is left to whoever gave it, for whom an end before all of this has begun is an end, too.
        """
        try:
            inward, outward = await asyncio.open_connection(*app)
        except OSError:  # the app has gone first
            return
        seen = outward.get_extra_info("sockname")[:2]
        line = self._lines[seen] = _Line(writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(line.pump(reader, outward))
                group.create_task(line.pump(inward, writer))
        finally:
            del self._lines[seen]
            outward.close()


@dataclass(slots=True)
class _Line:
    """One client's connection."""

    client: asyncio.StreamWriter
    frozen: bool = False

    async def pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Carry bytes from `source` to `target` until one of them ends; then end `target`, unless all is frozen."""
        with suppress(ConnectionError):
            while not self.frozen and (data := await source.read(_CHUNK)):
                if not self.frozen:
                    target.write(data)
                    await target.drain()
        if self.frozen and target is self.client:
            await asyncio.sleep(_FROZEN_S)
        target.close()

    def reset(self) -> None:
        """Drop the client's connection with an RST."""
        sock = self.client.get_extra_info("socket")
        with suppress(OSError):  # it may have gone by itself
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.transport.abort()

    def cut(self) -> None:
        """Close the client's connection."""
        self.client.transport.abort()

    def freeze(self) -> None:
        """Carry nothing any more."""
        self.frozen = True
        with suppress(RuntimeError):  # it may have gone by itself
            self.client.transport.pause_reading()  # type: ignore[attr-defined]  # a stream over TCP has one


def _behind_output(act: Callable[[], None], turns: int = _DRAIN_TURNS) -> None:
    """Call `act` when what the app has written so far has been carried, which takes some turns of the event loop."""
    loop = asyncio.get_running_loop()
    if turns == _DRAIN_TURNS:
        loop.call_later(_DRAIN_S, _behind_output, act, turns - 1)
    elif turns:
        loop.call_soon(_behind_output, act, turns - 1)
    else:
        act()


class Doors:
    """One listening port for all vendors and one for each; a vendor's own is closed while it refuses connections."""

    def __init__(self, lines: Lines, faults: FaultBoard, app: Address, group: asyncio.TaskGroup) -> None:
        self._lines, self._faults, self._group = lines, faults, group
        self.app = app  # what is behind them; connections to it never break
        self._servers: dict[str, asyncio.Server] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: set[str] = set()
        self._closed = False
        self.ports: dict[str, int] = {}

    def open(self, name: str, port: int) -> None:
        """Listen on `port` (0: a free one) from now on; raises OSError."""
        listener = bound(port)
        self.ports[name] = listener.getsockname()[1]
        self._opening.add(name)
        self._start(self._serve(name, listener), lambda task: listener.close() if task.cancelled() else None)

    async def _serve(self, name: str, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._welcome, sock=listener, start_serving=False)
        self._servers[name] = server
        await server.start_serving()
        self._opening.discard(name)
        self.follow()

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:  # it was accepted before
            writer.close()
        else:
            self._start(self._lines.carry(reader, writer, self.app), lambda _: writer.close())

    def _start(self, work: Coroutine[None, None, None], ended: Callable[[asyncio.Task[None]], object]) -> None:
        """Do `work` in a task. `ended` comes after it in any case: a task that is cancelled early does nothing."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(ended)

    def follow(self) -> None:
        """Open and close the vendors' doors as the faults say."""
        for vendor in VENDORS:
            fault = self._faults.peek(vendor)
            refuses = fault is not None and fault.kind is Kind.REFUSED
            if refuses and vendor in self._servers:
                self._servers.pop(vendor).close()
            elif not refuses and vendor in self.ports and vendor not in self._servers.keys() | self._opening:
                self.open(vendor, self.ports[vendor])

    def close(self) -> None:
        """Listen no more, and drop what is connected."""
        self._closed = True
        for server in self._servers.values():
            server.close()
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def doors(lines: Lines, faults: FaultBoard, app: Address, ports: Mapping[str, int]) -> AsyncIterator[Doors]:
    """Open a door per name of `ports` ("*" and vendors; port 0 takes a free one) in front of the app at `app`."""
    async with asyncio.TaskGroup() as group:
        opened = Doors(lines, faults, app, group)
        try:
            for name, port in ports.items():
                opened.open(name, port)
            faults.watch(opened.follow)
            yield opened
        finally:
            faults.unwatch(opened.follow)
            opened.close()


def bound(port: int) -> socket.socket:
    """Return a listening socket on `port` of this machine's own address (0: a free one); raises OSError."""
    # Without its protocol's number asyncio leaves Nagle's algorithm on, and small writes take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
