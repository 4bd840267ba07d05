"""Cartesia's doors, /tts/websocket, /tts/sse and /tts/bytes: who may enter, and what is answered over HTTP."""

import json
import uuid
from collections.abc import AsyncGenerator

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from tandem.simulator import http
from tandem.simulator.cartesia_socket import Contexts, error_frame
from tandem.simulator.cartesia_speech import BadRequest, Speech, Spoken, checked
from tandem.simulator.faults import Kind
from tandem.simulator.http import Body, Instead, Then, played, read_json
from tandem.simulator.latency import Slot
from tandem.simulator.stage import Stage, Stride
from tandem.simulator.websocket import Refusal, opened

_TITLES = {
    400: "Bad request",
    401: "Invalid API key",
    402: "Insufficient credits",
    403: "Forbidden",
    429: "Too many requests",
}
_KEYS = {"": 401, "bad": 401, "broke": 402}
_CHUNK_HEAD = {"type": "chunk", "done": False, "status_code": 206, "step_time": 0.0}


def routes(stage: Stage) -> list[BaseRoute]:
    """Return the routes of this vendor."""

    async def websocket(socket: WebSocket) -> None:
        asked = stage.requests.note("cartesia", "websocket", socket)

        def refused(struck: int) -> Refusal | None:
            status = struck or _KEYS.get(_key(socket), 0)
            return Refusal(status, _error_body(status), {}) if status else None

        if line := await opened(stage, socket, asked, refused):
            await Contexts(stage, line, asked).serve()

    async def sse(request: Request) -> Response:
        return await _answer(stage, request, "sse")

    async def raw(request: Request) -> Response:
        return await _answer(stage, request, "bytes")

    return [
        WebSocketRoute("/tts/websocket", websocket),
        Route("/tts/sse", sse, methods=["POST"]),
        Route("/tts/bytes", raw, methods=["POST"]),
    ]


async def _answer(stage: Stage, request: Request, route: str) -> Response:
    body = await read_json(request)
    asked = stage.requests.note("cartesia", route, request, body)
    if status := _KEYS.get(_key(request)):
        return JSONResponse(_error_body(status), status)
    try:
        checked(body or {})
        speech = Speech(stage.speaker, body or {})
    except BadRequest as error:
        return JSONResponse(_error_body(400, str(error)), 400)

    def units(empty: bool) -> AsyncGenerator[bytes, None]:
        given = {**(body or {}), "transcript": ""} if empty else body or {}
        return (_events if route == "sse" else _audio)(stage, speech, given)

    if route == "sse":
        return await played(stage, request, asked, _EVENTS, units, media_type="text/event-stream")
    return await played(stage, request, asked, _AUDIO, units, media_type="application/octet-stream")


async def _spoken(stage: Stage, speech: Speech, request: Body) -> AsyncGenerator[tuple[Spoken, float], None]:
    """Yield the chunks of a request, each with the ms that it took."""
    stride, step_ms = Stride(), stage.latency.first_ms(Slot.TTS)
    await speech.add(request["transcript"], more=False)
    for spoken in speech.chunks():
        await stride.wait_ms(step_ms)
        yield spoken, step_ms
        step_ms = stage.latency.unit_ms(Slot.TTS, speech.form.ms(spoken.audio))


async def _audio(stage: Stage, speech: Speech, request: Body) -> AsyncGenerator[bytes, None]:
    async for spoken, _ in _spoken(stage, speech, request):
        yield spoken.audio
    yield b""


async def _events(stage: Stage, speech: Speech, request: Body) -> AsyncGenerator[bytes, None]:
    name = {"context_id": request["context_id"]} if request.get("context_id") else {}
    async for spoken, step_ms in _spoken(stage, speech, request):
        times = _event({**spoken.timestamps(), **name}) if spoken.words and request.get("add_timestamps") else b""
        yield times + _event({**spoken.chunk(step_ms), **name})
    yield _event({"type": "done", "done": True, "status_code": 206, **name})


def _event(body: Body) -> bytes:
    return f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode()


def _spoiled_event(kind: Kind, unit: bytes) -> Instead:
    match kind:
        case Kind.MALFORMED:
            return Instead(unit[: len(unit) // 2] + b"\n\n")
        case Kind.UNKNOWN_TYPE:
            return Instead(_event({"type": "simulated_novelty", "done": False, "status_code": 206}) + unit)
        case Kind.MISSING_FIELD:
            return Instead(_event(_CHUNK_HEAD))
        case _:
            error = {**error_frame(500, "Simulated failure."), "request_id": str(uuid.uuid4())}
            return Instead(_event(error), Then.END if kind is Kind.ERROR_CLOSE else Then.HOLD)


def _spoiled_audio(kind: Kind, unit: bytes) -> Instead:
    """Raw audio has neither types nor fields; only a sample that lacks a byte is unreadable."""
    return Instead(unit[:-1], Then.END) if kind is Kind.MALFORMED else Instead(unit)


def _error_body(status: int, message: str = "Simulated failure.") -> Body:
    title = _TITLES.get(status, "Internal server error")
    code = title.lower().replace(" ", "_")
    return {"title": title, "message": message, "error_code": code, "request_id": str(uuid.uuid4())}


_EVENTS = http.Wording(_error_body, _spoiled_event)
_AUDIO = http.Wording(_error_body, _spoiled_audio)


def _key(connection: HTTPConnection) -> str:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else connection.headers.get("x-api-key", "")
