"""Speech and transcriptions of OpenAI and Groq as simulated, asked for by the vendors' own SDKs."""

import json
from contextlib import AsyncExitStack, nullcontext
from typing import Any

import groq
import httpx2
import openai
import pytest

from simulator import Simulator
from tandem.simulator import wav
from tandem.simulator.faults import HEADER, Fault, Kind
from tandem.simulator.voice import Voice

_PATIENCE_S = 5.0
_LITTLE_PATIENCE_S = 0.3  # for what never comes


@pytest.mark.parametrize("form", ["pcm", "wav"])
async def test_speech_is_the_numbered_voice_in_chunks(openai_client: openai.AsyncOpenAI, form: str) -> None:
    async with openai_client.audio.speech.with_streaming_response.create(
        model="tts-1",
        voice="alloy",
        input="one two three",
        response_format=form,  # type: ignore[arg-type]  # a parameter of the test
    ) as response:
        chunks = [chunk async for chunk in response.iter_bytes()]
    assert len(chunks) > 3
    assert [word.text for word in Voice().hear(b"".join(chunks)[-37_440:], 24_000)] == ["one", "two", "three"]


@pytest.mark.parametrize(("speed", "as_long"), [(0.5, 2.0), (1.0, 1.0), (4.0, 0.8)])
async def test_speech_is_as_fast_as_it_is_asked_for_up_to_the_voices_limit(
    openai_client: openai.AsyncOpenAI, speed: float, as_long: float
) -> None:
    answer = await openai_client.audio.speech.create(
        model="tts-1", voice="alloy", input="one two three", response_format="pcm", speed=speed
    )
    assert len(answer.content) == pytest.approx(as_long * len(Voice().say("one two three", 24_000)), abs=2)
    assert [word.text for word in Voice().hear(answer.content, 24_000)] == ["one", "two", "three"]


@pytest.mark.parametrize("speed", [0.2, 4.1, "fast", None])
async def test_a_speed_that_the_vendor_does_not_take_is_refused(openai_client: openai.AsyncOpenAI, speed: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="speed"):
        await openai_client.audio.speech.create(
            model="tts-1", voice="alloy", input="one", response_format="pcm", extra_body={"speed": speed}
        )


async def test_transcriptions_come_in_each_form(openai_client: openai.AsyncOpenAI, groq_client: groq.AsyncGroq) -> None:
    file = ("audio.wav", wav.whole(Voice().say("one two three", 16_000), 16_000), "audio/wav")
    for client in (openai_client, groq_client):
        plain = await client.audio.transcriptions.create(model="whisper-1", file=file)
        assert plain.text == "one two three"
    verbose = await openai_client.audio.transcriptions.create(
        model="whisper-1", file=file, response_format="verbose_json", language="en"
    )
    assert verbose.words
    assert [word.word for word in verbose.words] == ["one", "two", "three"]
    assert verbose.words[1].start == pytest.approx(0.24, abs=0.005)
    assert await openai_client.audio.transcriptions.create(model="m", file=file, response_format="text")


async def test_an_upload_that_is_no_audio_is_refused(openai_client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="WAV"):
        await openai_client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", b"ID3", "audio/mpeg"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(Kind.CUT, after=2), httpx2.RemoteProtocolError),
        (Fault(Kind.RESET, after=2), httpx2.ReadError),
        (Fault(Kind.STALL, after=2), httpx2.ReadTimeout),
        (Fault(Kind.STATUS, status=500), openai.InternalServerError),
        (Fault(Kind.EARLY_END, after=2), None),
        (Fault(Kind.MALFORMED, after=1), None),
        (Fault(Kind.EMPTY), None),
    ],
)
async def test_speech_goes_wrong_at_the_chunk_it_should(
    sim: Simulator, openai_client: openai.AsyncOpenAI, fault: Fault, error: type[Exception] | None
) -> None:
    sim.stage.faults.set("openai", fault, "speech")
    heard = bytearray()
    patience = _LITTLE_PATIENCE_S if fault.kind is Kind.STALL else _PATIENCE_S
    async with AsyncExitStack() as stack:
        if error:
            stack.enter_context(pytest.raises(error))
        response = await stack.enter_async_context(
            openai_client.with_options(timeout=patience).audio.speech.with_streaming_response.create(
                model="tts-1", voice="alloy", input="one two three", response_format="pcm"
            )
        )
        async for chunk in response.iter_bytes():
            heard += chunk
    sizes = {Kind.STATUS: 0, Kind.EMPTY: 0, Kind.MALFORMED: 9_599}
    assert len(heard) == sizes.get(fault.kind, 9_600)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status;status=503", groq.InternalServerError),
        ("malformed", json.JSONDecodeError),
        ("stall", groq.APITimeoutError),
        ("cut", groq.APIConnectionError),
        ("empty", None),
    ],
)
async def test_transcriptions_go_wrong(groq_client: groq.AsyncGroq, fault: str, error: type[Exception] | None) -> None:
    file = ("audio.wav", wav.whole(Voice().say("one", 16_000), 16_000), "audio/wav")
    patience = _LITTLE_PATIENCE_S if error is groq.APITimeoutError else _PATIENCE_S
    with pytest.raises(error) if error else nullcontext():
        answer = await groq_client.with_options(timeout=patience).audio.transcriptions.create(
            model="whisper-large-v3", file=file, extra_headers={HEADER: fault}
        )
        assert answer.text == ""
