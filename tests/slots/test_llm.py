"""The language-model slot: one reply, from the first model that begins one."""

from contextlib import aclosing
from dataclasses import replace

import pytest

from fakes import ANSWER, Fail, FakeModel, Hang, Recorder, Text, bench, loop_clock
from fakes import chain as chained
from tandem.core.errors import ChainSpent, Fault
from tandem.core.events import AttemptFailed, AttemptSucceeded
from tandem.core.ports import Completed, Delta, LanguageModel, LlmOptions, Message, ModelOutput, Role, Slot, ToolCall
from tandem.slots.llm import LIMITS, LlmSlot

pytestmark = pytest.mark.looptime

ASKED = [Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "What is six times seven?")]


def slot(*chain: LanguageModel, told: Recorder | None = None) -> LlmSlot:
    return LlmSlot(chained(Slot.LLM, *chain), bench(LIMITS, told))


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
    models: list[LanguageModel] = [FakeModel("a", [Hang()]), FakeModel("b")]
    chain = chained(Slot.LLM, *models)
    await reply(LlmSlot(chain, bench(replace(LIMITS, hedge=None), told)))
    assert [(event.slot, event.provider, event.fault) for event in told.of(AttemptFailed)] == [
        (Slot.LLM, "a", Fault.TIMEOUT)
    ]
    assert [event.provider for event in told.of(AttemptSucceeded)] == ["b"]


def text(pieces: list[tuple[str, ModelOutput]]) -> str:
    return "".join(item.text for _, item in pieces if isinstance(item, Delta))


@pytest.mark.parametrize("words", range(1, 7))
async def test_a_model_that_breaks_off_is_followed_by_one_that_goes_on(words: int) -> None:
    begun = " ".join(ANSWER.split()[:words])
    second = FakeModel("b")
    pieces = await reply(slot(FakeModel("a", [Text(begun), Fail()]), second))
    assert text(pieces) == ANSWER
    assert pieces[-1] == ("b", Completed("stop"))
    # The last word may have been half of one.
    given = " ".join(begun.split()[:-1])
    assert second.requests[0][0] == [*ASKED, *([Message(Role.ASSISTANT, f"{given} ")] if given else [])]


@pytest.mark.parametrize("repeated", ["Six times seven is", "seven is", "is", ""])
async def test_what_a_successor_says_again_is_not_given_again(repeated: str) -> None:
    first = FakeModel("a", [Text("Six times seven is for"), Fail()])
    second = FakeModel("b", [Text(f"{repeated} forty two.".strip()), Completed("stop")])
    assert text(await reply(slot(first, second))) == ANSWER


async def test_a_model_that_stalls_is_followed_by_one_that_goes_on() -> None:
    began = loop_clock()
    pieces = await reply(slot(FakeModel("a", [Text("Six times"), Hang()]), FakeModel("b")))
    assert text(pieces) == ANSWER
    assert loop_clock() - began == pytest.approx(300, abs=1)


async def test_while_the_caller_has_audio_to_hear_a_stall_has_more_time() -> None:
    began = loop_clock()
    llm = slot(FakeModel("a", [Text("Six times"), Hang()]), FakeModel("b"))
    async with aclosing(llm.reply(ASKED, LlmOptions(), lead_ms=lambda: 1_000)) as served:
        assert [each async for each in served]
    assert loop_clock() - began == pytest.approx(700, abs=1)


async def test_every_model_may_fail_in_turn_as_long_as_each_goes_on() -> None:
    first = FakeModel("a", [Text("Six times seven"), Fail()], [Text("is forty two."), Completed("stop")])
    second = FakeModel("b", [Text("seven is forty"), Fail()])
    assert text(await reply(slot(first, second))) == ANSWER


async def test_a_tool_call_of_a_reply_that_breaks_off_is_never_made() -> None:
    call = ToolCall("1", "clock", "{}")
    pieces = await reply(slot(FakeModel("a", [call, Fail()]), FakeModel("b")))
    assert [item for _, item in pieces if isinstance(item, ToolCall)] == []
    assert text(pieces) == ANSWER


@pytest.mark.parametrize(("last_resorts", "waited_ms"), [([], 1_200), (["b"], 4_000)])
async def test_a_last_resort_answers_later_than_an_equal_would(last_resorts: list[str], waited_ms: float) -> None:
    models: list[LanguageModel] = [FakeModel("a", [Hang()]), FakeModel("b")]
    chain = chained(Slot.LLM, *models, last_resorts=last_resorts)
    began = loop_clock()
    assert text(await reply(LlmSlot(chain, bench(replace(LIMITS, hedge=None))))) == ANSWER
    assert loop_clock() - began == pytest.approx(waited_ms, abs=1)


async def test_a_reply_without_its_end_was_cut() -> None:
    told = Recorder()
    assert text(await reply(slot(FakeModel("a", [Text("Six times")]), FakeModel("b"), told=told))) == ANSWER
    assert [event.fault for event in told.of(AttemptFailed)] == [Fault.CUT]


@pytest.mark.parametrize("empty", [[], [Delta(" \n")]], ids=["nothing", "white space"])
async def test_an_empty_reply_is_a_fault(empty: list[Delta]) -> None:
    told = Recorder()
    assert text(await reply(slot(FakeModel("a", [*empty, Completed("stop")]), FakeModel("b"), told=told))) == ANSWER
    assert [event.fault for event in told.of(AttemptFailed)] == [Fault.EMPTY]


async def test_a_model_that_never_stops_writing_is_left() -> None:
    told = Recorder()
    endless = FakeModel("a", [Delta("word " * 2_000_000), Completed("stop")])
    assert text(await reply(slot(endless, FakeModel("b"), told=told))) == ANSWER
    assert [event.fault for event in told.of(AttemptFailed)] == [Fault.MALFORMED]


async def test_nobody_left_to_go_on_spends_the_chain() -> None:
    with pytest.raises(ChainSpent):
        await reply(slot(FakeModel("a", [Text("Six times"), Fail()], [Fail()]), FakeModel("b", [Fail()])))


async def test_a_begun_reply_is_continued() -> None:
    begun = [*ASKED, Message(Role.ASSISTANT, "Six times seven")]
    pieces = await reply(slot(FakeModel("a", [Fail()]), FakeModel("b")), begun)
    assert "".join(item.text for _, item in pieces if isinstance(item, Delta)).split() == ["is", "forty", "two."]
