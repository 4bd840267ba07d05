"""OpenAI and Groq as simulated, asked by the vendors' own SDKs."""

import json
from typing import Any

import groq
import openai
import pytest

from simulator import Simulator
from tandem.simulator.faults import HEADER, Fault, Kind

_TOOL: Any = {
    "type": "function",
    "function": {"name": "web_search", "parameters": {"type": "object", "properties": {}}},
}
_PATIENCE_S = 5.0
_LITTLE_PATIENCE_S = 0.3  # for what never comes
_COUNT: Any = [{"role": "user", "content": "count to 5"}]


async def _words(client: openai.AsyncOpenAI, fault: str = "", said: list[str] | None = None) -> list[str]:
    """Return the words of an answer; `said` has them even if it ends in an error."""
    said = [] if said is None else said
    stream = await client.chat.completions.create(
        model="m",
        messages=_COUNT,
        stream=True,
        extra_headers={HEADER: fault} if fault else {},
    )
    async with stream:
        async for chunk in stream:
            said += [text for choice in chunk.choices or () if (text := (choice.delta.content or "").strip())]
            said += [f"({choice.finish_reason})" for choice in chunk.choices or () if choice.finish_reason]
    return said


async def test_an_answer_streams_word_by_word_and_is_counted(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.chat.completions.create(
        model="gpt-5.2",
        messages=[{"role": "user", "content": "hello there world"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    async with stream:
        chunks = [chunk async for chunk in stream]

    assert [chunk.choices[0].delta.content for chunk in chunks[:4]] == ["", "hello", " there", " world"]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert not chunks[-1].choices
    assert chunks[-1].usage
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (3, 3)


async def test_an_answer_comes_whole_and_no_longer_than_asked(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(model="m", messages=_COUNT, max_tokens=2)
    assert answer.choices[0].message.content == "one two"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 2


async def test_a_tool_call_comes_in_pieces_and_its_result_is_spoken(openai_client: openai.AsyncOpenAI) -> None:
    asked: Any = {"role": "user", "content": "what's new about Mars rovers?"}
    stream = await openai_client.chat.completions.create(model="m", messages=[asked], tools=[_TOOL], stream=True)
    async with stream:
        chunks = [chunk async for chunk in stream]
    pieces = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    arguments = "".join(piece.function.arguments or "" for piece in pieces if piece.function)

    assert [piece.id is not None for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert len(pieces) > 2
    assert json.loads(arguments) == {"query": "Mars rovers"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"

    call: Any = {"id": pieces[0].id, "type": "function", "function": {"name": "web_search", "arguments": arguments}}
    after = await openai_client.chat.completions.create(
        model="m",
        messages=[
            asked,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": pieces[0].id or "", "content": "They drive."},
        ],
        tools=[_TOOL],
    )
    assert after.choices[0].message.content == "They drive."


async def test_groq_counts_its_tokens_in_its_own_field_too(groq_client: groq.AsyncGroq) -> None:
    stream = await groq_client.chat.completions.create(model="m", messages=_COUNT, stream=True)
    async with stream:
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three four five"
    assert chunks[-1].x_groq
    assert chunks[-1].x_groq.usage
    assert chunks[-1].x_groq.usage.completion_tokens == 5


async def test_models_are_listed(openai_client: openai.AsyncOpenAI, groq_client: groq.AsyncGroq) -> None:
    assert "whisper-1" in [model.id for model in (await openai_client.models.list()).data]
    assert "whisper-large-v3" in [model.id for model in (await groq_client.models.list()).data]


@pytest.mark.parametrize(("key", "error"), [("bad", openai.AuthenticationError), ("broke", openai.RateLimitError)])
async def test_a_wrong_key_and_one_without_credit_are_refused(sim: Simulator, key: str, error: type[Exception]) -> None:
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{sim.http}/v1", max_retries=0) as client:
        with pytest.raises(error):
            await _words(client)
    async with groq.AsyncGroq(api_key=key, base_url=sim.http, max_retries=0) as other:
        with pytest.raises(groq.APIStatusError) as caught:
            await other.models.list()
    assert caught.value.status_code == {"bad": 401, "broke": 402}[key]
    assert key not in json.dumps([dict(asked.headers) for asked in sim.stage.requests.of()])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("slow;ms=20", ["one", "two", "three", "four", "five", "(stop)"]),
        ("drip;after=4;ms=20", ["one", "two", "three", "four", "five", "(stop)"]),
        ("unknown-type;after=2", ["one", "two", "three", "four", "five", "(stop)"]),
        ("missing-field;after=2", ["one", "two", "four", "five", "(stop)"]),
        ("duplicate;after=2", ["one", "two", "three", "three", "four", "five", "(stop)"]),
        ("early-end;after=2", ["one", "two"]),
        ("early-end;after=5", ["one", "two", "three", "four", "five"]),
        ("empty", ["(stop)"]),
    ],
)
async def test_a_stream_with_a_quiet_fault_ends_without_an_error(
    openai_client: openai.AsyncOpenAI, fault: str, expected: list[str]
) -> None:
    assert await _words(openai_client, fault) == expected


@pytest.mark.parametrize(
    ("fault", "expected", "error"),
    [
        ("status;status=503", 0, openai.InternalServerError),
        ("hang", 0, openai.APITimeoutError),
        ("silent", 0, openai.APITimeoutError),
        ("stall;after=3", 3, openai.APITimeoutError),
        ("blackhole;after=3", 3, openai.APITimeoutError),
        ("cut;after=3", 3, openai.APIConnectionError),
        ("reset;after=3", 3, openai.APIConnectionError),
        ("refused", 0, openai.APIConnectionError),
        ("malformed;after=3", 3, json.JSONDecodeError),
        ("error-frame;after=3", 3, openai.APIError),
        ("error-close;after=3", 3, openai.APIError),
    ],
)
async def test_a_stream_that_breaks_gives_the_words_before_and_the_sdks_error(
    openai_client: openai.AsyncOpenAI, fault: str, expected: int, error: type[Exception]
) -> None:
    said: list[str] = []
    patience = _LITTLE_PATIENCE_S if error is openai.APITimeoutError else _PATIENCE_S
    with pytest.raises(error):
        await _words(openai_client.with_options(timeout=patience), fault, said)
    assert said == ["one", "two", "three"][:expected]


async def test_a_rate_limit_says_when_to_come_back(sim: Simulator, groq_client: groq.AsyncGroq) -> None:
    sim.stage.faults.set("groq", Fault(Kind.STATUS, status=429, retry_after_s=7, times=1), "chat")
    with pytest.raises(groq.RateLimitError) as caught:
        await groq_client.chat.completions.create(model="m", messages=_COUNT)
    assert caught.value.response.headers["retry-after"] == "7"
    assert await groq_client.chat.completions.create(model="m", messages=_COUNT)


async def test_a_client_that_leaves_is_noticed(sim: Simulator, openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.chat.completions.create(
        model="m",
        messages=_COUNT,
        stream=True,
        extra_headers={HEADER: "stall;after=1"},
    )
    async with stream:
        assert await anext(stream)
    await openai_client.models.list()

    [asked] = sim.stage.requests.of("openai", "chat")
    assert asked.disconnected_at is not None
    assert asked.fault == Fault(Kind.STALL, after=1)


async def test_a_client_that_stays_to_the_end_has_not_left(sim: Simulator, openai_client: openai.AsyncOpenAI) -> None:
    await _words(openai_client)
    [asked] = sim.stage.requests.of("openai", "chat")
    assert asked.disconnected_at is None
    assert asked.body["model"] == "m"
