"""Deepgram's doors: who may upgrade to /v1/listen and /v2/listen, and what the others are told."""

import uuid
from collections.abc import Callable, Mapping

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from tandem.simulator.deepgram_flux import Flux
from tandem.simulator.deepgram_nova import Nova, Options
from tandem.simulator.dictation import BadQuery, Recogniser, take
from tandem.simulator.stage import Stage
from tandem.simulator.websocket import Refusal, opened

_WORDS = {
    400: ("Bad Request", "The request cannot be served."),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: (
        "ASR_PAYMENT_REQUIRED",
        "Project does not have enough credits for an ASR request and does not have an overage.",
    ),
    403: ("INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later."),
}
_KEYS = {"": 401, "bad": 401, "broke": 402}


def routes(stage: Stage) -> list[BaseRoute]:
    """Return the routes of this vendor."""

    def nova(query: Mapping[str, str], request_id: str) -> Recogniser:
        return Nova(Options.read(query), stage.voice, request_id)

    def flux(query: Mapping[str, str], request_id: str) -> Recogniser:
        return Flux(query, stage.voice, request_id)

    return [
        WebSocketRoute("/v1/listen", _listening(stage, "v1", nova)),
        WebSocketRoute("/v2/listen", _listening(stage, "v2", flux)),
    ]


def _listening(
    stage: Stage, route: str, recogniser_for: Callable[[Mapping[str, str], str], Recogniser]
) -> Callable[[WebSocket], object]:
    async def listen(socket: WebSocket) -> None:
        asked = stage.requests.note("deepgram", route, socket)
        request_id = str(uuid.uuid4())
        status, why, recogniser = _KEYS.get(_key(socket), 0), "", None
        try:
            recogniser = recogniser_for(socket.query_params, request_id)
        except BadQuery as error:
            status, why = status or 400, str(error)

        def refused(struck: int) -> Refusal | None:
            return _refusal(struck or status, why, request_id)

        line = await opened(stage, socket, asked, refused)
        if line is not None and recogniser is not None:
            await take(stage, line, asked, recogniser)

    return listen


def _key(socket: WebSocket) -> str:
    scheme, _, key = socket.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() in ("token", "bearer") else ""


def _refusal(status: int, why: str, request_id: str) -> Refusal | None:
    """Return the refusal of an upgrade, whose reason also stands in headers: a browser cannot read a body here."""
    if not status:
        return None
    code, message = _WORDS.get(status, ("INTERNAL_SERVER_ERROR", "Something went wrong."))
    body = {"err_code": code, "err_msg": why or message, "request_id": request_id}
    return Refusal(status, body, {"dg-error": why or message, "dg-request-id": request_id})
