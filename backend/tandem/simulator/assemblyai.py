"""AssemblyAI's door, /v3/ws: credentials and parameters are checked after the upgrade, within the socket."""

import asyncio
import json

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from tandem.simulator.assemblyai_turns import Options, Turns, error_frame
from tandem.simulator.dictation import BadQuery, take
from tandem.simulator.stage import ClientLeft, Stage
from tandem.simulator.websocket import Line, Over, Refusal, opened

LEAD_MS = 1_000.0  # how far audio may run ahead of real time: what the network and a sender's jitter need

_KEYS = {
    "": "Unauthorized Connection: Missing Authorization header",
    "bad": "Unauthorized Connection: Invalid API key",
    "broke": "Unauthorized Connection: Insufficient account balance",
}


def routes(stage: Stage, lead_ms: float = LEAD_MS) -> list[BaseRoute]:
    """Return the routes of this vendor; audio may run `lead_ms` ahead of real time."""

    async def listen(socket: WebSocket) -> None:
        asked = stage.requests.note("assemblyai", "v3", socket)
        if (line := await opened(stage, socket, asked, _refusal)) is None:
            return
        try:
            options = Options.read(socket.query_params)
        except BadQuery as error:
            await _refuse(line, 3006, str(error))
            return
        key = socket.headers.get("authorization") or socket.query_params.get("token", "")
        if why := _KEYS.get(key):
            await _refuse(line, 1008, why)
        else:
            clock = asyncio.get_running_loop().time
            await take(stage, line, asked, Turns(options, stage.voice, clock, lead_ms))

    return [WebSocketRoute("/v3/ws", listen)]


async def _refuse(line: Line, code: int, why: str) -> None:
    try:
        await line.send(json.dumps(error_frame(code, why)))
        await line.close(code, why)
    except (ClientLeft, Over):
        return


def _refusal(status: int) -> Refusal | None:
    return Refusal(status, {"detail": "Simulated failure."}, {}) if status else None
