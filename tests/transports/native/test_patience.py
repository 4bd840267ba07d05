"""One timer for many waits: which of them end, when, and with what. Time is virtual."""

import asyncio

import pytest

from tandem.transports.native.patience import Patience

pytestmark = pytest.mark.looptime


def _now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_wait_that_is_too_long_ends_in_time() -> None:
    patience = Patience(2)
    with pytest.raises(TimeoutError), patience:
        await asyncio.Event().wait()
    assert _now() == pytest.approx(2)


async def test_each_wait_has_the_whole_patience() -> None:
    patience = Patience(2)
    for _ in range(3):
        with patience:
            await asyncio.sleep(1.5)
    with pytest.raises(TimeoutError), patience:
        await asyncio.Event().wait()
    assert _now() == pytest.approx(3 * 1.5 + 2)


async def test_time_between_two_waits_does_not_count() -> None:
    patience = Patience(2)
    with patience:
        await asyncio.sleep(0)
    await asyncio.sleep(10)
    with patience:
        await asyncio.sleep(1.5)


async def test_after_a_wait_that_was_too_long_there_may_be_others() -> None:
    patience = Patience(2)
    for _ in range(2):
        with pytest.raises(TimeoutError), patience:
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert _now() == pytest.approx(4)


async def test_who_is_cancelled_from_without_is_cancelled() -> None:
    async def waiting() -> None:
        with Patience(2):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(waiting())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_cancelled_from_without_at_the_deadline_is_cancelled() -> None:
    async def waiting() -> None:
        with Patience(2):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(waiting())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(_now() + 2, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_within_a_wait_comes_through() -> None:
    patience = Patience(2)
    with pytest.raises(ConnectionResetError), patience:
        raise ConnectionResetError
