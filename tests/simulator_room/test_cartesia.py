"""The simulated Cartesia in health and at its doors, heard through the SDK and under a virtual clock."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any

import cartesia
import numpy as np
import pytest
import pytest_asyncio
from cartesia import AsyncCartesia
from websockets.exceptions import InvalidStatus

from simulator import Simulator, simulator
from simulator_room.asgi_socket import Closed
from simulator_room.cartesia_listener import RATE, TEXT, audio, connected, frames, request, session, words
from tandem.simulator import mulaw
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.latency import Fixed, Latency, Pace, Slot
from tandem.simulator.stage import Stage
from tandem.simulator.voice import Voice


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


@pytest_asyncio.fixture
async def client(sim: Simulator) -> AsyncIterator[AsyncCartesia]:
    async with connected(sim) as opened:
        yield opened


# --- in health ---


async def test_a_context_is_spoken_with_the_times_of_its_words(client: AsyncCartesia) -> None:
    came = await frames(client, request())
    assert came[-1].type == "done"
    assert words(audio(came)) == TEXT
    times = [event.word_timestamps for event in came if event.type == "timestamps"]
    spoken = [
        (w, s * 1000, e * 1000) for time in times for w, s, e in zip(time.words, time.start, time.end, strict=True)
    ]
    heard = [(word.text, word.start_ms, word.end_ms) for word in Voice().hear(audio(came), RATE)]
    assert spoken == [(word, pytest.approx(start, abs=3), pytest.approx(end, abs=3)) for word, start, end in heard]


async def test_contexts_share_a_socket(client: AsyncCartesia) -> None:
    came = await frames(client, request(), request("Another one.", context_id="b"), done=2)
    assert words(audio(came)) == TEXT
    assert words(audio(came, "b")) == "Another one."
    assert [event.context_id for event in came if event.type == "chunk"][:2] == ["a", "b"]


async def test_a_text_may_come_in_pieces_and_be_flushed(client: AsyncCartesia) -> None:
    pieces = [request("Six ti", more=True), request("mes se", flush=True, more=True)]
    came = await frames(client, *pieces, request("ven."))
    assert words(audio(came)) == "Six times se ven."
    (flushed,) = (event for event in came if event.type == "flush_done")
    assert flushed.flush_id == 1


@pytest.mark.parametrize(("encoding", "rate"), [("pcm_s16le", 44_100), ("pcm_f32le", 22_050), ("pcm_mulaw", 8_000)])
async def test_audio_comes_as_it_was_asked_for(client: AsyncCartesia, encoding: str, rate: int) -> None:
    given = request(encoding=encoding, rate=rate)
    async with client.tts.with_streaming_response.generate(**given) as response:
        data = b"".join([part async for part in response.iter_bytes()])
    if encoding == "pcm_f32le":
        data = (np.frombuffer(data, "<f4") * 32_768).astype("<i2").tobytes()
    assert words(mulaw.decoded(data) if encoding == "pcm_mulaw" else data, rate) == TEXT


async def test_events_carry_the_same_frames(client: AsyncCartesia) -> None:
    given = request(add_timestamps=True, context_id="c")
    came = [event async for event in await client.tts.generate_sse(**given)]
    assert [event.type for event in came[:2]] == ["timestamps", "chunk"]
    assert came[-1].type == "done"
    assert words(audio(came, "c")) == TEXT


async def test_speech_is_as_fast_as_it_is_asked_for_up_to_the_voices_limit(client: AsyncCartesia) -> None:
    usual = len(audio(await frames(client, request())))
    for speed, as_long in ((0.6, 1 / 0.6), (1.0, 1.0), (1.5, 0.8)):
        came = await frames(client, request(generation_config={"speed": speed}))
        assert len(audio(came)) == pytest.approx(as_long * usual, rel=0.001)
        assert words(audio(came)) == TEXT
        ends = [end * 1000 for event in came if event.type == "timestamps" for end in event.word_timestamps.end]
        assert ends == pytest.approx([word.end_ms for word in Voice().hear(audio(came), RATE)], abs=3)


@pytest.mark.parametrize("config", [{"speed": 0.5}, {"speed": 1.6}, {"speed": "fast"}, []])
async def test_a_speed_that_the_vendor_does_not_take_is_refused(client: AsyncCartesia, config: Any) -> None:
    given = request(generation_config=config)
    with pytest.raises(cartesia.BadRequestError):
        await client.tts.generate_sse(**given)


async def test_what_may_not_change_within_a_context_is_an_error_of_it(client: AsyncCartesia) -> None:
    first = request("Six ", more=True)
    came = await frames(client, first, request("times", rate=8_000))
    assert (came[-1].type, came[-1].context_id, came[-1].status_code) == ("error", "a", 400)


@pytest.mark.looptime
async def test_speech_comes_as_fast_as_the_latency_says() -> None:
    loop = asyncio.get_running_loop()
    async with session(Stage(latency=Latency({Slot.TTS: Pace(first=Fixed(140), real_time=Fixed(0.5))}))) as line:
        line.send(request(context_id="a"))
        await line.receive()
        assert loop.time() == pytest.approx(0.14)
        came = await line.until(type="done")
        assert loop.time() == pytest.approx(0.14 + 0.05 * (len(came) - 2) + 0.5 * last_ms(came) / 1000, abs=1e-6)


def last_ms(came: Sequence[dict[str, Any]]) -> float:
    return len(base64.b64decode(came[-2]["data"])) / 2 / RATE * 1000


@pytest.mark.looptime
async def test_a_cancelled_context_ends_what_it_began_and_forgets_the_rest() -> None:
    async with session(Stage(latency=Latency({Slot.TTS: Pace(real_time=Fixed(1))}))) as line:
        line.send(request("Six times ", context_id="a", more=True))
        line.send(request("seven.", context_id="a", more=True))
        await line.receive()
        line.send({"context_id": "a", "cancel": True})
        came = await line.until(type="done")
    assert sum(len(base64.b64decode(frame["data"])) for frame in came[:-1]) < len(Voice().say("Six times", RATE))


@pytest.mark.looptime
async def test_a_context_expires_a_second_after_its_audio_and_a_socket_after_five_minutes() -> None:
    loop = asyncio.get_running_loop()
    async with session(Stage()) as line:
        line.send(request("Six ", context_id="a", more=True))
        await line.until(type="done")
        assert loop.time() == pytest.approx(1)
        with pytest.raises(Closed) as closed:
            await line.receive()
        assert (closed.value.code, loop.time()) == (1000, 300)


# --- at the door ---


@pytest.mark.parametrize(("key", "status"), [("bad", 401), ("broke", 402)])
async def test_a_bad_key_is_refused(sim: Simulator, key: str, status: int) -> None:
    async with connected(sim, key) as client:
        with pytest.raises(InvalidStatus) as refused:
            await frames(client, request())
        assert refused.value.response.status_code == status
        given = request()
        with pytest.raises(cartesia.APIStatusError) as spurned:
            await client.tts.generate_sse(**given)
        assert spurned.value.status_code == status


async def test_a_request_that_cannot_be_served_is_refused(client: AsyncCartesia) -> None:
    given = request(rate=12_345)
    with pytest.raises(cartesia.BadRequestError):
        await client.tts.generate_sse(**given)


async def test_a_status_carries_retry_after(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.STATUS, status=429, retry_after_s=3))
    with pytest.raises(InvalidStatus) as refused:
        await frames(client, request())
    assert refused.value.response.headers["retry-after"] == "3"
    given = request()
    with pytest.raises(cartesia.RateLimitError) as limited:
        await client.tts.generate_sse(**given)
    assert limited.value.response.headers["retry-after"] == "3"


async def test_an_upgrade_that_hangs_ends_with_the_client(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.HANG))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await frames(client, request())


async def test_a_door_that_refuses_is_closed(sim: Simulator, client: AsyncCartesia) -> None:
    sim.stage.faults.set("cartesia", Fault(Kind.REFUSED))
    with pytest.raises(ConnectionRefusedError):
        await frames(client, request())
