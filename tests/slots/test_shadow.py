"""Shadow attempts: they run to their end, are judged and never heard, and leave nothing behind."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fakes import Fail, FakeModel, Hang, Recorder, Step, Text, Wait, chain, loop_clock
from tandem.core.breaker import Outcome, State
from tandem.core.errors import Fault
from tandem.core.events import BreakerChanged
from tandem.core.ports import Completed, LlmOptions, ModelOutput, Slot
from tandem.slots.failover import Failover
from tandem.slots.request import Bench, Request, SlotLimits

pytestmark = pytest.mark.looptime

SLOW_MS, HARD_MS = 700, 1_200
COOL_DOWN_MS = 5_000
LEASE_MS = 3_000
Script = list[Step | Text | ModelOutput]
LONG: Script = [step for _ in range(50) for step in (Text("one "), Wait(100))]  # of five seconds
WELL: Script = [Text("all is well"), Completed("stop")]


class Room:
    """A chain whose first model is on trial, and the shadows that run."""

    def __init__(self, *script: Step | Text | ModelOutput, may_be_empty: bool = False, hard: bool = True) -> None:
        self.told = Recorder()
        self.model = FakeModel("a", list(script))
        self.chain = chain(Slot.LLM, self.model, FakeModel("b", answer="yes"), told=self.told)
        self.shadows: list[asyncio.Task[None]] = []
        limits = SlotLimits(slow_ms=SLOW_MS, hard_ms=HARD_MS if hard else None)
        bench = Bench(limits, self.told, loop_clock, self.spawn)
        self.failover: Failover[FakeModel] = Failover(self.chain, bench)
        self.request: Request[FakeModel, ModelOutput] = Request(
            lambda model: model.complete([], LlmOptions()), may_be_empty=may_be_empty
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.shadows.append(asyncio.ensure_future(work))
        return self.shadows[-1]

    @property
    def state(self) -> State:
        return self.chain.members[0].breaker.state

    async def on_trial(self) -> None:
        breaker = self.chain.members[0].breaker
        for _ in range(3):
            breaker.settle(breaker.force(), Outcome.FAILURE)
        await asyncio.sleep(COOL_DOWN_MS / 1000)
        assert self.state is State.HALF_OPEN
        self.told.events.clear()

    async def probed(self, times: int = 1) -> State:
        """Probe the model so often, each to its end; return the state of its breaker then."""
        await self.on_trial()
        for _ in range(times):
            self.failover.shadow(self.request)
            await asyncio.gather(*self.shadows)
        assert self.model.streams.closed == self.model.streams.opened == len(self.shadows) == times
        return self.state


async def test_nobody_is_probed_while_all_are_well() -> None:
    room = Room(*WELL)
    room.failover.shadow(room.request)
    assert room.shadows == []
    assert room.model.streams.opened == 0


async def test_two_probes_that_go_well_bring_a_provider_back() -> None:
    room = Room(*WELL)
    assert await room.probed(2) is State.CLOSED


async def test_one_is_not_enough() -> None:
    assert await Room(*WELL).probed(1) is State.HALF_OPEN


async def test_a_probe_is_read_to_its_end_and_nobody_hears_it() -> None:
    room = Room(Text("one two three"), Wait(900), Text("four"), Completed("stop"))
    await room.on_trial()
    room.failover.shadow(room.request)
    output = [served.provider async for served in room.failover.run(room.request)]
    assert set(output) == {"b"}
    assert not room.shadows[0].done()
    await asyncio.gather(*room.shadows)
    assert room.model.streams.closed == 1
    assert [event for event in room.told.events if getattr(event, "provider", "b") != "b"] == []


@pytest.mark.parametrize(
    "script",
    [
        [Fail(Fault.REFUSED)],
        [Text("one"), Fail(Fault.CUT)],
        [Hang()],
        [Text("one"), Hang()],
        [],
        [Wait(SLOW_MS + 1), *WELL],
        [Wait(HARD_MS + 1), *WELL],
    ],
)
async def test_a_probe_that_goes_badly_opens_the_breaker_again(script: Script) -> None:
    room = Room(*script)
    assert await room.probed() is State.OPEN
    assert [event.cool_down_ms for event in room.told.of(BreakerChanged)] == [4 * COOL_DOWN_MS]


async def test_a_probe_just_within_the_slow_limit_is_good() -> None:
    assert await Room(Wait(SLOW_MS - 1), *WELL).probed(2) is State.CLOSED


@pytest.mark.parametrize("may_be_empty", [True, False])
async def test_no_output_is_good_only_where_it_can_be_right(may_be_empty: bool) -> None:
    assert await Room(may_be_empty=may_be_empty).probed(2 if may_be_empty else 1) is (
        State.CLOSED if may_be_empty else State.OPEN
    )


async def test_a_probe_that_hangs_ends_within_its_lease_and_has_failed() -> None:
    room = Room(Hang(), hard=False)
    began = loop_clock()
    assert await room.probed() is State.OPEN
    assert loop_clock() - began <= COOL_DOWN_MS + LEASE_MS


async def test_a_probe_of_a_long_utterance_that_is_still_at_work_says_nothing() -> None:
    assert await Room(Text("one"), Hang(), hard=False).probed() is State.HALF_OPEN


async def test_a_probe_whose_output_still_flows_when_its_time_is_over_has_not_failed() -> None:
    room = Room(*LONG, *LONG, *LONG)
    assert await room.probed() is State.HALF_OPEN


async def test_a_fault_that_is_the_requests_says_nothing() -> None:
    room = Room(Fail(Fault.INVALID))
    assert await room.probed(20) is State.HALF_OPEN


async def test_a_refused_account_is_a_matter_of_minutes() -> None:
    room = Room(Fail(Fault.REJECTED))
    assert await room.probed() is State.OPEN
    assert [event.cool_down_ms for event in room.told.of(BreakerChanged)] == [300_000]


async def test_there_is_one_probe_at_a_time_however_many_calls_there_are() -> None:
    room = Room(Wait(100), *WELL)
    await room.on_trial()
    for _ in range(50):
        room.failover.shadow(room.request)
    await asyncio.gather(*room.shadows)
    assert room.model.streams.opened == 1


async def test_probes_of_long_replies_never_run_side_by_side() -> None:
    room = Room(*LONG)
    await room.on_trial()
    for _ in range(60):
        room.failover.shadow(room.request)
        await asyncio.sleep(0.1)
        assert room.model.streams.opened - room.model.streams.closed <= 1
    await asyncio.gather(*room.shadows)


async def test_a_provider_of_long_replies_comes_back_under_constant_traffic() -> None:
    room = Room(*LONG)
    await room.on_trial()
    for _ in range(40):
        room.failover.shadow(room.request)
        await asyncio.sleep(0.5)
    await asyncio.gather(*room.shadows)
    assert room.state is State.CLOSED


async def test_a_probe_ends_with_the_call_and_frees_its_permit() -> None:
    room = Room(Hang())
    await room.on_trial()
    room.failover.shadow(room.request)
    await asyncio.sleep(0.1)
    room.shadows[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await room.shadows[0]
    assert room.model.streams.closed == 1
    assert room.state is State.HALF_OPEN
    assert room.told.of(BreakerChanged) == []
    lease = room.chain.probe()
    assert lease is not None
    lease.released()


async def test_a_probe_that_is_cancelled_before_it_began_frees_its_permit_all_the_same() -> None:
    room = Room(*WELL)
    await room.on_trial()
    room.failover.shadow(room.request)
    room.shadows[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await room.shadows[0]
    assert room.chain.probe() is not None


async def test_a_bug_of_an_adapter_frees_the_permit_and_is_told() -> None:
    room = Room(ValueError("a bug"))
    await room.on_trial()
    room.failover.shadow(room.request)
    with pytest.raises(ValueError, match="a bug"):
        await room.shadows[0]
    assert room.state is State.HALF_OPEN
    assert room.chain.probe() is not None
