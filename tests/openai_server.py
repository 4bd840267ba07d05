"""A server on loopback that speaks OpenAI's HTTP, and answers, or fails, as a test tells it to."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

WORDS = ("Six ", "times ", "seven ", "is ", "forty ", "two.")
USAGE = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}


class Exchange:
    """One request, and the means to answer it; of a form, `body` holds the fields, and a file as its bytes."""

    def __init__(self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.body = body
        self._reader = reader
        self._writer = writer

    async def head(
        self, status: int = 200, headers: Sequence[str] = (), content_type: str = "text/event-stream"
    ) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", f"content-type: {content_type}", "transfer-encoding: chunked", *headers]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()

    async def piece(self, data: bytes) -> None:
        """Send bytes of the body; none at all ends it properly."""
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def frame(self, data: object) -> None:
        await self.piece(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    async def words(self, words: Sequence[str]) -> None:
        for word in words:
            await self.frame(chunk(content=word))

    async def close(self) -> None:
        """End the connection in order, without the end of the body."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        peer = self._writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close sends RST
        self._writer.transport.abort()

    async def hang(self) -> None:
        """Say nothing more until the client goes away."""
        with suppress(OSError):
            await self._reader.read()


Behaviour = Callable[[Exchange], Awaitable[None]]


def chunk(
    *, content: Any = None, finish: str | None = None, usage: Any = None, bare: bool = False, calls: Any = None
) -> dict[str, Any]:
    """Return a chunk as the wire carries it; a `bare` one has no choices."""
    delta = {key: value for key, value in {"content": content, "tool_calls": calls}.items() if value is not None}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [] if bare else [choice],
    }
    return body if usage is None else {**body, "usage": usage}


def answering(words: Sequence[str] = WORDS, finish: str = "stop", *, usage: str = "bare") -> Behaviour:
    """A proper reply; `usage` says where the token counts are: see `end`."""

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.frame(chunk(content=""))
        await exchange.words(words)
        await end(exchange, finish, usage)

    return behave


async def end(exchange: Exchange, finish: str, usage: str = "bare") -> None:
    """End a reply; the token counts are in a "bare" chunk, "with" the last one, there in "x_groq", or are "none"."""
    last = chunk(finish=finish, usage=USAGE if usage == "with" else None)
    await exchange.frame({**last, "x_groq": {"id": "r1", "usage": USAGE}} if usage == "x_groq" else last)
    if usage == "bare":
        await exchange.frame(chunk(bare=True, usage=USAGE))
    await exchange.frame("[DONE]")
    await exchange.piece(b"")


def status(code: int, *headers: str, error: dict[str, Any] | None = None) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.head(code, headers, "application/json")
        await exchange.piece(
            json.dumps({"error": error or {"message": "scripted", "type": "t", "code": None}}).encode()
        )
        await exchange.piece(b"")

    return behave


def raw_frame(data: object, *, after: Sequence[str] = ()) -> Behaviour:
    """One frame of any content behind the words `after`; then a proper end of the body."""

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(after)
        await exchange.frame(data)
        await exchange.piece(b"")

    return behave


async def hanging(exchange: Exchange) -> None:
    await exchange.hang()


async def silent_after_headers(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.hang()


async def resetting(exchange: Exchange) -> None:
    exchange.reset()


async def stalling(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.words(WORDS[:2])
    await exchange.hang()


async def cutting(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.words(WORDS[:2])
    await exchange.close()


async def ending_early(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.words(WORDS[:2])
    await exchange.piece(b"")


_ROUTES = ("/chat/completions", "/audio/speech", "/audio/transcriptions")


def _read_body(body: bytes, content_type: str) -> dict[str, Any]:
    _, form, boundary = content_type.partition("multipart/form-data; boundary=")
    if not form:
        return dict(json.loads(body))
    fields: dict[str, Any] = {}
    for part in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, value = part.removesuffix(b"\r\n").partition(b"\r\n\r\n")
        name = head.decode().partition('name="')[2].partition('"')[0]
        fields[name] = value if b"filename=" in head else value.decode()
    return fields


@dataclass
class OpenAIServer:
    """What the server is told (`behave`), and what it saw."""

    port: int
    behave: Behaviour = field(default_factory=answering)
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side ends it."""
        self.connections += 1
        try:
            while not writer.is_closing():
                await self._answer_one(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = head[0].split()
        if method != "POST" or not path.partition("?")[0].endswith(_ROUTES):
            await status(404)(Exchange({}, reader, writer))
            return
        self.paths.append(path)
        self.headers.append(headers)
        self.bodies.append(_read_body(body, headers.get("content-type", "")))
        self.asked.set()
        await self.behave(Exchange(self.bodies[-1], reader, writer))


@asynccontextmanager
async def openai_server(port: int = 0) -> AsyncIterator[OpenAIServer]:
    """Run a server on `port` of 127.0.0.1, or on a free one."""
    connections: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}
    served = OpenAIServer(port=0)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[asyncio.current_task()] = writer
        await served.serve(reader, writer)

    listener = await asyncio.start_server(connected, "127.0.0.1", port)
    served.port = listener.sockets[0].getsockname()[1]
    try:
        async with listener:
            yield served
    finally:
        for writer in connections.values():
            writer.transport.abort()
        await asyncio.gather(*(task for task in connections if task))


def refusing_url() -> str:
    """Return an address on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
