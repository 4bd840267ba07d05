"""GroqChat over a real HTTP server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from openai_server import (
    WORDS,
    Behaviour,
    OpenAIServer,
    answering,
    hanging,
    openai_server,
    raw_frame,
    refusing_url,
    stalling,
    status,
)
from providers.openai.answers import OSLO, calling, held_open
from tandem.contracts.llm import PATIENCE_S, WITH_WEATHER, asking, calls_of, collect, text_of
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Completed, Delta, LlmOptions, Message, Role
from tandem.providers.groq.llm import GroqChat

QUESTION = asking("What is six times seven?")
SECRET = "gsk-quite-secret"


@asynccontextmanager
async def opened(server: OpenAIServer, stall_ms: float = 150) -> AsyncIterator[GroqChat]:
    async with GroqChat.open(
        base_url=server.origin, api_key=SECRET, model="m", first_token_ms=2_000, stall_ms=stall_ms
    ) as model:
        yield model


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as running:
        running.behave = answering(usage="x_groq")
        yield running


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[GroqChat]:
    async with opened(server) as model:
        yield model


async def fault_of(model: GroqChat, server: OpenAIServer, behave: Behaviour) -> ProviderError:
    server.behave = behave
    with pytest.raises(ProviderError) as caught:
        await collect(model, QUESTION)
    return caught.value


async def test_the_request_carries_conversation_model_limit_and_key(server: OpenAIServer, model: GroqChat) -> None:
    assert text_of(await collect(model, QUESTION)) == "".join(WORDS)
    assert server.paths == ["/openai/v1/chat/completions"]
    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"
    assert server.bodies == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": QUESTION[0].text},
                {"role": "user", "content": QUESTION[1].text},
            ],
            "max_completion_tokens": LlmOptions().max_tokens,
            "stream": True,
        }
    ]


@pytest.mark.parametrize(
    ("usage", "end"),
    [
        ("x_groq", Completed("stop", 7, 6)),
        ("with", Completed("stop", 7, 6)),
        ("bare", Completed("stop", 7, 6)),
        ("none", Completed("stop")),
    ],
)
async def test_token_counts_are_taken_wherever_they_are(
    server: OpenAIServer, model: GroqChat, usage: str, end: Completed
) -> None:
    server.behave = answering(usage=usage)
    assert (await collect(model, QUESTION))[-1] == end


@pytest.mark.parametrize("usage", ["x_groq", "none"])
async def test_a_body_that_is_held_open_after_the_last_word_delays_nothing(server: OpenAIServer, usage: str) -> None:
    server.behave = held_open(usage=usage)
    async with opened(server, stall_ms=60_000) as model:
        assert text_of(await collect(model, QUESTION)) == "".join(WORDS)


async def test_a_reply_that_is_only_calls_is_not_empty(server: OpenAIServer, model: GroqChat) -> None:
    server.behave = calling(OSLO, usage="x_groq")
    reply = await collect(model, QUESTION, WITH_WEATHER)
    assert [call.arguments for call in calls_of(reply)] == [OSLO[1]]
    assert reply[-1] == Completed("tool_calls", 7, 6)


async def test_capacity_that_is_spent_is_no_fault_of_the_request(server: OpenAIServer, model: GroqChat) -> None:
    assert (await fault_of(model, server, status(498))).fault is Fault.UNAVAILABLE


async def test_a_call_that_the_model_could_not_write_is_malformed(server: OpenAIServer, model: GroqChat) -> None:
    error = {"message": "m", "type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": "words"}
    assert (await fault_of(model, server, status(400, error=error))).fault is Fault.MALFORMED


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        ({"error": {"message": "m", "type": "internal_server_error"}}, Fault.UNAVAILABLE),
        ({"error": {"message": "m", "code": "rate_limit_exceeded"}}, Fault.RATE_LIMITED),
        ({"choices": [], "x_groq": {"id": "r", "error": "over capacity"}}, Fault.CUT),
        ("{cut of", Fault.MALFORMED),
        ({"choices": [{}]}, Fault.MALFORMED),
        ({"id": "c1", "object": "chat.completion.chunk"}, Fault.MALFORMED),
    ],
)
@pytest.mark.parametrize("after", [(), WORDS[:2]])
async def test_a_frame_that_is_an_error_or_unreadable_is_told_by_its_fault(
    server: OpenAIServer, model: GroqChat, frame: object, fault: Fault, after: tuple[str, ...]
) -> None:
    assert (await fault_of(model, server, raw_frame(frame, after=after))).fault is fault


@pytest.mark.parametrize("code", [400, 401, 402, 429, 500])
async def test_no_error_shows_the_key_or_what_was_said(server: OpenAIServer, model: GroqChat, code: int) -> None:
    leak = {"message": f"bad key {SECRET} for six times seven", "type": SECRET, "code": f"six {SECRET}"}
    for behave in (status(code, "retry-after: 2", error=leak), raw_frame({"error": leak})):
        error = await fault_of(model, server, behave)
        assert SECRET not in repr(error)
        assert "seven" not in repr(error)


async def test_a_rate_limit_tells_when_to_come_again(server: OpenAIServer, model: GroqChat) -> None:
    error = await fault_of(model, server, status(429, "retry-after: 2"))
    assert error.fault is Fault.RATE_LIMITED
    assert error.retry_after_ms == 2_000
    assert len(server.bodies) == 1, "the SDK tried again by itself"


@pytest.mark.parametrize("words", [WORDS, WORDS[2:], (" ", *WORDS[2:])])
async def test_a_begun_reply_is_sent_and_what_comes_is_given_out_as_it_came(
    server: OpenAIServer, model: GroqChat, words: tuple[str, ...]
) -> None:
    server.behave = answering(words)
    reply = await collect(model, [*QUESTION, Message(Role.ASSISTANT, "Six times")])
    assert [piece.text for piece in reply if isinstance(piece, Delta)] == list(words)
    assert server.bodies[0]["messages"][-1] == {"role": "assistant", "content": "Six times"}


@pytest.mark.parametrize("words", [(), WORDS])
@pytest.mark.parametrize("begun", [(), (Message(Role.ASSISTANT, "Six times"),)])
async def test_a_reply_that_a_filter_ended_is_invalid(
    server: OpenAIServer, model: GroqChat, words: tuple[str, ...], begun: tuple[Message, ...]
) -> None:
    server.behave = answering(words, finish="content_filter")
    with pytest.raises(ProviderError) as caught:
        await collect(model, [*QUESTION, *begun])
    assert caught.value.fault is Fault.INVALID


async def test_a_begun_reply_with_nothing_left_to_say_just_ends(server: OpenAIServer, model: GroqChat) -> None:
    server.behave = answering((), usage="x_groq")
    assert await collect(model, [*QUESTION, Message(Role.ASSISTANT, "Forty two.")]) == [Completed("stop", 7, 6)]


async def test_replies_in_turn_share_the_connection_that_was_opened_at_the_start(
    server: OpenAIServer, model: GroqChat
) -> None:
    for _ in range(3):
        await collect(model, QUESTION)
    assert server.connections == 1


async def test_a_server_that_is_down_at_the_start_is_refused_until_it_is_up() -> None:
    url = refusing_url().removesuffix("/v1")
    async with GroqChat.open(base_url=url, api_key="k") as model:
        with pytest.raises(ProviderError) as caught:
            await collect(model, QUESTION)
        assert caught.value.fault is Fault.REFUSED
        async with openai_server(port=int(url.rpartition(":")[2])):
            assert text_of(await collect(model, QUESTION)) == "".join(WORDS)


@pytest.mark.parametrize("behave", [hanging, stalling])
async def test_cancelling_a_reader_drops_the_connection_within_50_ms(server: OpenAIServer, behave: Behaviour) -> None:
    server.behave = behave
    async with opened(server, stall_ms=60_000) as model:
        reader = asyncio.create_task(collect(model, QUESTION))
        async with asyncio.timeout(PATIENCE_S):
            await server.asked.wait()
        reader.cancel()
        async with asyncio.timeout(0.050):
            await server.hung_up.wait()
        assert (await asyncio.gather(reader, return_exceptions=True))[0].__class__ is asyncio.CancelledError
