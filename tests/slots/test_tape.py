"""The tape: what is kept of a caller's audio, and what each reader gets of it."""

import asyncio
from collections import deque
from contextlib import suppress

import pytest
from ears import NOTICED_MS, STARTED, STOPPED, Item, Line, marks, sound, without_gap
from hypothesis import given
from hypothesis import strategies as st

from fakes import frames
from tandem.core.audio import AudioFrame
from tandem.slots.tape import AudioTape

pytestmark = pytest.mark.looptime


async def kept(tape: AudioTape) -> list[Item]:
    """Return what a new reader of the tape gets at once."""
    items: list[Item] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(0.001):
            async for item in tape.read():
                items.append(item)  # noqa: PERF401
    return items


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


async def test_a_pause_is_read_when_the_next_utterance_begins() -> None:
    tape, read = AudioTape(), list[Item]()

    async def follow() -> None:
        async for item in tape.read():
            read.append(item)

    reader = asyncio.create_task(follow())
    said, quiet = frames(bytes(640)), frames(bytes(1920), 20.0)
    counts = []
    items: list[Item] = [STARTED, *said, STOPPED, *quiet, STARTED]
    for item in items:
        await asyncio.sleep(0.02)
        tape.append(item)
        await asyncio.sleep(0)
        counts.append(len(read))
    tape.end()
    await reader
    assert counts == [1, 2, 3, 3, 3, 3, 7]
    assert read == items


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
