"""The failover runner: who is tried when, what is announced, and that nothing is left open."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from fakes import Fail, FakeModel, Hang, Recorder, Text, Wait, bench, loop_clock
from fakes import chain as chained
from tandem.core.errors import ChainSpent, Fault, ProviderError
from tandem.core.events import AttemptFailed, AttemptSucceeded, FailedOver, FailoverEnded, FailoverOutcome, SlotSpent
from tandem.core.ports import Completed, Delta, LanguageModel, LlmOptions, Message, ModelOutput, Slot
from tandem.slots.failover import Failover
from tandem.slots.request import Request, Served, SlotLimits

pytestmark = pytest.mark.looptime

Output = AsyncGenerator[Served[ModelOutput], None]
PATIENCE_MS = 1000
GIVE_UP_MS = 5000


class Call:
    """A runner over a chain of models, what it announces, and the streams that it opens."""

    def __init__(self, *chain: LanguageModel, hard_ms: float | None = PATIENCE_MS) -> None:
        self.told = Recorder()
        limits = SlotLimits(hard_ms=hard_ms, give_up_ms=hard_ms and GIVE_UP_MS)
        self.failover = Failover(chained(Slot.LLM, *chain), bench(limits, self.told))
        self.output: list[tuple[str, str]] = []

    def run(self) -> Output:
        return self.failover.run(Request(lambda model: model.complete([], LlmOptions())))

    async def read(self, *, pause_ms: float = 0) -> None:
        """Read all of it, at the pace of a consumer who pauses after each piece."""
        async with aclosing(self.run()) as output:
            async for served in output:
                self.output.append((served.provider, served.item.text if isinstance(served.item, Delta) else "."))
                await asyncio.sleep(pause_ms / 1000)

    async def is_spent(self) -> ChainSpent:
        with pytest.raises(ChainSpent) as caught:
            await self.read()
        return caught.value


class Untidy:
    """A model whose own clean-up fails."""

    name = "untidy"

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        try:
            yield Delta("one")
            await asyncio.get_running_loop().create_future()
        finally:
            raise ProviderError(Fault.CUT, self.name, "the connection broke while it was closed")


def failing(name: str, fault: Fault) -> FakeModel:
    return FakeModel(name, [Fail(fault)])


def broken_off(name: str) -> FakeModel:
    return FakeModel(name, [Text("one two"), Fail(Fault.CUT)])


def all_closed(*models: FakeModel) -> bool:
    return all(model.streams.opened == model.streams.closed for model in models)


# --- the order of attempts ---


async def test_the_first_provider_serves_alone() -> None:
    first, second = FakeModel("a", answer="yes"), FakeModel("b")
    call = Call(first, second)
    await call.read()
    assert call.output == [("a", "yes"), ("a", ".")]
    assert second.streams.opened == 0
    assert call.told.events == [AttemptSucceeded(Slot.LLM, "a", 0.0)]


@pytest.mark.parametrize("fault", Fault)
async def test_whatever_the_fault_the_next_provider_serves(fault: Fault) -> None:
    call = Call(failing("a", fault), FakeModel("b", answer="yes"))
    await call.read()
    assert call.output == [("b", "yes"), ("b", ".")]
    switch = FailedOver(Slot.LLM, "a", "b", fault, after_output=False, gap_ms=0.0)
    assert call.told.events == [
        AttemptFailed(Slot.LLM, "a", fault, "as scripted", after_output=False),
        switch,
        AttemptSucceeded(Slot.LLM, "b", 0.0),
        FailoverEnded(switch, FailoverOutcome.SERVED, 0.0),
    ]


async def test_providers_are_tried_in_order_and_each_once() -> None:
    chain = [failing("a", Fault.CUT), failing("b", Fault.REFUSED), FakeModel("c"), FakeModel("d")]
    await Call(*chain).read()
    assert [model.streams.opened for model in chain] == [1, 1, 1, 0]
    assert all_closed(*chain)


async def test_each_turn_begins_at_the_head_of_the_chain_and_within_it_nobody_comes_back() -> None:
    first = FakeModel("a", [Fail()], [Text("back"), Completed("stop")])
    call = Call(first, FakeModel("b", answer="yes"))
    await call.read()
    await call.read()
    call.failover.new_turn()
    await call.read()
    assert call.output == [("b", "yes"), ("b", "."), ("b", "yes"), ("b", "."), ("a", "back"), ("a", ".")]


async def test_times_are_told_from_the_start_of_the_attempt() -> None:
    call = Call(FakeModel("a", [Wait(300), Fail(Fault.CUT)]), FakeModel("b", [Wait(200), Text("yes")]))
    await call.read()
    assert [event.gap_ms for event in call.told.of(FailedOver)] == pytest.approx([300])
    assert [event.first_output_ms for event in call.told.of(AttemptSucceeded)] == pytest.approx([200])


async def test_a_provider_with_nothing_to_say_is_no_failure() -> None:
    second = FakeModel("b")
    call = Call(FakeModel("a", []), second)
    await call.read()
    assert call.output == []
    assert call.told.of(AttemptFailed) == []
    assert call.told.of(SlotSpent) == []
    assert second.streams.opened == 0


# --- when nobody can ---


async def test_a_spent_chain_carries_every_cause_in_order() -> None:
    call = Call(failing("a", Fault.REFUSED), failing("b", Fault.RATE_LIMITED))
    spent = await call.is_spent()
    assert [(cause.provider, cause.fault) for cause in spent.causes] == [
        ("a", Fault.REFUSED),
        ("b", Fault.RATE_LIMITED),
    ]
    assert spent.slot == Slot.LLM
    switch = FailedOver(Slot.LLM, "a", "b", Fault.REFUSED, after_output=False, gap_ms=0.0)
    assert call.told.events == [
        AttemptFailed(Slot.LLM, "a", Fault.REFUSED, "as scripted", after_output=False),
        switch,
        AttemptFailed(Slot.LLM, "b", Fault.RATE_LIMITED, "as scripted", after_output=False),
        FailoverEnded(switch, FailoverOutcome.FAILED, 0.0),
        SlotSpent(Slot.LLM, (Fault.REFUSED, Fault.RATE_LIMITED)),
    ]


async def test_an_empty_chain_is_spent_from_the_start() -> None:
    call = Call()
    assert (await call.is_spent()).causes == ()
    assert call.told.events == [SlotSpent(Slot.LLM, ())]


# --- the deadline of the first output ---


async def test_a_provider_without_output_in_time_is_left() -> None:
    hanging = FakeModel("a", [Hang()])
    call = Call(hanging, FakeModel("b", answer="yes"))
    began = loop_clock()
    await call.read()
    assert loop_clock() - began == pytest.approx(PATIENCE_MS)
    assert [(event.provider, event.fault) for event in call.told.of(AttemptFailed)] == [("a", Fault.TIMEOUT)]
    assert all_closed(hanging)


async def test_each_provider_has_the_whole_time_and_the_last_one_what_is_left_of_the_turn() -> None:
    call = Call(*(FakeModel(name, [Hang()]) for name in "abc"))
    began = loop_clock()
    assert [cause.fault for cause in (await call.is_spent()).causes] == [Fault.TIMEOUT] * 3
    assert loop_clock() - began == pytest.approx(GIVE_UP_MS, abs=1)


async def test_output_just_in_time_counts() -> None:
    call = Call(FakeModel("a", [Wait(PATIENCE_MS - 1), Text("yes")]))
    await call.read()
    assert call.output == [("a", "yes")]


async def test_a_slow_consumer_is_no_timeout() -> None:
    call = Call(FakeModel("a", [Text("one two three"), Completed("stop")]))
    await call.read(pause_ms=60_000)
    assert len(call.output) == 4
    assert len(call.told.events) == 1


async def test_only_the_first_output_has_this_deadline() -> None:
    call = Call(FakeModel("a", [Text("one"), Wait(60_000), Text("two")]))
    await call.read()
    assert len(call.output) == 2


async def test_without_a_deadline_a_provider_may_be_silent_for_ever() -> None:
    call = Call(FakeModel("a", [Wait(10 * 3_600_000), Text("yes")]), hard_ms=None)
    await call.read()
    assert call.output == [("a", "yes")]


# --- after output ---


async def test_a_provider_that_fails_after_output_is_followed_by_the_next() -> None:
    call = Call(broken_off("a"), FakeModel("b", answer="yes"))
    await call.read()
    assert call.output == [("a", "one"), ("a", " two"), ("b", "yes"), ("b", ".")]
    switch = FailedOver(Slot.LLM, "a", "b", Fault.CUT, after_output=True, gap_ms=0.0)
    assert call.told.events == [
        AttemptSucceeded(Slot.LLM, "a", 0.0),
        AttemptFailed(Slot.LLM, "a", Fault.CUT, "as scripted", after_output=True),
        switch,
        AttemptSucceeded(Slot.LLM, "b", 0.0),
        FailoverEnded(switch, FailoverOutcome.SERVED, 0.0),
    ]


async def test_each_switch_ends_with_one_outcome_and_the_silence_it_meant() -> None:
    call = Call(broken_off("a"), FakeModel("b", [Wait(200), Fail()]), FakeModel("c", [Wait(300), Text("yes")]))
    await call.read()
    ended = call.told.of(FailoverEnded)
    assert [(event.failover.provider, event.outcome) for event in ended] == [
        ("b", FailoverOutcome.FAILED),
        ("c", FailoverOutcome.SERVED),
    ]
    assert [event.gap_ms for event in ended] == pytest.approx([200, 500])


async def test_a_switch_that_the_caller_did_not_wait_for_is_abandoned() -> None:
    call = Call(FakeModel("a", [Fail()]), FakeModel("b", [Hang()]))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await call.read()
    assert [event.outcome for event in call.told.of(FailoverEnded)] == [FailoverOutcome.ABANDONED]


async def test_a_successor_with_nothing_to_add_has_served() -> None:
    call = Call(FakeModel("a", [Fail()]), FakeModel("b", []))
    await call.read()
    assert [event.outcome for event in call.told.of(FailoverEnded)] == [FailoverOutcome.SERVED]


async def test_a_provider_is_tried_again_once_another_one_has_made_progress() -> None:
    first = FakeModel("a", [Text("one"), Fail()], [Text("three"), Completed("stop")])
    call = Call(first, FakeModel("b", [Text("two"), Fail()]))
    await call.read()
    assert call.output == [("a", "one"), ("b", "two"), ("a", "three"), ("a", ".")]


async def test_without_progress_nobody_is_tried_twice() -> None:
    call = Call(FakeModel("a", [Text("one"), Fail()]), failing("b", Fault.REFUSED), failing("c", Fault.CUT))
    assert [cause.provider for cause in (await call.is_spent()).causes] == ["a", "b", "c"]


async def test_providers_that_break_off_for_ever_are_not_tried_for_ever() -> None:
    call = Call(broken_off("a"), broken_off("b"))
    assert len((await call.is_spent()).causes) == 12


# --- cancelled, closed ---


@pytest.mark.parametrize("script", [[Hang()], [Text("one"), Hang()]], ids=["before output", "after output"])
async def test_a_cancelled_reader_ends_the_provider_and_counts_as_no_failure(script: list[Text | Hang]) -> None:
    first, second = FakeModel("a", script), FakeModel("b")
    call = Call(first, second)
    reader = asyncio.create_task(call.read())
    await asyncio.sleep(0.5)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert all_closed(first)
    assert second.streams.opened == 0
    assert call.told.of(AttemptFailed) == []
    assert call.told.of(SlotSpent) == []


async def test_a_reader_cancelled_in_the_middle_of_its_own_work_ends_the_provider() -> None:
    first = FakeModel("a")
    call = Call(first)
    reader = asyncio.create_task(call.read(pause_ms=60_000))
    await asyncio.sleep(0.5)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert (first.streams.opened, first.streams.closed) == (1, 1)
    assert call.told.of(AttemptFailed) == []


async def test_closing_the_run_early_closes_the_stream() -> None:
    first, second = FakeModel("a"), FakeModel("b")
    call = Call(first, second)
    async with aclosing(call.run()) as output:
        await anext(output)
        assert first.streams.closed == 0
    assert all_closed(first)
    assert second.streams.opened == 0
    assert call.told.of(AttemptFailed) == []


async def test_a_run_that_was_never_read_opens_nothing() -> None:
    model = FakeModel()
    async with aclosing(Call(model).run()):
        pass
    assert model.streams.opened == 0


async def test_a_provider_that_fails_while_it_is_cancelled_does_not_undo_the_cancelling() -> None:
    second = FakeModel("b")
    call = Call(Untidy(), second)
    reader = asyncio.create_task(call.read())
    await asyncio.sleep(0.5)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert second.streams.opened == 0
    assert call.told.of(AttemptFailed) == []


async def test_a_provider_that_fails_while_it_is_closed_is_not_followed_by_another() -> None:
    second = FakeModel("b")
    call = Call(Untidy(), second)
    async with aclosing(call.run()) as output:
        await anext(output)
    assert second.streams.opened == 0
    assert call.told.of(AttemptFailed) == []


# --- errors that are no provider's ---


@pytest.mark.parametrize("script", [[], [Text("one")]], ids=["before output", "after output"])
@pytest.mark.parametrize("hard_ms", [PATIENCE_MS, None])
@pytest.mark.parametrize("kind", [ValueError, TimeoutError, ConnectionResetError])
async def test_any_other_error_passes_untouched(
    script: list[Text], hard_ms: float | None, kind: type[Exception]
) -> None:
    error = kind("the provider's own")
    first, second = FakeModel("a", [*script, error]), FakeModel("b")
    call = Call(first, second, hard_ms=hard_ms)
    with pytest.raises(kind) as caught:
        await call.read()
    assert caught.value is error
    assert all_closed(first)
    assert second.streams.opened == 0
    assert call.told.of(AttemptFailed) == []
