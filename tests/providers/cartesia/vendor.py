"""A WebSocket server on loopback that speaks, or fails, as a test tells it to, frame by frame."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tandem.contracts.tts import spoken
from tandem.core.errors import ProviderError
from tandem.providers.cartesia.tts import Cartesia

PATIENCE_S = 5.0
SECRET = "sk_car_quite_secret"
CHUNK = b"\x10\x27" * 960  # 40 ms at 24,000 Hz


class Phrase:
    """One context of one connection, and the means to answer it."""

    def __init__(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        self.connection = connection
        self.request = request
        self.context: str = request["context_id"]
        self.cancelled = asyncio.Event()

    async def frame(self, **fields: Any) -> None:
        await self.raw(json.dumps({"context_id": self.context, "done": False, "status_code": 206, **fields}))

    async def raw(self, text: str) -> None:
        await self.connection.send(text)
        await asyncio.sleep(0)  # a write that fits the buffers lets nobody else run

    async def chunks(self, count: int, pcm: bytes = CHUNK) -> None:
        for _ in range(count):
            await self.frame(type="chunk", data=base64.b64encode(pcm).decode(), step_time=1.0)

    async def words(self, words: Sequence[str], starts: Iterable[float], ends: Iterable[float]) -> None:
        timed = {"words": list(words), "start": list(starts), "end": list(ends)}
        await self.frame(type="timestamps", word_timestamps=timed)

    async def done(self) -> None:
        await self.frame(type="done", done=True)

    async def error(self, status: int, **fields: Any) -> None:
        await self.frame(type="error", done=True, title="t", message="m", **{"status_code": status, **fields})


Behaviour = Callable[[Phrase], Awaitable[None]]


async def speaking(phrase: Phrase) -> None:
    await phrase.chunks(3)
    await phrase.words(["one", "two"], [0.0, 0.05], [0.04, 0.1])
    await phrase.done()


async def silent_after_one(phrase: Phrase) -> None:
    await phrase.chunks(1)


async def no_end(phrase: Phrase) -> None:
    await phrase.chunks(1)
    await phrase.connection.close(1000)


async def server_error(phrase: Phrase) -> None:
    await phrase.chunks(1)
    await phrase.connection.close(1011)


async def dropped(phrase: Phrase) -> None:
    await phrase.chunks(1)
    phrase.connection.transport.abort()


async def rejected(phrase: Phrase) -> None:
    await phrase.error(404, error_code="voice_not_found")


async def too_many(phrase: Phrase) -> None:
    await phrase.error(429, error_code="concurrency_limited")


async def overloaded(phrase: Phrase) -> None:
    await phrase.chunks(1)
    await phrase.error(503)


async def error_for_nobody(phrase: Phrase) -> None:
    await phrase.raw(json.dumps({"type": "error", "done": True, "status_code": 500}))


async def unreadable(phrase: Phrase) -> None:
    await phrase.chunks(1)
    await phrase.raw("{not json")


async def no_data(phrase: Phrase) -> None:
    await phrase.frame(type="chunk")


async def nothing_said(phrase: Phrase) -> None:
    await phrase.done()


async def silent(_phrase: Phrase) -> None:
    """Accept, and never answer."""


class Vendor:
    """What the server was asked, and how it behaves next."""

    def __init__(self) -> None:
        self.behave: Behaviour = speaking
        self.phrases: list[Phrase] = []
        self.connections: list[ServerConnection] = []
        self.headers: list[dict[str, str]] = []
        self.status: int | None = None
        self.retry_after = ""
        self.flapping = False
        self.asked = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse(self, connection: ServerConnection, request: Request) -> Response | None:
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        if self.status is None:
            return None
        response = connection.respond(self.status, "refused\n")
        if self.retry_after:
            response.headers["Retry-After"] = self.retry_after
        return response

    async def serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        if self.flapping:
            return
        with suppress(ConnectionClosed):
            async with asyncio.TaskGroup() as tasks:
                playing = []
                async for message in connection:
                    body = json.loads(message)
                    if body.get("cancel"):
                        next(phrase for phrase in self.phrases if phrase.context == body["context_id"]).cancelled.set()
                        continue
                    self.phrases.append(Phrase(connection, body))
                    playing.append(tasks.create_task(_play(self.behave, self.phrases[-1])))
                    self.asked.set()
                for task in playing:
                    task.cancel()


async def _play(behave: Behaviour, phrase: Phrase) -> None:
    with suppress(ConnectionClosed):
        await behave(phrase)


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    """Run a server until the exit."""
    running = Vendor()
    async with serve(running.serve, "127.0.0.1", 0, process_request=running.refuse) as server:
        running.port = next(iter(server.sockets)).getsockname()[1]
        yield running


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Cartesia]:
    """Open a voice that is impatient, because nothing on loopback takes long."""
    given = {"connect_ms": 1_000, "first_chunk_ms": 150, "stall_ms": 150, **options}
    async with asyncio.timeout(PATIENCE_S), Cartesia.open(api_key=SECRET, base_url=url, **given) as voice:
        yield voice


async def fault_of(voice: Cartesia) -> ProviderError:
    """Return the error that a phrase ends with; it tells neither what was said nor the key."""
    with pytest.raises(ProviderError) as caught:
        await spoken(voice, "one two")
    assert caught.value.provider == "cartesia"
    assert "one" not in caught.value.detail
    assert SECRET not in str(caught.value)
    return caught.value
