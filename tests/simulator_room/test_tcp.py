"""The doors: what they do to a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from simulator import Simulator, simulator
from tandem.simulator.faults import ANY, Fault, FaultBoard, Kind
from tandem.simulator.tcp import HOST, Doors, Lines, bound

_KEY = {"authorization": "Bearer key"}
_REQUEST = b"POST /v1/audio/speech HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-length: %d\r\n\r\n%s"
_BODY = b'{"input": "one two three four", "response_format": "pcm"}'


async def _asked(sim: Simulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*sim.host().split(":"))
    writer.write(_REQUEST % (len(_BODY), _BODY))
    return reader, writer


async def test_a_door_that_refuses_lets_nobody_in_and_opens_again_at_its_port() -> None:
    async with simulator() as sim, httpx.AsyncClient(headers=_KEY, timeout=5) as client:
        url = f"http://{sim.host('openai')}/v1/models"
        assert (await client.get(url)).status_code == 200
        sim.stage.faults.set("openai", Fault(Kind.REFUSED))
        for _ in range(2):
            async with httpx.AsyncClient(headers=_KEY, timeout=5) as newcomer:
                with pytest.raises(httpx.ConnectError):
                    await newcomer.get(url)
        assert (await client.get(f"http://{sim.host('tavily')}/faults")).status_code == 200
        sim.stage.faults.clear("openai")
        async with httpx.AsyncClient(headers=_KEY, timeout=5) as newcomer:
            assert (await newcomer.get(url)).status_code == 200


async def test_a_door_may_be_closed_before_it_has_opened() -> None:
    async with simulator() as sim, httpx.AsyncClient(headers=_KEY, timeout=5) as client:
        for _ in range(3):
            sim.stage.faults.set("openai", Fault(Kind.REFUSED))
            sim.stage.faults.clear()
        assert (await client.get(f"http://{sim.host('openai')}/v1/models")).status_code == 200


async def test_a_reset_comes_behind_all_that_was_sent() -> None:
    async with simulator() as sim:
        sim.stage.faults.set("openai", Fault(Kind.RESET, after=3))
        reader, writer = await _asked(sim)
        received = bytearray()
        with pytest.raises(ConnectionResetError):
            while data := await asyncio.wait_for(reader.read(1_000), 5):
                received += data
        assert received.count(b"\r\n12c0\r\n") == 3
        writer.close()


async def test_a_cut_ends_the_body_without_its_terminator() -> None:
    async with simulator() as sim:
        sim.stage.faults.set("openai", Fault(Kind.CUT, after=3))
        reader, writer = await _asked(sim)
        received = await asyncio.wait_for(reader.read(), 5)
        assert received.count(b"\r\n12c0\r\n") == 3
        assert not received.endswith(b"0\r\n\r\n")
        writer.close()


async def test_a_black_hole_reads_nothing_and_stays_open() -> None:
    async with simulator() as sim:
        sim.stage.faults.set("openai", Fault(Kind.BLACKHOLE, after=1))
        reader, writer = await _asked(sim)
        await asyncio.wait_for(reader.readuntil(b"\r\n12c0\r\n"), 5)
        await asyncio.wait_for(reader.readexactly(4_802), 5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        assert not reader.at_eof()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                while True:  # what nobody reads fills the buffers
                    writer.write(bytes(2**20))
                    await writer.drain()
        writer.transport.abort()


async def test_leaving_ends_what_the_app_does_for_a_connection() -> None:
    async with simulator() as sim:
        sim.stage.faults.set("openai", Fault(Kind.STALL, after=1))
        reader, writer = await _asked(sim)
        await asyncio.wait_for(reader.readuntil(b"\r\n12c0\r\n"), 5)
        writer.transport.abort()
        async with asyncio.timeout(5):
            while sim.stage.requests.of()[0].disconnected_at is None:
                await asyncio.sleep(0)


def test_a_connection_that_came_through_no_door_cannot_be_broken() -> None:
    with pytest.raises(LookupError):
        Lines().reset(("127.0.0.1", 1))


@asynccontextmanager
async def _connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.StreamReader]]:
    """Give both ends of a connection: the door's reader and writer, and the client's reader."""
    came: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue(1)
    server = await asyncio.start_server(lambda *ends: came.put_nowait(ends), HOST, 0)
    client, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield *(await came.get()), client
    finally:
        writer.close()
        server.close()


@pytest.mark.parametrize("turns", range(6))
async def test_a_door_that_closes_drops_a_client_that_has_just_come(turns: int) -> None:
    async with simulator() as sim, _connected() as (reader, writer, client):
        async with asyncio.TaskGroup() as group:
            doors = Doors(Lines(), FaultBoard(), (HOST, sim.doors.ports[ANY]), group)
            doors._welcome(reader, writer)
            for _ in range(turns):
                await asyncio.sleep(0)
            doors.close()
        assert writer.is_closing()
        assert await asyncio.wait_for(client.read(), 5) == b""


async def test_a_client_that_comes_after_the_door_has_closed_is_dropped() -> None:
    async with _connected() as (reader, writer, client):
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            doors = Doors(Lines(), FaultBoard(), (HOST, 1), group)
            doors.close()
            doors._welcome(reader, writer)
        assert await asyncio.wait_for(client.read(), 5) == b""


async def test_a_door_that_closes_before_it_has_opened_leaves_no_socket() -> None:
    async with asyncio.TaskGroup() as group:
        doors = Doors(Lines(), FaultBoard(), (HOST, 1), group)
        doors.open(ANY, 0)
        doors.close()
    bound(doors.ports[ANY]).close()


async def test_an_app_that_cannot_be_reached_costs_its_client_and_nothing_else() -> None:
    with bound(0) as free:
        nowhere = free.getsockname()
    async with _connected() as (reader, writer, client):
        async with asyncio.TaskGroup() as group:
            Doors(Lines(), FaultBoard(), nowhere, group)._welcome(reader, writer)
        assert await asyncio.wait_for(client.read(), 5) == b""


async def test_the_simulator_stops_while_clients_wait() -> None:
    async with simulator() as sim:
        sim.stage.faults.set("openai", Fault(Kind.HANG))
        _, writer = await _asked(sim)
        async with asyncio.timeout(5):
            while not sim.stage.requests.of():
                await asyncio.sleep(0)
    writer.close()
