"""The simulated AssemblyAI in health, and what it does not bear."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from assemblyai.streaming.v3 import HeartbeatEvent
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from simulator import Simulator, simulator
from simulator_room.asgi_socket import Closed
from simulator_room.assemblyai_caller import (
    CHUNK,
    KEY,
    PADDED,
    PLAIN,
    QUERY,
    RATE,
    SPEECH,
    TEXT,
    dictated,
    say,
    session,
)
from tandem.simulator import mulaw
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage

# The SDK reads `ConnectionClosed.code` and `.reason`, which websockets would rather have read elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


# --- in health ---


async def test_the_sdk_gets_a_turn_unformatted_then_formatted_and_the_termination(sim: Simulator) -> None:
    told = await dictated(sim)
    assert [event.type for event in told.events][:2] == ["Begin", "SpeechStarted"]
    *partial, unformatted, formatted = told.of("Turn")
    assert [turn.transcript for turn in partial] == ["hello"]
    assert (unformatted.transcript, unformatted.end_of_turn, unformatted.turn_is_formatted) == (PLAIN, True, False)
    assert (formatted.transcript, formatted.end_of_turn, formatted.turn_is_formatted) == ("Hello, friend.", True, True)
    assert unformatted.turn_order == formatted.turn_order == 0
    timed = Stage().voice.timed(TEXT)
    assert [word.start for word in unformatted.words] == [pytest.approx(start, abs=20) for _, start, _ in timed]
    assert told.of("Termination")[0].audio_duration_seconds == 1
    assert told.errors == []


async def test_words_are_heard_through_mulaw_at_8_khz(sim: Simulator) -> None:
    url = f"{sim.ws}/v3/ws?sample_rate=8000&encoding=pcm_mulaw"
    async with connect(url, additional_headers=KEY) as line:
        await line.send(mulaw.encoded(sim.stage.voice.say(TEXT, 8_000)))
        await line.send(json.dumps({"type": "Terminate"}))
        frames = [json.loads(frame) async for frame in line]
    assert frames[-2]["transcript"] == PLAIN
    assert frames[-1]["type"] == "Termination"
    assert line.close_code == 1000


async def test_silence_ends_a_turn_and_the_next_one_counts_up() -> None:
    async with session(Stage(), f"{QUERY}&min_turn_silence=500", lead_ms=1e9) as line:
        say(line, SPEECH + bytes(RATE * 2) + SPEECH + bytes(RATE * 2))
        first = await line.until(turn_is_formatted=True)
        second = await line.until(turn_is_formatted=True)
    assert [frames[-1]["turn_order"] for frames in (first, second)] == [0, 1]


async def test_confidence_in_the_end_of_a_turn_grows_with_silence() -> None:
    async with session(Stage(), f"{QUERY}&min_turn_silence=500", lead_ms=1e9) as line:
        say(line, SPEECH + bytes(RATE * 2))
        turns = [frame for frame in await line.until(turn_is_formatted=True) if frame["type"] == "Turn"]
    first, *_, last_partial, _, ended = (turn["end_of_turn_confidence"] for turn in turns)
    assert first == pytest.approx(0.1)
    assert 0.1 < last_partial < ended == 0.9


async def test_configuration_changes_within_a_session() -> None:
    async with session(Stage(), lead_ms=1e9) as line:
        line.send({"type": "UpdateConfiguration", "format_turns": False, "end_of_turn_confidence_threshold": 1})
        say(line, SPEECH + bytes(RATE * 2))  # only 1,280 ms of silence would now end the turn
        line.send({"type": "ForceEndpoint"})
        frames = await line.until(end_of_turn=True)
        assert frames[-1]["end_of_turn_confidence"] == 1
        line.send({"type": "ForceEndpoint"})  # no turn: nothing to say
        line.send({"type": "KeepAlive"})
        line.send({"type": "Terminate"})
        assert (await line.receive())["type"] == "Termination"


@pytest.mark.looptime
async def test_a_session_that_asks_for_them_gets_heartbeats() -> None:
    loop = asyncio.get_running_loop()
    async with session(Stage(), f"{QUERY}&session_heartbeat=True") as line:
        for first in range(0, len(PADDED), CHUNK):
            line.send(PADDED[first : first + CHUNK])
            await asyncio.sleep(0.1)
        first_beat = (await line.until(type="Heartbeat"))[-1]
        assert loop.time() == pytest.approx(5)
        quiet = (await line.until(type="Heartbeat"))[-1]
        assert loop.time() == pytest.approx(10)
        line.send({"type": "UpdateConfiguration", "session_heartbeat": False})
        await asyncio.sleep(10)
        line.send({"type": "Terminate"})
        assert [frame["type"] for frame in await line.until(type="Termination")][-2:] == ["Turn", "Termination"]
    heard_ms = len(PADDED) / 2 / RATE * 1000
    for beat, (duration_ms, factor, is_speech) in (
        (first_beat, (5_000, heard_ms / 5_000, True)),
        (quiet, (10_000, 0, False)),
    ):
        assert HeartbeatEvent.model_validate(beat).total_audio_received_ms == heard_ms
        assert beat["total_duration_ms"] == duration_ms
        assert beat["realtime_factor"] == pytest.approx(factor, abs=0.001)
        assert (beat["max_speech_probability"] > 0.5) is is_speech


@pytest.mark.looptime
async def test_a_session_that_has_stalled_sends_no_heartbeats() -> None:
    stage = Stage()
    stage.faults.set("assemblyai", Fault(Kind.STALL))
    async with session(stage, f"{QUERY}&session_heartbeat=True", lead_ms=1e9) as line:
        say(line, SPEECH)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await line.until(type="Heartbeat")


# --- what it does not bear ---


@pytest.mark.parametrize("ms", [40, 1_020])
async def test_a_chunk_must_last_50_to_1000_ms(ms: int) -> None:
    async with session(Stage(), lead_ms=1e9) as line:
        line.send(bytes(RATE * 2 * ms // 1000))
        error = (await line.until(type="Error"))[-1]
        assert (error["error_code"], error["error"]) == (
            3007,
            f"Input duration violation: {ms} ms. Expected between 50 and 1000 ms",
        )
        with pytest.raises(Closed) as closed:
            await line.receive()
    assert closed.value.code == 3007


@pytest.mark.looptime
async def test_audio_must_not_come_faster_than_it_is_spoken() -> None:
    async with session(Stage()) as line:
        for _ in range(30):
            line.send(bytes(CHUNK))
            await asyncio.sleep(0.1)
        await asyncio.sleep(60)  # a pause is no credit
        say(line, bytes(RATE * 2))  # nor is a second of it at once too much
        line.send(bytes(CHUNK))
        assert "Audio Transmission Rate Exceeded" in (await line.until(type="Error"))[-1]["error"]
        with pytest.raises(Closed) as closed:
            await line.receive()
    assert closed.value.code == 3007


@pytest.mark.parametrize(
    ("message", "why"), [({"type": "Stop"}, "Invalid Message Type: Stop"), ([], "Invalid JSON: []")]
)
async def test_an_unknown_message_ends_the_session(message: Any, why: str) -> None:
    async with session(Stage()) as line:
        line.send(message)
        assert (await line.until(type="Error"))[-1]["error"] == why
        with pytest.raises(Closed) as closed:
            await line.receive()
    assert closed.value.code == 3006


@pytest.mark.looptime
async def test_inactivity_ends_a_session_that_set_a_limit() -> None:
    async with session(Stage(), f"{QUERY}&inactivity_timeout=20") as line:
        await asyncio.sleep(15)
        line.send({"type": "KeepAlive"})
        await line.until(type="Error")
        assert asyncio.get_running_loop().time() == pytest.approx(35)


@pytest.mark.parametrize("key", ["bad", "broke"])
async def test_a_bad_key_is_an_error_event_of_the_sdk_after_a_good_connect(sim: Simulator, key: str) -> None:
    assert (await dictated(sim, key)).codes == [1008]


async def test_a_bad_query_is_refused_within_the_socket(sim: Simulator) -> None:
    async with connect(f"{sim.ws}/v3/ws?encoding=opus", additional_headers=KEY) as line:
        assert json.loads(await line.recv())["error_code"] == 3006
        with pytest.raises(ConnectionClosed):
            await line.recv()
