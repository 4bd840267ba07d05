"""What the machine costs is measured with a process of its own, which never outlives the measurement."""

import asyncio

import psutil
import pytest

from tandem.bench.machine import hop_ms


def children() -> set[psutil.Process]:
    """Return this process's children, some of which other tests may have begun."""
    return set(psutil.Process().children())


async def test_a_message_to_another_process_takes_some_time_and_the_process_is_gone_behind_it() -> None:
    before = children()
    took = await hop_ms()
    assert len(took) == 40
    assert all(0 < ms < 1_000 for ms in took)
    assert children() <= before


async def test_a_measurement_that_is_cancelled_while_messages_are_on_their_way_leaves_no_process() -> None:
    before = children()
    measuring = asyncio.create_task(hop_ms())
    while not (begun := children() - before):
        await asyncio.sleep(0)
    (echo,) = begun
    async with asyncio.timeout(10):
        while len(echo.net_connections()) < 2:  # it listens, and the measurement has come
            assert not measuring.done()
            await asyncio.wait({measuring}, timeout=0.01)
        measuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await measuring
    assert not echo.is_running()
