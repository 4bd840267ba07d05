"""How moonshine shares its models between calls, and what it does with long and unfinished speech."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator

import pytest

import needs
from tandem.contracts.stt import RATE, TIME, UNITS, Event, finals, heard, plain, playing, utterance
from tandem.core.audio import AudioFrame, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions
from tandem.providers.local import moonshine
from tandem.providers.local.moonshine import CAP_MS, Moonshine

PAUSE = bytes(RATE)  # 500 ms


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> object:
    needs.require(moonshine.missing() is None, str(moonshine.missing()))
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(moonshine.NAME)]


async def slow_speaker(pcm: bytes, answered: asyncio.Event) -> AsyncIterator[Event]:
    """Speak 700 ms at a time, each when the last was answered, and then stop."""
    yield SpeechMark.STARTED
    step = RATE * 2 * 700 // 1000
    for at in range(0, len(pcm) // step * step, step):
        answered.clear()
        yield AudioFrame(pcm[at : at + step], RATE, duration_ms(at, RATE))
        if at >= step:
            await answered.wait()
    yield SpeechMark.STOPPED


async def test_interim_transcripts_come_while_the_caller_speaks_and_grow() -> None:
    answered = asyncio.Event()
    texts = []
    async with Moonshine.open() as provider:
        async for transcript in provider.transcribe(slow_speaker(UNITS.pcm, answered), SttOptions()):
            answered.set()
            texts.append(transcript.text)
            assert transcript.final == transcript.ends_utterance
    *interims, last = texts
    assert len(interims) >= 2
    assert len(interims[0]) < len(last)


async def test_an_interim_never_takes_the_last_idle_model() -> None:
    async with Moonshine.open(workers=1) as provider:
        transcripts = await heard(provider, utterance(UNITS.pcm))
        assert len(transcripts) == 1
    async with Moonshine.open(workers=2) as provider:
        stream = provider.transcribe(playing(utterance(UNITS.pcm)[:-1], then=asyncio.Event()), SttOptions())
        assert not (await anext(stream)).final
        assert provider._pool._idle
        await stream.aclose()


async def test_finals_are_served_in_order_of_their_arrival() -> None:
    order: list[int] = []

    async def call(number: int, provider: Moonshine) -> None:
        await heard(provider, utterance(TIME.pcm))
        order.append(number)

    async with Moonshine.open(workers=1) as provider, asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(call(number, provider))
    assert order == list(range(10))


async def test_a_speech_longer_than_the_cap_loses_no_word() -> None:
    said = (UNITS, TIME) * 8
    pcm = PAUSE.join(recording.pcm for recording in said)
    assert duration_ms(len(pcm), RATE) > 2 * CAP_MS
    async with Moonshine.open() as provider:
        parts = finals(await heard(provider, utterance(pcm)))
    assert [part.ends_utterance for part in parts] == [False] * (len(parts) - 1) + [True]
    assert len(parts) > 2
    got = " ".join(plain(part.text) for part in parts).split()
    want = " ".join(plain(recording.text) for recording in said).split()
    assert len(got) == pytest.approx(len(want), abs=3)
    assert got.count("feet") == 8
    for before, part in itertools.pairwise(parts):
        assert part.start_ms == pytest.approx(before.end_ms)


async def test_what_was_said_before_the_caller_hung_up_is_transcribed() -> None:
    async with Moonshine.open() as provider:
        (final,) = finals(await heard(provider, utterance(UNITS.pcm)[:-1]))
    assert "feet" in final.text
    assert not final.ends_utterance


async def test_closing_while_models_work_ends_every_thread() -> None:
    opened = asyncio.Event()

    async def own() -> None:
        async with Moonshine.open() as provider, asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(heard(provider, utterance(UNITS.pcm * 3)))
            while provider._pool._idle:
                await asyncio.sleep(0)
            opened.set()

    owner = asyncio.ensure_future(own())
    await opened.wait()
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner


async def test_a_call_that_outlives_the_provider_is_cut() -> None:
    async with Moonshine.open(workers=1) as provider:
        calls = [asyncio.ensure_future(heard(provider, utterance(TIME.pcm))) for _ in range(6)]
        while len(provider._pool._queue) < 5:
            await asyncio.sleep(0)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [outcome.fault for outcome in outcomes[1:] if isinstance(outcome, ProviderError)] == [Fault.CUT] * 5
