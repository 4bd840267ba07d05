"""Of two providers that run side by side: who is heard, how both are judged, and how both end."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any

import pytest
from hedged import GIVE_UP_MS, HARD_MS, LEAST_MS, LIMITS, MOST_MS, SLOW_MS, Call, after

from fakes import Fail, FakeModel, Hang, Step, Text, Wait, loop_clock
from tandem.core.breaker import Outcome, State
from tandem.core.errors import ChainSpent, Fault
from tandem.core.events import AttemptFailed, AttemptSucceeded, FailedOver, FailoverEnded, FailoverOutcome, Hedged
from tandem.core.ports import Completed, Delta, LlmOptions, Message, ModelOutput, Slot
from tandem.slots.failover import Failover
from tandem.slots.request import Bench

pytestmark = pytest.mark.looptime


async def test_the_first_one_is_heard_if_it_answers_before_its_rival() -> None:
    call = Call(after(900), after(500, "b"))
    await call.read()
    assert call.heard == [("a", 900)]
    assert call.told.of(Hedged) == [Hedged(Slot.LLM, "a", "b", won=False)]
    assert [event.provider for event in call.told.of(AttemptSucceeded)] == ["a"]
    await call.settled()


async def test_a_rival_that_lost_is_not_judged() -> None:
    call = Call(after(600), FakeModel("b", [Hang()]))
    for _ in range(12):
        call.usually(LEAST_MS)
        await call.read()
        await call.settled()
    assert call.opened() == [12, 12]
    assert call.chain.members[1].record.failures == 0
    assert call.chain.members[1].breaker.state is State.CLOSED


async def test_of_two_answers_at_the_same_moment_one_is_heard() -> None:
    call = Call(after(900), after(200, "b"))
    await call.read()
    assert len(call.heard) == 1
    assert len(call.told.of(Hedged)) == 1
    await call.settled()


async def test_who_was_outrun_and_is_dead_has_failed_when_its_own_time_is_over() -> None:
    call = Call(FakeModel("a", [Hang()]), after(0, "b"))
    began = loop_clock()
    await call.read()
    assert call.chain.members[0].record.failures == 0
    await call.settled()
    assert loop_clock() - began == pytest.approx(HARD_MS, abs=2)
    assert (call.chain.members[0].record.failures, call.chain.members[0].record.last_fault) == (1, Fault.TIMEOUT)


async def test_three_times_dead_and_outrun_opens_the_breaker() -> None:
    call = Call(FakeModel("a", [Hang()]), after(0, "b"))
    for _ in range(3):
        call.failover.new_turn()
        await call.read()
        await call.settled()
    assert call.chain.members[0].breaker.state is State.OPEN


async def test_who_was_outrun_and_fails_on_its_own_has_failed() -> None:
    call = Call(FakeModel("a", [Wait(800), Fail(Fault.RATE_LIMITED)]), after(0, "b"))
    await call.read()
    await call.settled()
    assert call.chain.members[0].record.last_fault is Fault.RATE_LIMITED


@pytest.mark.parametrize(("answers_ms", "opens"), [(SLOW_MS + 200, True), (SLOW_MS - 200, False)])
async def test_who_was_outrun_and_answers_in_its_own_time_is_late_at_most(answers_ms: float, *, opens: bool) -> None:
    call = Call(after(answers_ms), after(0, "b"))
    call.usually(LEAST_MS)
    breaker = call.chain.members[0].breaker
    for outcome in [Outcome.SUCCESS] * 4 + [Outcome.SLOW] * 5:
        breaker.settle(breaker.force(), outcome)
    await call.read()
    await call.settled()
    assert call.heard == [("b", LEAST_MS)]
    # One more slow one, and six of ten are slow.
    assert (breaker.state is State.OPEN) == opens
    assert call.chain.members[0].record.failures == 0


async def test_who_was_outrun_is_not_waited_for() -> None:
    call = Call(FakeModel("a", [Hang()]), after(0, "b"))
    began = loop_clock()
    await call.read()
    assert loop_clock() - began == pytest.approx(MOST_MS, abs=2)
    await call.settled()


async def test_a_rival_that_won_serves_for_the_rest_of_the_turn() -> None:
    call = Call(FakeModel("a", [Hang()], [Text("a"), Completed("stop")]), after(0, "b"))
    await call.read()
    await call.read()
    call.failover.new_turn()
    await call.read()
    assert [provider for provider, _ in call.heard] == ["b", "b", "a"]
    await call.settled()


async def test_a_rival_that_won_has_taken_over() -> None:
    call = Call(after(1_100), after(0, "b"))
    await call.read()
    await call.settled()
    assert [member.record.took_over for member in call.chain.members] == [0, 1]


async def test_a_rival_that_fails_leaves_the_first_one_as_it_was() -> None:
    call = Call(after(1_000), FakeModel("b", [Fail(Fault.REFUSED)]))
    await call.read()
    assert call.heard == [("a", 1_000)]
    assert call.told.of(FailedOver) == []
    assert call.chain.members[0].record.took_over == 0
    await call.settled()


async def test_a_rival_is_the_successor_of_a_first_one_that_fails() -> None:
    call = Call(FakeModel("a", [Wait(800), Fail(Fault.CUT)]), after(300, "b"))
    await call.read()
    assert call.heard == [("b", 1_000)]
    assert [(event.previous, event.provider) for event in call.told.of(FailedOver)] == [("a", "b")]
    assert [member.record.took_over for member in call.chain.members] == [0, 1]
    assert call.opened() == [1, 1]
    await call.settled()


async def test_after_both_have_failed_the_third_one_is_asked() -> None:
    call = Call(FakeModel("a", [Wait(800), Fail()]), FakeModel("b", [Wait(200), Fail()]), after(0, "c"))
    await call.read()
    assert call.heard == [("c", 900)]
    await call.settled()


async def test_when_both_are_dead_the_third_one_is_asked() -> None:
    call = Call(FakeModel("a", [Hang()]), FakeModel("b", [Hang()]), after(0, "c"), last_resorts=("c",))
    await call.read()
    assert call.heard == [("c", MOST_MS + HARD_MS)]
    await call.settled()


async def test_when_both_are_dead_and_nobody_is_left_the_chain_is_spent_in_time() -> None:
    call = Call(FakeModel("a", [Hang()]), FakeModel("b", [Hang()]))
    began = loop_clock()
    with pytest.raises(ChainSpent) as caught:
        await call.read()
    assert loop_clock() - began == pytest.approx(GIVE_UP_MS, abs=2)
    assert {cause.provider for cause in caught.value.causes} == {"a", "b"}
    await call.settled()


async def test_a_successor_whose_rival_fails_has_still_resumed() -> None:
    broken = FakeModel("a", [Text("a"), Fail()])
    call = Call(broken, after(1_000, "b"), FakeModel("c", [Fail(Fault.REFUSED)]))
    await call.read()
    assert [provider for provider, _ in call.heard] == ["a", "b"]
    ended = [(event.failover.provider, event.outcome) for event in call.told.of(FailoverEnded)]
    assert ended == [("b", FailoverOutcome.SERVED)]
    await call.settled()


async def reading(call: Call) -> asyncio.Task[None]:
    """Return the task that reads, at a moment when both providers are being waited for."""
    reader = asyncio.ensure_future(call.read())
    await asyncio.sleep((MOST_MS + 100) / 1000)
    assert call.opened() == [1, 1]
    return reader


async def test_cancelling_while_both_run_closes_both_and_says_nothing_of_them() -> None:
    call = Call(FakeModel("a", [Hang()]), FakeModel("b", [Hang()]))
    for _ in range(5):
        call.failover.new_turn()
        reader = asyncio.ensure_future(call.read())
        await asyncio.sleep((MOST_MS + 100) / 1000)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await call.settled()
    assert call.opened() == [5, 5]
    assert call.told.of(AttemptFailed) == []
    assert [member.breaker.state for member in call.chain.members] == [State.CLOSED, State.CLOSED]
    assert [member.record.failures for member in call.chain.members] == [0, 0]


class SlowToClose(FakeModel):
    """A model that hangs, and whose connection takes a while to close."""

    def __init__(self, name: str) -> None:
        super().__init__(name, [Hang()])

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        self.streams.opened += 1
        try:
            await asyncio.get_running_loop().create_future()
            yield Delta("")
        finally:
            await asyncio.sleep(1)
            self.streams.closed += 1


async def test_being_cancelled_again_while_both_are_closed_leaves_neither_running() -> None:
    call = Call(SlowToClose("a"), SlowToClose("b"))
    reader = await reading(call)
    for _ in range(2):
        reader.cancel()
        await asyncio.sleep(0.1)
    with pytest.raises(asyncio.CancelledError):
        await reader
    await asyncio.sleep(2)
    await call.settled()


@pytest.mark.parametrize("script", [[Hang()], [Wait(MOST_MS + 50), Fail()]], ids=["it was outrun", "it failed"])
async def test_a_call_that_ends_at_the_moment_of_the_switch_leaves_nothing_running(script: list[Step]) -> None:
    call = Call(FakeModel("a", [*script]), after(60, "b"))
    call.failover = Failover(
        call.chain, Bench(LIMITS, call.told, loop_clock, lambda work: _cancelled_at_once(work, call.spawned))
    )
    await call.read()
    await asyncio.gather(*call.spawned, return_exceptions=True)
    await asyncio.sleep(10)
    assert call.opened() == [model.streams.closed for model in call.models] == [1, 1]


def _cancelled_at_once(work: Coroutine[Any, Any, None], spawned: list[asyncio.Task[None]]) -> asyncio.Task[None]:
    task = asyncio.ensure_future(work)
    task.cancel()
    spawned.append(task)
    return task
