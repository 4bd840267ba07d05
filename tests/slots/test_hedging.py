"""Hedging: who is asked beside a provider that is late, who of the two is heard, and how both are judged."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from fakes import Fail, FakeModel, Hang, Recorder, Step, Text, Wait, chain, loop_clock
from tandem.core.breaker import Outcome, State
from tandem.core.deadline import Deadline
from tandem.core.errors import ChainSpent, Fault
from tandem.core.events import AttemptFailed, AttemptSucceeded, FailedOver, FailoverEnded, FailoverOutcome, Hedged
from tandem.core.hedge import HedgeLimits
from tandem.core.ports import Completed, Delta, LlmOptions, Message, ModelOutput, Slot
from tandem.slots.failover import Failover
from tandem.slots.request import Bench, Request, SlotLimits

pytestmark = pytest.mark.looptime

LEAST_MS, MOST_MS = 350, 700
SLOW_MS, HARD_MS, GIVE_UP_MS = 700, 1_200, 6_000
LIMITS = SlotLimits(slow_ms=SLOW_MS, hard_ms=HARD_MS, give_up_ms=GIVE_UP_MS, hedge=HedgeLimits(LEAST_MS, MOST_MS))


def after(ms: float, name: str = "a") -> FakeModel:
    """Return a model whose answer, its own name, begins after `ms`."""
    return FakeModel(name, [Wait(ms), Text(name), Completed("stop")])


class Call:
    """A runner over a chain of models, what it announces, and what was heard of whom."""

    def __init__(
        self,
        *models: FakeModel,
        last_resorts: tuple[str, ...] = (),
        urgent: Callable[[], bool] = lambda: True,
        stall_ms: float | None = None,
        limits: SlotLimits = LIMITS,
    ) -> None:
        self.models = models
        self.told = Recorder()
        self.chain = chain(Slot.LLM, *models, told=self.told, last_resorts=last_resorts)
        self.spawned: list[asyncio.Task[None]] = []
        bench = Bench(limits, self.told, loop_clock, self.spawn)
        self.failover: Failover[FakeModel] = Failover(self.chain, bench)
        self.urgent = urgent
        self.stall_ms = stall_ms
        self.heard: list[tuple[str, float]] = []  # provider, and when

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.spawned.append(asyncio.ensure_future(work))
        return self.spawned[-1]

    async def read(self, deadline: Deadline | None = None) -> None:
        request: Request[FakeModel, ModelOutput] = Request(
            lambda model: model.complete([], LlmOptions()),
            stall_ms=lambda: self.stall_ms,
            may_be_empty=False,
            urgent=self.urgent,
            deadline=deadline,
        )
        began = loop_clock()
        async with aclosing(self.failover.run(request)) as output:
            async for served in output:
                if isinstance(served.item, Delta):
                    self.heard.append((served.provider, round(loop_clock() - began)))

    async def settled(self) -> None:
        """Wait for what goes on after the reply; then every stream that was opened is closed."""
        await asyncio.gather(*self.spawned)
        await asyncio.sleep(0.001)
        assert [model.streams.opened for model in self.models] == [model.streams.closed for model in self.models]

    def opened(self) -> list[int]:
        return [model.streams.opened for model in self.models]

    def usually(self, ms: float, name: str = "a") -> None:
        """Let it be known that the provider's first output takes so long."""
        for _ in range(20):
            self.chain.members[self.chain.names.index(name)].record.first_outputs.add(ms)


# --- when ---


@pytest.mark.parametrize(("usual_ms", "at_ms"), [(None, MOST_MS), (100, LEAST_MS), (500, 500), (5_000, MOST_MS)])
async def test_a_late_provider_is_hedged_at_its_usual_time_between_the_limits(
    usual_ms: float | None, at_ms: float
) -> None:
    call = Call(after(1_100), after(50, "b"))
    if usual_ms is not None:
        call.usually(usual_ms)
    await call.read()
    assert call.heard == [("b", at_ms + 50)]
    assert call.told.of(Hedged) == [Hedged(Slot.LLM, "a", "b", won=True)]
    await call.settled()


async def test_nineteen_measurements_are_too_few_for_a_usual_time() -> None:
    call = Call(after(1_100), after(50, "b"))
    for _ in range(19):
        call.chain.members[0].record.first_outputs.add(400)
    await call.read()
    assert call.heard == [("b", MOST_MS + 50)]
    await call.settled()


async def test_who_answers_just_in_time_is_not_hedged() -> None:
    call = Call(after(MOST_MS - 1), after(0, "b"))
    await call.read()
    assert call.heard == [("a", MOST_MS - 1)]
    assert call.opened() == [1, 0]
    assert call.told.of(Hedged) == []


async def test_there_is_one_rival_however_late_both_are() -> None:
    call = Call(after(1_190), after(3_000, "b"), after(0, "c"))
    await call.read()
    assert call.opened() == [1, 1, 0]
    await call.settled()


async def test_no_last_resort_is_asked_for_a_hedge() -> None:
    call = Call(after(1_100), after(0, "b"), last_resorts=("b",))
    await call.read()
    assert call.heard == [("a", 1_100)]
    assert call.opened() == [1, 0]


async def test_there_is_no_hedge_without_budget() -> None:
    call = Call(after(1_100), after(0, "b"))
    while call.chain.hedges.take():
        pass
    await call.read()  # after 700 ms, three quarters of a hedge have come back
    assert call.heard == [("a", 1_100)]
    assert call.opened() == [1, 0]


async def test_there_is_no_hedge_while_a_breaker_of_the_slot_is_open() -> None:
    call = Call(after(1_100), after(0, "b"), after(0, "c"))
    call.chain.members[2].breaker.hold_open()
    await call.read()
    assert call.heard == [("a", 1_100)]
    assert call.opened() == [1, 0, 0]


async def test_there_is_no_hedge_while_the_caller_has_audio_to_hear() -> None:
    call = Call(after(1_100), after(0, "b"), urgent=lambda: False)
    await call.read()
    assert call.heard == [("a", 1_100)]
    assert call.opened() == [1, 0]


async def test_there_is_no_hedge_where_the_slot_has_no_limits_for_one() -> None:
    call = Call(after(1_100), after(0, "b"), limits=SlotLimits(hard_ms=HARD_MS))
    await call.read()
    assert call.opened() == [1, 0]


async def test_there_is_no_hedge_once_there_was_output() -> None:
    call = Call(FakeModel("a", [Text("a"), Wait(5_000), Text(" a")]), after(0, "b"))
    await call.read()
    assert [provider for provider, _ in call.heard] == ["a", "a"]
    assert call.opened() == [1, 0]


# --- who is heard, and what is said of the other ---


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


# --- the deadline of the turn ---


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


# --- the end ---


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
