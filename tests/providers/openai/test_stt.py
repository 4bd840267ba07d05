"""OpenAITranscriber over a real HTTP server on loopback."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from openai_server import (
    Behaviour,
    OpenAIServer,
    cutting,
    hanging,
    openai_server,
    refusing_url,
    resetting,
    silent_after_headers,
    status,
)
from providers.openai.audio import hearing, transcript
from tandem.contracts.stt import RATE, SECOND_OF_SILENCE, TIME, UNITS, finals, heard, utterance
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SttOptions
from tandem.providers.openai.stt import OpenAITranscriber

PATIENCE_S = 5.0


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as running:
        running.behave = hearing
        yield running


@asynccontextmanager
async def opened(url: str, answer_ms: float = 150) -> AsyncIterator[OpenAITranscriber]:
    async with OpenAITranscriber.open(base_url=url, api_key="sk-secret", answer_ms=answer_ms) as ears:
        yield ears


async def test_an_utterance_is_sent_whole_with_its_settings(server: OpenAIServer) -> None:
    async with opened(server.url, 5_000) as ears:
        await heard(ears, utterance(UNITS.pcm), SttOptions(language="en-GB"))
    (sent,) = server.bodies
    with wave.open(io.BytesIO(sent.pop("file"))) as sound:
        assert sound.getframerate() == RATE
        assert sound.readframes(sound.getnframes()) == UNITS.pcm
    assert sent == {"model": "gpt-4o-mini-transcribe", "language": "en", "response_format": "json"}
    assert server.paths == ["/v1/audio/transcriptions"]
    assert server.headers[0]["authorization"] == "Bearer sk-secret"


async def test_silence_is_not_sent(server: OpenAIServer) -> None:
    async with opened(server.url) as ears:
        (final,) = await heard(ears, utterance(SECOND_OF_SILENCE))
    assert (final.text, final.ends_utterance) == ("", True)
    assert server.bodies == []


async def test_a_sound_without_words_is_an_empty_final_and_no_fault(server: OpenAIServer) -> None:
    server.behave = transcript(" ")
    async with opened(server.url) as ears:
        assert [each.text for each in await heard(ears, utterance(UNITS.pcm))] == [""]


async def test_audio_that_ends_within_an_utterance_gives_a_final_that_does_not_end_it(server: OpenAIServer) -> None:
    async with opened(server.url, 5_000) as ears:
        (final,) = await heard(ears, utterance(UNITS.pcm)[:-1])
    assert final.text == UNITS.text
    assert (final.final, final.ends_utterance) == (True, False)


async def test_utterances_in_turn_share_the_connection_that_was_opened_at_the_start(server: OpenAIServer) -> None:
    async with opened(server.url, 5_000) as ears:
        events = utterance(UNITS.pcm) + utterance(TIME.pcm, 10_000.0)
        assert len(finals(await heard(ears, events))) == 2
    assert server.connections == 1


@pytest.mark.parametrize(
    ("behave", "fault"),
    [
        (hanging, Fault.TIMEOUT),
        (silent_after_headers, Fault.TIMEOUT),
        (resetting, Fault.CUT),
        (cutting, Fault.CUT),
        (transcript(5), Fault.MALFORMED),
        (status(400), Fault.INVALID),
        (status(401), Fault.REJECTED),
        (status(429, "retry-after: 2"), Fault.RATE_LIMITED),
        (status(503), Fault.UNAVAILABLE),
    ],
)
async def test_a_failing_server_is_told_by_its_fault_in_bounded_time(
    server: OpenAIServer, behave: Behaviour, fault: Fault
) -> None:
    server.behave = behave
    async with opened(server.url) as ears:
        with pytest.raises(ProviderError) as caught:
            async with asyncio.timeout(PATIENCE_S):
                await heard(ears, utterance(UNITS.pcm))
    assert caught.value.fault is fault
    assert caught.value.retry_after_ms == (2_000 if fault is Fault.RATE_LIMITED else None)
    assert "secret" not in str(caught.value)
    assert len(server.bodies) == 1, "the SDK tried again by itself"


async def test_a_server_that_is_down_is_refused_and_does_not_hinder_the_start() -> None:
    async with opened(refusing_url()) as ears:
        with pytest.raises(ProviderError) as caught:
            await heard(ears, utterance(UNITS.pcm))
    assert caught.value.fault is Fault.REFUSED


@pytest.mark.parametrize("behave", [hanging, silent_after_headers])
async def test_cancelling_a_reader_drops_the_connection_within_50_ms(server: OpenAIServer, behave: Behaviour) -> None:
    server.behave = behave
    async with opened(server.url, 60_000) as ears:
        reader = asyncio.create_task(heard(ears, utterance(UNITS.pcm)))
        async with asyncio.timeout(PATIENCE_S):
            await server.asked.wait()
        reader.cancel()
        async with asyncio.timeout(0.050):
            await server.hung_up.wait()
        assert (await asyncio.gather(reader, return_exceptions=True))[0].__class__ is asyncio.CancelledError
