"""What the simulated vendors share: the stage they play on, how they obey a fault, and the record of what was asked."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import HTTPConnection
from starlette.types import Receive

from tandem.simulator import faults
from tandem.simulator.faults import Fault, FaultBoard, Kind
from tandem.simulator.latency import Latency
from tandem.simulator.scripts import Answers
from tandem.simulator.tcp import Lines
from tandem.simulator.voice import Said, Voice

_FOR_EVER_S = 3_600  # a stall lasts until the client has enough; nothing waits without an end
_LATE_S = 0.01  # what a busy machine may be late by
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-api-key"})
_MOST_ASKED = 1_000
_MOST_SENT = 100


@dataclass(slots=True)
class Asked:
    """One request or WebSocket context as it came; times are seconds of the machine's monotonic clock."""

    vendor: str
    route: str
    headers: Mapping[str, str]  # lower case, without keys
    query: Mapping[str, str]
    body: Any  # parsed JSON, form fields, or whatever the vendor's file notes
    at: float
    fault: Fault | None = None
    disconnected_at: float | None = None  # when the client left before the end; None if it did not
    notes: list[Any] = field(default_factory=list)  # what came later, e.g. control messages of a socket
    sent_at: list[float] = field(default_factory=list)  # when each of the first units of output was sent

    def leave(self) -> None:
        """Note that the client leaves now, before the end."""
        self.disconnected_at = _now()

    def sent(self) -> None:
        """Note that a unit of output has just been sent."""
        if len(self.sent_at) < _MOST_SENT:
            self.sent_at.append(_now())


class Requests:
    """The last requests, oldest first; bounded."""

    def __init__(self, most: int = _MOST_ASKED) -> None:
        self._asked: deque[Asked] = deque(maxlen=most)

    def note(self, vendor: str, route: str, connection: HTTPConnection, body: Any = None) -> Asked:
        """Record a request; the caller completes the returned entry as more becomes known."""
        headers = {name: value for name, value in connection.headers.items() if name not in _SECRET_HEADERS}
        asked = Asked(vendor, route, headers, dict(connection.query_params), body, _now())
        self._asked.append(asked)
        return asked

    def of(self, vendor: str | None = None, route: str | None = None) -> list[Asked]:
        """Return the requests to `vendor` and `route`; None means any."""
        return [asked for asked in self._asked if vendor in (None, asked.vendor) and route in (None, asked.route)]

    def clear(self) -> None:
        """Forget all."""
        self._asked.clear()


class Speaker(Protocol):
    """What speaks for the simulated vendors."""

    async def speak(self, text: str, rate: int, speed: float = 1.0) -> Said:
        """Return `text` as speech of `rate` Hz, `speed` times as fast as usual, as far as the voice can."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a vendor's routes need; one per simulator."""

    faults: FaultBoard = field(default_factory=FaultBoard)
    latency: Latency = field(default_factory=Latency)
    voice: Voice = field(default_factory=Voice)  # what is heard
    speaker: Speaker = field(default_factory=Voice)  # what is spoken with
    answers: Answers = field(default_factory=Answers)
    requests: Requests = field(default_factory=Requests)
    lines: Lines = field(default_factory=Lines)

    def strike(self, asked: Asked, connection: HTTPConnection) -> Fault | None:
        """Return what happens to this request, and note it; raises UnreadableFault.

        Call it once per HTTP request; on a socket with contexts once per context.
        """
        own = faults.requested(connection.headers, connection.query_params, connection.path_params)
        asked.fault = self.faults.strike(asked.vendor, asked.route, own)
        return asked.fault

    async def open(self, fault: Fault | None, connection: HTTPConnection, receive: Receive) -> Fault | None:
        """Obey what happens before headers or before the upgrade.

        HANG waits until the client has left, REFUSED resets the connection: both end in `ClientLeft`. Returns a STATUS
        fault for the vendor to word, else None.
        """
        if fault is None or fault.kind not in (Kind.HANG, Kind.REFUSED, Kind.STATUS):
            return None
        if fault.kind is Kind.STATUS:
            return fault
        if fault.kind is Kind.REFUSED:
            self.lines.reset(address(connection))
        await until_left(receive)
        raise ClientLeft

    async def obey(self, fault: Fault | None, unit: int, connection: HTTPConnection) -> Kind | None:
        """Obey `fault` before output unit number `unit` (the terminator is one more unit).

        Delays, stalls, resets and black holes happen here: the last three wait until the caller is cancelled, which a
        client's leaving must bring about. Any other kind that strikes now is returned, for the vendor to write; CUT
        too, which on a WebSocket is a close frame and on HTTP is `break_off`.
        """
        if fault is None or not fault.strikes(unit):
            return None
        match fault.kind:
            case Kind.SLOW | Kind.DRIP:
                await asyncio.sleep(fault.ms / 1000)
                return None
            case Kind.RESET:
                self.lines.reset(address(connection))
            case Kind.BLACKHOLE:
                self.lines.freeze(address(connection))
            case Kind.STALL | Kind.SILENT:
                pass
            case Kind.HANG | Kind.REFUSED | Kind.STATUS:
                return None
            case kind:
                return kind
        await self.hold()
        return None

    async def break_off(self, connection: HTTPConnection) -> None:
        """Close the TCP connection in the middle of what it carries, and wait as `obey` does."""
        self.lines.cut(address(connection))
        await self.hold()

    async def hold(self) -> None:
        """Do nothing until the caller is cancelled, which a client's leaving must bring about; for an hour at most."""
        await asyncio.sleep(_FOR_EVER_S)


class ClientLeft(Exception):
    """The client has gone; there is nobody to answer."""


async def until_left(receive: Receive) -> None:
    """Read and drop what comes until the client disconnects, for an hour at most."""
    async with asyncio.timeout(_FOR_EVER_S):
        while not (await receive())["type"].endswith(".disconnect"):
            pass


class Stride:
    """Waits as laws of latency say, one time after the other; by what a timer is late, the next wait is shorter."""

    def __init__(self) -> None:
        """Begin now."""
        self._due = asyncio.get_running_loop().time()

    async def wait_ms(self, ms: float) -> None:
        """Wait so long from the end of the wait before, or from now if a fault came between; 0 does not even yield."""
        if ms > 0:
            now = asyncio.get_running_loop().time()
            self._due = (self._due if now - self._due < _LATE_S else now) + ms / 1000
            await asyncio.sleep(self._due - now)


def address(connection: HTTPConnection) -> tuple[str, int] | None:
    """Return the client's end of the connection, by which the doors know it."""
    return (connection.client.host, connection.client.port) if connection.client else None


def _now() -> float:
    return time.monotonic()  # an event loop's own clock may be as coarse as a millisecond
