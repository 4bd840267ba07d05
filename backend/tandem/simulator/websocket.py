"""A vendor's end of a WebSocket: the upgrade, what is read, and what is sent in spite of a fault."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from tandem.simulator import faults
from tandem.simulator.faults import Fault, Kind, UnreadableFault
from tandem.simulator.stage import Asked, ClientLeft, Stage

Body = dict[str, Any]

ABNORMAL = 1006  # RFC 6455, section 7.1.5: the connection ends without a close frame
NO_CODE = 1005  # a close frame without a code
_AT_THE_DOOR = (Kind.HANG, Kind.REFUSED, Kind.STATUS, Kind.SILENT)


class Over(Exception):
    """The vendor has ended the connection, or the body of its answer."""


class Way(Protocol):
    """Where frames go: a WebSocket, or the body of an HTTP answer."""

    @property
    def connection(self) -> HTTPConnection:
        """Return the connection, for a fault of TCP."""
        ...

    async def send(self, text: str) -> None:
        """Send a frame; raises ClientLeft."""
        ...

    async def close(self, code: int, reason: str = "") -> None:
        """End it with a WebSocket close code, of which 1000 is the proper end; raises Over."""
        ...


class Line:
    """A WebSocket after its upgrade. A `mute` one reads, answers pings, and sends nothing else."""

    def __init__(self, socket: WebSocket, *, mute: bool = False) -> None:
        self._socket = socket
        self._mute = mute

    @property
    def connection(self) -> HTTPConnection:
        """Return the connection."""
        return self._socket

    async def receive(self) -> str | bytes:
        """Return the next message; raises ClientLeft."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise ClientLeft
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, text: str) -> None:
        """Send a text frame; raises ClientLeft."""
        if not self._mute:
            await self._tell({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str = "") -> None:
        """End the connection, which raises Over. 1005 sends a close frame without a code, and 1006 sends none."""
        if self._mute:
            return
        if code == NO_CODE:
            await self._tell({"type": "websocket.close", "code": None, "reason": ""})
        elif code != ABNORMAL:
            await self._tell({"type": "websocket.close", "code": code, "reason": reason})
        raise Over

    async def _tell(self, message: Body) -> None:
        try:
            await self._socket.send(message)
        except WebSocketDisconnect as error:
            raise ClientLeft from error


@dataclass(frozen=True, slots=True)
class Wording:
    """How a vendor words what goes wrong."""

    error: Callable[[Fault], Body]  # its error frame
    needed: str  # a field that none of its units can do without


class Output:
    """What one utterance or one context puts out: numbered units, and the fault that strikes one of them."""

    def __init__(self, stage: Stage, way: Way, fault: Fault | None, wording: Wording) -> None:
        self._stage, self._way, self._fault, self._wording = stage, way, fault, wording
        self._units = 0
        self.silenced = False  # an error took the place of all that would follow

    @property
    def empty(self) -> bool:
        """Tell whether this output is to hold nothing."""
        return self._fault is not None and self._fault.kind is Kind.EMPTY

    async def put(self, body: Body) -> None:
        """Send the next unit, or what the fault makes of it; raises ClientLeft, and Over if the fault ends the line."""
        if self.silenced:
            return
        unit, self._units = self._units, self._units + 1
        kind = await self._stage.obey(self._fault, unit, self._way.connection)
        if kind is None or self._fault is None:
            await self._way.send(json.dumps(body))
            return
        for text in _spoiled(kind, body, self._wording, self._fault):
            await self._way.send(text)
        self.silenced = kind is Kind.ERROR_FRAME
        if kind in (Kind.CUT, Kind.ERROR_CLOSE, Kind.EARLY_END):
            early = kind is Kind.EARLY_END and self._fault.close_code not in (1001, NO_CODE)
            await self._way.close(1000 if early else self._fault.close_code, "" if early else "simulated")


def _spoiled(kind: Kind, body: Body, wording: Wording, fault: Fault) -> list[str]:
    """Return what is sent in place of `body`."""
    text = json.dumps(body)
    match kind:
        case Kind.MALFORMED:
            return [text[: len(text) // 2]]
        case Kind.UNKNOWN_TYPE:
            return [json.dumps({"type": "SimulatedNovelty", "of": "the future"}), text]
        case Kind.MISSING_FIELD:
            return [json.dumps({name: value for name, value in body.items() if name != wording.needed})]
        case Kind.ERROR_FRAME | Kind.ERROR_CLOSE:
            return [json.dumps(wording.error(fault))]
        case Kind.DUPLICATE:
            return [text, text]
        case Kind.CUT | Kind.EARLY_END:
            return []
        case _:
            return [text]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to an upgrade other than 101."""

    status: int
    body: Body
    headers: Mapping[str, str]

    def response(self) -> Response:
        """Return it as HTTP."""
        return JSONResponse(self.body, self.status, dict(self.headers))


async def opened(
    stage: Stage, socket: WebSocket, asked: Asked, refused: Callable[[int], Refusal | None]
) -> Line | None:
    """Upgrade, unless a fault or `refused` is against it; None if there is no line.

    `refused` is asked with a fault's status to word, or with 0: then it may have a reason of the request's own.
    """
    try:
        fault = _at_the_door(stage, socket, asked)
        struck = await stage.open(fault, socket, socket.receive)
    except UnreadableFault as error:
        await socket.send_denial_response(JSONResponse({"error": str(error)}, 400))
        return None
    except ClientLeft:
        return None
    if refusal := refused(struck.status if struck else 0):
        retry = {} if struck is None or struck.retry_after_s is None else {"retry-after": f"{struck.retry_after_s:g}"}
        await socket.send_denial_response(
            Refusal(refusal.status, refusal.body, {**refusal.headers, **retry}).response()
        )
        return None
    await socket.accept()
    return Line(socket, mute=fault is not None and fault.kind is Kind.SILENT)


def _at_the_door(stage: Stage, socket: WebSocket, asked: Asked) -> Fault | None:
    """Return the fault of the upgrade itself; one that waits for the output is left on the board until then."""
    own = faults.requested(socket.headers, socket.query_params, socket.path_params)
    fault = faults.parse(own) if own else stage.faults.peek(asked.vendor, asked.route)
    return stage.strike(asked, socket) if fault and fault.kind in _AT_THE_DOOR else None


def later_strike(stage: Stage, way: Way, asked: Asked, *, refusable: bool = False) -> Fault | None:
    """Return the fault of an output on an open line: one of the upgrade leaves it alone, and stays on the board.

    A `refusable` output also takes a STATUS.
    """
    connection = way.connection
    own = faults.requested(connection.headers, connection.query_params, connection.path_params)
    fault = faults.parse(own) if own else stage.faults.peek(asked.vendor, asked.route)
    spared = (Kind.HANG, Kind.REFUSED) if refusable else (Kind.HANG, Kind.REFUSED, Kind.STATUS)
    return None if fault is None or fault.kind in spared else stage.strike(asked, way.connection)
