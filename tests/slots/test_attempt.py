"""One try of one provider: how far it reads ahead, what reaches its reader, and that its end ends the work."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from fakes import FakeClock, FakeModel, chain, loop_clock
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Slot
from tandem.slots.attempt import Attempt
from tandem.slots.pump import StreamEnded

pytestmark = pytest.mark.looptime

MOST_AHEAD = 32
Stream = AsyncGenerator[int, None]


class Source:
    """A stream of numbers, and how far it was read."""

    def __init__(self, count: int = 1_000_000, *, gap_ms: float = 0.0, end: BaseException | None = None) -> None:
        self.read = 0
        self.closed = 0
        self._count = count
        self._gap_ms = gap_ms
        self._end = end

    async def stream(self) -> Stream:
        try:
            for number in range(self._count):
                await asyncio.sleep(self._gap_ms / 1000)
                self.read += 1
                yield number
            if self._end:
                raise self._end
        finally:
            self.closed += 1


def attempt_of(stream: Stream, news: asyncio.Event | None = None) -> Attempt[FakeModel, int]:
    lease = chain(Slot.LLM, FakeModel("a")).next()
    assert lease is not None
    return Attempt(lease, stream, clock=loop_clock, news=news or asyncio.Event())


async def all_of(attempt: Attempt[FakeModel, int]) -> list[int]:
    """Return every item up to the stream's end."""
    items: list[int] = []
    while True:
        try:
            item = await attempt.next(None)
        except StreamEnded:
            return items
        assert item is not None
        items.append(item)


async def let_others_run() -> None:
    for _ in range(500):
        await asyncio.sleep(0)


# --- reading ahead ---


async def test_a_provider_is_not_read_further_than_32_items_ahead_of_a_reader_who_stands_still() -> None:
    source = Source()
    attempt = attempt_of(source.stream())
    await let_others_run()
    assert source.read == MOST_AHEAD
    await attempt.close()


async def test_the_distance_is_kept_while_the_reader_goes_on() -> None:
    source = Source()
    attempt = attempt_of(source.stream())
    for taken in range(200):
        assert await attempt.next(None) == taken
        await let_others_run()
        assert source.read <= taken + 1 + MOST_AHEAD
    await attempt.close()


@pytest.mark.parametrize("count", [0, 1, MOST_AHEAD - 1, MOST_AHEAD, MOST_AHEAD + 1, 100])
async def test_every_item_arrives_once_and_in_order(count: int) -> None:
    attempt = attempt_of(Source(count).stream())
    await let_others_run()
    assert await all_of(attempt) == list(range(count))
    await attempt.close()


async def test_false_items_are_items_too() -> None:
    attempt = attempt_of(Source(1).stream())
    assert await attempt.next(1) == 0
    assert attempt.answered
    await attempt.close()


# --- what reaches the reader ---


@pytest.mark.parametrize("count", [0, 1, MOST_AHEAD, 50])
@pytest.mark.parametrize(
    "make",
    [
        lambda: ProviderError(Fault.RATE_LIMITED, "a", "as scripted", retry_after_ms=700),
        lambda: ValueError("a bug in an adapter"),
        lambda: TimeoutError("a timeout of the vendor's own"),
        lambda: OSError("no route"),
    ],
)
async def test_an_error_of_any_kind_reaches_the_reader_after_all_items(
    make: Callable[[], Exception], count: int
) -> None:
    error = make()
    attempt = attempt_of(Source(count, end=error).stream())
    for number in range(count):
        assert await attempt.next(1_000) == number
    with pytest.raises(type(error)) as caught:
        await attempt.next(1_000)
    assert caught.value is error
    await attempt.close()


async def test_a_cancellation_inside_the_provider_is_its_failure_and_not_the_readers() -> None:
    attempt = attempt_of(Source(1, end=asyncio.CancelledError()).stream())
    assert await attempt.next(1_000) == 0
    with pytest.raises(ProviderError):
        await attempt.next(1_000)
    await attempt.close()


async def test_the_end_is_told_as_often_as_it_is_asked_for() -> None:
    attempt = attempt_of(Source(0).stream())
    for _ in range(3):
        with pytest.raises(StreamEnded):
            await attempt.next(None)
    assert not attempt.answered
    await attempt.close()


async def test_without_an_item_in_time_there_is_none_and_the_stream_goes_on() -> None:
    attempt = attempt_of(Source(2, gap_ms=500).stream())
    began = loop_clock()
    assert await attempt.next(200) is None
    assert loop_clock() - began == pytest.approx(200)
    assert not attempt.answered
    assert await attempt.next(400) == 0
    assert await attempt.next(600) == 1
    await attempt.close()


@pytest.mark.parametrize("within_ms", [0.0, -5.0])
async def test_with_no_time_at_all_only_what_is_there_is_given(within_ms: float) -> None:
    attempt = attempt_of(Source(1).stream())
    await let_others_run()
    assert await attempt.next(within_ms) == 0
    await attempt.close()
    waiting = attempt_of(Source(1, gap_ms=1_000).stream())
    assert await waiting.next(within_ms) is None
    await waiting.close()


async def test_the_readers_own_cancellation_stays_a_cancellation() -> None:
    source = Source(gap_ms=10_000)
    attempt = attempt_of(source.stream())
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(attempt.next(60_000))
        await asyncio.sleep(1)
        reader.cancel()
    assert reader.cancelled()
    await attempt.close()
    assert source.closed == 1


async def test_the_readers_own_deadline_is_not_taken_for_the_providers() -> None:
    attempt = attempt_of(Source(gap_ms=10_000).stream())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await attempt.next(60_000)
    await attempt.close()


async def test_there_is_news_with_each_item_and_with_the_end() -> None:
    news = asyncio.Event()
    attempt = attempt_of(Source(1, gap_ms=100).stream(), news)
    await news.wait()
    assert attempt.take() == 0
    news.clear()
    await news.wait()
    with pytest.raises(StreamEnded):
        attempt.take()
    await attempt.close()


async def test_two_attempts_may_share_their_news() -> None:
    news = asyncio.Event()
    slow, fast = attempt_of(Source(20, gap_ms=7).stream(), news), attempt_of(Source(20, gap_ms=3).stream(), news)
    for items in await asyncio.gather(all_of(slow), all_of(fast)):
        assert items == list(range(20))
    for attempt in (slow, fast):
        await attempt.close()


async def test_times_are_those_of_the_clock() -> None:
    clock = FakeClock(1_000)
    lease = chain(Slot.LLM, FakeModel("a")).next()
    assert lease is not None
    attempt: Attempt[FakeModel, int] = Attempt(lease, Source(1).stream(), clock=clock, news=asyncio.Event())
    assert (attempt.began, attempt.latest, attempt.first_output_ms) == (1_000, 1_000, None)
    clock.advance(300)
    await let_others_run()
    clock.advance(50)
    assert attempt.take() == 0
    assert (attempt.first_output_ms, attempt.latest) == (300, 1_350)
    await attempt.close()


# --- its end ---


async def test_closing_ends_a_provider_that_waits() -> None:
    source = Source(gap_ms=10_000)
    attempt = attempt_of(source.stream())
    await let_others_run()
    await attempt.close()
    assert source.closed == 1


async def test_closing_ends_a_provider_whose_output_nobody_took() -> None:
    source = Source()
    attempt = attempt_of(source.stream())
    await let_others_run()
    await attempt.close()
    assert (source.read, source.closed) == (MOST_AHEAD, 1)


async def test_closing_one_that_never_began_opens_nothing() -> None:
    source = Source()
    attempt = attempt_of(source.stream())
    await attempt.close()
    assert (source.read, source.closed) == (0, 0)


@pytest.mark.parametrize("end", [None, ValueError("nobody waits for it"), ProviderError(Fault.CUT, "a", "cut")])
async def test_closing_one_that_is_over_is_quiet(end: Exception | None) -> None:
    attempt = attempt_of(Source(1, end=end).stream())
    await let_others_run()
    await attempt.close()
    await attempt.close()


async def test_what_goes_wrong_in_the_closing_is_nobodys_concern() -> None:
    async def untidy() -> Stream:
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        finally:
            raise ProviderError(Fault.CUT, "a", "the connection broke while it was closed")

    attempt = attempt_of(untidy())
    assert await attempt.next(None) == 1
    await attempt.close()
