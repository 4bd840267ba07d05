"""The speech-to-text slot: what a recogniser did not answer, its successor hears from the start."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from ears import NOTICED_MS, SPEECH, STARTED, STOPPED, Ears, Item, Line, marks, recogniser, sound, without_gap

from fakes import Fail, FakeRecogniser, Listen, Wait
from tandem.core.breaker import State
from tandem.core.errors import ChainSpent, Fault
from tandem.core.events import AttemptFailed, AttemptSucceeded, BreakerChanged, FailedOver, Hedged, SlotSpent
from tandem.core.ports import SttOptions, Transcript

pytestmark = pytest.mark.looptime


async def test_one_recogniser_serves_the_whole_call() -> None:
    first, second = recogniser("a"), recogniser("b")
    ears = Ears(first, second)
    line = Line().is_quiet(400).says("hello there").is_quiet(400).says("good bye")
    assert await ears.hear(line) == "hello there good bye"
    assert ears.answers == [("a", "hello there"), ("a", "good bye")]
    assert first.heard == [line.items]
    assert second.heard == []
    assert [event.provider for event in ears.told.of(AttemptSucceeded)] == ["a"]


@pytest.mark.parametrize("word_times", [True, False])
@pytest.mark.parametrize("died_at_ms", range(20, 2300, 60))
async def test_wherever_a_recogniser_dies_the_next_one_hears_the_utterance_from_its_start(
    died_at_ms: int, word_times: bool
) -> None:
    first = recogniser("a", [Listen(ms=died_at_ms), Fail(Fault.CUT)], word_times=word_times)
    second = recogniser("b", word_times=word_times)
    ears = Ears(first, second)
    line = Line().is_quiet(600).says("one two three four five").is_quiet(200)
    assert await ears.hear(line) == "one two three four five"
    assert len(ears.answers) == 1
    for heard in (*first.heard, *second.heard):
        assert without_gap(heard)
    if ears.answers[0][0] == "b":
        assert marks(second.heard[0]) == [STARTED, STOPPED]
        assert sound(second.heard[0])[0].start_ms <= 600 - 300 + NOTICED_MS
        assert sound(second.heard[0])[-1].end_ms >= line.at_ms - 200


async def test_a_recogniser_that_dies_instead_of_answering_is_answered_for() -> None:
    ears = Ears(recogniser("a", [Listen(until=STOPPED), Fail(Fault.STALLED)], [Listen()]), recogniser("b"))
    assert await ears.hear(Line().says("hello there").is_quiet(100)) == "hello there"
    assert ears.answers == [("b", "hello there")]
    assert [(event.previous, event.provider, event.fault) for event in ears.told.of(FailedOver)] == [
        ("a", "b", Fault.STALLED)
    ]


async def test_an_utterance_that_was_answered_is_not_heard_again() -> None:
    line = Line().says("one").is_quiet(700)
    died_at_ms = line.at_ms + 300
    line.says("two three").is_quiet(100)
    second = recogniser("b")
    ears = Ears(recogniser("a", [Listen(ms=died_at_ms), Fail()]), second)
    assert await ears.hear(line) == "one two three"
    assert ears.answers == [("a", "one"), ("b", "two three")]
    assert [word.text for word in SPEECH.hear(b"".join(frame.pcm for frame in sound(second.heard[0])))] == [
        "two",
        "three",
    ]


async def test_a_recogniser_that_dies_after_part_of_an_utterance_does_not_double_it() -> None:
    first = FakeRecogniser("a", [Listen(ms=900), Fail()], hear=SPEECH.hear, segment_ms=400)
    ears = Ears(first, recogniser("b"))
    assert await ears.hear(Line().says("one two three four five six").is_quiet(100)) == "one two three four five six"
    assert {served.provider for served in ears.transcripts} == {"a", "b"}


@pytest.mark.parametrize("seconds", [20, 29, 31, 45])
async def test_a_successor_hears_the_last_half_minute_of_a_long_utterance(seconds: int) -> None:
    said = " ".join(f"w{i}" for i in range(seconds * 5))
    ears = Ears(recogniser("a", [Listen(until=STOPPED), Fail()]), recogniser("b"))
    heard = (await ears.hear(Line().says(said))).split()
    assert heard == said.split()[-len(heard) :]
    assert len(heard) >= min(seconds * 5, 29 * 5)


async def test_two_utterances_that_nobody_answered_are_both_answered_by_the_successor() -> None:
    first = recogniser("a", [Listen(ms=2000), Fail()], answer_ms=5000)
    ears = Ears(first, recogniser("b"))
    first.scripts = [[Listen(until=STOPPED), Listen(until=STOPPED), Fail()]]
    assert await ears.hear(Line().says("one").is_quiet(300).says("two").is_quiet(100)) == "one two"
    assert ears.answers == [("b", "one"), ("b", "two")]


async def test_a_slow_answer_costs_no_sound_of_the_next_utterance() -> None:
    slow = recogniser("a", answer_ms=3000)
    ears = Ears(slow)
    line = Line().says("one two").is_quiet(900).says("three four").is_quiet(200)
    assert await ears.hear(line) == "one two three four"
    assert len(ears.answers) == 2


async def test_each_recogniser_is_opened_with_the_settings_of_its_time() -> None:
    languages = []

    class Noting(FakeRecogniser):
        def transcribe(self, audio: AsyncIterator[Item], options: SttOptions) -> AsyncGenerator[Transcript, None]:
            languages.append(options.language)
            return super().transcribe(audio, options)

    ears = Ears(Noting("a", [Listen(ms=300), Fail()], [Listen()], hear=SPEECH.hear), Noting("b", hear=SPEECH.hear))
    async with asyncio.TaskGroup() as call:
        call.create_task(ears.listen())
        await asyncio.sleep(0.001)
        ears.options = SttOptions(language="de")
        await ears.play(Line().says("one two three").items)
        ears.slot.end()
    assert languages[:2] == ["en", "de"]


async def test_the_preferred_recogniser_is_taken_back_between_two_turns() -> None:
    first, second = recogniser("a", [Listen(ms=300), Fail()], [Listen()]), recogniser("b")
    ears = Ears(first, second)
    ears.turns = True
    line = Line().says("one two three").is_quiet(400).says("four five").is_quiet(400).says("six")
    assert await ears.hear(line) == "one two three four five six"
    assert [provider for provider, _ in ears.answers] == ["b", "a", "a"]
    assert (first.streams.opened, second.streams.opened) == (2, 1)


async def test_a_recogniser_that_keeps_failing_is_left_alone_and_then_tried_where_nobody_waits_for_it() -> None:
    scripts: list[list[Listen | Fail | Wait]] = [[Listen(ms=300), Fail()]] * 3
    first = recogniser("a", *scripts, [Listen()])
    ears = Ears(first, recogniser("b"))
    ears.turns = True
    line = Line()
    for _ in range(4):
        line = line.says("one two three").is_quiet(400)
    line = line.is_quiet(6_000)
    for _ in range(6):
        line = line.says("four five six").is_quiet(1_500)
    assert await ears.hear(line) == " ".join(["one two three"] * 4 + ["four five six"] * 6)
    assert [provider for provider, _ in ears.answers][:6] == ["b"] * 6
    assert ears.answers[-1][0] == "a"
    states = [event.state for event in ears.told.of(BreakerChanged)]
    assert states == [State.OPEN, State.HALF_OPEN, State.CLOSED]


async def test_a_recogniser_that_falls_silent_while_the_caller_speaks_is_left_meanwhile() -> None:
    first = FakeRecogniser("a", [Listen(ms=2_700), Wait(60_000)], hear=SPEECH.hear, interim_ms=200)
    ears = Ears(first, recogniser("b"))
    line = Line().says("one two three").is_quiet(1_000).says("a b c d e f g h i j k l m n o p q r s t")
    await ears.hear(line)
    (switch,) = [event for event in ears.told.of(AttemptFailed) if event.provider == "a"]
    assert switch.fault is Fault.STALLED
    assert ears.text.endswith("a b c d e f g h i j k l m n o p q r s t")
    assert ears.told.of(Hedged) == []


async def test_within_a_turn_the_preferred_recogniser_is_not_taken_back() -> None:
    ears = Ears(recogniser("a", [Listen(ms=300), Fail()], [Listen()]), recogniser("b"))
    await ears.hear(Line().says("one two three").is_quiet(400).says("four five"))
    assert ears.answers == [("b", "one two three"), ("b", "four five")]


async def test_a_recogniser_whose_final_never_comes_is_left() -> None:
    told = [Listen(until=STOPPED), Listen(until=STOPPED), Listen()]
    ears = Ears(recogniser("mute", told), recogniser("deaf", [Wait(60_000)]), recogniser("last"))
    line = Line().says("one two three").is_quiet(4_000).says("four five")
    assert await ears.hear(line) == "one two three four five"
    assert ears.answers[0] == ("last", "one two three")
    assert ("mute", Fault.STALLED) in [(event.provider, event.fault) for event in ears.told.of(AttemptFailed)]


async def test_when_all_fail_the_utterance_waits_for_the_next_attempt() -> None:
    line = Line().says("one two three")
    chain = [recogniser(name, [Listen(ms=300), Fail(Fault.CUT)], [Listen()]) for name in "ab"]
    ears = Ears(*chain)
    with pytest.raises(ExceptionGroup) as caught:
        await ears.hear(line)
    spent = caught.value.exceptions[0]
    assert isinstance(spent, ChainSpent)
    assert [cause.provider for cause in spent.causes] == ["a", "b"]
    assert [event.faults for event in ears.told.of(SlotSpent)] == [(Fault.CUT, Fault.CUT)]
    for item in line.items[sum(len(heard) for heard in chain[0].heard) :]:
        ears.slot.feed(item)
    ears.slot.end()
    await ears.listen()
    assert ears.text == "one two three"


async def test_the_end_of_the_audio_ends_the_transcripts() -> None:
    first = recogniser("a")
    ears = Ears(first)
    ears.slot.end()
    await ears.listen()
    assert ears.transcripts == []
    assert (first.streams.opened, first.streams.closed) == (1, 1)


async def test_an_utterance_that_the_end_of_the_call_cuts_is_given_out_all_the_same() -> None:
    ears = Ears(recogniser("a"))
    spoken = Line().says("one two three")
    for item in spoken.items[:-1]:
        ears.slot.feed(item)
    ears.slot.end()
    await ears.listen()
    assert ears.text == "one two three"
    assert ears.answers == []


async def test_closing_the_transcripts_ends_the_recogniser() -> None:
    first = recogniser("a")
    ears = Ears(first)
    listening = asyncio.create_task(ears.listen())
    await ears.play(Line().says("one").items[:5])
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert (first.streams.opened, first.streams.closed) == (1, 1)
    assert ears.told.of(AttemptFailed) == []


class Warm(FakeRecogniser):
    """A recogniser that can have a line ready; `wanted` has the options of each wish for one."""

    def __init__(self, name: str) -> None:
        super().__init__(name, hear=SPEECH.hear)
        self.wanted: list[SttOptions] = []

    def warm(self, options: SttOptions) -> None:
        self.wanted.append(options)


async def test_whoever_would_go_on_has_a_line_ready_for_each_utterance() -> None:
    first, second, third = (Warm(name) for name in "abc")
    ears = Ears(first, second, third)
    ears.options = SttOptions("de")
    await ears.hear(Line().says("one").is_quiet(500).says("two"))
    assert (first.wanted, second.wanted, third.wanted) == ([], [SttOptions("de")] * 2, [])


async def test_a_recogniser_that_is_out_is_asked_for_no_line() -> None:
    first, second, third = (Warm(name) for name in "abc")
    ears = Ears(first, second, third)
    ears.chain.members[1].breaker.hold_open()
    await ears.hear(Line().says("one"))
    assert (second.wanted, third.wanted) == ([], [SttOptions()])
