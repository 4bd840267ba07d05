"""Many callers' sockets are read together: nothing is lost or reordered, whoever comes, goes or misbehaves."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from gateway import listening
from tandem.transports.native.together import read_together

App = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
FEW, MANY = 3, 12
_PATIENCE_S = 20


async def echo(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Send back what comes, until "bye" or the other end is gone."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4000})
            return
        await send({**message, "type": "websocket.send"})


@asynccontextmanager
async def served(app: App, protocol: type[asyncio.Protocol] | None = None) -> AsyncIterator[str]:
    async with asyncio.timeout(_PATIENCE_S), listening(app, protocol) as address:
        yield f"ws://{address}/"


@asynccontextmanager
async def called(url: str, count: int) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connect(url, compression=None)) for _ in range(count)]


async def talked(caller: ClientConnection, number: int, messages: int = 100) -> None:
    """Send messages of both kinds and many lengths, now fast and now slowly, and get them back in order."""
    sent = [
        (bytes if (number + at) % 3 else str)(at * 37) if (number + at) % 3 else f"{number} {at}"
        for at in range(messages)
    ]
    for at, message in enumerate(sent):
        await caller.send(message)
        if at % 10 == number % 10:
            await asyncio.sleep(0.002)
    assert [await caller.recv() for _ in sent] == sent


@pytest.mark.parametrize("count", [FEW, MANY])
async def test_everything_comes_in_order(count: int) -> None:
    async with served(echo) as url, called(url, count) as callers, asyncio.TaskGroup() as group:
        for number, caller in enumerate(callers):
            group.create_task(talked(caller, number))


async def test_callers_who_come_and_go_disturb_nobody() -> None:
    async with served(echo) as url, called(url, FEW) as staying:
        for _ in range(2):
            async with called(url, MANY) as passing, asyncio.TaskGroup() as group:
                for number, caller in enumerate([*staying, *passing]):
                    group.create_task(talked(caller, number, messages=30))
        async with asyncio.TaskGroup() as group:
            for number, caller in enumerate(staying):
                group.create_task(talked(caller, number))


async def test_however_a_caller_leaves_the_application_hears_of_it() -> None:
    left: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def wait(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        name = (await receive())["text"]
        while (message := await receive())["type"] == "websocket.receive":
            pass
        left.put_nowait((name, message["code"]))

    async with served(wait) as url, called(url, MANY) as callers:
        for caller, name in zip(callers, ["closed", "reset", "ended"], strict=False):
            await caller.send(name)
        await asyncio.sleep(0.05)  # they are read
        await callers[0].close(4321)
        callers[1].transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        callers[1].transport.abort()
        callers[2].transport.write_eof()
        assert {await left.get() for _ in range(3)} == {("closed", 4321), ("reset", 1005), ("ended", 1005)}


async def test_an_application_that_is_busy_is_not_sent_more_than_it_can_hold() -> None:
    rest = asyncio.Event()
    held: list[int] = []

    async def slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        received = 0
        while (await receive())["type"] == "websocket.receive":
            received += 1
            if received == 2:
                await rest.wait()
                held.append(receive.__self__.queue.qsize())
        await asyncio.sleep(0)
        held.append(received)

    async with served(slow) as url:
        async with called(url, MANY) as callers:
            await callers[0].send("first")
            await asyncio.sleep(0.05)  # from here on it is read in rounds
            flood = asyncio.create_task(_flood(callers[0], 2_000))
            await asyncio.sleep(0.3)
            rest.set()
            await flood
        while len(held) < MANY + 1:
            await asyncio.sleep(0.01)
    assert held[0] <= 64  # 64 KiB of messages of 1 KiB
    assert max(held) == 2_001


async def _flood(caller: ClientConnection, messages: int) -> None:
    for _ in range(messages):
        await caller.send(bytes(1024))


async def test_a_close_by_the_application_is_completed() -> None:
    async with served(echo) as url, called(url, MANY) as callers:
        await talked(callers[0], 0, messages=5)
        await callers[0].send("bye")
        with pytest.raises(ConnectionClosedError) as closed:
            await callers[0].recv()
        await callers[0].wait_closed()
        await talked(callers[1], 1)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4000


async def test_what_breaks_the_rules_ends_one_call_and_no_other() -> None:
    async with served(echo) as url, called(url, MANY) as callers:
        await talked(callers[0], 0, messages=5)
        callers[0].transport.write(b"\xff\xff")  # no frame of a WebSocket
        with pytest.raises(ConnectionClosed):
            await callers[0].recv()
        await talked(callers[1], 1)


async def test_an_error_in_reading_ends_one_call_and_no_other() -> None:
    class Fragile(read_together()):  # type: ignore[misc]
        def handle_bytes(self, event: Any) -> None:
            if event.data == b"fatal":
                raise ValueError("fatal")
            super().handle_bytes(event)

    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    async with served(echo, Fragile) as url, called(url, MANY) as callers:
        await talked(callers[0], 0, messages=5)
        await callers[0].send(b"fatal")
        with pytest.raises(ConnectionClosed):
            await callers[0].recv()
        await talked(callers[1], 1)
    assert [str(error) for error in told] == ["fatal"]
