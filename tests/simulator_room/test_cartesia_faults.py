"""What the simulated Cartesia does wrong while it speaks, and what the vendor's SDK makes of it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from cartesia import AsyncCartesia
from websockets.exceptions import ConnectionClosedError

from simulator import Simulator, simulator
from simulator_room.cartesia_listener import TEXT, audio, connected, frames, request, session, words
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


@pytest_asyncio.fixture
async def client(sim: Simulator) -> AsyncIterator[AsyncCartesia]:
    async with connected(sim) as opened:
        yield opened


# --- while it speaks ---


@pytest.mark.parametrize(("kind", "chunks"), [(Kind.SILENT, 0), (Kind.STALL, 2)])
@pytest.mark.looptime
async def test_a_socket_may_say_nothing_more(kind: Kind, chunks: int) -> None:
    stage = Stage()
    stage.faults.set("cartesia", Fault(kind, after=chunks))
    async with session(stage) as line:
        line.send(request(context_id="a"))
        assert [(await line.receive())["type"] for _ in range(chunks)] == ["chunk"] * chunks
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await line.receive()


@pytest.mark.parametrize(("kind", "chunks_at"), [(Kind.SLOW, [2, 2, 2]), (Kind.DRIP, [2, 4, 6])])
@pytest.mark.looptime
async def test_output_may_come_late(kind: Kind, chunks_at: list[float]) -> None:
    stage = Stage()
    stage.faults.set("cartesia", Fault(kind, ms=2_000))
    async with session(stage) as line:
        line.send(request(context_id="a"))
        for at in chunks_at:
            await line.receive()
            assert asyncio.get_running_loop().time() == pytest.approx(at)


@pytest.mark.parametrize("kind", [Kind.STALL, Kind.BLACKHOLE])
async def test_the_sdk_waits_on_a_stall_and_on_a_black_hole(sim: Simulator, client: AsyncCartesia, kind: Kind) -> None:
    sim.stage.faults.set("cartesia", Fault(kind, after=1))
    async with client.tts.websocket_connect() as line:
        await line.send(request(context_id="a"))
        assert (await line.recv()).type == "chunk"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await line.recv()
        line._connection.transport.abort()


@pytest.mark.parametrize("code", [1006, 1008, 1011, 1012])
async def test_a_cut_reaches_the_sdk_with_its_code(sim: Simulator, client: AsyncCartesia, code: int) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.CUT, after=2, close_code=code))
    with pytest.raises(ConnectionClosedError) as closed:
        await frames(client, request())
    assert (closed.value.rcvd.code if closed.value.rcvd else 1006) == code


async def test_a_reset_reaches_the_sdk(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.RESET, after=1))
    with pytest.raises(ConnectionClosedError):
        await frames(client, request())


async def test_the_sdk_ends_silently_when_a_socket_ends_early(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.EARLY_END, after=2))
    came = await frames(client, request())
    assert [event.type for event in came if event.type != "timestamps"] == ["chunk"] * 2


async def test_a_malformed_frame_is_raised_by_the_sdk(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.MALFORMED, after=1))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        await frames(client, request())


async def test_an_unknown_type_passes_through_the_sdk(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.UNKNOWN_TYPE, after=1))
    came = await frames(client, request())
    assert "SimulatedNovelty" in [event.type for event in came]
    assert words(audio(came)) == TEXT


async def test_a_missing_field_is_not_missed_by_the_sdk(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.MISSING_FIELD))
    came = await frames(client, request())
    assert next(event for event in came if event.type == "chunk").data is None


async def test_an_empty_success_has_no_audio(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.EMPTY))
    assert [event.type for event in await frames(client, request())] == ["done"]


@pytest.mark.parametrize(("status", "context"), [(500, None), (429, "a")])
async def test_an_error_may_name_no_context_and_ends_its_output(
    sim: Simulator, client: AsyncCartesia, status: int, context: str | None
) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.ERROR_FRAME, after=1, status=status, times=1))
    *_, error = await frames(client, request())
    assert (error.type, error.context_id, error.status_code) == ("error", context, status)


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_a_status_on_an_open_socket_is_an_error_of_the_context(status: int) -> None:
    stage = Stage()
    async with session(stage) as line:
        stage.faults.set("cartesia", Fault(Kind.STATUS, status=status, after=3, times=1))
        line.send(request(context_id="a"))
        error = await line.receive()
        assert (error["type"], error["context_id"], error["status_code"]) == ("error", "a", status)
        line.send(request(context_id="b"))
        assert (await line.until(type="done"))[-1]["context_id"] == "b"


async def test_an_error_and_its_close_reach_the_sdk(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.ERROR_CLOSE))
    with pytest.raises(ConnectionClosedError):
        await frames(client, request(), done=2)


async def test_a_frame_may_come_twice(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.DUPLICATE))
    chunks = [event.data for event in await frames(client, request()) if event.type == "chunk"]
    assert chunks[0] == chunks[1] != chunks[2]


async def test_each_context_on_an_open_socket_has_a_fault_of_its_own() -> None:
    stage = Stage()
    async with session(stage) as line:
        stage.faults.set("cartesia", Fault(Kind.EMPTY, times=1))
        line.send(request(context_id="a"))
        assert len(await line.until(type="done")) == 1
        line.send(request(context_id="b"))
        assert len(await line.until(type="done")) > 1
    assert [asked.fault is None for asked in stage.requests.of("cartesia", "websocket")] == [True, False, True]


# --- over HTTP ---


@pytest.mark.parametrize(("kind", "raised"), [(Kind.CUT, httpx.RemoteProtocolError), (Kind.STALL, httpx.ReadTimeout)])
@pytest.mark.parametrize("route", ["sse", "bytes"])
async def test_a_body_may_break_off_or_stall(
    sim: Simulator, client: AsyncCartesia, kind: Kind, raised: type[Exception], route: str
) -> None:
    sim.stage.faults.set("cartesia", Fault(kind, after=2))
    given = {**request(), "timeout": 0.2}
    with pytest.raises(raised):
        if route == "sse":
            assert [event async for event in await client.tts.generate_sse(**given)]
        else:
            async with client.tts.with_streaming_response.generate(**given) as response:
                assert [part async for part in response.iter_bytes()]


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        (Kind.EARLY_END, ["chunk"]),
        (Kind.EMPTY, ["done"]),
        (Kind.ERROR_CLOSE, ["chunk", "error"]),
        (Kind.UNKNOWN_TYPE, ["chunk", "simulated_novelty", "chunk"]),
        (Kind.DUPLICATE, ["chunk", "chunk", "chunk"]),
    ],
)
async def test_events_may_go_wrong(sim: Simulator, client: AsyncCartesia, kind: Kind, kinds: list[str]) -> None:
    sim.stage.faults.set("cartesia", Fault(kind, after=1))
    given = request()
    came = [event.type async for event in await client.tts.generate_sse(**given)]
    assert came[: len(kinds)] == kinds
    assert (len(came) > len(kinds)) == (kind in (Kind.UNKNOWN_TYPE, Kind.DUPLICATE))


async def test_a_malformed_event_is_raised_by_the_sdk(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.MALFORMED, after=1))
    given = request()
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        assert [event async for event in await client.tts.generate_sse(**given)]
