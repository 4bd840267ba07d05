"""Google Translate's voice on loopback: it speaks the numbered voice as MP3, or fails as a test tells it to.

It is reached at an address of its own, or, as by users, through a proxy that says it was connected to Google.
"""

import asyncio
import base64
import io
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import numpy as np

from tandem.simulator.voice import Voice

RATE = 24_000
# gTTS heeds these, and not no_proxy: a test of its own addresses must not find any.
PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: where it was meant to go, and what it asked for."""

    host: str
    path: str
    text: str
    language: str


class Exchange:
    """One request, and the means to answer it."""

    def __init__(self, asked: Asked, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = asked
        self.number = number
        self._reader = reader
        self._writer = writer

    async def answer(self, body: bytes, *, status: int = 200, headers: Sequence[str] = (), sent: float = 1.0) -> None:
        """Answer with `body`, or with the share `sent` of it."""
        lines = [f"HTTP/1.1 {status} Scripted", f"content-length: {len(body)}", *headers]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body[: int(len(body) * sent)])
        await self._writer.drain()

    def reset(self) -> None:
        peer = self._writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close sends RST
        self._writer.transport.abort()

    async def hang(self) -> None:
        """Say nothing more until the client goes away."""
        with suppress(OSError):
            await self._reader.read()


Behaviour = Callable[[Exchange], Awaitable[None]]


def mp3(text: str) -> bytes:
    """Return `text` in the numbered voice, as the MP3 that Google sends: 24 kHz, mono, 64 kbit/s."""
    import av  # a machine may lack it

    samples = np.frombuffer(Voice().say(text, RATE), "<i2").reshape(1, -1)
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono", format="s16p")
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16p", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def answer_with(audio: str) -> bytes:
    """Return an answer of Google's with `audio`, which should be base64."""
    frame = [["wrb.fr", "jQ1olc", json.dumps([audio]), None, None, None, "generic"], ["di", 57], ["af.httprm", 56]]
    line = json.dumps(frame, separators=(",", ":"))
    return f')]}}\'\n\n{len(line)}\n{line}\n25\n[["e",4,null,null,130]]\n'.encode()


async def _spoken(exchange: Exchange) -> bytes:
    made = await asyncio.to_thread(mp3, exchange.asked.text)  # 20 ms that would hold up the loop
    return answer_with(base64.b64encode(made).decode())


async def speaking(exchange: Exchange) -> None:
    await exchange.answer(await _spoken(exchange))


def audio(data: str) -> Behaviour:
    """Answer as is proper, but with `data` for audio."""
    return saying(answer_with(data))


def saying(body: bytes, status: int = 200, *headers: str) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.answer(body, status=status, headers=headers)

    return behave


async def cutting(exchange: Exchange) -> None:
    await exchange.answer(await _spoken(exchange), sent=0.5)


async def hanging(exchange: Exchange) -> None:
    await exchange.hang()


async def stalling(exchange: Exchange) -> None:
    await exchange.answer(await _spoken(exchange), sent=0.5)
    await exchange.hang()


async def resetting(exchange: Exchange) -> None:
    exchange.reset()


def after(count: int, behave: Behaviour) -> Behaviour:
    """Speak `count` pieces before it behaves so."""

    async def behave_later(exchange: Exchange) -> None:
        await (speaking if exchange.number < count else behave)(exchange)

    return behave_later


@dataclass
class Vendor:
    """What the server is told (`behave`), and what it saw."""

    behave: Behaviour = speaking
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, certified: ssl.SSLContext | None, reader: Any, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection, through a tunnel if it asks for one."""
        with suppress(OSError, asyncio.IncompleteReadError):
            method, target, headers = await _head(reader)
            if method == "CONNECT":
                if certified is None:
                    self.asked.append(Asked(target, "", "", ""))
                    writer.write(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")
                    return
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                await writer.drain()
                await writer.start_tls(certified)
                _, target, headers = await _head(reader)
            form = parse_qs((await reader.readexactly(int(headers["content-length"]))).decode())
            text, language, *_ = json.loads(json.loads(form["f.req"][0])[0][0][1])
            exchange = Exchange(Asked(headers["host"], target, text, language), len(self.asked), reader, writer)
            self.asked.append(exchange.asked)
            self.arrived.set()
            await self.behave(exchange)


async def _head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = lines[0].split()
    return method, target, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}


@asynccontextmanager
async def vendor(certified: ssl.SSLContext | None = None) -> AsyncIterator[Vendor]:
    """Run a server on a free port of 127.0.0.1; only one that is `certified` grants a tunnel."""
    connections: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}
    served = Vendor()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[asyncio.current_task()] = writer
        try:
            await served.serve(certified, reader, writer)
        finally:
            writer.close()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
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
        return f"http://127.0.0.1:{unused.getsockname()[1]}"
