"""What every language model of Tandem must do; a provider's test subclasses these suites and gives the fixtures."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing

import pytest

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import (
    Completed,
    Delta,
    LanguageModel,
    LlmOptions,
    Message,
    ModelOutput,
    Role,
    Tool,
    ToolCall,
)
from tandem.core.seam import Seam, WholeWords

PATIENCE_S = 5.0  # a test's own deadline; it is far above what any provider may take
CANCELLED_WITHIN_S = 0.050  # the quickest of several tries: a busy machine delays one or the other
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WITH_WEATHER = LlmOptions(tools=(Tool("weather", "Tells how the weather is in a city.", CITY),))


def asking(text: str) -> list[Message]:
    return [Message(Role.SYSTEM, "You are heard, not read: be brief."), Message(Role.USER, text)]


async def collect(
    model: LanguageModel, messages: Sequence[Message], options: LlmOptions | None = None
) -> list[ModelOutput]:
    """Return the whole reply of `model`."""
    async with asyncio.timeout(PATIENCE_S), aclosing(model.complete(messages, options or LlmOptions())) as reply:
        return [piece async for piece in reply]


def calls_of(reply: Sequence[ModelOutput]) -> list[ToolCall]:
    return [piece for piece in reply if isinstance(piece, ToolCall)]


def text_of(reply: Sequence[ModelOutput]) -> str:
    return "".join(piece.text for piece in reply if isinstance(piece, Delta))


def joined(begun: str, reply: Sequence[ModelOutput]) -> str:
    """Return what was `begun` with what `reply` adds to it, as a call joins them."""
    words, seam = WholeWords(), Seam(begun)
    added = [seam.feed(words.feed(piece.text)) for piece in reply if isinstance(piece, Delta)]
    return "".join([begun, *added, seam.feed(words.flush()), seam.flush()])


@pytest.mark.asyncio(loop_scope="function")
class LlmContract:
    """The behaviour of a model that is well; `model` must answer "what is six times seven" with several words.

    One that calls tools must call the tool "weather" when it is asked how the weather is in Oslo. One that calls
    none says so with `calls_tools`, and must answer in words whatever it is offered. With None it may do either, and
    spread two calls over two replies.
    """

    calls_tools: bool | None = True
    repeats_itself: bool = False  # what it answers to a question, and ends a begun answer with, is always the same

    @pytest.fixture
    def model(self) -> LanguageModel:
        raise NotImplementedError

    async def test_a_reply_is_some_deltas_and_then_one_completed(self, model: LanguageModel) -> None:
        reply = await collect(model, asking("What is six times seven?"))
        assert len(reply) > 2
        assert all(isinstance(piece, Delta) for piece in reply[:-1])
        assert isinstance(reply[-1], Completed)
        assert reply[-1].reason

    async def test_no_delta_is_empty(self, model: LanguageModel) -> None:
        reply = await collect(model, asking("What is six times seven?"))
        assert all(piece.text for piece in reply if isinstance(piece, Delta))

    async def test_a_model_has_a_name(self, model: LanguageModel) -> None:
        assert model.name
        assert model.name == model.name.strip().lower()

    @pytest.mark.parametrize(
        "messages",
        [[], asking(""), asking(" \n\t "), asking("?")[:1]],
        ids=["no message", "an empty message", "white space", "nothing but instructions"],
    )
    async def test_a_conversation_without_a_word_ends_properly_or_as_a_fault(
        self, model: LanguageModel, messages: list[Message]
    ) -> None:
        ends: list[ModelOutput | Fault] = []
        try:
            ends += await collect(model, messages)
        except ProviderError as error:
            ends.append(error.fault)
        assert isinstance(ends[-1], Completed | Fault)

    @pytest.mark.parametrize(
        "text",
        ["¿Cuántos años tienes?", "今何時ですか", "🙂🙃", "a\u0301\u200b\x00b", "مرحبا"],
        ids=["Spanish", "Japanese", "emoji", "invisible characters", "Arabic"],
    )
    async def test_any_script_is_taken(self, model: LanguageModel, text: str) -> None:
        reply = await collect(model, asking(text))
        assert isinstance(reply[-1], Completed)
        assert text_of(reply).strip()

    async def test_a_long_message_is_answered(self, model: LanguageModel) -> None:
        reply = await collect(model, asking("and then it went on " * 3300))
        assert isinstance(reply[-1], Completed)

    async def test_twenty_calls_at_once_are_answered_each(self, model: LanguageModel) -> None:
        async with asyncio.TaskGroup() as calls:
            replies = [calls.create_task(collect(model, asking("What is six times seven?"))) for _ in range(20)]
        assert all(isinstance(reply.result()[-1], Completed) for reply in replies)
        assert all(text_of(reply.result()).strip() for reply in replies)

    @pytest.mark.parametrize("space", ["", " "], ids=["cut behind a word", "cut behind a space"])
    async def test_a_begun_reply_is_continued_and_nothing_is_said_twice(self, model: LanguageModel, space: str) -> None:
        question = asking("What is six times seven?")
        whole = text_of(await collect(model, question))
        begun = " ".join(whole.split()[:3]) + space
        reply = await collect(model, [*question, Message(Role.ASSISTANT, begun)])
        assert isinstance(reply[-1], Completed)
        told = joined(begun, reply)
        assert not told.removeprefix(begun).lstrip().startswith(begun.strip())
        if self.repeats_itself:
            assert told.split() == whole.split()

    async def test_a_begun_reply_with_nothing_left_to_say_ends_properly(self, model: LanguageModel) -> None:
        question = asking("What is six times seven?")
        whole = text_of(await collect(model, question))
        reply = await collect(model, [*question, Message(Role.ASSISTANT, whole)])
        assert isinstance(reply[-1], Completed)
        if self.repeats_itself:
            assert joined(whole, reply) == whole

    async def test_a_tool_that_is_not_needed_is_not_called(self, model: LanguageModel) -> None:
        reply = await collect(model, asking("What is six times seven?"), WITH_WEATHER)
        assert text_of(reply).strip()
        assert calls_of(reply) == []

    async def test_a_tool_that_is_needed_is_called_whole_before_the_end(self, model: LanguageModel) -> None:
        reply = await collect(model, asking("How is the weather in Oslo?"), WITH_WEATHER)
        assert isinstance(reply[-1], Completed)
        if not (bool(calls_of(reply)) if self.calls_tools is None else self.calls_tools):
            assert calls_of(reply) == []
            assert text_of(reply).strip()
            return
        (call,) = calls_of(reply)
        assert reply[-2] is call
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Oslo"})
        assert call.id

    async def test_two_calls_of_one_reply_are_told_apart(self, model: LanguageModel) -> None:
        calls = calls_of(await collect(model, asking("How is the weather in Oslo and in Rome?"), WITH_WEATHER))
        cities = [json.loads(call.arguments)["city"] for call in calls]
        if self.calls_tools is None:
            assert set(cities) <= {"Oslo", "Rome"}
        else:
            assert cities == (["Oslo", "Rome"] if self.calls_tools else [])
        assert len({call.id for call in calls}) == len(calls)

    async def test_without_tools_none_is_called(self, model: LanguageModel) -> None:
        reply = await collect(model, asking("How is the weather in Oslo?"))
        assert calls_of(reply) == []
        assert text_of(reply).strip()

    async def test_the_result_of_a_call_is_answered_in_words(self, model: LanguageModel) -> None:
        call = ToolCall("call-1", "weather", '{"city": "Oslo"}')
        told = [
            *asking("How is the weather in Oslo?"),
            Message(Role.ASSISTANT, "", calls=(call,)),
            Message(Role.TOOL, "Rain, four degrees.", call_id="call-1"),
        ]
        reply = await collect(model, told, WITH_WEATHER)
        assert text_of(reply).strip()
        assert isinstance(reply[-1], Completed)

    async def test_closing_a_reply_early_returns_within_50_ms(self, model: LanguageModel) -> None:
        took = []
        for _ in range(5):
            reply = model.complete(asking("What is six times seven?"), LlmOptions())
            await anext(reply)
            began = time.perf_counter()
            await reply.aclose()
            took.append(time.perf_counter() - began)
        assert min(took) < CANCELLED_WITHIN_S

    async def test_a_cancelled_reader_ends_within_50_ms_and_the_model_goes_on_to_serve(
        self, model: LanguageModel
    ) -> None:
        took = []
        for _ in range(5):
            begun = asyncio.Event()
            reader = asyncio.create_task(_read_for_ever(model, begun))
            async with asyncio.timeout(PATIENCE_S):
                await begun.wait()
            began = time.perf_counter()
            reader.cancel()
            await asyncio.wait([reader], timeout=PATIENCE_S)
            took.append(time.perf_counter() - began)
            assert reader.cancelled()
        assert min(took) < CANCELLED_WITHIN_S
        assert isinstance((await collect(model, asking("What is six times seven?")))[-1], Completed)


async def _read_for_ever(model: LanguageModel, begun: asyncio.Event) -> None:
    while True:
        reply: AsyncGenerator[ModelOutput, None] = model.complete(asking("Hello"), LlmOptions())
        async with aclosing(reply):
            async for _ in reply:
                begun.set()


# How a server can fail, and the Fault that a provider must make of it.
FAULTS = {
    "refused": Fault.REFUSED,
    "hangs": Fault.TIMEOUT,
    "silent after headers": Fault.TIMEOUT,
    "reset": Fault.CUT,
    "stalls": Fault.STALLED,
    "cut": Fault.CUT,
    "ends early": Fault.CUT,
    "key refused": Fault.REJECTED,
    "bad request": Fault.INVALID,
    "rate limited": Fault.RATE_LIMITED,
    "internal error": Fault.UNAVAILABLE,
    "unreadable": Fault.MALFORMED,
    "empty": Fault.EMPTY,
    "call cut in half": Fault.CUT,
    "call without its end": Fault.CUT,
    "call that stalls": Fault.STALLED,
    "call of half its arguments": Fault.MALFORMED,
    "call of a list": Fault.MALFORMED,
    "call of another tool": Fault.MALFORMED,
}
OpenFaulty = Callable[[str], AbstractAsyncContextManager[LanguageModel]]


@pytest.mark.asyncio(loop_scope="function")
class LlmFaultContract:
    """The faults of a model behind a wire; `open_faulty` opens one whose server fails as FAULTS names it."""

    @pytest.fixture
    def open_faulty(self) -> OpenFaulty:
        raise NotImplementedError

    @pytest.mark.parametrize(("failing", "fault"), FAULTS.items(), ids=FAULTS)
    async def test_a_failing_server_is_told_by_its_fault_in_bounded_time(
        self, open_faulty: OpenFaulty, failing: str, fault: Fault
    ) -> None:
        came: list[ModelOutput] = []
        async with open_faulty(failing) as model:
            with pytest.raises(ProviderError) as caught:
                async with (
                    asyncio.timeout(PATIENCE_S),
                    aclosing(model.complete(asking("What is six times seven?"), WITH_WEATHER)) as reply,
                ):
                    async for piece in reply:
                        came.append(piece)  # noqa: PERF401 - a comprehension would lose it with the fault
        assert calls_of(came) == []
        assert caught.value.fault is fault
        assert caught.value.provider == model.name
        assert caught.value.detail
        assert "seven" not in caught.value.detail
