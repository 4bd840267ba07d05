"""The stage of the simulated vendors: its waits keep to their script."""

import asyncio

import pytest

from tandem.simulator.stage import Stride

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def now_ms() -> float:
    return asyncio.get_running_loop().time() * 1000


async def test_what_a_busy_machine_is_late_by_does_not_add_up() -> None:
    stride, began = Stride(), now_ms()
    for _ in range(10):
        await stride.wait_ms(20)
        await asyncio.sleep(0.004)  # the machine did something else
    await stride.wait_ms(20)
    assert now_ms() - began == pytest.approx(220)


async def test_behind_a_fault_that_took_long_a_whole_wait_follows() -> None:
    stride, began = Stride(), now_ms()
    await stride.wait_ms(20)
    await asyncio.sleep(0.5)
    await stride.wait_ms(20)
    assert now_ms() - began == pytest.approx(540)
