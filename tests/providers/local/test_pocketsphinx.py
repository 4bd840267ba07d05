"""How pocketsphinx hears while the caller speaks, and shares its processes between calls."""

import asyncio
from contextlib import aclosing

import pytest

import needs
from tandem.contracts.stt import RATE, TIME, UNITS, finals, heard, playing, utterance
from tandem.core.audio import duration_ms
from tandem.core.ports import SttOptions
from tandem.providers.local import pocketsphinx
from tandem.providers.local.pocketsphinx import Pocketsphinx


@pytest.fixture(autouse=True)
def _needs_pocketsphinx() -> None:
    needs.require(pocketsphinx.missing() is None, str(pocketsphinx.missing()))


async def test_interim_transcripts_come_while_the_caller_speaks() -> None:
    async with Pocketsphinx.open(1) as provider:
        audio = playing(utterance(UNITS.pcm)[:-1], then=asyncio.Event())
        async with aclosing(provider.transcribe(audio, SttOptions())) as transcripts:
            first = await anext(transcripts)
            second = await anext(transcripts)
    assert not first.final
    assert not second.final
    assert first.text != second.text


async def test_words_come_with_their_times() -> None:
    async with Pocketsphinx.open(1) as provider:
        (final,) = finals(await heard(provider, utterance(TIME.pcm, 5000.0)))
    assert [word.text for word in final.words] == final.text.split()
    spoken_ms = 5000.0 + duration_ms(len(TIME.pcm), RATE)
    assert 5000.0 < final.words[0].start_ms < final.words[-1].end_ms < spoken_ms


async def test_a_caller_who_stopped_is_served_before_one_who_still_speaks() -> None:
    async with Pocketsphinx.open(1) as provider:
        talking = asyncio.Event()
        talker = provider.transcribe(playing(utterance(UNITS.pcm)[:-1], then=talking), SttOptions())
        await anext(talker)
        assert len(finals(await heard(provider, utterance(TIME.pcm)))) == 1
        talking.set()
        (rest,) = [transcript async for transcript in talker if transcript.final]
        assert "feet" in rest.text


async def test_a_call_is_heard_the_same_whatever_was_heard_before() -> None:
    async with Pocketsphinx.open(1) as provider:
        first = await heard(provider, utterance(TIME.pcm))
        await heard(provider, utterance(UNITS.pcm) + utterance(UNITS.pcm))
        assert finals(await heard(provider, utterance(TIME.pcm))) == finals(first)


async def test_a_speech_longer_than_the_cap_comes_in_parts() -> None:
    async with Pocketsphinx.open(1) as provider:
        parts = finals(await heard(provider, utterance(bytes(RATE * 2 * 29) + UNITS.pcm)))
    assert [part.ends_utterance for part in parts] == [False, True]
    assert parts[0].end_ms == parts[1].start_ms == 30_000.0
    assert "ten meters" in parts[1].text
