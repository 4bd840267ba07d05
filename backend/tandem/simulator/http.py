"""A vendor's end of an HTTP request: its refusals, and a body that is sent in spite of a fault."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from tandem.simulator.faults import Fault, Kind, UnreadableFault
from tandem.simulator.stage import Asked, ClientLeft, Stage

Body = dict[str, Any]

_LEFT = 499  # nobody reads it


class Then(Enum):
    """How a body goes on behind what was sent in place of a unit."""

    GO_ON = auto()
    END = auto()  # properly
    HOLD = auto()  # open and silent


@dataclass(frozen=True, slots=True)
class Instead:
    """What is sent in place of a unit."""

    data: bytes
    then: Then = Then.GO_ON


@dataclass(frozen=True, slots=True)
class Wording:
    """How a vendor words what goes wrong."""

    error: Callable[[int], Body]  # the body of an error status
    spoiled: Callable[[Kind, bytes], Instead]  # MALFORMED, UNKNOWN_TYPE, MISSING_FIELD, ERROR_FRAME, ERROR_CLOSE


# Makes the units of an answer; it is told whether the answer is to be empty. The last unit is the terminator.
Units = Callable[[bool], AsyncGenerator[bytes, None]]


async def read_json(request: Request) -> Body | None:
    """Return the request's body if it is a JSON object."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


class _Played(StreamingResponse):
    """A streamed body that notes when its client leaves before the end."""

    def __init__(self, asked: Asked, body: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(self._to_the_end(body), media_type=media_type, headers=headers)
        self._asked = asked
        self._ended = False

    async def _to_the_end(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for data in body:
            yield data
        self._ended = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not self._ended:
                self._asked.leave()
            return message

        await super().__call__(scope, watched, send)


async def played(
    stage: Stage,
    request: Request,
    asked: Asked,
    wording: Wording,
    units: Units,
    *,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer `request` with `units`, or with what the fault that strikes it makes of them."""
    try:
        fault = stage.strike(asked, request)
        status = await stage.open(fault, request, request.receive)
    except UnreadableFault as error:
        return JSONResponse({"error": str(error)}, 400)
    except ClientLeft:
        asked.leave()
        return Response(status_code=_LEFT)
    if status:
        retry = {} if status.retry_after_s is None else {"retry-after": f"{status.retry_after_s:g}"}
        return JSONResponse(wording.error(status.status), status.status, {**(headers or {}), **retry})
    body = _obeying(stage, request, asked, wording, units)
    return _Played(asked, body, media_type, headers or {})


async def _obeying(
    stage: Stage, request: Request, asked: Asked, wording: Wording, units: Units
) -> AsyncIterator[bytes]:
    fault = asked.fault
    empty = fault is not None and fault.kind is Kind.EMPTY
    async with aclosing(units(empty)) as made:
        number = 0
        async for unit in made:
            instead = await _instead(stage, request, fault, wording, unit, number)
            number += 1
            if instead.data:
                yield instead.data
                asked.sent()
            if instead.then is Then.END:
                return
            if instead.then is Then.HOLD:
                await stage.hold()


async def _instead(
    stage: Stage, request: Request, fault: Fault | None, wording: Wording, unit: bytes, number: int
) -> Instead:
    kind = await stage.obey(fault, number, request)
    match kind:
        case None | Kind.EMPTY:
            return Instead(unit)
        case Kind.CUT:
            await stage.break_off(request)
            return Instead(b"", Then.END)
        case Kind.EARLY_END:
            return Instead(b"", Then.END)
        case Kind.DUPLICATE:
            return Instead(unit + unit)
        case _:
            return wording.spoiled(kind, unit)
