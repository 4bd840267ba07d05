"""The language-model slot: one reply, from the first model that begins one."""

from contextlib import aclosing

import pytest

from fakes import ANSWER, Fail, FakeModel, Hang, Recorder, Text, loop_clock
from tandem.core.errors import ChainSpent, Fault
from tandem.core.events import AttemptFailed, AttemptSucceeded
from tandem.core.ports import Completed, Delta, LanguageModel, LlmOptions, Message, ModelOutput, Role, Slot
from tandem.slots.llm import LlmSlot

pytestmark = pytest.mark.looptime

ASKED = [Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "What is six times seven?")]


def slot(*chain: LanguageModel, told: Recorder | None = None) -> LlmSlot:
    return LlmSlot(chain, notify=told or Recorder(), clock=loop_clock, first_output_ms=500)


async def reply(llm: LlmSlot, messages: list[Message] = ASKED) -> list[tuple[str, ModelOutput]]:
    async with aclosing(llm.reply(messages, LlmOptions(max_tokens=9))) as served:
        return [(each.provider, each.item) async for each in served]


async def test_the_first_model_gives_the_whole_reply() -> None:
    first, second = FakeModel("a"), FakeModel("b")
    pieces = await reply(slot(first, second))
    assert {provider for provider, _ in pieces} == {"a"}
    assert "".join(item.text for _, item in pieces if isinstance(item, Delta)) == ANSWER
    assert pieces[-1] == ("a", Completed("stop"))
    assert first.requests == [(ASKED, LlmOptions(max_tokens=9))]
    assert second.requests == []


async def test_a_successor_is_asked_the_same() -> None:
    second = FakeModel("b")
    pieces = await reply(slot(FakeModel("a", [Fail(Fault.RATE_LIMITED)]), second))
    assert {provider for provider, _ in pieces} == {"b"}
    assert second.requests == [(ASKED, LlmOptions(max_tokens=9))]


async def test_a_model_that_does_not_begin_in_time_is_left() -> None:
    told = Recorder()
    await reply(slot(FakeModel("a", [Hang()]), FakeModel("b"), told=told))
    assert [(event.slot, event.provider, event.fault) for event in told.of(AttemptFailed)] == [
        (Slot.LLM, "a", Fault.TIMEOUT)
    ]
    assert [event.provider for event in told.of(AttemptSucceeded)] == ["b"]


async def test_a_reply_that_has_begun_is_never_begun_again_by_another_model() -> None:
    second = FakeModel("b")
    read = []
    with pytest.raises(ChainSpent):
        async with aclosing(slot(FakeModel("a", [Text("Six"), Fail()]), second).reply(ASKED, LlmOptions())) as served:
            async for each in served:
                read.append(each.item)  # noqa: PERF401
    assert read == [Delta("Six")]
    assert second.requests == []


async def test_a_begun_reply_is_continued() -> None:
    begun = [*ASKED, Message(Role.ASSISTANT, "Six times seven")]
    pieces = await reply(slot(FakeModel("a", [Fail()]), FakeModel("b")), begun)
    assert "".join(item.text for _, item in pieces if isinstance(item, Delta)).split() == ["is", "forty", "two."]
