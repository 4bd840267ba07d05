"""The toolbox: a call of a tool always ends in a sentence, in time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from fakes import FakeClock
from tandem.core.events import ToolCalled, ToolOutcome
from tandem.core.ports import Source, ToolCall, ToolResult
from tandem.skills.calculator import calculator
from tandem.skills.clock import clock
from tandem.skills.search import web_search
from tandem.skills.toolbox import Skill, Toolbox


class Greeting(BaseModel):
    """Whom to greet."""

    name: str = Field(min_length=1)
    times: int = 1


class Notes:
    """Takes down what was announced."""

    def __init__(self) -> None:
        self.called: list[ToolCalled] = []

    def __call__(self, event: object) -> None:
        assert isinstance(event, ToolCalled)
        self.called.append(event)


async def greet(arguments: Greeting) -> ToolResult:
    return ToolResult("hello " * arguments.times + arguments.name, (Source("https://example.com", "Greetings"),))


def toolbox(run: Callable[[Greeting], Awaitable[ToolResult]] = greet) -> tuple[Toolbox, Notes]:
    notes = Notes()
    skill = Skill("greet", "Greet somebody.", Greeting, run, deadline_ms=5_000)
    return Toolbox([skill], notes), notes


def call(arguments: str, name: str = "greet") -> ToolCall:
    return ToolCall("call-1", name, arguments)


async def outcome(run: Callable[[Greeting], Awaitable[ToolResult]]) -> tuple[ToolResult, ToolCalled]:
    box, notes = toolbox(run)
    result = await box.run(call('{"name": "Ann"}'))
    return result, notes.called[0]


def test_a_tool_is_declared_with_the_schema_of_its_arguments() -> None:
    (tool,) = toolbox()[0].tools
    assert (tool.name, tool.description) == ("greet", "Greet somebody.")
    assert tool.parameters["type"] == "object"
    assert tool.parameters["required"] == ["name"]
    assert json.dumps(tool.parameters)


def test_two_tools_of_one_name_are_refused() -> None:
    skill = Skill("greet", "", Greeting, greet)
    with pytest.raises(ValueError, match="one name"):
        Toolbox([skill, skill], Notes())


async def test_a_result_carries_text_and_sources() -> None:
    box, notes = toolbox()
    result = await box.run(call('{"name": "Ann", "times": 2}'))
    assert result == ToolResult("hello hello Ann", (Source("https://example.com", "Greetings"),))
    assert [(called.tool, called.outcome, called.error) for called in notes.called] == [("greet", ToolOutcome.DONE, "")]


@pytest.mark.parametrize("arguments", ["", "{}", "[]", "null", "{", '{"name": ""}', '{"name": 7}', "[" * 10_000])
async def test_bad_arguments_are_told_and_do_not_run_the_tool(arguments: str) -> None:
    async def run(_arguments: Greeting) -> ToolResult:
        raise AssertionError

    box, notes = toolbox(run)
    result = await box.run(call(arguments))
    assert result.text.startswith("The arguments of greet are wrong.")
    assert notes.called[0].outcome is ToolOutcome.BAD_ARGUMENTS


async def test_arguments_that_are_no_text_are_told() -> None:
    box, notes = toolbox()
    assert (await box.run(call('{"name": "\ud800"}'))).text
    assert notes.called[0].outcome is ToolOutcome.BAD_ARGUMENTS


async def test_a_complaint_about_arguments_does_not_repeat_them() -> None:
    box, _ = toolbox()
    result = await box.run(call('{"name": "Ann", "times": "a secret"}'))
    assert "times" in result.text
    assert "secret" not in result.text


async def test_an_unknown_tool_is_told_with_those_that_there_are() -> None:
    box, notes = toolbox()
    result = await box.run(call("{}", name="fly to the moon"))
    assert result.text == "There is no such tool. The tools are: greet."
    assert (notes.called[0].tool, notes.called[0].outcome) == ("", ToolOutcome.UNKNOWN_TOOL)
    assert "none" in (await Toolbox([], Notes()).run(call("{}"))).text


@pytest.mark.looptime
async def test_a_tool_that_takes_too_long_is_stopped() -> None:
    stopped = asyncio.Event()

    async def run(_arguments: Greeting) -> ToolResult:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ToolResult("")

    began = asyncio.get_running_loop().time()
    result, called = await outcome(run)
    assert asyncio.get_running_loop().time() - began == pytest.approx(5)
    assert stopped.is_set()
    assert result.text == "greet took too long and was stopped."
    assert called.outcome is ToolOutcome.TIMEOUT
    assert called.took_ms == pytest.approx(5_000)


@pytest.mark.parametrize(
    "error", [ValueError("a secret"), TimeoutError(), asyncio.CancelledError(), ExceptionGroup("", [OSError()])]
)
async def test_whatever_a_tool_raises_is_told_as_a_sentence(error: BaseException) -> None:
    async def run(_arguments: Greeting) -> ToolResult:
        raise error

    result, called = await outcome(run)
    assert result.text == "greet does not work right now."
    assert (called.outcome, called.error) == (ToolOutcome.FAILED, type(error).__name__)


async def test_a_tool_that_is_no_coroutine_and_raises_is_told_as_a_sentence() -> None:
    def run(_arguments: Greeting) -> Awaitable[ToolResult]:
        raise LookupError

    assert (await outcome(run))[1].error == "LookupError"


async def test_cancelling_the_caller_cancels_the_tool_and_is_not_swallowed() -> None:
    running, stopped = asyncio.Event(), asyncio.Event()

    async def run(_arguments: Greeting) -> ToolResult:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ToolResult("")

    box, notes = toolbox(run)
    caller = asyncio.ensure_future(box.run(call('{"name": "Ann"}')))
    await running.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert stopped.is_set()
    assert notes.called == []


async def test_a_very_long_result_is_cut() -> None:
    async def run(_arguments: Greeting) -> ToolResult:
        return ToolResult("long " * 100_000)

    assert len((await outcome(run))[0].text) == 6_000


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["query", "place", "expression"]) | st.text(), inner, max_size=3)
    ),
    max_leaves=10,
)
NOTES = Notes()
BOX = Toolbox(
    [web_search([], clock=FakeClock(), notify=NOTES), clock(lambda: datetime(2026, 11, 20, tzinfo=UTC)), calculator()],
    NOTES,
)
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # half surrogate pairs too


@given(
    st.sampled_from(["web_search", "clock", "calculator"]) | st.text(),
    JSON.map(json.dumps) | ANY_TEXT | ANY_TEXT.map(lambda text: json.dumps({"expression": text, "place": text})),
)
def test_no_arguments_break_the_toolbox(name: str, arguments: str) -> None:
    async def run() -> None:
        result = await BOX.run(ToolCall("call-1", name, arguments))
        assert result.text
        assert NOTES.called[-1].outcome in (ToolOutcome.DONE, ToolOutcome.BAD_ARGUMENTS, ToolOutcome.UNKNOWN_TOOL), (
            arguments
        )

    asyncio.run(run())
