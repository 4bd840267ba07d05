"""What every text-to-speech provider must do. Run it over yours: subclass TtsContract and say how to open it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from itertools import pairwise

import numpy as np
import pytest
import pytest_asyncio

from tandem.core.audio import duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TextToSpeech, TtsOptions

CANCEL_WITHIN_S = 0.05  # the quickest of several tries: a busy machine delays one or the other
SENTENCE = "This is a rather long sentence, and it goes on for quite a while, does it not?"
FOX = "The quick brown fox jumps over the lazy dog. "
LONG = FOX * 45  # 2,025 characters


async def spoken(provider: TextToSpeech, phrase: str, options: TtsOptions | None = None) -> list[SpokenAudio]:
    """Return every chunk of a phrase."""
    async with aclosing(provider.synthesize(phrase, options or TtsOptions())) as chunks:
        return [chunk async for chunk in chunks]


def length_ms(chunks: list[SpokenAudio]) -> float:
    return sum(duration_ms(len(chunk.pcm), chunk.sample_rate) for chunk in chunks)


@pytest.mark.asyncio(loop_scope="class")
class TtsContract:
    """Subclass it as `class TestYours(TtsContract)` and define `opened`.

    One provider serves the whole class, as it serves a process: what one test leaves undone shows in the next.
    """

    longest_chunk_ms = 200.0

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        """Return a context manager that gives a new provider and ends it without a trace."""
        raise NotImplementedError

    async def break_engine(self, provider: TextToSpeech) -> None:
        """Make the engine or the vendor behind `provider` fail.

        It begins before the request that must then fail, and runs beside it. Without it that test is skipped.
        """
        raise NotImplementedError

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @classmethod
    async def provider(cls) -> AsyncIterator[TextToSpeech]:
        async with cls.opened() as provider:
            yield provider

    async def test_a_phrase_becomes_audible_16_bit_audio_at_one_rate(self, provider: TextToSpeech) -> None:
        chunks = await spoken(provider, SENTENCE)
        assert all(chunk.pcm and len(chunk.pcm) % 2 == 0 for chunk in chunks)
        assert len({chunk.sample_rate for chunk in chunks}) == 1
        samples = np.frombuffer(b"".join(chunk.pcm for chunk in chunks), dtype="<i2").astype(np.float64)
        assert np.sqrt(np.mean(samples**2)) > 300
        assert 2_000 < length_ms(chunks) < 10_000

    async def test_the_first_chunk_comes_before_the_phrase_is_made(self, provider: TextToSpeech) -> None:
        loop = asyncio.get_running_loop()
        waited = []
        for _ in range(3):
            began = loop.time()
            arrivals = []
            async with aclosing(provider.synthesize(FOX * 12, TtsOptions())) as chunks:
                async for chunk in chunks:
                    arrivals.append(loop.time() - began)
                    assert duration_ms(len(chunk.pcm), chunk.sample_rate) <= self.longest_chunk_ms
            assert len(arrivals) > 50
            waited.append(arrivals[0] / arrivals[-1])
        assert min(waited) < 0.5  # of all the time it took; a busy machine delays one first chunk or the other

    @pytest.mark.parametrize(
        "phrase",
        ["", " \n\t", "...?! — «»", "😀🎉👍🏽", "\x00\x07\u200b\ufeff", "***"],
        ids=["empty", "white space", "punctuation", "emoji", "invisible characters", "asterisks"],
    )
    async def test_a_phrase_with_nothing_to_pronounce_yields_nothing(self, provider: TextToSpeech, phrase: str) -> None:
        assert await spoken(provider, phrase) == []

    @pytest.mark.parametrize(
        "phrase",
        [
            "Café, naïve — “quoted” … 日本 😀 costs 5 €!",
            "nul\x00 and bell\x07 and <b>tags</b> & [[p'iN]] \\pause=100\\",
            "x" * 500,
            "9" * 300,
        ],
        ids=["other scripts and signs", "control characters and markup", "one long word", "one long number"],
    )
    async def test_odd_text_is_spoken_as_far_as_it_can_be(self, provider: TextToSpeech, phrase: str) -> None:
        assert length_ms(await spoken(provider, phrase)) > 300

    async def test_two_thousand_characters_are_spoken_whole(self, provider: TextToSpeech) -> None:
        once = length_ms(await spoken(provider, FOX))
        assert length_ms(await spoken(provider, LONG)) > 45 * once * 0.7

    async def test_word_times_are_in_order_and_within_the_audio(self, provider: TextToSpeech) -> None:
        chunks = await spoken(provider, FOX * 12)
        words = [word for chunk in chunks for word in chunk.words]
        for before, word in pairwise(words):
            assert before.start_ms < before.end_ms
            assert before.end_ms <= word.start_ms + 1.0
        if words:
            assert [word.text.strip(".") for word in words] == (FOX * 12).replace(".", "").split()
            assert words[-1].end_ms <= length_ms(chunks) + 1.0

    async def test_a_higher_speed_makes_a_shorter_phrase(self, provider: TextToSpeech) -> None:
        normal = length_ms(await spoken(provider, SENTENCE))
        assert length_ms(await spoken(provider, SENTENCE, TtsOptions(speed=1.5))) < normal * 0.85
        assert length_ms(await spoken(provider, SENTENCE, TtsOptions(speed=0.7))) > normal * 1.15
        assert length_ms(await spoken(provider, SENTENCE)) == pytest.approx(normal, rel=0.05)

    async def test_an_unknown_voice_is_replaced_by_the_providers_own(self, provider: TextToSpeech) -> None:
        assert await spoken(provider, SENTENCE, TtsOptions(voice="no-such-voice/../x"))

    async def test_twenty_phrases_at_once_do_not_mix(self, provider: TextToSpeech) -> None:
        alone = {phrase: length_ms(await spoken(provider, phrase)) for phrase in (SENTENCE, FOX * 2)}
        async with asyncio.TaskGroup() as group:
            calls = [(phrase, group.create_task(spoken(provider, phrase))) for phrase in (SENTENCE, FOX * 2) * 10]
        for phrase, call in calls:
            assert length_ms(call.result()) == pytest.approx(alone[phrase], rel=0.05)

    async def test_closing_a_phrase_returns_at_once(self, provider: TextToSpeech) -> None:
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(5):
            phrase = provider.synthesize(LONG, TtsOptions())
            await anext(phrase)
            began = loop.time()
            await phrase.aclose()
            took.append(loop.time() - began)
        assert min(took) < CANCEL_WITHIN_S
        assert await spoken(provider, SENTENCE)

    async def test_cancelling_the_reader_returns_at_once(self, provider: TextToSpeech) -> None:
        loop = asyncio.get_running_loop()
        speaking = asyncio.Event()

        async def read() -> None:
            async with aclosing(provider.synthesize(LONG, TtsOptions())) as chunks:
                async for _ in chunks:
                    speaking.set()

        took = []
        for _ in range(5):
            speaking.clear()
            reader = asyncio.ensure_future(read())
            await speaking.wait()
            began = loop.time()
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            took.append(loop.time() - began)
        assert min(took) < CANCEL_WITHIN_S
        assert await spoken(provider, SENTENCE)

    async def test_a_broken_engine_is_a_provider_error(self) -> None:
        if type(self).break_engine is TtsContract.break_engine:
            pytest.skip(
                "nothing says how to break this provider's engine: subclass TtsContract and define break_engine"
            )
        async with self.opened() as provider:
            fault = await self.fault_of_a_broken_engine(provider)
        assert fault in {Fault.CUT, Fault.REFUSED, Fault.UNAVAILABLE}

    async def fault_of_a_broken_engine(self, provider: TextToSpeech) -> Fault:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.break_engine(provider))
            await asyncio.sleep(0)
            with pytest.raises(ProviderError) as raised:
                await spoken(provider, SENTENCE)
        assert raised.value.provider == provider.name
        return raised.value.fault
