"""What the simulated AssemblyAI does wrong, and what the vendor's SDK makes of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import ValidationError
from websockets.asyncio.client import connect

from simulator import Simulator, simulator
from simulator_room.assemblyai_caller import (
    KEY,
    PADDED,
    QUERY,
    dictated,
    say,
    session,
)
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage

# The SDK reads `ConnectionClosed.code` and `.reason`, which websockets would rather have read elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


# --- faults ---


@pytest.mark.parametrize("status", [401, 402, 429, 503])
async def test_a_status_is_an_error_event_with_that_code(sim: Simulator, status: int) -> None:
    sim.stage.faults.set("assemblyai", Fault(Kind.STATUS, status=status))
    assert (await dictated(sim)).codes == [status]


@pytest.mark.parametrize("kind", [Kind.HANG, Kind.REFUSED])
async def test_a_door_that_does_not_open_is_an_error_event_without_code(sim: Simulator, kind: Kind) -> None:
    sim.stage.faults.set("assemblyai", Fault(kind))
    assert (await dictated(sim)).codes == [None]


@pytest.mark.parametrize(("kind", "said"), [(Kind.SILENT, []), (Kind.STALL, ["Begin", "SpeechStarted", "Turn"])])
@pytest.mark.looptime
async def test_a_session_may_say_nothing_more(kind: Kind, said: list[str]) -> None:
    stage = Stage()
    stage.faults.set("assemblyai", Fault(kind, after=1))
    async with session(stage) as line:
        say(line, PADDED)
        line.send({"type": "Terminate"})
        assert [(await line.receive())["type"] for _ in said] == said
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await line.receive()


@pytest.mark.parametrize(("kind", "turns_at"), [(Kind.SLOW, [2, 2, 2]), (Kind.DRIP, [2, 4, 6])])
@pytest.mark.looptime
async def test_output_may_come_late(kind: Kind, turns_at: list[float]) -> None:
    stage = Stage()
    stage.faults.set("assemblyai", Fault(kind, ms=2_000))
    async with session(stage) as line:
        say(line, PADDED)
        line.send({"type": "ForceEndpoint"})
        for at in turns_at:
            await line.until(type="Turn")
            assert asyncio.get_running_loop().time() == pytest.approx(at)


@pytest.mark.parametrize("code", [1006, 1011, 3005, 3008])
async def test_a_cut_is_an_error_event_with_its_code(sim: Simulator, code: int) -> None:
    sim.stage.faults.set("assemblyai", Fault(Kind.CUT, after=1, close_code=code))
    assert (await dictated(sim)).codes == [code]


async def test_a_reset_is_an_error_event(sim: Simulator) -> None:
    sim.stage.faults.set("assemblyai", Fault(Kind.RESET))
    assert (await dictated(sim)).codes == [1006]


async def test_the_sdk_says_nothing_when_a_session_ends_early(sim: Simulator) -> None:
    sim.stage.faults.set("assemblyai", Fault(Kind.EARLY_END, after=1))
    told = await dictated(sim)
    assert len(told.of("Turn")) == 1
    assert (told.of("Termination"), told.errors, told.reader) == ([], [], None)


@pytest.mark.parametrize("kind", [Kind.MALFORMED, Kind.UNKNOWN_TYPE, Kind.DUPLICATE])
async def test_the_sdk_passes_over_odd_frames(sim: Simulator, kind: Kind) -> None:
    sim.stage.faults.set("assemblyai", Fault(kind))
    told = await dictated(sim)
    assert len(told.of("Turn")) == {Kind.MALFORMED: 2, Kind.UNKNOWN_TYPE: 3, Kind.DUPLICATE: 4}[kind]
    assert (told.errors, told.reader) == ([], None)


async def test_a_missing_field_kills_the_reader_of_the_sdk_without_an_event(sim: Simulator) -> None:
    sim.stage.faults.set("assemblyai", Fault(Kind.MISSING_FIELD))
    told = await dictated(sim)
    assert (type(told.reader), told.errors) == (ValidationError, [])


async def test_an_empty_success_has_a_turn_without_words(sim: Simulator) -> None:
    sim.stage.faults.set("assemblyai", Fault(Kind.EMPTY))
    told = await dictated(sim)
    assert [(turn.transcript, turn.words) for turn in told.of("Turn")] == [("", [])]
    assert told.of("Termination")


@pytest.mark.parametrize(("kind", "code"), [(Kind.ERROR_FRAME, 1011), (Kind.ERROR_CLOSE, 3005)])
async def test_an_error_frame_is_one_error_event(sim: Simulator, kind: Kind, code: int) -> None:
    sim.stage.faults.set("assemblyai", Fault(kind, after=1, close_code=code))
    assert (await dictated(sim)).codes == [code]


async def test_a_black_hole_answers_no_ping(sim: Simulator) -> None:
    sim.stage.faults.set("assemblyai", Fault(Kind.BLACKHOLE))
    async with connect(f"{sim.ws}/v3/ws?{QUERY}", additional_headers=KEY) as line:
        await line.send(PADDED)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                while True:
                    await line.recv()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await (await line.ping())
        line.transport.abort()
