"""Cartesia's real SDK against the simulated vendor: the text-to-speech contract, and a fault of each kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from simulator import Simulator, simulator
from tandem.contracts.tts import SENTENCE, TtsContract, length_ms, spoken
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import TextToSpeech, TtsOptions
from tandem.providers.cartesia.tts import Cartesia
from tandem.simulator import faults
from tandem.simulator.faults import Kind

KEY = "sk_car_simulated"
PATIENCE_S = 10.0

# What the vendor does wrong, after how many chunks, and what must become of it; None is no fault.
FAULTS = (
    (faults.Fault(Kind.REFUSED), Fault.REFUSED),
    (faults.Fault(Kind.STATUS, status=400), Fault.REJECTED),  # the upgrade: it is the same for every phrase
    (faults.Fault(Kind.STATUS, status=401), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=402), Fault.REJECTED),
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
    (faults.Fault(Kind.CUT, after=3, close_code=1000), Fault.CUT),
    (faults.Fault(Kind.RESET, after=3), Fault.CUT),
    (faults.Fault(Kind.MALFORMED, after=3), Fault.MALFORMED),
    (faults.Fault(Kind.UNKNOWN_TYPE, after=3), None),
    (faults.Fault(Kind.MISSING_FIELD, after=3), Fault.MALFORMED),
    (faults.Fault(Kind.EARLY_END, after=3), Fault.CUT),
    (faults.Fault(Kind.EMPTY), Fault.EMPTY),
    (faults.Fault(Kind.ERROR_FRAME, status=400), Fault.INVALID),
    (faults.Fault(Kind.ERROR_FRAME, after=3, status=422), Fault.INVALID),
    (faults.Fault(Kind.ERROR_FRAME, status=429), Fault.RATE_LIMITED),
    (faults.Fault(Kind.ERROR_FRAME, after=3, status=500), Fault.UNAVAILABLE),
    (faults.Fault(Kind.ERROR_CLOSE, after=3, status=404), Fault.REJECTED),
)


def opened(running: Simulator, *, first_chunk_ms: float, stall_ms: float) -> AbstractAsyncContextManager[Cartesia]:
    return Cartesia.open(
        api_key=KEY,
        base_url=f"http://{running.host('cartesia')}",
        connect_ms=500,
        first_chunk_ms=first_chunk_ms,
        stall_ms=stall_ms,
    )


@asynccontextmanager
async def _simulated() -> AsyncIterator[TextToSpeech]:
    async with simulator() as running, opened(running, first_chunk_ms=5_000, stall_ms=5_000) as voice:
        voice.simulator = running  # type: ignore[attr-defined]  # for break_engine
        yield voice
        assert await spoken(voice, SENTENCE)  # whatever went wrong, a new socket has taken over


class TestCartesia(TtsContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        return _simulated()

    async def break_engine(self, provider: TextToSpeech) -> None:
        running: Simulator = provider.simulator  # type: ignore[attr-defined]
        running.stage.faults.set("cartesia", faults.Fault(Kind.CUT, after=2, times=1))

    async def test_a_speed_beyond_the_vendors_limits_is_held_within_them(self, provider: TextToSpeech) -> None:
        running: Simulator = provider.simulator  # type: ignore[attr-defined]
        for speed in (0.1, 1.0, 9.0):
            assert await spoken(provider, SENTENCE, TtsOptions(speed=speed))
        asked = [request.body.get("generation_config") for request in running.stage.requests.of("cartesia")[-3:]]
        assert asked == [{"speed": 0.6}, None, {"speed": 1.5}]


@pytest.mark.parametrize(("wrong", "fault"), FAULTS, ids=lambda value: getattr(value, "kind", value))
async def test_a_failing_vendor_is_told_by_its_fault_in_bounded_time(wrong: faults.Fault, fault: Fault | None) -> None:
    async with asyncio.timeout(PATIENCE_S), simulator() as running:
        running.stage.faults.set("cartesia", wrong)
        async with opened(running, first_chunk_ms=1_000, stall_ms=1_000) as voice:
            if fault is None:
                assert length_ms(await spoken(voice, SENTENCE)) > 2_000
            else:
                with pytest.raises(ProviderError) as caught:
                    await spoken(voice, SENTENCE)
                assert caught.value.fault is fault
                assert "rather" not in caught.value.detail
            running.stage.faults.clear()
            assert length_ms(await spoken(voice, SENTENCE)) > 2_000


async def test_what_was_heard_is_what_was_said_word_by_word() -> None:
    async with simulator() as running, opened(running, first_chunk_ms=2_000, stall_ms=2_000) as voice:
        chunks = await spoken(voice, "one two three four", TtsOptions(speed=1.0))
        pcm = b"".join(chunk.pcm for chunk in chunks)
        heard = running.stage.voice.hear(pcm, chunks[0].sample_rate)
        words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["one", "two", "three", "four"]
    assert len(heard) == len(words)
    for sound, word in zip(heard, words, strict=True):
        assert sound.start_ms == pytest.approx(word.start_ms, abs=40)
