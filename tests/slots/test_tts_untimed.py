"""Voices that tell no word times: where one is lost, the next goes on without a word lost or said twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from fakes import Recorder, bench, loop_clock
from fakes import chain as chained
from tandem.audio.align import SpeechAligner, at_once
from tandem.audio.joint import SmoothJoint
from tandem.audio.resample import make_resampler
from tandem.core.audio import Word, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.events import FailedOver
from tandem.core.playback import PlaybackLedger
from tandem.core.ports import Slot, SpokenAudio, TextToSpeech, TtsOptions
from tandem.simulator.voice import Voice
from tandem.slots.tts import LIMITS, TtsSlot

pytestmark = pytest.mark.looptime

PHRASE = "one two three four five six seven eight nine ten eleven twelve"
RATE = 24_000
VOICE = Voice()
WHOLE_MS = int(duration_ms(len(VOICE.say(PHRASE, RATE)), RATE))


@dataclass
class Numbered:
    """Says words that can be read back from the audio, `pace` times as fast as they sound; is lost `after_ms`."""

    name: str
    rate: int
    timed: bool
    after_ms: float = float("inf")
    hangs: bool = False
    pace: float = 5.0

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        pcm = VOICE.say(phrase, self.rate)
        words = tuple(Word(*word) for word in VOICE.timed(phrase)) if self.timed else ()
        most = 2 * int(min(self.after_ms * self.rate / 1000, len(pcm) // 2))
        size = 2 * self.rate * 100 // 1000
        for at in range(0, most, size):
            piece = pcm[at : min(at + size, most)]
            await asyncio.sleep(duration_ms(len(piece), self.rate) / 1000 / self.pace)
            yield SpokenAudio(piece, self.rate, words if at == 0 else ())
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if most < len(pcm):
            raise ProviderError(Fault.CUT, self.name, "as asked")


@dataclass
class Got:
    """What a caller got of a phrase."""

    pcm: bytes
    words: list[Word]
    ledger: PlaybackLedger

    def heard(self) -> list[str]:
        return [heard.text for heard in VOICE.hear(self.pcm, RATE) if heard.whole]


async def spoken(*voices: TextToSpeech, listens: bool = True, told: Recorder | None = None) -> Got:
    """Have them say PHRASE to a caller, who `listens` from the first moment on, or has much else to hear first."""
    tts = TtsSlot(
        chained(Slot.TTS, *voices),
        bench(LIMITS, told),
        output_rate=RATE,
        make_resampler=make_resampler,
        make_joint=SmoothJoint,
        aligner=SpeechAligner(at_once),
    )
    ledger = PlaybackLedger()
    ledger.begin(PHRASE)
    got = Got(b"", [], ledger)

    def lead_ms() -> float:
        return ledger.lead_ms(loop_clock()) if listens else 5_000.0

    async with aclosing(tts.speak(PHRASE, TtsOptions(), lead_ms=lead_ms)) as served:
        async for audio in served:
            got.pcm += audio.item.pcm
            got.words += audio.item.words
            ledger.sent(duration_ms(len(audio.item.pcm), RATE), audio.item.words, loop_clock())
    ledger.complete()
    return got


@pytest.mark.parametrize(
    ("first", "second", "timed", "listens", "step_ms"),
    [
        (24_000, 16_000, True, True, 40),
        (24_000, 22_050, False, True, 140),
        (16_000, 24_000, True, False, 140),
        (8_000, 24_000, False, False, 140),
    ],
)
async def test_wherever_it_is_lost_each_word_is_heard_once(
    first: int, second: int, timed: bool, listens: bool, step_ms: int
) -> None:
    wrong = {}
    for cut in range(20, WHOLE_MS, step_ms):
        got = await spoken(Numbered("a", first, False, cut), Numbered("b", second, timed), listens=listens)
        if got.heard() != PHRASE.split():
            wrong[cut] = got.heard()
    assert wrong == {}


@pytest.mark.parametrize("cut", [130, 700, 1_550, 2_900])
async def test_the_words_that_are_told_are_the_phrases_each_once_and_none_before_it_has_sounded(cut: int) -> None:
    got = await spoken(Numbered("a", 24_000, False, cut), Numbered("b", 16_000, True))
    assert [word.text for word in got.words] == PHRASE.split()
    true_ends = [heard.end_ms for heard in VOICE.hear(got.pcm, RATE) if heard.whole]
    assert all(word.end_ms >= end - 30 for word, end in zip(got.words, true_ends, strict=True))


async def test_after_a_voice_that_told_its_words_those_of_one_that_does_not_are_estimated() -> None:
    got = await spoken(Numbered("a", 24_000, True, 1_500), Numbered("b", 16_000, False))
    assert got.heard() == [word.text for word in got.words] == PHRASE.split()
    assert got.words[-1].end_ms == pytest.approx(duration_ms(len(got.pcm), RATE), abs=1)


async def test_three_voices_that_tell_no_times_share_a_phrase() -> None:
    lost = Numbered("a", 24_000, False, 900), Numbered("b", 16_000, False, 2_100)
    got = await spoken(*lost, Numbered("c", 22_050, False))
    assert got.heard() == PHRASE.split()


async def test_a_successor_that_is_lost_while_its_place_is_sought_is_followed_too() -> None:
    got = await spoken(
        Numbered("a", 24_000, False, 1_500), Numbered("b", 16_000, True, 400), Numbered("c", 22_050, True)
    )
    assert got.heard() == PHRASE.split()


async def test_a_voice_that_was_lost_is_not_asked_again_because_another_one_was_lost_in_what_it_had_said() -> None:
    told = Recorder()
    lost = Numbered("a", 24_000, False, 1_500), Numbered("b", 16_000, False, 400)
    got = await spoken(*lost, Numbered("c", 22_050, True), told=told)
    assert [event.provider for event in told.of(FailedOver)] == ["b", "c"]
    assert got.heard() == PHRASE.split()


async def test_a_successor_that_stalls_while_its_place_is_sought_is_left_after_250_ms() -> None:
    told = Recorder()
    lost, stalling = Numbered("a", 24_000, False, 500, pace=1.0), Numbered("b", 16_000, True, 400, hangs=True)
    got = await spoken(lost, stalling, Numbered("c", 22_050, True), told=told)
    assert got.heard() == PHRASE.split()
    stalls = [event.gap_ms for event in told.of(FailedOver) if event.fault is Fault.STALLED]
    assert stalls
    assert stalls == pytest.approx([250.0] * len(stalls), abs=1)


async def test_what_is_waited_for_is_not_held_back_for_a_pause() -> None:
    first = Numbered("a", 24_000, False)
    got = await spoken(first)
    assert got.pcm == VOICE.say(PHRASE, RATE)
