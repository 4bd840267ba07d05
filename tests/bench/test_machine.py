"""What the machine costs is measured with a process of its own, which never outlives the measurement."""

import asyncio

import psutil
import pytest

from tandem.bench.machine import hop_ms


async def test_a_message_to_another_process_takes_some_time_and_the_process_is_gone_behind_it() -> None:
    took = await hop_ms()
    assert len(took) == 40
    assert all(0 < ms < 1_000 for ms in took)
    assert psutil.Process().children() == []


async def test_a_measurement_that_is_cancelled_while_messages_are_on_their_way_leaves_no_process() -> None:
    measuring = asyncio.create_task(hop_ms())
    (child,) = await begun()
    async with asyncio.timeout(10):
        while not child.net_connections():
            await asyncio.wait({measuring}, timeout=0.01)
        await asyncio.wait({measuring}, timeout=0.1)
        measuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await measuring
    assert not child.is_running()


async def begun() -> list[psutil.Process]:
    """Wait for the measurement's process."""
    while not (children := psutil.Process().children()):
        await asyncio.sleep(0)
    return children
