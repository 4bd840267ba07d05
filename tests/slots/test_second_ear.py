"""The second ear: an utterance whose final is late, or without a word, is heard by another recogniser too."""

from collections.abc import Sequence

import pytest
from ears import SPEECH, STARTED, STOPPED, Ears, Line, recogniser

from fakes import Fail, FakeRecogniser, Listen, Wait
from tandem.core.audio import Word
from tandem.core.errors import Fault
from tandem.core.events import AttemptFailed, Hedged

pytestmark = pytest.mark.looptime


async def test_where_two_ears_hear_no_word_a_third_one_decides() -> None:
    def deaf(pcm: bytes, rate: int) -> Sequence[Word]:
        return []

    ears = Ears(FakeRecogniser("a", hear=deaf), FakeRecogniser("b", hear=deaf), recogniser("c"))
    assert await ears.hear(Line().says("one two three four five")) == "one two three four five"
    assert ears.answers == [("c", "one two three four five")]


async def test_a_second_ear_that_tells_in_pieces_is_heard_whole() -> None:
    second = FakeRecogniser("b", hear=SPEECH.hear, segment_ms=400)
    ears = Ears(recogniser("a", [Listen(until=STOPPED), Wait(60_000)]), second)
    assert await ears.hear(Line().says("one two three four five six")) == "one two three four five six"


async def test_a_recogniser_that_tells_in_pieces_and_ends_with_nothing_is_not_doubted() -> None:
    second = recogniser("b")
    first = FakeRecogniser("a", hear=SPEECH.hear, segment_ms=400)
    ears = Ears(first, second)
    assert await ears.hear(Line().says("one two three four")) == "one two three four"
    assert second.heard == []


async def test_an_utterance_whose_final_is_late_is_heard_by_a_second_ear_and_its_late_final_is_not_given() -> None:
    first = recogniser("a", answer_ms=2_000)
    ears = Ears(first, recogniser("b", answer_ms=100))
    assert await ears.hear(Line().says("one two three").is_quiet(4_000).says("four five")) == "one two three four five"
    assert [provider for provider, _ in ears.answers] == ["b", "b"]
    assert first.streams.opened == 1
    assert [(event.late, event.provider, event.won) for event in ears.told.of(Hedged)] == [("a", "b", True)] * 2
    assert ears.told.of(AttemptFailed) == []


async def test_a_second_ear_that_is_slower_is_not_heard() -> None:
    ears = Ears(recogniser("a", answer_ms=700), recogniser("b", answer_ms=500))
    assert await ears.hear(Line().says("one two three")) == "one two three"
    assert ears.answers == [("a", "one two three")]
    assert [event.won for event in ears.told.of(Hedged)] == [False]


async def test_a_final_in_time_has_no_second_ear() -> None:
    second = recogniser("b")
    ears = Ears(recogniser("a", answer_ms=490), second)
    assert await ears.hear(Line().says("one two three")) == "one two three"
    assert second.heard == []


async def test_a_recogniser_that_hears_no_word_in_what_is_speech_is_doubted() -> None:
    asked: list[int] = []

    def hear(pcm: bytes, rate: int) -> Sequence[Word]:
        asked.append(rate)
        return SPEECH.hear(pcm, rate) if len(asked) > 1 else []

    ears = Ears(FakeRecogniser("a", hear=hear), recogniser("b"))
    line = Line().says("one two three four five").is_quiet(200).says("six")
    assert await ears.hear(line) == "one two three four five six"
    assert ears.answers == [("b", "one two three four five"), ("a", "six")]
    assert [(event.provider, event.fault) for event in ears.told.of(AttemptFailed)] == [("a", Fault.EMPTY)]


async def test_where_the_second_ear_hears_no_word_either_there_was_none() -> None:
    ears = Ears(recogniser("a"), recogniser("b"))
    line = Line()
    line.items += [STARTED]
    line.is_quiet(2_000)
    line.items += [STOPPED]
    assert await ears.hear(line) == ""
    assert ears.answers == [("a", "")]
    assert ears.told.of(AttemptFailed) == []


async def test_a_second_ear_that_fails_changes_nothing() -> None:
    ears = Ears(recogniser("a", answer_ms=900), recogniser("b", [Fail(Fault.REFUSED)]))
    assert await ears.hear(Line().says("one two three")) == "one two three"
    assert ears.answers == [("a", "one two three")]
