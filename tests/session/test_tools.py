"""Tools within a reply: the model asks, the toolbox answers, the caller hears the result."""

import asyncio

import pytest
from caller import call

from fakes import FakeModel, Text
from tandem.core.link import ReplyAudio, ReplyDone, SkillCalled, StopPressed, TextTyped
from tandem.core.ports import Completed, Message, ModelOutput, Role, Source, Tool, ToolCall, ToolResult

pytestmark = pytest.mark.looptime

CLOCK = ToolCall("1", "clock", '{"zone":"UTC"}')
FOUND = ToolResult("It is noon.", (Source("https://time.example", "Time"),))


class Shelf:
    """A toolbox whose tools all give the same result after a while."""

    tools = (Tool("clock", "Tells the time.", {"type": "object"}),)

    def __init__(self, result: ToolResult = FOUND, takes_ms: float = 0) -> None:
        self.result = result
        self.takes_ms = takes_ms
        self.ran: list[ToolCall] = []
        self.ended = 0

    async def run(self, call: ToolCall) -> ToolResult:
        self.ran.append(call)
        await asyncio.sleep(self.takes_ms / 1000)
        self.ended += 1
        return self.result


def asking(*answers: str) -> FakeModel:
    """Return a model that asks for the clock first, and then says these answers."""
    said: list[list[Text | ModelOutput]] = [[Text(answer), Completed("stop")] for answer in answers]
    return FakeModel("model", [CLOCK, Completed("tool_calls")], *said)


async def test_a_model_that_asks_for_a_tool_answers_with_its_result() -> None:
    model, shelf = asking("It is noon."), Shelf()
    async with call(llm=[model], toolbox=shelf) as caller:
        caller.does(TextTyped("what time is it"))
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == "It is noon."
    assert shelf.ran == [CLOCK]
    assert model.requests[0][1].tools == shelf.tools
    assert model.requests[1][0][-2:] == [
        Message(Role.ASSISTANT, "", (CLOCK,)),
        Message(Role.TOOL, "It is noon.", call_id="1"),
    ]
    assert [called.result for called in caller.all(SkillCalled)] == [None, FOUND]


async def test_while_a_tool_takes_long_the_caller_hears_that_it_does() -> None:
    async with call(llm=[asking("It is noon.")], toolbox=Shelf(takes_ms=3000), fills=True) as caller:
        caller.does(TextTyped("what time is it"))
        await caller.until_state("speaking")
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == "One moment, please. It is noon."


async def test_a_tool_is_cancelled_with_its_reply() -> None:
    shelf = Shelf(takes_ms=60_000)
    async with call(llm=[asking("It is noon.")], toolbox=shelf, fills=True) as caller:
        caller.does(TextTyped("what time is it"))
        await caller.until_state("speaking")
        caller.does(StopPressed())
        await caller.until_state("listening", count=2)
    assert (len(shelf.ran), shelf.ended) == (1, 0)


async def test_a_tool_that_failed_is_told_as_an_error_and_the_model_goes_on() -> None:
    shelf = Shelf(ToolResult("The clock is broken.", failed=True))
    async with call(llm=[asking("I cannot tell.")], toolbox=shelf) as caller:
        caller.does(TextTyped("what time is it"))
        done = await caller.until(ReplyDone)
    assert done.text == "I cannot tell."


async def test_a_model_that_asks_for_ever_has_to_answer_at_last() -> None:
    again: list[list[Text | ModelOutput]] = [[CLOCK, Completed("tool_calls")]] * 4
    model, shelf = FakeModel("model", *again, [Text("Enough."), Completed("stop")]), Shelf()
    async with call(llm=[model], toolbox=shelf) as caller:
        caller.does(TextTyped("what time is it"))
        await caller.until_state("listening", count=2)
    assert len(shelf.ran) == 4
    assert model.requests[-1][1].tools == ()
    assert caller.replies()[-1].heard_text == "Enough."


async def test_what_is_said_before_a_tool_is_heard_while_it_runs() -> None:
    model = FakeModel(
        "model", [Text("Let me look"), CLOCK, Completed("tool_calls")], [Text("It is noon."), Completed("stop")]
    )
    async with call(llm=[model], toolbox=Shelf(takes_ms=3000)) as caller:
        caller.does(TextTyped("what time is it"))
        await caller.until_state("listening", count=2)
    spoken = next(at for at, message in caller.received if isinstance(message, ReplyAudio))
    answered = next(at for at, message in caller.received if isinstance(message, SkillCalled) and message.result)
    assert spoken < answered
    assert caller.replies()[-1].heard_text == "Let me look It is noon."


async def test_a_caller_who_has_heard_all_before_a_slow_tool_is_done_is_asked_for_patience_once() -> None:
    model = FakeModel(
        "model",
        [Text("Let me look."), CLOCK, Completed("tool_calls")],
        [CLOCK, Completed("tool_calls")],
        [Text("It is noon."), Completed("stop")],
    )
    async with call(llm=[model], toolbox=Shelf(takes_ms=4000), fills=True) as caller:
        caller.does(TextTyped("what time is it"))
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == "Let me look. One moment, please. It is noon."


async def test_a_tool_that_is_done_in_time_needs_no_filler() -> None:
    model = FakeModel(
        "model", [Text("Let me look."), CLOCK, Completed("tool_calls")], [Text("It is noon."), Completed("stop")]
    )
    async with call(llm=[model], toolbox=Shelf(takes_ms=1200), fills=True) as caller:
        caller.does(TextTyped("what time is it"))
        await caller.until_state("listening", count=2)
    assert caller.replies()[-1].heard_text == "Let me look. It is noon."
