"""Whatever goes wrong at AssemblyAI is the right Fault in bounded time, and the vendor sees a caller go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.numbered_speech import NUMBERED_TIME, NUMBERED_UNITS
from simulator import Simulator, simulator
from tandem.contracts.stt import CANCEL_WITHIN_S, RATE, Event, heard, noise, plain, playing, utterance
from tandem.core.audio import duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions
from tandem.providers.assemblyai.stt import AssemblyAiStt
from tandem.simulator import faults
from tandem.simulator.faults import Kind

# The SDK reads properties of websockets' exceptions that have other names now.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConnectionClosed.code:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:ConnectionClosed.reason:DeprecationWarning"),
]

_SPEECH = utterance(NUMBERED_UNITS.pcm)
_BOUND_S = 8.0  # audio goes out in real time
_WAIT_MS = 800.0  # patience of the tests
_BEAT_MS = 1_500.0


@pytest.fixture
async def vendor() -> AsyncIterator[Simulator]:
    async with simulator() as base:
        yield base


@asynccontextmanager
async def _opened(base_url: str, api_key: str = "k") -> AsyncIterator[AssemblyAiStt]:
    async with AssemblyAiStt.open(
        name="first",
        api_key=api_key,
        base_url=base_url,
        open_ms=_WAIT_MS,
        final_ms=_WAIT_MS,
        stall_ms=800.0,
        beat_ms=_BEAT_MS,
    ) as provider:
        yield provider


async def _failure(base_url: str, events: list[Event] = _SPEECH, api_key: str = "k") -> ProviderError:
    async with _opened(base_url, api_key) as provider, asyncio.timeout(_BOUND_S):
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
    (faults.Fault(Kind.CUT, close_code=1013), Fault.UNAVAILABLE),
    (faults.Fault(Kind.RESET), Fault.CUT),
    (faults.Fault(Kind.EARLY_END, close_code=1000), Fault.CUT),
    (faults.Fault(Kind.EARLY_END, close_code=1001), Fault.CUT),
    (faults.Fault(Kind.EARLY_END, close_code=1005), Fault.CUT),
    (faults.Fault(Kind.MISSING_FIELD), Fault.MALFORMED),
    (faults.Fault(Kind.ERROR_FRAME, close_code=3005), Fault.UNAVAILABLE),
    (faults.Fault(Kind.ERROR_CLOSE, close_code=3005), Fault.UNAVAILABLE),
    (faults.Fault(Kind.ERROR_CLOSE, close_code=3009), Fault.RATE_LIMITED),
    (faults.Fault(Kind.ERROR_CLOSE, close_code=1008), Fault.REJECTED),
]


def _name(value: object) -> str:
    return f"{value.kind}-{value.status}-{value.close_code}" if isinstance(value, faults.Fault) else str(value)


@pytest.mark.parametrize(("fault", "expected"), _AT_THE_DOOR, ids=_name)
async def test_a_fault_at_the_door(vendor: Simulator, fault: faults.Fault, expected: Fault) -> None:
    vendor.stage.faults.set("assemblyai", fault)
    failure = await _failure(vendor.http)
    assert failure.fault is expected
    assert failure.retry_after_ms == (None if fault.retry_after_s is None else fault.retry_after_s * 1000)


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(("fault", "expected"), _IN_THE_STREAM, ids=_name)
async def test_a_fault_in_the_stream(vendor: Simulator, fault: faults.Fault, expected: Fault, after: int) -> None:
    struck = faults.Fault(fault.kind, after, close_code=fault.close_code, ms=fault.ms)
    vendor.stage.faults.set("assemblyai", struck)
    assert (await _failure(vendor.ws)).fault is expected


@pytest.mark.parametrize("kind", [Kind.STALL, Kind.BLACKHOLE, Kind.SILENT])
async def test_silence_about_speech_that_goes_on_is_a_stall(vendor: Simulator, kind: Kind) -> None:
    vendor.stage.faults.set("assemblyai", faults.Fault(kind))
    on_the_line = playing(_SPEECH[:-1], then=asyncio.Event())
    async with _opened(vendor.http) as provider, asyncio.timeout(_BOUND_S):
        with pytest.raises(ProviderError) as raised:
            await _read(provider.transcribe(on_the_line, SttOptions()))
    assert raised.value.fault is Fault.STALLED


async def test_a_closed_door_is_a_refusal(vendor: Simulator) -> None:
    vendor.stage.faults.set("assemblyai", faults.Fault(Kind.REFUSED))
    assert (await _failure(f"http://{vendor.host('assemblyai')}")).fault is Fault.REFUSED


@pytest.mark.parametrize("key", ["bad", "broke"])
async def test_a_key_that_is_refused_is_not_told(vendor: Simulator, key: str) -> None:
    failure = await _failure(vendor.http, api_key=key)
    assert failure.fault is Fault.REJECTED
    assert key not in str(failure)


@pytest.mark.parametrize(
    "kind", [Kind.UNKNOWN_TYPE, Kind.DUPLICATE, Kind.DRIP, Kind.MALFORMED]
)  # the SDK skips what it cannot parse
@pytest.mark.parametrize("after", [0, 2])
async def test_what_is_only_odd_changes_no_word(vendor: Simulator, kind: Kind, after: int) -> None:
    vendor.stage.faults.set("assemblyai", faults.Fault(kind, after, ms=5))
    async with _opened(vendor.http) as provider, asyncio.timeout(_BOUND_S):
        first, second = [each for each in await heard(provider, _SPEECH * 2) if each.final]
    assert plain(first.text) == plain(second.text) == plain(NUMBERED_UNITS.text)


async def test_a_vendor_that_answers_that_nothing_was_said_is_believed(vendor: Simulator) -> None:
    vendor.stage.faults.set("assemblyai", faults.Fault(Kind.EMPTY))
    async with _opened(vendor.http) as provider, asyncio.timeout(_BOUND_S):
        assert [each.text for each in await heard(provider, _SPEECH)] == [""]


async def test_a_cough_is_no_fault_and_what_follows_it_is_heard_where_it_was_said(vendor: Simulator) -> None:
    cough = noise(0.1, 0.3)
    gap_ms = duration_ms(len(cough), RATE) + 1_000.0
    async with _opened(vendor.http) as provider, asyncio.timeout(2 * _BOUND_S):
        events = [*utterance(cough), *utterance(NUMBERED_UNITS.pcm, gap_ms), *utterance(cough, gap_ms + 9_000.0)]
        finals = [each for each in await heard(provider, events) if each.final]
    assert [plain(each.text) for each in finals] == ["", plain(NUMBERED_UNITS.text), ""]
    assert all(each.ends_utterance for each in finals)
    assert gap_ms <= finals[1].words[0].start_ms < gap_ms + 400.0
    assert finals[1].words[-1].end_ms <= gap_ms + duration_ms(len(NUMBERED_UNITS.pcm), RATE)
    sessions = vendor.stage.requests.of("assemblyai")
    assert [[note["type"] for note in session.notes] for session in sessions[:2]] == [
        ["ForceEndpoint", "Terminate"],
        ["ForceEndpoint", "ForceEndpoint", "Terminate"],
    ]


@pytest.mark.parametrize("kind", [Kind.STALL, Kind.BLACKHOLE, Kind.SILENT])
async def test_a_silent_vendor_is_not_taken_for_one_that_heard_nothing(vendor: Simulator, kind: Kind) -> None:
    vendor.stage.faults.set("assemblyai", faults.Fault(kind))
    async with _opened(vendor.http) as provider, asyncio.timeout(_BOUND_S):
        with pytest.raises(ProviderError) as raised:
            await heard(provider, utterance(NUMBERED_TIME.pcm[: RATE * 2 // 2]))
    assert raised.value.fault is Fault.STALLED


async def test_a_session_that_cannot_be_followed_by_another_is_a_fault(vendor: Simulator) -> None:
    async def coughing() -> AsyncIterator[Event]:
        for event in utterance(noise(0.1, 0.3)):
            yield event
        vendor.stage.faults.set("assemblyai", faults.Fault(Kind.STATUS, status=429, retry_after_s=3))
        await asyncio.Event().wait()

    got = []
    async with _opened(vendor.http) as provider, asyncio.timeout(_BOUND_S):
        with pytest.raises(ProviderError) as raised:
            async for each in provider.transcribe(coughing(), SttOptions()):
                got.append(each.text)  # noqa: PERF401 - a comprehension would lose it with the fault
    assert got == [""]
    assert (raised.value.fault, raised.value.retry_after_ms) == (Fault.RATE_LIMITED, 3_000)


async def test_words_come_with_their_times_and_a_confidence(vendor: Simulator) -> None:
    async with _opened(vendor.http) as provider:
        final = (await heard(provider, _SPEECH))[-1]
    assert " ".join(word.text for word in final.words) == final.text
    assert all(word.end_ms - word.start_ms >= 100 for word in final.words)
    assert final.confidence is not None
    assert 0.9 < final.confidence <= 1


async def test_what_was_said_when_the_audio_ended_within_an_utterance_is_told(vendor: Simulator) -> None:
    async with _opened(vendor.http) as provider:
        final = (await heard(provider, _SPEECH[:-1]))[-1]
    assert plain(final.text) == plain(NUMBERED_UNITS.text)
    assert (final.final, final.ends_utterance) == (True, False)


async def test_no_audio_opens_no_socket(vendor: Simulator) -> None:
    async with _opened(vendor.http) as provider:
        assert await heard(provider, []) == []
    assert vendor.stage.requests.of("assemblyai") == []


@pytest.mark.parametrize("kind", [None, Kind.BLACKHOLE, Kind.SILENT, Kind.HANG])
async def test_the_vendor_sees_at_once_that_a_caller_has_gone(vendor: Simulator, kind: Kind | None) -> None:
    if kind:
        vendor.stage.faults.set("assemblyai", faults.Fault(kind))
    spoken = asyncio.Event()

    async def speaking() -> AsyncIterator[Event]:
        for event in _SPEECH[:-1]:
            spoken.set()
            yield event
        await asyncio.Event().wait()

    async with _opened(vendor.http) as provider:
        stream = provider.transcribe(speaking(), SttOptions())
        listening = asyncio.ensure_future(_read(stream))
        await spoken.wait()
        async with asyncio.timeout(_BOUND_S):
            while not vendor.stage.requests.of("assemblyai"):
                await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        listening.cancel()
        await asyncio.wait({listening})
        await stream.aclose()
        assert listening.cancelled()
        assert asyncio.get_running_loop().time() - began < CANCEL_WITHIN_S
        if kind not in (Kind.BLACKHOLE, Kind.HANG):  # the one reads no more; the other notes nothing
            async with asyncio.timeout(_BOUND_S):
                while vendor.stage.requests.of("assemblyai")[0].disconnected_at is None:
                    await asyncio.sleep(0)


async def _read(transcripts: AsyncIterator[object]) -> None:
    async for _ in transcripts:
        pass


async def test_an_english_model_refuses_other_languages(vendor: Simulator) -> None:
    async with _opened(vendor.http) as provider:
        with pytest.raises(ProviderError) as raised:
            await heard(provider, [SpeechMark.STARTED], SttOptions(language="fr"))
    assert raised.value.fault is Fault.INVALID
