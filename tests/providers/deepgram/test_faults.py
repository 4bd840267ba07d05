"""Whatever goes wrong at Deepgram is the right Fault in bounded time, and the vendor sees a caller go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.numbered_speech import NUMBERED_UNITS
from simulator import Simulator, simulator
from tandem.contracts.stt import CANCEL_WITHIN_S, Event, heard, plain, playing, utterance
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions
from tandem.providers.deepgram.stt import DeepgramStt
from tandem.simulator import faults
from tandem.simulator.faults import Kind

_ROUTES = {"nova-3": "v1", "flux-general-en": "v2"}
_SPEECH = utterance(NUMBERED_UNITS.pcm)
_BOUND_S = 4.0
_WAIT_MS = 800.0  # patience of the tests


@pytest.fixture(params=_ROUTES)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def vendor() -> AsyncIterator[Simulator]:
    async with simulator() as base:
        yield base


@asynccontextmanager
async def _opened(base_url: str, model: str, api_key: str = "k") -> AsyncIterator[DeepgramStt]:
    async with DeepgramStt.open(
        name="first",
        api_key=api_key,
        model=model,
        base_url=base_url,
        open_ms=_WAIT_MS,
        final_ms=_WAIT_MS,
        stall_ms=_WAIT_MS,
    ) as provider:
        yield provider


async def _failure(base_url: str, model: str, events: list[Event] = _SPEECH, api_key: str = "k") -> ProviderError:
    async with _opened(base_url, model, api_key) as provider, asyncio.timeout(_BOUND_S):
        with pytest.raises(ProviderError) as raised:
            await heard(provider, events)
    assert raised.value.provider == "first"
    return raised.value


_AT_THE_DOOR = [
    (faults.Fault(Kind.REFUSED), Fault.CUT),  # the door of all vendors takes the connection, then resets it
    (faults.Fault(Kind.HANG), Fault.TIMEOUT),
    (faults.Fault(Kind.STATUS, status=400), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=401), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=402), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=403), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=404), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=429, retry_after_s=3), Fault.RATE_LIMITED),
    (faults.Fault(Kind.STATUS, status=500), Fault.UNAVAILABLE),
    (faults.Fault(Kind.STATUS, status=503), Fault.UNAVAILABLE),
    (faults.Fault(Kind.SILENT), Fault.STALLED),
]
_IN_THE_STREAM = [
    (faults.Fault(Kind.SLOW, ms=3_000), Fault.STALLED),
    (faults.Fault(Kind.STALL), Fault.STALLED),
    (faults.Fault(Kind.BLACKHOLE), Fault.STALLED),
    (faults.Fault(Kind.DRIP, ms=3_000), Fault.STALLED),
    (faults.Fault(Kind.CUT, close_code=1006), Fault.CUT),
    (faults.Fault(Kind.CUT, close_code=1011), Fault.CUT),
    (faults.Fault(Kind.CUT, close_code=1008), Fault.REJECTED),
    (faults.Fault(Kind.CUT, close_code=1009), Fault.INVALID),
    (faults.Fault(Kind.CUT, close_code=1013), Fault.UNAVAILABLE),
    (faults.Fault(Kind.RESET), Fault.CUT),
    (faults.Fault(Kind.EARLY_END, close_code=1000), Fault.CUT),
    (faults.Fault(Kind.EARLY_END, close_code=1001), Fault.CUT),
    (faults.Fault(Kind.EARLY_END, close_code=1005), Fault.CUT),
    (faults.Fault(Kind.MALFORMED), Fault.MALFORMED),
    (faults.Fault(Kind.MISSING_FIELD), Fault.MALFORMED),
    (faults.Fault(Kind.ERROR_FRAME), Fault.UNAVAILABLE),
    (faults.Fault(Kind.ERROR_CLOSE), Fault.UNAVAILABLE),
]


def _name(value: object) -> str:
    return f"{value.kind}-{value.status}-{value.close_code}" if isinstance(value, faults.Fault) else str(value)


@pytest.mark.parametrize(("fault", "expected"), _AT_THE_DOOR, ids=_name)
async def test_a_fault_at_the_door(vendor: Simulator, model: str, fault: faults.Fault, expected: Fault) -> None:
    vendor.stage.faults.set("deepgram", fault, _ROUTES[model])
    failure = await _failure(vendor.http, model)
    assert failure.fault is expected
    assert failure.retry_after_ms == (None if fault.retry_after_s is None else fault.retry_after_s * 1000)


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(("fault", "expected"), _IN_THE_STREAM, ids=_name)
async def test_a_fault_in_the_stream(
    vendor: Simulator, model: str, fault: faults.Fault, expected: Fault, after: int
) -> None:
    struck = faults.Fault(fault.kind, after, close_code=fault.close_code, ms=fault.ms)
    vendor.stage.faults.set("deepgram", struck, _ROUTES[model])
    assert (await _failure(vendor.ws, model)).fault is expected


@pytest.mark.parametrize("kind", [Kind.STALL, Kind.BLACKHOLE, Kind.SILENT])
async def test_silence_about_speech_that_goes_on_is_a_stall(vendor: Simulator, model: str, kind: Kind) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(kind), _ROUTES[model])
    on_the_line = playing(_SPEECH[:-1], then=asyncio.Event())
    async with _opened(vendor.http, model) as provider, asyncio.timeout(_BOUND_S):
        with pytest.raises(ProviderError) as raised:
            await _read(provider.transcribe(on_the_line, SttOptions()))
    assert raised.value.fault is Fault.STALLED


async def test_a_closed_door_is_a_refusal(vendor: Simulator, model: str) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(Kind.REFUSED))
    assert (await _failure(f"http://{vendor.host('deepgram')}", model)).fault is Fault.REFUSED


@pytest.mark.parametrize("key", ["bad", "broke"])
async def test_a_key_that_is_refused_is_not_told(vendor: Simulator, model: str, key: str) -> None:
    failure = await _failure(vendor.http, model, api_key=key)
    assert failure.fault is Fault.REJECTED
    assert key not in str(failure)


@pytest.mark.parametrize("kind", [Kind.UNKNOWN_TYPE, Kind.DUPLICATE, Kind.DRIP])
@pytest.mark.parametrize("after", [0, 2])
async def test_what_is_only_odd_changes_no_word(vendor: Simulator, model: str, kind: Kind, after: int) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(kind, after, ms=5), _ROUTES[model])
    async with _opened(vendor.http, model) as provider, asyncio.timeout(_BOUND_S):
        first, second = [each for each in await heard(provider, _SPEECH * 2) if each.final]
    assert plain(first.text) == plain(second.text) == plain(NUMBERED_UNITS.text)


async def test_a_proper_answer_of_nova_without_a_word_stands(vendor: Simulator) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(Kind.EMPTY))
    async with _opened(vendor.http, "nova-3") as provider, asyncio.timeout(_BOUND_S):
        assert [each.text for each in await heard(provider, _SPEECH) if each.final] == [""]


async def test_flux_has_stalled_if_it_does_not_tell_that_it_has_heard_all(vendor: Simulator) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(Kind.EMPTY))
    assert (await _failure(vendor.http, "flux-general-en")).fault is Fault.STALLED


async def test_words_come_with_their_times_and_a_confidence(vendor: Simulator, model: str) -> None:
    async with _opened(vendor.http, model) as provider:
        final = (await heard(provider, _SPEECH))[-1]
    assert " ".join(word.text for word in final.words) == final.text
    assert all(word.end_ms - word.start_ms >= 100 for word in final.words)
    assert final.confidence is not None
    assert 0.9 < final.confidence <= 1


async def test_what_was_said_when_the_audio_ended_within_an_utterance_is_told(vendor: Simulator, model: str) -> None:
    async with _opened(vendor.http, model) as provider:
        final = (await heard(provider, _SPEECH[:-1]))[-1]
    assert plain(final.text) == plain(NUMBERED_UNITS.text)
    assert (final.final, final.ends_utterance) == (True, False)


async def test_no_audio_opens_no_socket(vendor: Simulator, model: str) -> None:
    async with _opened(vendor.http, model) as provider:
        assert await heard(provider, []) == []
    assert vendor.stage.requests.of("deepgram") == []


@pytest.mark.parametrize("kind", [None, Kind.BLACKHOLE, Kind.SILENT, Kind.HANG])
async def test_the_vendor_sees_at_once_that_a_caller_has_gone(vendor: Simulator, model: str, kind: Kind | None) -> None:
    if kind:
        vendor.stage.faults.set("deepgram", faults.Fault(kind), _ROUTES[model])
    spoken = asyncio.Event()

    async def speaking() -> AsyncIterator[Event]:
        for event in _SPEECH[:-1]:
            spoken.set()
            yield event
        await asyncio.Event().wait()

    async with _opened(vendor.http, model) as provider:
        stream = provider.transcribe(speaking(), SttOptions())
        listening = asyncio.ensure_future(_read(stream))
        await spoken.wait()
        async with asyncio.timeout(_BOUND_S):
            while not vendor.stage.requests.of("deepgram"):
                await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        listening.cancel()
        await asyncio.wait({listening})
        await stream.aclose()
        assert listening.cancelled()
        assert asyncio.get_running_loop().time() - began < CANCEL_WITHIN_S
        if kind not in (Kind.BLACKHOLE, Kind.HANG):  # the one reads no more; the other notes nothing
            async with asyncio.timeout(_BOUND_S):
                while vendor.stage.requests.of("deepgram")[0].disconnected_at is None:
                    await asyncio.sleep(0)


async def _read(transcripts: AsyncIterator[object]) -> None:
    async for _ in transcripts:
        pass


async def test_an_english_model_refuses_other_languages(vendor: Simulator) -> None:
    async with _opened(vendor.http, "flux-general-en") as provider:
        with pytest.raises(ProviderError) as raised:
            await heard(provider, [SpeechMark.STARTED], SttOptions(language="fr"))
    assert raised.value.fault is Fault.INVALID
