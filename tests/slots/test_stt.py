"""The speech-to-text slot: what a recogniser did not answer, its successor hears from the start."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import CodedSpeech, Fail, FakeRecogniser, Listen, Recorder, Wait, bench, frames
from fakes import chain as chained
from tandem.core.audio import AudioFrame, Word
from tandem.core.breaker import State
from tandem.core.errors import ChainSpent, Fault
from tandem.core.events import AttemptFailed, AttemptSucceeded, BreakerChanged, FailedOver, Hedged, SlotSpent
from tandem.core.ports import Slot, SpeechMark, SttOptions, Transcript
from tandem.core.transcript import TurnTranscript
from tandem.slots.request import Served
from tandem.slots.stt import LIMITS, SttSlot
from tandem.slots.tape import AudioTape

pytestmark = pytest.mark.looptime

Item = AudioFrame | SpeechMark
STARTED, STOPPED = SpeechMark.STARTED, SpeechMark.STOPPED
FRAME_MS = 20
NOTICED_MS = 60  # how late the detector of these tests notices that speech began
SPEECH = CodedSpeech()


class Line:
    """A caller's audio as the session feeds it: frames of 20 ms, with the marks a little after the sound they mean."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.at_ms = 0.0

    def says(self, text: str) -> "Line":
        sound = frames(SPEECH.say(text), self.at_ms, FRAME_MS)
        late = NOTICED_MS // FRAME_MS
        self.items += [*sound[:late], STARTED, *sound[late:]]
        self.at_ms = sound[-1].end_ms
        return self.is_quiet(260)._mark(STOPPED)

    def is_quiet(self, ms: float) -> "Line":
        quiet = frames(bytes(round(ms * 16) * 2), self.at_ms, FRAME_MS)
        self.items += quiet
        self.at_ms = quiet[-1].end_ms
        return self

    def _mark(self, mark: SpeechMark) -> "Line":
        self.items.append(mark)
        return self


class Ears:
    """A slot over a chain of recognisers, and what comes out of it."""

    def __init__(self, *chain: FakeRecogniser) -> None:
        self.told = Recorder()
        self.options = SttOptions()
        self.slot = SttSlot(
            chained(Slot.STT, *chain, told=self.told), bench(LIMITS, self.told), options=lambda: self.options
        )
        self.transcripts: list[Served[Transcript]] = []
        self.turns = False  # whether each utterance is a turn

    async def listen(self) -> None:
        async with aclosing(self.slot.transcripts()) as transcripts:
            async for served in transcripts:
                self.transcripts.append(served)
                if self.turns and served.item.ends_utterance:
                    self.slot.new_turn()

    async def play(self, items: Sequence[Item]) -> None:
        """Feed the items as they would come in, each frame after its length."""
        for item in items:
            if isinstance(item, AudioFrame):
                await asyncio.sleep(item.duration_ms / 1000)
            self.slot.feed(item)

    async def hear(self, line: Line) -> str:
        """Hear all of the line while it plays; return the words of the turn."""
        async with asyncio.TaskGroup() as call:
            call.create_task(self.listen())
            await self.play(line.items)
            await asyncio.sleep(10)
            self.slot.end()
        return self.text

    @property
    def text(self) -> str:
        turn = TurnTranscript()
        for served in self.transcripts:
            turn.receive(served.item)
        return turn.text

    @property
    def answers(self) -> list[tuple[str, str]]:
        return [(served.provider, served.item.text) for served in self.transcripts if served.item.ends_utterance]


def recogniser(
    name: str, *scripts: Sequence[Listen | Fail | Wait], word_times: bool = True, answer_ms: float = 0
) -> FakeRecogniser:
    return FakeRecogniser(name, *scripts, hear=SPEECH.hear, word_times=word_times, answer_ms=answer_ms)


def sound(items: Sequence[Item]) -> list[AudioFrame]:
    return [item for item in items if isinstance(item, AudioFrame)]


def marks(items: Sequence[Item]) -> list[SpeechMark]:
    return [item for item in items if isinstance(item, SpeechMark)]


def without_gap(items: Sequence[Item]) -> bool:
    """Tell whether each frame begins where the one before ended, so that none is lost or doubled."""
    heard = sound(items)
    return all(b.start_ms == pytest.approx(a.end_ms) for a, b in pairwise(heard))


async def kept(tape: AudioTape) -> list[Item]:
    """Return what a new reader of the tape gets at once."""
    items: list[Item] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(0.001):
            async for item in tape.read():
                items.append(item)  # noqa: PERF401
    return items


# --- the tape ---


async def test_of_quiet_half_a_second_is_kept() -> None:
    tape = AudioTape()
    for frame in frames(bytes(32_000 * 60)):
        tape.append(frame)
    heard = sound(await kept(tape))
    assert sum(frame.duration_ms for frame in heard) == pytest.approx(500)
    assert heard[-1].end_ms == 60_000


async def test_of_an_utterance_thirty_seconds_are_kept() -> None:
    tape = AudioTape()
    tape.append(STARTED)
    for frame in frames(bytes(32_000 * 60)):
        tape.append(frame)
    heard = sound(await kept(tape))
    assert sum(frame.duration_ms for frame in heard) == pytest.approx(30_000)
    assert heard[-1].end_ms == 60_000


async def test_an_utterance_keeps_its_start_mark_however_long_it_is() -> None:
    tape = AudioTape()
    tape.append(STARTED)
    for frame in frames(bytes(32_000 * 40)):
        tape.append(frame)
    tape.append(STOPPED)
    items = await kept(tape)
    assert marks(items) == [STARTED, STOPPED]
    assert items[0] is STARTED


async def test_the_quiet_before_an_utterance_is_kept_with_it() -> None:
    line = Line().is_quiet(2000).says("hello")
    tape = AudioTape()
    for item in line.items:
        tape.append(item)
    heard = sound(await kept(tape))
    assert heard[0].start_ms == pytest.approx(2000 + NOTICED_MS - 500)
    assert without_gap(heard)


async def test_what_was_settled_is_forgotten_and_what_follows_is_kept() -> None:
    tape = AudioTape()
    line = Line().says("one").is_quiet(300)
    second = len(line.items)
    line.says("two")
    for item in line.items:
        tape.append(item)
    tape.settle_utterance()
    first_answered = line.items.index(STOPPED) + 1
    assert first_answered < second
    assert await kept(tape) == line.items[first_answered:]
    tape.settle_utterance()
    assert await kept(tape) == []


async def test_settling_an_empty_tape_does_nothing() -> None:
    tape = AudioTape()
    tape.settle_utterance()
    tape.append(STARTED)
    assert await kept(tape) == [STARTED]


async def test_two_readers_get_the_same_each_at_its_own_pace() -> None:
    line = Line().says("one two").is_quiet(100)
    tape = AudioTape()

    async def read(pause_s: float) -> list[Item]:
        items: list[Item] = []
        async for item in tape.read():
            items.append(item)
            await asyncio.sleep(pause_s)
        return items

    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read(pause_s)) for pause_s in (0, 0.1)]
        for item in line.items:
            await asyncio.sleep(0.02)
            tape.append(item)
        tape.end()
    assert [reader.result() for reader in readers] == [line.items, line.items]


async def test_a_reader_of_an_ended_tape_gets_what_is_left_and_ends() -> None:
    tape = AudioTape()
    tape.append(STARTED)
    tape.end()
    assert [item async for item in tape.read()] == [STARTED]


EVENTS = st.lists(st.sampled_from(["frame", "frame", "frame", "start", "stop", "settle", "read"]), max_size=80)


@given(EVENTS)
def test_readers_get_everything_in_order_and_a_late_one_all_that_is_unsettled(events: list[str]) -> None:
    asyncio.run(_course(events))


async def _course(events: list[str]) -> None:
    tape = AudioTape()
    fed: list[Item] = []
    read: list[Item] = []
    unsettled: deque[int] = deque()  # where in `fed` each unanswered utterance began
    speaking = False
    turns = asyncio.Semaphore(0)
    reader = asyncio.create_task(_read(tape, read, turns))
    for event in events:
        if event == "read":
            turns.release()
        elif event == "settle" and len(unsettled) > speaking:
            unsettled.popleft()
            tape.settle_utterance()
        elif event == "frame":
            fed.append(AudioFrame(bytes(3200), 16_000, len(fed) * 1.0))
            tape.append(fed[-1])
        elif event == ("stop" if speaking else "start"):
            speaking = not speaking
            if speaking:
                unsettled.append(len(fed))
            fed.append(STARTED if speaking else STOPPED)
            tape.append(fed[-1])
        await asyncio.sleep(0)
    late = await kept(tape)
    tape.end()
    for _ in range(len(fed) + 1):
        turns.release()
    await reader
    places = [next(i for i, each in enumerate(fed) if each is item) for item in sound(read)]
    assert places == sorted(set(places))
    assert late == fed[len(fed) - len(late) :]
    assert len(late) >= len(fed) - (unsettled[0] if unsettled else len(fed))


async def _read(tape: AudioTape, read: list[Item], turns: asyncio.Semaphore) -> None:
    await turns.acquire()
    async for item in tape.read():
        read.append(item)
        await turns.acquire()


# --- the slot ---


async def test_one_recogniser_serves_the_whole_call() -> None:
    first, second = recogniser("a"), recogniser("b")
    ears = Ears(first, second)
    line = Line().is_quiet(400).says("hello there").is_quiet(700).says("good bye")
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


async def test_where_two_ears_hear_no_word_a_third_one_decides() -> None:
    def deaf(pcm: bytes, rate: int) -> Sequence[Word]:
        return []

    ears = Ears(FakeRecogniser("a", hear=deaf), FakeRecogniser("b", hear=deaf), recogniser("c"))
    assert await ears.hear(Line().says("one two three four five")) == "one two three four five"
    assert ears.answers == [("c", "one two three four five")]


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
