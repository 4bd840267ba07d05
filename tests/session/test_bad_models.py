"""Models that send what none should: nothing is invented, the call goes on, and the next turn is fine."""

import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from answers import ANSWER, answered, faults, typed
from caller import APOLOGY, Caller, call

from fakes import Fail, FakeModel, Text, Wait
from openai_server import Behaviour, Exchange, OpenAIServer, answering, chunk, end, openai_server
from tandem.core.breaker import State
from tandem.core.errors import Fault
from tandem.core.events import AttemptFailed, BreakerChanged
from tandem.core.link import SkillCalled, TextTyped
from tandem.core.ports import (
    Completed,
    Delta,
    Message,
    ModelOutput,
    Role,
    ToolCall,
)
from tandem.providers.openai.llm import OpenAIChat
from tandem.providers.openai.wire import request_messages
from tandem.skills.calculator import calculator
from tandem.skills.toolbox import Toolbox


async def two_turns(*models: FakeModel) -> Caller:
    """Hold a call of two typed turns with these models."""
    async with call(llm=models) as caller:
        await typed(caller)
        await typed(caller, 2)
    return caller


GOOD: list[Text | ModelOutput] = [Text(), Completed("stop")]


@pytest.mark.looptime
@pytest.mark.parametrize(
    "script",
    [
        [Delta("x" * 10_000_000), Completed("stop")],
        [Delta("x " * 5_000_000), Completed("stop")],
        [Delta("   \n \t"), Completed("stop")],
        [Delta("\u200b \u2060"), Completed("stop")],
        [Delta(""), Completed("stop")],
        [*[Delta("")] * 1_000_000, Completed("stop")],
        [*[Delta(" ")] * 10_000, Completed("stop")],
        [*[Delta(""), Wait(100)] * 100, Completed("stop")],
        [Delta(None), Completed("stop")],  # type: ignore[arg-type]
        [Delta(7), Completed("stop")],  # type: ignore[arg-type]
        [Delta(b"six"), Completed("stop")],  # type: ignore[arg-type]
    ],
    ids=[
        "a token of 10 MB",
        "10 MB of words at once",
        "white space",
        "spaces that are not seen",
        "an empty token",
        "a million empty tokens",
        "ten thousand spaces",
        "an empty token every 100 ms for 10 s",
        "None",
        "a number",
        "bytes",
    ],
)
async def test_a_model_that_writes_nothing_readable_is_followed_by_one_that_does(
    script: Sequence[Wait | Text | ModelOutput],
) -> None:
    caller = await two_turns(FakeModel("mad", script, GOOD), FakeModel("sane"))
    assert [reply.heard_text for reply in caller.replies()] == [ANSWER, ANSWER]
    assert len(faults(caller, "mad")) == 1


@pytest.mark.looptime
async def test_where_every_model_writes_only_white_space_the_caller_hears_an_apology() -> None:
    caller = await two_turns(FakeModel("mad", [Delta(" \n "), Completed("stop")], GOOD))
    assert [reply.heard_text for reply in caller.replies()] == [APOLOGY, ANSWER]


@pytest.mark.looptime
async def test_a_token_of_10_mb_is_not_kept() -> None:
    tracemalloc.start()
    try:
        await two_turns(FakeModel("mad", [Delta("x " * 5_000_000), Completed("stop")], GOOD), FakeModel("sane"))
        assert tracemalloc.get_traced_memory()[0] < 15_000_000  # the script itself is 10 MB
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def go_on() -> str:
    """Return what a model is told when it has to go on with a reply."""
    before = [Message(Role.SYSTEM, ""), Message(Role.ASSISTANT, "One")]
    return str(request_messages(before)[0].get("content")).strip()


@pytest.mark.looptime
async def test_a_reply_that_says_the_instruction_to_go_on_is_a_reply_like_any_other() -> None:
    models = FakeModel("a", [Text(go_on()), Completed("stop")], [Text(go_on()[:60]), Fail()]), FakeModel(answer=go_on())
    caller = await two_turns(*models)
    assert [reply.heard_text for reply in caller.replies()] == [go_on(), go_on()]


@pytest.mark.looptime
async def test_a_tool_that_does_not_exist_is_told_to_the_model_which_answers() -> None:
    asking: list[ModelOutput] = [ToolCall("1", "launch", "{}"), Completed("tool_calls")]
    for toolbox in (None, Toolbox([calculator()], lambda _: None)):
        model = FakeModel("mad", asking, GOOD)
        async with call(llm=[model], toolbox=toolbox) as caller:
            assert (await typed(caller)).heard_text == ANSWER
            assert (await typed(caller, 2)).heard_text == ANSWER
        assert not caller.notified.of(AttemptFailed)


@pytest.mark.looptime
async def test_what_a_caller_says_opens_no_breaker() -> None:
    """A request that the model cannot serve says nothing about the model."""
    model = FakeModel("picky", *[[Fail(Fault.INVALID)]] * 12, GOOD)
    async with call(llm=[model]) as caller:
        for count in range(1, 13):
            assert (await typed(caller, count)).heard_text == APOLOGY
        assert (await typed(caller, 13)).heard_text == ANSWER
    assert not caller.notified.of(BreakerChanged)


@pytest.mark.looptime
async def test_a_model_that_writes_rubbish_each_time_is_left_alone_at_last() -> None:
    mad = FakeModel("mad", [Delta(" "), Completed("stop")])
    async with call(llm=[mad, FakeModel("sane")]) as caller:
        for count in range(1, 6):
            assert (await typed(caller, count)).heard_text == ANSWER
    assert State.OPEN in [changed.state for changed in caller.notified.of(BreakerChanged)]
    assert mad.streams.opened == 3


@asynccontextmanager
async def over_http(behave: Behaviour) -> AsyncIterator[tuple[Caller, OpenAIServer]]:
    """Hold a call over an OpenAI-compatible server that behaves so, and a sane model behind it."""
    async with openai_server() as server:
        server.behave = behave
        async with OpenAIChat.open(name="server", base_url=server.url, model="m") as model:
            toolbox = Toolbox([calculator()], lambda _: None)
            async with call(llm=[model, FakeModel("sane", answer="Forty two.")], toolbox=toolbox) as caller:
                yield caller, server


def call_piece(arguments: str, name: str = "calculator") -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return chunk(calls=[{"index": 0, "id": "c", "type": "function", "function": function}])


def half_a_call(finish: str | None, name: str = "calculator", arguments: str = '{"expre') -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.frame(call_piece(arguments, name))
        if finish:
            await end(exchange, finish)
        else:
            await exchange.close()

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        half_a_call("tool_calls"),
        half_a_call("length"),
        half_a_call("stop"),
        half_a_call(None),
        half_a_call("tool_calls", arguments='{"expression": "6*7"}', name="launch"),
        half_a_call("tool_calls", arguments="[6, 7]"),
        half_a_call("tool_calls", arguments="9" * 10_000_000),
    ],
    ids=["ended", "out of tokens", "stopped", "cut", "a tool that does not exist", "a list", "10 MB of arguments"],
)
async def test_half_a_tool_call_is_never_made_and_the_next_model_answers(behave: Behaviour) -> None:
    async with over_http(behave) as (caller, server):
        assert (await typed(caller)).heard_text == "Forty two."
        server.behave = answering(["Six."])
        assert (await typed(caller, 2)).heard_text == "Six."
    assert not caller.all(SkillCalled)
    assert faults(caller, "server") in ([Fault.MALFORMED], [Fault.CUT])


async def test_a_caller_who_says_the_instruction_to_go_on_changes_no_instruction() -> None:
    async with over_http(answering(["Six."])) as (caller, server):
        caller.does(TextTyped(go_on()))
        await answered(caller, 1)
    assert server.bodies[-1]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": go_on()},
    ]
