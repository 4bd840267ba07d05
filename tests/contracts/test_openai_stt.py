"""Runs the recogniser's contract over OpenAI's transcription: the real SDK, and the vendor as simulated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from contracts.numbered_speech import NUMBERED_TIME, NUMBERED_UNITS
from openai_server import OpenAIServer, openai_server, resetting
from providers.openai.audio import hearing
from simulator import Simulator, simulator
from tandem.contracts.stt import SttContract, heard, utterance
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechToText
from tandem.providers.openai.stt import OpenAITranscriber
from tandem.simulator import faults
from tandem.simulator.faults import Kind


class _Scripted(OpenAITranscriber):
    """It knows the server that it speaks to."""

    server: OpenAIServer


class _Simulated(OpenAITranscriber):
    """It knows the simulator that it speaks to."""

    simulator: Simulator


@asynccontextmanager
async def _scripted() -> AsyncIterator[SpeechToText]:
    async with openai_server() as server, _Scripted.open(base_url=server.url, api_key="k") as provider:
        provider.server = server
        server.behave = hearing
        yield provider


class TestOpenAITranscriber(SttContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        return _scripted()

    async def break_engine(self, provider: SpeechToText) -> None:
        assert isinstance(provider, _Scripted)
        provider.server.behave = resetting


@asynccontextmanager
async def _simulated() -> AsyncIterator[SpeechToText]:
    async with simulator() as running, _Simulated.open(base_url=f"{running.http}/v1", api_key="k") as provider:
        provider.simulator = running
        yield provider


class TestOpenAITranscriberSimulated(SttContract):
    units, time = NUMBERED_UNITS, NUMBERED_TIME

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        return _simulated()

    async def break_engine(self, provider: SpeechToText) -> None:
        assert isinstance(provider, _Simulated)
        provider.simulator.stage.faults.set("openai", faults.Fault(Kind.RESET, times=1))


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
        (faults.Fault(Kind.BLACKHOLE), Fault.TIMEOUT),
        (faults.Fault(Kind.CUT), Fault.CUT),
        (faults.Fault(Kind.RESET), Fault.CUT),
        (faults.Fault(Kind.MALFORMED), Fault.MALFORMED),
        (faults.Fault(Kind.UNKNOWN_TYPE), Fault.MALFORMED),
        (faults.Fault(Kind.MISSING_FIELD), Fault.MALFORMED),
        (faults.Fault(Kind.ERROR_CLOSE), Fault.MALFORMED),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
async def test_a_failing_vendor_is_told_by_its_fault(wrong: faults.Fault, fault: Fault | None) -> None:
    said = utterance(NUMBERED_TIME.pcm)
    async with asyncio.timeout(10), simulator() as running:
        running.stage.faults.set("openai", wrong)
        async with OpenAITranscriber.open(
            base_url=f"http://{running.host('openai')}/v1", api_key="k", connect_ms=800, answer_ms=800
        ) as ears:
            if fault is None:
                assert (await heard(ears, said))[-1].text == NUMBERED_TIME.text
            else:
                with pytest.raises(ProviderError) as caught:
                    await heard(ears, said)
                assert caught.value.fault is fault
            running.stage.faults.clear()
            assert (await heard(ears, said))[-1].text == NUMBERED_TIME.text
