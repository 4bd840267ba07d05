"""A WebSocket to an ASGI app without a network, so that minutes pass at once under a virtual clock."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import Message, Scope

Body = dict[str, Any]


class Closed(Exception):
    """The app closed the socket, with `code`; None if it returned without a close frame."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class AsgiSocket:
    """The client's end."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.from_app: asyncio.Queue[Message] = asyncio.Queue()

    def send(self, message: bytes | Mapping[str, Any]) -> None:
        """Send audio, or a JSON object."""
        part = {"bytes": message} if isinstance(message, bytes) else {"text": json.dumps(message)}
        self.to_app.put_nowait({"type": "websocket.receive", **part})

    async def text(self) -> str:
        """Return the next text frame; raises Closed."""
        message = await self.from_app.get()
        if message["type"] == "websocket.close":
            raise Closed(message["code"], message["reason"])
        text: str = message["text"]
        return text

    async def receive(self) -> Body:
        """Return the next frame; raises Closed."""
        body: Body = json.loads(await self.text())
        return body

    async def until(self, **fields: Any) -> list[Body]:
        """Return the frames up to the first that has all of `fields`; raises Closed."""
        frames: list[Body] = []
        while not frames or any(frames[-1].get(name) != value for name, value in fields.items()):
            frames.append(await self.receive())
        return frames


@asynccontextmanager
async def asgi_socket(
    routes: Sequence[BaseRoute], path: str, query: str = "", headers: Mapping[str, str] | None = None
) -> AsyncIterator[AsgiSocket]:
    """Connect to `path`; on leaving, the client goes away. An upgrade that is refused fails the test."""
    socket = AsgiSocket()
    scope: Scope = {
        "type": "websocket",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": None,
    }

    async def run() -> None:
        await Starlette(routes=routes)(scope, socket.to_app.get, socket.from_app.put)
        socket.from_app.put_nowait({"type": "websocket.close", "code": None, "reason": "returned"})

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        socket.to_app.put_nowait({"type": "websocket.connect"})
        assert (await socket.from_app.get())["type"] == "websocket.accept"
        yield socket
        socket.to_app.put_nowait({"type": "websocket.disconnect", "code": 1005})
