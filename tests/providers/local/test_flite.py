"""What flite does beside the contract: any text survives, one phrase waits in memory no further than its piece."""

import asyncio
import threading
from contextlib import aclosing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import needs
from tandem.contracts.tts import FOX, LONG, SENTENCE, length_ms, spoken
from tandem.core.audio import duration_ms
from tandem.core.ports import TtsOptions
from tandem.providers.local import flite
from tandem.providers.local.flite import Flite
from tandem.providers.local.flite_engine import FliteEngine
from tandem.providers.local.speakable import clean, pieces, to_ascii


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> object:
    needs.require(flite.missing() is None, str(flite.missing()))
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(flite.NAME)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.text("0123456789.,:/$-%'&", min_size=1, max_size=40))
def test_no_text_breaks_the_engine(text: str) -> None:
    engine = FliteEngine()
    for piece in pieces(to_ascii(clean(text))):
        chunks: list[bytes] = []

        def take(pcm: bytes, _words: object, chunks: list[bytes] = chunks) -> bool:
            chunks.append(pcm)
            return len(chunks) < 20

        engine.speak(piece, "slt", 2.0, take)
        assert all(len(chunk) % 2 == 0 for chunk in chunks)


async def test_the_words_are_those_that_were_written() -> None:
    async with Flite.open() as provider:
        chunks = await spoken(provider, "Well, (my friend) it costs $5.20 today.")
    words = [word.text for chunk in chunks for word in chunk.words]
    assert words == ["Well,", "(my", "friend)", "it", "costs", "$5.20", "today."]


async def test_speech_begins_without_the_silence_that_flite_puts_in_front() -> None:
    async with Flite.open() as provider:
        first = (await spoken(provider, SENTENCE))[0]
    assert first.words[0].text == "This"
    assert first.words[0].start_ms == pytest.approx(30.0, abs=1.0)


async def test_a_slow_listener_holds_one_piece_in_memory() -> None:
    async with Flite.open() as provider, aclosing(provider.synthesize(LONG, TtsOptions())) as chunks:
        await anext(chunks)
        # Another phrase goes through the same thread after all that is made of the first one by itself.
        await spoken(provider, "Done.")
        (piece,) = provider._speaking
        held = list(iter(lambda: piece._chunks.get_nowait(), None))
    assert 1_000 < sum(duration_ms(len(pcm), 16_000) for pcm, _ in held) < 20_000


async def test_a_long_phrase_does_not_keep_the_others_waiting() -> None:
    ended: list[str] = []

    async def speak(provider: Flite, phrase: str) -> None:
        await spoken(provider, phrase)
        ended.append(phrase)

    async with Flite.open() as provider, asyncio.TaskGroup() as group:
        group.create_task(speak(provider, LONG))
        group.create_task(speak(provider, FOX))
    assert ended == [FOX, LONG]


async def test_two_providers_share_the_library_without_harm() -> None:
    async with Flite.open() as one, Flite.open() as other, asyncio.TaskGroup() as group:
        calls = [group.create_task(spoken(provider, SENTENCE)) for provider in (one, other) * 5]
    assert len({length_ms(call.result()) for call in calls}) == 1


async def test_closing_the_provider_within_a_phrase_ends_its_thread() -> None:
    async with Flite.open() as provider:
        phrase = provider.synthesize(LONG, TtsOptions())
        await anext(phrase)
    await phrase.aclose()
