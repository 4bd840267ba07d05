"""OpenAISpeech over a real HTTP server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from openai_server import (
    Behaviour,
    Exchange,
    OpenAIServer,
    hanging,
    openai_server,
    refusing_url,
    resetting,
    status,
)
from providers.openai.audio import speaking, speech_cut, transcript
from tandem.contracts.tts import spoken
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import TtsOptions
from tandem.providers.openai.tts import OpenAISpeech

PHRASE = "Six times seven is forty two."
PATIENCE_S = 5.0


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as running:
        running.behave = speaking()
        yield running


@asynccontextmanager
async def opened(url: str, stall_ms: float = 600) -> AsyncIterator[OpenAISpeech]:
    async with OpenAISpeech.open(
        base_url=url, api_key="sk-secret", first_audio_ms=600, stall_ms=stall_ms, voice="coral"
    ) as voice:
        yield voice


async def test_the_settings_travel_with_each_phrase(server: OpenAIServer) -> None:
    async with opened(server.url) as voice:
        await spoken(voice, PHRASE, TtsOptions(voice="nova", speed=1.25))
        await spoken(voice, PHRASE)
    sent = {"model": "gpt-4o-mini-tts", "input": PHRASE, "response_format": "pcm"}
    assert server.bodies == [{**sent, "voice": "nova", "speed": 1.25}, {**sent, "voice": "coral", "speed": 1.0}]
    assert server.paths == ["/v1/audio/speech"] * 2
    assert server.headers[0]["authorization"] == "Bearer sk-secret"
    assert server.connections == 1


async def test_the_first_piece_is_there_while_the_server_still_speaks(server: OpenAIServer) -> None:
    server.behave = speaking(letters=2)
    async with opened(server.url, stall_ms=60_000) as voice, aclosing(voice.synthesize(PHRASE, TtsOptions())) as phrase:
        async with asyncio.timeout(PATIENCE_S):
            assert (await anext(phrase)).pcm


async def test_nothing_to_pronounce_is_not_sent(server: OpenAIServer) -> None:
    async with opened(server.url) as voice:
        assert await spoken(voice, "*** 🎉 ...") == []
    assert server.bodies == []


async def torn(exchange: Exchange) -> None:
    await speaking(pcm=bytes(4_801))(exchange)


@pytest.mark.parametrize(
    ("behave", "fault"),
    [
        (hanging, Fault.TIMEOUT),
        (speaking(letters=0), Fault.TIMEOUT),
        (resetting, Fault.CUT),
        (speech_cut, Fault.CUT),
        (torn, Fault.CUT),
        (speaking(letters=3), Fault.STALLED),
        (speaking(pcm=b""), Fault.EMPTY),
        (transcript("a message"), Fault.MALFORMED),
        (status(400), Fault.INVALID),
        (status(401), Fault.REJECTED),
        (status(429, "retry-after: 2"), Fault.RATE_LIMITED),
        (status(500), Fault.UNAVAILABLE),
    ],
)
async def test_a_failing_server_is_told_by_its_fault_in_bounded_time(
    server: OpenAIServer, behave: Behaviour, fault: Fault
) -> None:
    server.behave = behave
    async with opened(server.url) as voice:
        with pytest.raises(ProviderError) as caught:
            async with asyncio.timeout(PATIENCE_S):
                await spoken(voice, PHRASE)
    assert caught.value.fault is fault
    assert caught.value.retry_after_ms == (2_000 if fault is Fault.RATE_LIMITED else None)
    assert "seven" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(server.bodies) == 1, "the SDK tried again by itself"


async def test_a_server_that_is_down_is_refused_and_does_not_hinder_the_start() -> None:
    async with opened(refusing_url()) as voice:
        with pytest.raises(ProviderError) as caught:
            await spoken(voice, PHRASE)
    assert caught.value.fault is Fault.REFUSED


async def test_what_was_spoken_before_a_cut_is_given_out(server: OpenAIServer) -> None:
    server.behave = speech_cut
    pcm = b""
    async with opened(server.url) as voice, aclosing(voice.synthesize(PHRASE, TtsOptions())) as phrase:
        with pytest.raises(ProviderError):
            async for piece in phrase:
                pcm += piece.pcm
    assert len(pcm) == 20_000


async def hung_up(server: OpenAIServer) -> None:
    async with asyncio.timeout(0.050):
        await server.hung_up.wait()


async def test_closing_a_phrase_drops_the_connection_within_50_ms(server: OpenAIServer) -> None:
    server.behave = speaking(letters=2)
    async with opened(server.url) as voice:
        phrase = voice.synthesize(PHRASE, TtsOptions())
        await anext(phrase)
        await phrase.aclose()
        await hung_up(server)


@pytest.mark.parametrize("behave", [hanging, speaking(letters=2)])
async def test_cancelling_a_reader_drops_the_connection_within_50_ms(server: OpenAIServer, behave: Behaviour) -> None:
    server.behave = behave
    async with OpenAISpeech.open(base_url=server.url, api_key="k", stall_ms=60_000) as voice:
        reader = asyncio.create_task(spoken(voice, PHRASE))
        async with asyncio.timeout(PATIENCE_S):
            await server.asked.wait()
        reader.cancel()
        await hung_up(server)
        assert (await asyncio.gather(reader, return_exceptions=True))[0].__class__ is asyncio.CancelledError
