"""Cartesia's voice over a scripted server: what it asks, what it makes of a fault, and that phrases stay apart."""

import asyncio
from contextlib import aclosing

import pytest

from providers.cartesia.vendor import (
    CHUNK,
    SECRET,
    Behaviour,
    Phrase,
    Vendor,
    dropped,
    error_for_nobody,
    fault_of,
    no_data,
    no_end,
    nothing_said,
    overloaded,
    rejected,
    server_error,
    silent,
    silent_after_one,
    speaking,
    too_many,
    unreadable,
)
from tandem.contracts.tts import length_ms, spoken
from tandem.core.audio import Word
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.providers.cartesia.tts import Cartesia

VOICE = "a0e99841-438c-4a64-b679-ae501e7d6091"


async def test_the_request_carries_text_voice_model_language_format_and_key(server: Vendor, voice: Cartesia) -> None:
    assert await spoken(voice, "Two  words\x00.", TtsOptions(language="de-AT", voice=VOICE, speed=3.0))
    sent = server.phrases[0].request
    assert sent.pop("context_id")
    assert sent == {
        "model_id": "sonic-3",
        "transcript": "Two words .",
        "voice": VOICE,
        "language": "de",
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000},
        "add_timestamps": True,
        "use_normalized_timestamps": False,
        "continue": False,
        "generation_config": {"speed": 1.5},
    }
    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"


async def test_many_phrases_share_one_socket_each_in_a_context_of_its_own(server: Vendor, voice: Cartesia) -> None:
    for _ in range(5):
        assert await spoken(voice, "one two")
    assert len(server.connections) == 1
    assert len({phrase.context for phrase in server.phrases}) == 5


async def test_words_come_in_ms_of_their_phrase_each_once(voice: Cartesia) -> None:
    chunks = await spoken(voice, "one two")
    assert [word for chunk in chunks for word in chunk.words] == [Word("one", 0, 40), Word("two", 50, 100)]
    assert b"".join(chunk.pcm for chunk in chunks) == CHUNK * 3


async def test_words_that_come_after_the_last_chunk_still_travel_with_audio(voice: Cartesia) -> None:
    chunks = await spoken(voice, "one two")
    assert chunks[-1].words
    assert chunks[-1].pcm


async def test_a_chunk_of_any_size_comes_out_as_whole_samples_of_at_most_100_ms(
    server: Vendor, voice: Cartesia
) -> None:
    async def odd(phrase: Phrase) -> None:
        for size in (4_801, 1, 9_999, 3, 24_000, 2):
            await phrase.chunks(1, bytes(size))
        await phrase.done()

    server.behave = odd
    chunks = await spoken(voice, "one two")
    assert all(0 < len(chunk.pcm) <= 4_800 and len(chunk.pcm) % 2 == 0 for chunk in chunks)
    assert sum(len(chunk.pcm) for chunk in chunks) == 4_801 + 1 + 9_999 + 3 + 24_000 + 2


async def test_a_voice_that_a_caller_asked_for_and_nobody_has_is_a_fault_of_that_phrase_alone(
    server: Vendor, voice: Cartesia
) -> None:
    server.behave = rejected
    with pytest.raises(ProviderError) as caught:
        await spoken(voice, "one two", TtsOptions(voice="a0e99841-438c-4a64-b679-ae501e7d6091"))
    assert caught.value.fault is Fault.INVALID
    assert (await fault_of(voice)).fault is Fault.REJECTED


@pytest.mark.parametrize(
    ("behave", "fault"),
    [
        (silent, Fault.TIMEOUT),
        (silent_after_one, Fault.STALLED),
        (no_end, Fault.CUT),
        (server_error, Fault.CUT),
        (dropped, Fault.CUT),
        (rejected, Fault.REJECTED),
        (too_many, Fault.RATE_LIMITED),
        (overloaded, Fault.UNAVAILABLE),
        (error_for_nobody, Fault.UNAVAILABLE),
        (unreadable, Fault.MALFORMED),
        (no_data, Fault.MALFORMED),
        (nothing_said, Fault.EMPTY),
    ],
)
async def test_a_failing_phrase_is_told_by_its_fault_and_the_next_one_is_spoken(
    server: Vendor, voice: Cartesia, behave: Behaviour, fault: Fault
) -> None:
    server.behave = behave
    assert (await fault_of(voice)).fault is fault
    server.behave = speaking
    assert length_ms(await spoken(voice, "one two")) == 120


async def test_an_unknown_frame_is_passed_over(server: Vendor, voice: Cartesia) -> None:
    async def newer(phrase: Phrase) -> None:
        await phrase.frame(type="from-the-future", data=7)
        await phrase.frame(type="flush_done", flush_done=True, flush_id=1)
        await speaking(phrase)

    server.behave = newer
    assert length_ms(await spoken(voice, "one two")) == 120


@pytest.mark.parametrize("behave", [no_end, dropped, error_for_nobody, unreadable])
async def test_what_ends_the_socket_ends_every_phrase_on_it(server: Vendor, voice: Cartesia, behave: Behaviour) -> None:
    server.behave = silent_after_one
    first = voice.synthesize("one two", TtsOptions())
    async with aclosing(first):
        await anext(first)
        server.behave = behave
        await fault_of(voice)
        with pytest.raises(ProviderError) as caught:
            async for _ in first:
                pass
    assert caught.value.fault in (Fault.CUT, Fault.UNAVAILABLE, Fault.MALFORMED)


async def test_an_error_of_one_phrase_leaves_the_others_alone(server: Vendor, voice: Cartesia) -> None:
    go_on = asyncio.Event()

    async def waiting(phrase: Phrase) -> None:
        await phrase.chunks(1)
        await go_on.wait()
        await speaking(phrase)

    server.behave = waiting
    async with asyncio.TaskGroup() as group:
        good = group.create_task(spoken(voice, "one two"))
        await server.asked.wait()
        server.behave = no_data
        assert (await fault_of(voice)).fault is Fault.MALFORMED
        go_on.set()
    assert length_ms(good.result()) == 160
    assert len(server.connections) == 1


async def test_a_closed_phrase_is_cancelled_at_the_vendors_and_its_late_chunks_are_dropped(
    server: Vendor, voice: Cartesia
) -> None:
    async def late(phrase: Phrase) -> None:
        await phrase.chunks(1)
        await phrase.cancelled.wait()
        await phrase.chunks(5, bytes(960))
        await phrase.done()

    server.behave = late
    closed = voice.synthesize("one two", TtsOptions())
    await anext(closed)
    await closed.aclose()
    await server.phrases[0].cancelled.wait()
    server.behave = speaking
    assert b"".join(chunk.pcm for chunk in await spoken(voice, "three")) == CHUNK * 3


async def test_a_phrase_that_ended_is_not_cancelled(server: Vendor, voice: Cartesia) -> None:
    assert await spoken(voice, "one two")
    assert await spoken(voice, "one two")
    assert not server.phrases[0].cancelled.is_set()


async def test_a_slow_reader_holds_up_nobody_and_loses_nothing(server: Vendor, voice: Cartesia) -> None:
    async def long(phrase: Phrase) -> None:
        await phrase.chunks(500)
        await phrase.done()

    server.behave = long
    slow = voice.synthesize("slow", TtsOptions())
    async with aclosing(slow):
        first = await anext(slow)
        server.behave = speaking
        for _ in range(3):
            assert length_ms(await spoken(voice, "one two")) == 120
        assert length_ms([first, *[chunk async for chunk in slow]]) == 500 * 40


async def test_a_reader_who_never_comes_back_loses_only_its_own_phrase(server: Vendor, voice: Cartesia) -> None:
    async def endless(phrase: Phrase) -> None:
        while not phrase.cancelled.is_set():
            await phrase.chunks(100, bytes(48))

    server.behave = endless
    lost = voice.synthesize("endless", TtsOptions())
    async with aclosing(lost):
        heard: list[SpokenAudio] = [await anext(lost)]
        await server.phrases[0].cancelled.wait()
        with pytest.raises(ProviderError) as caught:
            async for chunk in lost:
                heard.append(chunk)  # noqa: PERF401  # the loop ends with the error
    assert caught.value.fault is Fault.CUT
    assert len(heard) > 300
    server.behave = speaking
    assert await spoken(voice, "one two")
