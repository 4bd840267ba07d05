"""Runs the voice's contract over OpenAI's speech: the real SDK, and the vendor as simulated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from openai_server import OpenAIServer, openai_server
from providers.openai.audio import speaking, speech_cut
from simulator import Simulator, simulator
from tandem.contracts.tts import SENTENCE, TtsContract, length_ms, spoken
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import TextToSpeech, TtsOptions
from tandem.providers.openai.tts import OpenAISpeech
from tandem.simulator import faults
from tandem.simulator.faults import Kind
from tandem.simulator.latency import Fixed, Latency, Pace, Slot
from tandem.simulator.stage import Stage

# A voice that is made in no time is there as a whole with its first chunk.
_UNHURRIED = Latency({Slot.TTS: Pace(unit=Fixed(1))})


class _Scripted(OpenAISpeech):
    """It knows the server that it speaks to."""

    server: OpenAIServer


class _Simulated(OpenAISpeech):
    """It knows the simulator that it speaks to."""

    simulator: Simulator


@asynccontextmanager
async def _scripted() -> AsyncIterator[TextToSpeech]:
    async with openai_server() as server, _Scripted.open(base_url=server.url, api_key="k") as provider:
        provider.server = server
        server.behave = speaking()
        yield provider


class TestOpenAISpeech(TtsContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        return _scripted()

    async def break_engine(self, provider: TextToSpeech) -> None:
        assert isinstance(provider, _Scripted)
        provider.server.behave = speech_cut


@asynccontextmanager
async def _simulated() -> AsyncIterator[TextToSpeech]:
    async with (
        simulator(Stage(latency=_UNHURRIED)) as running,
        _Simulated.open(base_url=f"{running.http}/v1", api_key="k", first_audio_ms=5_000, stall_ms=5_000) as provider,
    ):
        provider.simulator = running
        yield provider


class TestOpenAISpeechSimulated(TtsContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        return _simulated()

    async def break_engine(self, provider: TextToSpeech) -> None:
        assert isinstance(provider, _Simulated)
        provider.simulator.stage.faults.set("openai", faults.Fault(Kind.CUT, after=2, times=1))

    async def test_a_speed_beyond_the_vendors_limits_is_held_within_them(self, provider: TextToSpeech) -> None:
        assert isinstance(provider, _Simulated)
        for speed in (0.1, 9.0):
            assert await spoken(provider, SENTENCE, TtsOptions(speed=speed))
        asked = [request.body["speed"] for request in provider.simulator.stage.requests.of("openai")[-2:]]
        assert asked == [0.25, 4.0]


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (faults.Fault(Kind.REFUSED), Fault.REFUSED),
        (faults.Fault(Kind.STATUS, status=400), Fault.INVALID),
        (faults.Fault(Kind.STATUS, status=413), Fault.INVALID),
        (faults.Fault(Kind.STATUS, status=401), Fault.REJECTED),
        (faults.Fault(Kind.STATUS, status=429, retry_after_s=2), Fault.RATE_LIMITED),
        (faults.Fault(Kind.STATUS, status=503), Fault.UNAVAILABLE),
        (faults.Fault(Kind.HANG), Fault.TIMEOUT),
        (faults.Fault(Kind.SILENT), Fault.TIMEOUT),
        (faults.Fault(Kind.SLOW, ms=100), None),
        (faults.Fault(Kind.SLOW, ms=2_000), Fault.TIMEOUT),
        (faults.Fault(Kind.STALL, after=3), Fault.STALLED),
        (faults.Fault(Kind.BLACKHOLE, after=3), Fault.STALLED),
        (faults.Fault(Kind.DRIP, ms=10), None),
        (faults.Fault(Kind.CUT, after=3), Fault.CUT),
        (faults.Fault(Kind.RESET, after=3), Fault.CUT),
        (faults.Fault(Kind.MALFORMED, after=3), Fault.CUT),  # it ends within a sample
        (faults.Fault(Kind.EMPTY), Fault.EMPTY),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
async def test_a_failing_vendor_is_told_by_its_fault(wrong: faults.Fault, fault: Fault | None) -> None:
    async with asyncio.timeout(10), simulator() as running:
        running.stage.faults.set("openai", wrong)
        async with OpenAISpeech.open(
            base_url=f"http://{running.host('openai')}/v1",
            api_key="k",
            connect_ms=800,
            first_audio_ms=800,
            stall_ms=800,
        ) as voice:
            if fault is None:
                assert length_ms(await spoken(voice, SENTENCE)) > 2_000
            else:
                with pytest.raises(ProviderError) as caught:
                    await spoken(voice, SENTENCE)
                assert caught.value.fault is fault
                assert "rather" not in caught.value.detail
            running.stage.faults.clear()
            assert length_ms(await spoken(voice, SENTENCE)) > 2_000


async def test_every_word_that_was_asked_for_is_in_the_audio() -> None:
    async with simulator() as running, OpenAISpeech.open(base_url=f"{running.http}/v1", api_key="k") as voice:
        chunks = await spoken(voice, "one two three four")
        said = running.stage.voice.hear(b"".join(chunk.pcm for chunk in chunks), chunks[0].sample_rate)
    assert [word.text for word in said] == ["one", "two", "three", "four"]
