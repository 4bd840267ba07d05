"""The simulated Deepgram in health and at its doors, through the SDK and under a virtual clock."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from deepgram.core.api_error import ApiError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from simulator import Simulator, simulator
from simulator_room.asgi_socket import Closed
from simulator_room.deepgram_caller import (
    FLUX,
    KEY,
    PLAIN,
    QUERY,
    RATE,
    SECOND,
    SPEECH,
    TEXT,
    WORDS,
    client,
    dictated,
    flux,
    nova,
    transcript,
)
from tandem.simulator import mulaw
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.latency import Fixed, Latency, Pace, Slot
from tandem.simulator.stage import Stage

_EAGER = ("EagerEndOfTurn", "TurnResumed")


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


# --- in health ---


async def test_the_sdk_gets_interims_then_a_final_and_the_metadata(sim: Simulator) -> None:
    *results, metadata = await dictated(sim)
    interims = [transcript(result).split() for result in results if not result["is_final"]]
    assert interims[0] == WORDS[:1]
    assert interims[-1] == WORDS[:4]
    assert transcript(results[-1]) == PLAIN
    assert results[-1]["from_finalize"]
    assert [word["start"] for word in results[-1]["channel"]["alternatives"][0]["words"]] == [
        pytest.approx(start_ms / 1000, abs=0.02) for _, start_ms, _ in Stage().voice.timed(TEXT)
    ]
    assert metadata["type"] == "Metadata"
    assert metadata["duration"] == pytest.approx(len(SPEECH) / 2 / RATE)


async def test_the_sdk_follows_a_turn_of_flux(sim: Simulator) -> None:
    model: Any = {"model": "flux-general-en", "encoding": "linear16", "sample_rate": RATE, "eager_eot_threshold": 0.4}
    async with client(sim).listen.v2.connect(**model) as line:
        await line.send_media(SPEECH + SECOND)
        await line.send_media(SPEECH[: RATE * 2 // 2])
        await line.send_close_stream()
        messages = [message.model_dump() async for message in line]
    assert [message["sequence_id"] for message in messages] == list(range(len(messages)))
    events = [message["event"] for message in messages[1:]]
    assert [event for event in events if event != "Update"] == [
        "StartOfTurn",
        "EagerEndOfTurn",
        "EndOfTurn",
        "StartOfTurn",
    ]
    ended = messages[1 + events.index("EndOfTurn")]
    assert (ended["transcript"], ended["trigger"], ended["turn_index"]) == (TEXT, "model", 0)
    assert messages[-1]["turn_index"] == 1


async def test_words_are_heard_through_mulaw_at_8_khz(sim: Simulator) -> None:
    url = f"{sim.ws}/v1/listen?encoding=mulaw&sample_rate=8000&model=nova-3&punctuate=true"
    async with connect(url, additional_headers=KEY) as line:
        await line.send(mulaw.encoded(sim.stage.voice.say(TEXT, 8_000)) + b"\xff" * 800)
        await line.send(b"")  # an empty message ends the stream
        frames = [json.loads(frame) async for frame in line]
    finals = [transcript(frame) for frame in frames if frame["type"] == "Results" and frame["is_final"]]
    assert " ".join(text for text in finals if text) == TEXT


async def test_silence_ends_an_utterance_and_is_announced() -> None:
    async with nova(Stage(), f"{QUERY}&vad_events=true&utterance_end_ms=1000") as line:
        line.send(SPEECH + SECOND + SECOND)
        frames = await line.until(type="UtteranceEnd")
        assert frames[0] == {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.02}
        (final,) = (frame for frame in frames if frame.get("speech_final"))
        assert transcript(final) == PLAIN
        assert frames[-1]["last_word_end"] == pytest.approx(Stage().voice.timed(TEXT)[-1][2] / 1000, abs=0.02)


async def test_speech_without_an_end_becomes_final_piece_by_piece() -> None:
    text = "one two three four five six seven eight nine ten " * 3
    async with nova(Stage()) as line:
        line.send(Stage().voice.say(text, RATE))
        line.send({"type": "Finalize"})
        frames = await line.until(from_finalize=True)
    finals = [transcript(frame) for frame in frames if frame["is_final"]]
    assert len(finals) > 1
    assert " ".join(finals).split() == text.split()


async def test_what_is_no_control_message_is_a_schema_error_and_configure_is_answered() -> None:
    async with nova(Stage()) as line:
        line.send({"type": "Finalise"})
        assert (await line.receive())["variant"] == "SchemaError"
        line.send({"type": "Configure", "keyterms": ["Tandem"]})
        assert (await line.receive())["keyterms"] == ["Tandem"]


async def test_a_turn_of_flux_is_resumed_forced_and_reconfigured() -> None:
    async with flux(Stage(), f"{FLUX}&eager_eot_threshold=0.4&eot_threshold=1.0") as line:
        line.send({"type": "ForceEndTurn"})  # no turn: ignored
        line.send(SPEECH + SECOND + SPEECH)
        line.send({"type": "ForceEndTurn"})
        frames = await line.until(event="EndOfTurn")
        assert [frame["event"] for frame in frames[1:] if frame["event"] != "Update"] == [
            "StartOfTurn",
            "EagerEndOfTurn",
            "TurnResumed",
            "EndOfTurn",
        ]
        assert (frames[-1]["trigger"], frames[-1]["transcript"]) == ("manual", f"{TEXT} {TEXT}")
        line.send({"type": "Configure", "thresholds": {"eot_timeout_ms": 500, "eager_eot_threshold": None}})
        assert (await line.until(type="ConfigureSuccess"))[-1]["thresholds"]["eager_eot_threshold"] is None
        line.send(SPEECH + SECOND)
        assert (await line.until(event="EndOfTurn"))[-1]["trigger"] == "timeout"
        line.send({"type": "Configure", "thresholds": {"eot_threshold": 3}})
        assert (await line.until(type="ConfigureFailure"))[-1]["description"]
        line.send({"type": "CloseStream"})
        with pytest.raises(Closed) as closed:
            await line.until(event="EndOfTurn")
    assert closed.value.code is None


async def test_flux_grows_surer_of_the_end_of_a_turn_with_silence_and_is_no_surer_when_forced() -> None:
    async with flux(Stage(), f"{FLUX}&eager_eot_threshold=0.4&eot_threshold=1.0") as line:
        line.send(SPEECH + SECOND + SPEECH)
        line.send({"type": "ForceEndTurn"})
        frames = await line.until(event="EndOfTurn")
    sure = [(frame["event"], frame["end_of_turn_confidence"]) for frame in frames[1:]]
    eager, resumed = (next(at for at, (event, _) in enumerate(sure) if event == name) for name in _EAGER)
    assert max(confidence for _, confidence in sure[:eager]) < 0.4
    in_silence = [confidence for _, confidence in sure[eager:resumed]]
    assert in_silence == sorted(in_silence)
    assert in_silence[-1] > 0.8
    assert max(confidence for _, confidence in sure[resumed:]) < 0.4


@pytest.mark.looptime
async def test_neither_audio_nor_keep_alive_for_ten_seconds_ends_the_stream() -> None:
    async with nova(Stage()) as line:
        for _ in range(4):
            await asyncio.sleep(8)
            line.send({"type": "KeepAlive"})
        with pytest.raises(Closed, match="net0001") as closed:
            await line.receive()
        assert closed.value.code == 1011
        assert asyncio.get_running_loop().time() == pytest.approx(42)


@pytest.mark.looptime
async def test_a_final_comes_as_late_as_the_latency_says() -> None:
    async with nova(Stage(latency=Latency({Slot.STT: Pace(first=Fixed(290), unit=Fixed(40))}))) as line:
        line.send(SPEECH)
        await line.receive()
        assert asyncio.get_running_loop().time() == pytest.approx(0.04)
        line.send({"type": "Finalize"})
        await line.until(from_finalize=True)
        assert asyncio.get_running_loop().time() == pytest.approx(0.33)


# --- at the door ---


@pytest.mark.parametrize(("key", "status"), [("bad", 401), ("broke", 402)])
async def test_a_bad_key_is_refused_with_reasons_in_headers(sim: Simulator, key: str, status: int) -> None:
    with pytest.raises(ApiError) as refused:
        await dictated(sim, key)
    assert refused.value.status_code == status
    with pytest.raises(InvalidStatus) as raw:
        await connect(f"{sim.ws}/v2/listen?{FLUX}", additional_headers={"authorization": f"Token {key}"})
    headers = raw.value.response.headers
    assert headers["dg-error"]
    assert json.loads(raw.value.response.body or b"")["request_id"] == headers["dg-request-id"]


@pytest.mark.parametrize(
    "query", ["model=nova-3", f"{QUERY}&channels=2", "encoding=linear16", f"{FLUX}&eot_threshold=2"]
)
async def test_a_query_that_cannot_be_served_is_refused(sim: Simulator, query: str) -> None:
    path = "v2" if "flux" in query else "v1"
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{sim.ws}/{path}/listen?{query}", additional_headers=KEY)
    assert refused.value.response.status_code == 400


async def test_a_status_carries_retry_after(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.STATUS, status=429, retry_after_s=2, times=1))
    with pytest.raises(ApiError) as refused:
        await dictated(sim)
    assert refused.value.status_code == 429
    hidden: Any = refused.value.__context__  # where the SDK leaves the response
    assert hidden.headers["retry-after"] == "2"
    assert (await dictated(sim))[-1]["type"] == "Metadata"


async def test_an_upgrade_that_hangs_ends_with_the_client(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.HANG))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await dictated(sim)


async def test_a_door_that_refuses_is_closed(sim: Simulator) -> None:
    sim.stage.faults.set("deepgram", Fault(Kind.REFUSED))
    with pytest.raises(ConnectionRefusedError):
        await dictated(sim)
