"""Hedging: when another provider is asked beside one that is late."""

import pytest
from hedged import HARD_MS, LEAST_MS, MOST_MS, Call, after

from fakes import FakeModel, Text, Wait
from tandem.core.events import Hedged
from tandem.core.ports import Slot
from tandem.slots.request import SlotLimits

pytestmark = pytest.mark.looptime


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
