"""OpenAIChat over a real HTTP server on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from openai_server import (
    WORDS,
    Behaviour,
    Exchange,
    OpenAIServer,
    answering,
    chunk,
    cutting,
    hanging,
    openai_server,
    raw_frame,
    refusing_url,
    stalling,
    status,
)
from providers.openai.answers import held_open, slow
from tandem.contracts.llm import PATIENCE_S, asking, collect, text_of
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Completed, Delta, LlmOptions, Message, Role
from tandem.providers.openai.llm import OpenAIChat

QUESTION = asking("What is six times seven?")
SECRET = "sk-quite-secret"


@asynccontextmanager
async def opened(server: OpenAIServer, api_key: str | None = None, stall_ms: float = 150) -> AsyncIterator[OpenAIChat]:
    async with OpenAIChat.open(
        name="openai-compatible",
        base_url=server.url,
        model="m",
        api_key=api_key,
        first_token_ms=2_000,
        stall_ms=stall_ms,
    ) as model:
        yield model


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as running:
        yield running


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[OpenAIChat]:
    async with opened(server) as model:
        yield model


async def fault_of(model: OpenAIChat, server: OpenAIServer, behave: Behaviour) -> ProviderError:
    server.behave = behave
    with pytest.raises(ProviderError) as caught:
        await collect(model, QUESTION)
    return caught.value


async def test_the_request_carries_conversation_model_and_limit(server: OpenAIServer, model: OpenAIChat) -> None:
    assert text_of(await collect(model, QUESTION)) == "".join(WORDS)
    assert server.bodies == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": QUESTION[0].text},
                {"role": "user", "content": QUESTION[1].text},
            ],
            "max_tokens": LlmOptions().max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


async def test_the_key_is_sent_and_a_server_without_keys_gets_a_placeholder(server: OpenAIServer) -> None:
    for key, sent in ((SECRET, SECRET), (None, "none"), ("", "none")):
        async with opened(server, key) as model:
            await collect(model, QUESTION)
        assert server.headers[-1]["authorization"] == f"Bearer {sent}"


@pytest.mark.parametrize(
    ("usage", "end"),
    [("bare", Completed("stop", 7, 6)), ("with", Completed("stop", 7, 6)), ("none", Completed("stop"))],
)
async def test_token_counts_are_taken_where_a_server_gives_them(
    server: OpenAIServer, model: OpenAIChat, usage: str, end: Completed
) -> None:
    server.behave = answering(usage=usage)
    assert (await collect(model, QUESTION))[-1] == end


async def test_a_reply_that_hit_its_limit_says_so(server: OpenAIServer, model: OpenAIChat) -> None:
    server.behave = answering(finish="length")
    assert (await collect(model, QUESTION))[-1] == Completed("length", 7, 6)


async def test_a_server_that_is_down_at_the_start_is_used_once_it_is_up() -> None:
    url = refusing_url()
    async with OpenAIChat.open(name="openai-compatible", base_url=url, model="m") as model:
        with pytest.raises(ProviderError) as caught:
            await collect(model, QUESTION)
        assert caught.value.fault is Fault.REFUSED
        async with openai_server(port=int(url.split(":")[2].partition("/")[0])):
            assert text_of(await collect(model, QUESTION)) == "".join(WORDS)


async def test_replies_in_turn_share_the_connection_that_was_opened_at_the_start(
    server: OpenAIServer, model: OpenAIChat
) -> None:
    for _ in range(3):
        await collect(model, QUESTION)
    assert server.connections == 1


async def test_a_first_word_that_comes_within_its_time_is_waited_for(server: OpenAIServer, model: OpenAIChat) -> None:
    gate = asyncio.Event()
    server.behave = slow(gate)
    async with asyncio.TaskGroup() as tasks:
        reply = tasks.create_task(collect(model, QUESTION))
        await server.asked.wait()
        gate.set()
    assert text_of(reply.result()) == "".join(WORDS)


async def test_a_slow_reader_is_not_taken_for_a_stalled_server(server: OpenAIServer) -> None:
    async with opened(server, stall_ms=50) as model, aclosing(model.complete(QUESTION, LlmOptions())) as reply:
        read = [await anext(reply)]
        until = time.perf_counter() + 0.100
        while time.perf_counter() < until:
            pass  # the whole process is busy for longer than a server may be silent
        read += [piece async for piece in reply]
    assert isinstance(read[-1], Completed)


async def test_words_before_a_cut_are_given_out_and_then_the_fault(server: OpenAIServer, model: OpenAIChat) -> None:
    server.behave = cutting
    async with aclosing(model.complete(QUESTION, LlmOptions())) as reply:
        assert [await anext(reply), await anext(reply)] == [Delta(WORDS[0]), Delta(WORDS[1])]
        with pytest.raises(ProviderError) as caught:
            await anext(reply)
    assert caught.value.fault is Fault.CUT


async def test_a_server_that_holds_the_stream_open_after_the_last_word_delays_nothing(server: OpenAIServer) -> None:
    async with opened(server, stall_ms=60_000) as model:
        server.behave = held_open()
        reply = await collect(model, QUESTION)
    assert text_of(reply) == "".join(WORDS)
    assert reply[-1] == Completed("stop")


async def test_a_character_cut_in_two_on_the_wire_is_whole_in_the_reply(
    server: OpenAIServer, model: OpenAIChat
) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        frame = 'data: {"choices":[{"index":0,"delta":{"content":"naïve 🙂"},"finish_reason":"stop"}]}\n\n'.encode()
        for at in range(len(frame)):
            await exchange.piece(frame[at : at + 1])
        await exchange.piece(b"")

    server.behave = behave
    assert text_of(await collect(model, QUESTION)) == "naïve 🙂"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 429, 500, 503])
async def test_no_error_shows_the_key_or_what_was_said(server: OpenAIServer, code: int) -> None:
    leak = {"message": f"bad key {SECRET} for six times seven", "type": SECRET, "code": f"six {SECRET}"}
    async with opened(server, SECRET) as model:
        error = await fault_of(model, server, status(code, error=leak))
        assert str(code) in error.detail
        for told in (str(error), error.detail, repr(error)):
            assert SECRET not in told
            assert "seven" not in told
        framed = await fault_of(model, server, raw_frame({"error": leak}))
        assert SECRET not in str(framed)


@pytest.mark.parametrize("header", ["retry-after: 2", "retry-after-ms: 2000"])
async def test_a_rate_limit_tells_when_to_come_again(server: OpenAIServer, model: OpenAIChat, header: str) -> None:
    error = await fault_of(model, server, status(429, header))
    assert error.fault is Fault.RATE_LIMITED
    assert error.retry_after_ms == 2_000
    assert len(server.bodies) == 1, "the SDK tried again by itself"


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        ({"error": {"message": "m", "type": "server_error", "code": None}}, Fault.UNAVAILABLE),
        ({"error": {"message": "m", "code": "rate_limit_exceeded"}}, Fault.RATE_LIMITED),
        ({"error": {"message": "m", "code": 503}}, Fault.UNAVAILABLE),
        ({"error": "a plain sentence"}, Fault.MALFORMED),
        ("{cut of", Fault.MALFORMED),
        ("5", Fault.MALFORMED),
        ("null", Fault.MALFORMED),
        ("[1]", Fault.MALFORMED),
        ({"choices": "x"}, Fault.MALFORMED),
        ({"choices": [{}]}, Fault.MALFORMED),
        ({"id": "c1", "object": "chat.completion.chunk"}, Fault.MALFORMED),
        ({"choices": [{"index": 0, "delta": None}]}, Fault.MALFORMED),
        (chunk(content=5), Fault.MALFORMED),
    ],
)
@pytest.mark.parametrize("after", [(), WORDS[:2]])
async def test_a_frame_that_is_an_error_or_unreadable_is_told_by_its_fault(
    server: OpenAIServer, model: OpenAIChat, frame: object, fault: Fault, after: tuple[str, ...]
) -> None:
    assert (await fault_of(model, server, raw_frame(frame, after=after))).fault is fault


async def test_an_answer_that_is_no_stream_is_cut(server: OpenAIServer, model: OpenAIChat) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.head(content_type="text/html")
        await exchange.piece(b"<html>a page</html>")
        await exchange.piece(b"")

    assert (await fault_of(model, server, behave)).fault is Fault.CUT


@pytest.mark.parametrize(
    ("code", "error", "fault"),
    [
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, Fault.REJECTED),
        (400, {"code": "content_filter"}, Fault.INVALID),
        (400, {"code": None, "details": [{"reason": "API_KEY_INVALID"}]}, Fault.REJECTED),
        (413, {"code": None}, Fault.INVALID),
    ],
)
async def test_a_refusal_is_told_by_what_its_body_says(
    server: OpenAIServer, model: OpenAIChat, code: int, error: dict[str, object], fault: Fault
) -> None:
    assert (await fault_of(model, server, status(code, error=error))).fault is fault


async def test_a_reply_of_white_space_is_empty(server: OpenAIServer, model: OpenAIChat) -> None:
    assert (await fault_of(model, server, answering([" ", "\n"]))).fault is Fault.EMPTY


@pytest.mark.parametrize("words", [WORDS, WORDS[2:], (" ", *WORDS[2:])])
async def test_a_begun_reply_is_sent_and_what_comes_is_given_out_as_it_came(
    server: OpenAIServer, model: OpenAIChat, words: tuple[str, ...]
) -> None:
    server.behave = answering(words)
    reply = await collect(model, [*QUESTION, Message(Role.ASSISTANT, "Six times")])
    assert [piece.text for piece in reply if isinstance(piece, Delta)] == list(words)
    assert server.bodies[0]["messages"][-1] == {"role": "assistant", "content": "Six times"}


@pytest.mark.parametrize("words", [(), WORDS])
@pytest.mark.parametrize("begun", [(), (Message(Role.ASSISTANT, "Six times"),)])
async def test_a_reply_that_a_filter_ended_is_invalid(
    server: OpenAIServer, model: OpenAIChat, words: tuple[str, ...], begun: tuple[Message, ...]
) -> None:
    server.behave = answering(words, finish="content_filter")
    with pytest.raises(ProviderError) as caught:
        await collect(model, [*QUESTION, *begun])
    assert caught.value.fault is Fault.INVALID


async def test_a_begun_reply_with_nothing_left_to_say_just_ends(server: OpenAIServer, model: OpenAIChat) -> None:
    server.behave = answering(())
    assert await collect(model, [*QUESTION, Message(Role.ASSISTANT, "Forty two.")]) == [Completed("stop", 7, 6)]


async def hung_up(server: OpenAIServer) -> None:
    async with asyncio.timeout(0.050):
        await server.hung_up.wait()


async def test_closing_a_reply_drops_the_connection_within_50_ms(server: OpenAIServer, model: OpenAIChat) -> None:
    server.behave = stalling
    reply = model.complete(QUESTION, LlmOptions())
    await anext(reply)
    await reply.aclose()
    await hung_up(server)


@pytest.mark.parametrize("behave", [hanging, stalling])
async def test_cancelling_a_reader_drops_the_connection_within_50_ms(server: OpenAIServer, behave: Behaviour) -> None:
    server.behave = behave
    async with opened(server, stall_ms=60_000) as model:
        reader = asyncio.create_task(collect(model, QUESTION))
        async with asyncio.timeout(PATIENCE_S):
            await server.asked.wait()
        reader.cancel()
        await hung_up(server)
        assert (await asyncio.gather(reader, return_exceptions=True))[0].__class__ is asyncio.CancelledError
