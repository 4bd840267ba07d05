"""What the simulated Deepgram does wrong while it listens, and what the vendor's SDK makes of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from simulator import Simulator, simulator
from simulator_room.asgi_socket import Closed
from simulator_room.deepgram_caller import (
    KEY,
    NOVA,
    PLAIN,
    QUERY,
    SECOND,
    SPEECH,
    TEXT,
    client,
    dictated,
    flux,
    nova,
    transcript,
)
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


# --- while it listens ---


@pytest.mark.parametrize("kind", [Kind.SILENT, Kind.STALL])
@pytest.mark.looptime
async def test_a_stream_may_say_nothing_more(kind: Kind) -> None:
    stage = Stage()
    stage.faults.set("deepgram", Fault(kind, after=2))
    async with nova(stage) as line:
        line.send(SPEECH)
        line.send({"type": "Finalize"})
        if kind is Kind.STALL:
            assert [transcript(await line.receive()) for _ in range(2)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await line.receive()


async def test_a_stalled_line_still_answers_pings(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.STALL))
    async with connect(f"{sim.ws}/v1/listen?{QUERY}", additional_headers=KEY) as line:
        await line.send(SPEECH)
        await (await line.ping())
        line.transport.abort()


async def test_a_black_hole_answers_no_ping(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.BLACKHOLE))
    async with connect(f"{sim.ws}/v1/listen?{QUERY}", additional_headers=KEY) as line:
        await line.send(SPEECH)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await line.recv()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await (await line.ping())
        line.transport.abort()


@pytest.mark.parametrize(("kind", "interims_at"), [(Kind.SLOW, [2, 2, 2]), (Kind.DRIP, [2, 4, 6])])
@pytest.mark.looptime
async def test_output_may_come_late(kind: Kind, interims_at: list[float]) -> None:
    stage = Stage()
    stage.faults.set("deepgram", Fault(kind, ms=2_000))
    async with nova(stage) as line:
        line.send(SPEECH)
        for at in interims_at:
            await line.receive()
            assert asyncio.get_running_loop().time() == pytest.approx(at)


@pytest.mark.parametrize("code", [1006, 1008, 1011, 1012, 4000])
async def test_a_cut_reaches_the_sdk_with_its_code(sim: Simulator, code: int) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.CUT, after=2, close_code=code))
    with pytest.raises(ConnectionClosedError) as closed:
        await dictated(sim)
    assert (closed.value.rcvd.code if closed.value.rcvd else 1006) == code


async def test_a_reset_reaches_the_sdk(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.RESET, after=1))
    with pytest.raises(ConnectionClosedError):
        await dictated(sim)


@pytest.mark.parametrize("code", [1000, 1001, 1005])
async def test_the_sdk_ends_silently_when_the_stream_ends_early(sim: Simulator, code: int) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.EARLY_END, after=2, close_code=code))
    messages = await dictated(sim)
    assert [message["type"] for message in messages] == ["Results"] * 2


async def test_a_malformed_frame_is_skipped_by_the_sdk(sim: Simulator) -> None:
    healthy = await dictated(sim)
    sim.stage.faults.set("deepgram", Fault(Kind.MALFORMED, after=1))
    assert len(await dictated(sim)) == len(healthy) - 1


async def test_an_unknown_type_is_none_to_the_sdk(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.UNKNOWN_TYPE, after=1))
    messages = await dictated(sim)
    assert messages[1] is None
    assert transcript(messages[-2]) == PLAIN


async def test_a_missing_field_is_not_missed_by_the_sdk(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.MISSING_FIELD))
    assert (await dictated(sim))[0]["channel"] is None


async def test_an_empty_success_has_finals_without_words(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.EMPTY))
    results, metadata = await dictated(sim)
    assert results["from_finalize"]
    assert not transcript(results)
    assert metadata["type"] == "Metadata"


@pytest.mark.parametrize(("kind", "said"), [(Kind.EMPTY, [("EndOfTurn", "")]), (Kind.ERROR_FRAME, [("Error", None)])])
async def test_a_turn_of_flux_may_go_wrong(kind: Kind, said: list[tuple[str, str | None]]) -> None:
    stage = Stage()
    stage.faults.set("deepgram", Fault(kind, times=1))
    async with flux(stage) as line:
        line.send(SPEECH + SECOND)
        line.send(SPEECH + SECOND)
        frames = await line.until(event="EndOfTurn", transcript=TEXT)
    output = [frame for frame in frames if frame.get("event") != "Update" and frame["type"] != "Connected"]
    assert [(frame.get("event", frame["type"]), frame.get("transcript")) for frame in output[:1]] == said
    assert [frame["event"] for frame in output[1:]] == ["StartOfTurn", "EndOfTurn"]


async def test_an_error_frame_is_the_last_of_its_utterance() -> None:
    stage = Stage()
    stage.faults.set("deepgram", Fault(Kind.ERROR_FRAME, after=1, times=1))
    async with nova(stage) as line:
        line.send(SPEECH + SECOND)
        assert [(await line.receive())["type"] for _ in range(2)] == ["Results", "Error"]
        line.send(SPEECH)
        line.send({"type": "Finalize"})
        assert transcript((await line.until(from_finalize=True))[-1]) == PLAIN


async def test_an_error_and_its_close_reach_the_sdk(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.ERROR_CLOSE, close_code=1011))
    async with client(sim).listen.v1.connect(**NOVA) as line:
        await line.send_media(SPEECH)
        assert (await line.recv()).type == "Error"
        with pytest.raises(ConnectionClosedError):
            await line.recv()


async def test_a_frame_may_come_twice(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.DUPLICATE))
    messages = await dictated(sim)
    assert messages[0] == messages[1] != messages[2]


async def test_a_fault_strikes_a_stream_that_is_already_open() -> None:
    stage = Stage()
    async with nova(stage) as line:
        line.send(SPEECH + SECOND)
        await line.until(speech_final=True)
        stage.faults.set("deepgram", Fault(Kind.STATUS))  # for the next upgrade; an open stream goes on
        line.send(SPEECH + SECOND)
        await line.until(speech_final=True)
        stage.faults.set("deepgram", Fault(Kind.CUT, close_code=1012))
        line.send(SPEECH)
        with pytest.raises(Closed) as closed:
            await line.until(speech_final=True)
    assert closed.value.code == 1012


async def test_what_was_asked_is_recorded_without_the_key(sim: Simulator) -> None:
    await dictated(sim)
    (asked,) = sim.stage.requests.of("deepgram", "v1")
    assert asked.query["model"] == "nova-3"
    assert "authorization" not in asked.headers
    assert [note["type"] for note in asked.notes] == ["Finalize", "CloseStream"]
