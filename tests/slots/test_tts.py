"""The text-to-speech slot: any voice's audio at the call's rate, whole, with its words."""

import asyncio
from contextlib import aclosing

import pytest

from fakes import Fail, FakeVoice, Hang, Recorder, Speech, Wait, bench, loop_clock, tone
from fakes import chain as chained
from tandem.audio.align import SpeechAligner, at_once
from tandem.audio.joint import SmoothJoint
from tandem.audio.resample import make_resampler
from tandem.core.audio import Word, duration_ms
from tandem.core.errors import Fault
from tandem.core.events import AttemptFailed, FailedOver
from tandem.core.ports import Slot, SpokenAudio, TextToSpeech, TtsOptions
from tandem.slots.request import Served
from tandem.slots.tts import LIMITS, TtsSlot

pytestmark = pytest.mark.looptime

PHRASE = "The quick brown fox."
PHRASE_MS = 17 * 60


def slot(*chain: TextToSpeech, rate: int = 24_000, told: Recorder | None = None) -> TtsSlot:
    return TtsSlot(
        chained(Slot.TTS, *chain),
        bench(LIMITS, told),
        output_rate=rate,
        make_resampler=make_resampler,
        make_joint=SmoothJoint,
        aligner=SpeechAligner(at_once),
    )


async def spoken(tts: TtsSlot, phrase: str = PHRASE) -> list[Served[SpokenAudio]]:
    async with aclosing(tts.speak(phrase, TtsOptions(voice="v"))) as served:
        return [audio async for audio in served]


async def replayed(tts: TtsSlot, recording: SpokenAudio) -> list[Served[SpokenAudio]]:
    async with aclosing(tts.replay({"a": recording})) as served:
        return [audio async for audio in served]


def length_ms(audio: list[Served[SpokenAudio]]) -> float:
    return sum(duration_ms(len(each.item.pcm), each.item.sample_rate) for each in audio)


def pcm(audio: list[Served[SpokenAudio]]) -> bytes:
    return b"".join(each.item.pcm for each in audio)


# --- rates ---


@pytest.mark.parametrize("output_rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("voice_rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
async def test_whatever_rate_a_voice_speaks_at_the_phrase_comes_whole_at_the_calls_rate(
    voice_rate: int, output_rate: int
) -> None:
    audio = await spoken(slot(FakeVoice(sample_rate=voice_rate), rate=output_rate))
    assert {each.item.sample_rate for each in audio} == {output_rate}
    assert all(len(each.item.pcm) % 2 == 0 for each in audio)
    assert length_ms(audio) == pytest.approx(PHRASE_MS, abs=2)


async def test_at_equal_rates_the_audio_is_the_voices_own() -> None:
    voice = FakeVoice(sample_rate=24_000)
    async with aclosing(voice.synthesize(PHRASE, TtsOptions())) as chunks:
        own = b"".join([chunk.pcm async for chunk in chunks])
    assert pcm(await spoken(slot(voice))) == own


async def test_the_tail_that_the_resampler_held_back_comes_last() -> None:
    sound = tone(1000, 22_050)
    chunks = [SpokenAudio(sound[at : at + 882], 22_050) for at in range(0, len(sound), 882)]
    whole = make_resampler(22_050, 24_000)
    assert pcm(await spoken(slot(FakeVoice("a", chunks)))) == whole.feed(sound) + whole.flush()


async def test_no_piece_is_empty() -> None:
    sound = tone(200, 8_000)
    chunks = [SpokenAudio(sound[at : at + 160], 8_000) for at in range(0, len(sound), 160)]
    audio = await spoken(slot(FakeVoice("a", chunks), rate=48_000))
    assert all(each.item.pcm or each.item.words for each in audio)


async def test_each_phrase_has_a_resampler_of_its_own() -> None:
    tts = slot(FakeVoice(sample_rate=22_050))
    assert pcm(await spoken(tts)) == pcm(await spoken(tts))


# --- words ---


@pytest.mark.parametrize("voice_rate", [11_025, 24_000])
async def test_word_times_pass_unchanged(voice_rate: int) -> None:
    audio = await spoken(slot(FakeVoice(sample_rate=voice_rate)))
    assert [word for each in audio for word in each.item.words] == [
        Word("The", 0, 180),
        Word("quick", 180, 480),
        Word("brown", 480, 780),
        Word("fox.", 780, 1020),
    ]


async def test_a_voice_without_word_times_gives_none() -> None:
    assert not [each for each in await spoken(slot(FakeVoice(word_times=False))) if each.item.words]


@pytest.mark.parametrize("phrase", ["", "…", "🙂"])
async def test_a_phrase_with_nothing_to_pronounce_yields_nothing(phrase: str) -> None:
    assert await spoken(slot(FakeVoice(sample_rate=11_025)), phrase) == []


# --- voices that fail ---


async def test_a_voice_that_cannot_begin_is_followed_by_the_next() -> None:
    told = Recorder()
    second = FakeVoice("b", sample_rate=16_000)
    audio = await spoken(slot(FakeVoice("a", [Fail(Fault.REFUSED)], sample_rate=22_050), second, told=told))
    assert {each.provider for each in audio} == {"b"}
    assert length_ms(audio) == pytest.approx(PHRASE_MS, abs=2)
    assert second.requests == [(PHRASE, TtsOptions(voice="v"))]
    assert [(event.previous, event.provider, event.fault) for event in told.of(FailedOver)] == [
        ("a", "b", Fault.REFUSED)
    ]


async def test_a_voice_without_a_sound_in_time_is_followed_by_the_next() -> None:
    audio = await spoken(slot(FakeVoice("a", [Hang()]), FakeVoice("b", [Wait(699), Speech()])))
    assert {each.provider for each in audio} == {"b"}


@pytest.mark.parametrize("chunks", range(1, 11))
async def test_a_voice_that_breaks_off_is_followed_from_the_first_word_that_was_not_given_whole(chunks: int) -> None:
    first, second = FakeVoice("a", [Speech(chunks), Fail()], sample_rate=16_000), FakeVoice("b", sample_rate=24_000)
    audio = await spoken(slot(first, second))
    whole = [
        word for word, end in (("The", 180), ("quick", 480), ("brown", 780), ("fox.", 1020)) if end <= chunks * 100
    ]
    assert [word.text for each in audio for word in each.item.words] == PHRASE.split()
    assert second.requests == [(" ".join(PHRASE.split()[len(whole) :]), TtsOptions(voice="v"))]


async def test_with_enough_audio_ahead_no_half_word_goes_out() -> None:
    tts = slot(FakeVoice("a", [Speech(4), Fail()], sample_rate=24_000), FakeVoice("b", sample_rate=24_000))
    async with aclosing(tts.speak(PHRASE, TtsOptions(), lead_ms=lambda: 500)) as served:
        audio = [each async for each in served]
    assert length_ms([each for each in audio if each.provider == "a"]) == pytest.approx(180)
    assert length_ms(audio) == pytest.approx(PHRASE_MS)


async def test_word_times_go_on_where_the_voice_before_was_lost() -> None:
    tts = slot(FakeVoice("a", [Speech(5), Fail()], sample_rate=24_000), FakeVoice("b", sample_rate=24_000))
    async with aclosing(tts.speak(PHRASE, TtsOptions(), lead_ms=lambda: 500)) as served:
        words = [word async for each in served for word in each.item.words]
    assert words == [Word("The", 0, 180), Word("quick", 180, 480), Word("brown", 480, 780), Word("fox.", 780, 1020)]


async def test_a_voice_that_stalls_is_left_after_250_ms() -> None:
    began = loop_clock()
    audio = await spoken(slot(FakeVoice("a", [Speech(3), Hang()]), FakeVoice("b")))
    assert [word.text for each in audio for word in each.item.words] == PHRASE.split()
    assert loop_clock() - began == pytest.approx(250, abs=1)


async def test_while_the_caller_has_much_to_hear_a_stall_has_more_time() -> None:
    began = loop_clock()
    tts = slot(FakeVoice("a", [Speech(3), Hang()]), FakeVoice("b"))
    async with aclosing(tts.speak(PHRASE, TtsOptions(), lead_ms=lambda: 2_000)) as served:
        assert [each async for each in served]
    assert loop_clock() - began == pytest.approx(1_600, abs=1)


async def test_a_voice_that_is_lost_after_its_last_word_needs_no_other() -> None:
    second = FakeVoice("b")
    audio = await spoken(slot(FakeVoice("a", [Speech(), Fail()], sample_rate=24_000), second))
    assert length_ms(audio) == pytest.approx(PHRASE_MS)
    assert second.requests == []


async def test_a_phrase_in_which_a_voice_says_nothing_is_said_by_the_next() -> None:
    assert {each.provider for each in await spoken(slot(FakeVoice("a", []), FakeVoice("b")))} == {"b"}


async def test_within_a_turn_nobody_comes_back_and_the_next_turn_begins_at_the_head_of_the_chain() -> None:
    tts = slot(FakeVoice("a", [Fail()], [Speech()]), FakeVoice("b"))
    assert [{each.provider for each in await spoken(tts)} for _ in range(2)] == [{"b"}, {"b"}]
    tts.new_turn()
    assert {each.provider for each in await spoken(tts)} == {"a"}


async def test_cancelling_a_phrase_ends_the_voice() -> None:
    told = Recorder()
    voice = FakeVoice("a", [Speech(2), Hang()], sample_rate=22_050)
    speaking = asyncio.create_task(spoken(slot(voice, told=told)))
    await asyncio.sleep(0.1)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert (voice.streams.opened, voice.streams.closed) == (1, 1)
    assert told.of(AttemptFailed) == []


async def test_closing_a_phrase_early_ends_the_voice() -> None:
    voice = FakeVoice(sample_rate=22_050)
    async with aclosing(slot(voice).speak(PHRASE, TtsOptions())) as served:
        await anext(served)
    assert (voice.streams.opened, voice.streams.closed) == (1, 1)


# --- recordings ---


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000])
async def test_a_recording_is_replayed_whole_at_the_calls_rate(rate: int) -> None:
    audio = await replayed(slot(), SpokenAudio(tone(400, rate), rate))
    assert length_ms(audio) == pytest.approx(400, abs=2)
    assert {(each.provider, each.item.sample_rate) for each in audio} == {("recording", 24_000)}


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_an_empty_recording_yields_nothing(rate: int) -> None:
    assert await replayed(slot(), SpokenAudio(b"", rate)) == []


async def test_a_recording_is_played_in_the_voice_that_spoke_last() -> None:
    tts = slot(FakeVoice("a", [Fail()]), FakeVoice("b"))
    recordings = {"a": SpokenAudio(tone(400, 24_000), 24_000), "b": SpokenAudio(tone(600, 24_000), 24_000)}
    async with aclosing(tts.replay(recordings)) as served:
        assert length_ms([audio async for audio in served]) == pytest.approx(400)
    await spoken(tts)
    async with aclosing(tts.replay(recordings)) as served:
        assert length_ms([audio async for audio in served]) == pytest.approx(600)


async def test_without_a_recording_nothing_is_played() -> None:
    async with aclosing(slot(FakeVoice()).replay({})) as served:
        assert [audio async for audio in served] == []
