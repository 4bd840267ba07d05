"""The deadline of a turn: who breaks is resumed all the same, and who had no time is not judged."""

import pytest
from hedged import Call, after

from fakes import Fail, FakeModel, Hang, Text, Wait, loop_clock
from tandem.core.breaker import State
from tandem.core.deadline import Deadline
from tandem.core.errors import ChainSpent

pytestmark = pytest.mark.looptime


async def test_what_breaks_long_after_its_request_began_is_resumed_all_the_same() -> None:
    call = Call(FakeModel("a", [Text("a"), Wait(10_000), Text(" a"), Fail()]), after(0, "b"))
    await call.read()
    assert [provider for provider, _ in call.heard] == ["a", "a", "b"]
    await call.settled()


async def test_what_breaks_after_the_deadline_of_the_turn_is_resumed_all_the_same() -> None:
    call = Call(FakeModel("a", [Text("a"), Wait(10_000), Fail()]), after(0, "b"))
    await call.read(Deadline(loop_clock() + 1_000, loop_clock))
    assert [provider for provider, _ in call.heard] == ["a", "b"]
    await call.settled()


async def test_what_stalls_at_the_end_of_the_deadline_is_resumed_all_the_same() -> None:
    call = Call(FakeModel("a", [Text("a"), Hang()]), after(0, "b"), stall_ms=900)
    await call.read(Deadline(loop_clock() + 1_000, loop_clock))
    assert [provider for provider, _ in call.heard] == ["a", "b"]
    await call.settled()


@pytest.mark.parametrize("left_ms", [0, 100, 600])
async def test_a_provider_that_had_not_its_own_time_is_not_judged(left_ms: float) -> None:
    call = Call(after(650), last_resorts=())
    for _ in range(5):
        with pytest.raises(ChainSpent):
            await call.read(Deadline(loop_clock() + left_ms, loop_clock))
    assert call.chain.members[0].breaker.state is State.CLOSED
    assert call.chain.members[0].record.failures == 0
    await call.settled()


async def test_with_less_than_a_quarter_of_a_second_left_nobody_else_is_asked() -> None:
    call = Call(FakeModel("a", [Wait(100), Fail()]), after(0, "b"))
    with pytest.raises(ChainSpent):
        await call.read(Deadline(loop_clock() + 349, loop_clock))
    assert call.opened() == [1, 0]
    call.failover.new_turn()
    await call.read(Deadline(loop_clock() + 351, loop_clock))
    assert call.opened() == [2, 1]
    await call.settled()
