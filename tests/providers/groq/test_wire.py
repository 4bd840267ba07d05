"""What Groq says, in Tandem's terms."""

import json
from pathlib import Path
from typing import Any

import pytest
from groq.types.chat import ChatCompletionChunk
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.errors import Fault
from tandem.core.ports import Completed, Message, Role, Tool, ToolCall
from tandem.providers.groq.wire import (
    CallPiece,
    Piece,
    Reply,
    UnreadableAnswer,
    read_chunk,
    refusal,
    request_messages,
    request_tools,
    retry_after_ms,
)

RECORDINGS = Path(__file__).parents[2] / "recordings" / "groq"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("weather", "How it is in a city.", CITY)
CLOCK = Tool("clock", "What time it is.", {"type": "object", "properties": {}})

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["delta", "content", "usage", "finish_reason", "index", "tool_calls", "function", "error"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


def read(pieces: list[Piece], *messages: Message) -> tuple[Reply, str]:
    reply = Reply(messages, [WEATHER, CLOCK])
    return reply, "".join([*[reply.feed(piece) for piece in pieces], reply.flush()])


def recorded(file: str) -> list[Piece]:
    return [read_chunk(ChatCompletionChunk.construct(**chunk)) for chunk in json.loads((RECORDINGS / file).read_text())]


def test_recorded_words_are_read_with_their_end_and_counts() -> None:
    reply, text = read(recorded("words.json"))
    assert text == "Forty two."
    assert reply.ended()
    assert reply.counted()
    assert reply.completed() == Completed("stop", 21, 7)
    assert reply.calls() == []


def test_recorded_calls_are_whole() -> None:
    reply, text = read(recorded("two_calls.json"))
    assert text == ""
    assert reply.calls() == [
        ToolCall("call_a1", "weather", '{"city":"Oslo"}'),
        ToolCall("call_b2", "weather", '{"city":"Rome"}'),
    ]


def test_a_reply_that_groq_broke_off_has_no_end() -> None:
    pieces = recorded("broken_off.json")
    assert pieces[-1].broken_off
    assert not read(pieces)[0].ended()


@given(st.text(max_size=12))
def test_a_call_is_given_out_only_with_an_object_of_arguments(arguments: str) -> None:
    cut = len(arguments) // 2
    parts = (CallPiece(0, "c", "weather", arguments[:cut]), CallPiece(0, "", "", arguments[cut:]))
    reply, _ = read([Piece(calls=parts), Piece(reason="tool_calls")])
    try:
        (call,) = reply.calls()
    except UnreadableAnswer:
        return
    assert isinstance(json.loads(call.arguments), dict)


@pytest.mark.parametrize(
    "part",
    [
        CallPiece(0, "c", "weather", ""),
        CallPiece(0, "c", "weather", '{"city": "Os'),
        CallPiece(0, "c", "weather", "[1]"),
        CallPiece(0, "c", "elevator", "{}"),
        CallPiece(0, "", "clock", "{}"),
    ],
)
def test_a_call_that_is_not_whole_is_unreadable(part: CallPiece) -> None:
    with pytest.raises(UnreadableAnswer):
        read([Piece(calls=(part,))])[0].calls()


def test_a_tool_without_required_arguments_may_be_called_with_none_at_all() -> None:
    assert read([Piece(calls=(CallPiece(0, "c", "clock", ""),))])[0].calls() == [ToolCall("c", "clock", "{}")]


@given(st.text(min_size=1).filter(str.strip), st.text(), st.integers(1, 7))
def test_what_was_begun_is_not_said_again_however_it_is_cut(said: str, rest: str, size: int) -> None:
    again = f" {said.strip()}{rest}"
    pieces = [Piece(again[at : at + size]) for at in range(0, len(again), size)]
    assert read(pieces, Message(Role.ASSISTANT, said))[1] == rest


@given(st.text(), st.text(), st.integers(1, 7))
def test_a_reply_that_goes_on_is_given_out_whole(said: str, words: str, size: int) -> None:
    if said.strip() and words.lstrip().startswith(said.strip()):
        return
    pieces = [Piece(words[at : at + size]) for at in range(0, len(words), size)]
    assert read(pieces, Message(Role.ASSISTANT, said))[1] == (words if words.strip() else "")


@given(st.dictionaries(st.sampled_from(["choices", "usage", "x_groq"]), JSON, max_size=3))
def test_a_chunk_of_any_form_is_read_or_told_to_be_unreadable(body: dict[str, Any]) -> None:
    try:
        piece = read_chunk(ChatCompletionChunk.construct(**body))
    except UnreadableAnswer:
        return
    assert isinstance(piece.text, str)


def test_calls_and_their_results_go_back_as_they_came() -> None:
    call = ToolCall("c1", "weather", '{"city": "Oslo"}')
    told = [
        Message(Role.SYSTEM, "s"),
        Message(Role.USER, "u"),
        Message(Role.ASSISTANT, "", calls=(call,)),
        Message(Role.TOOL, "rain", call_id="c1"),
    ]
    sent = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    assert request_messages(told) == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "", "tool_calls": [sent]},
        {"role": "tool", "content": "rain", "tool_call_id": "c1"},
    ]


def test_a_tool_is_offered_with_its_schema() -> None:
    (sent,) = request_tools([WEATHER])
    assert sent["function"] == {"name": "weather", "description": "How it is in a city.", "parameters": CITY}


@pytest.mark.parametrize(
    ("status", "file", "fault"),
    [
        (400, None, Fault.REJECTED),
        (400, "tool_use_failed.json", Fault.MALFORMED),
        (401, None, Fault.REJECTED),
        (402, None, Fault.REJECTED),
        (404, None, Fault.REJECTED),
        (413, None, Fault.REJECTED),
        (429, "rate_limited.json", Fault.RATE_LIMITED),
        (498, None, Fault.UNAVAILABLE),
        (503, None, Fault.UNAVAILABLE),
        (None, None, Fault.UNAVAILABLE),
        (None, "tool_use_failed.json", Fault.MALFORMED),
        (None, "rate_limited.json", Fault.RATE_LIMITED),
    ],
)
def test_a_refusal_has_its_fault_and_quotes_nothing(status: int | None, file: str | None, fault: Fault) -> None:
    body = json.loads((RECORDINGS / file).read_text()) if file else "a page"
    told, detail = refusal(status, body)
    assert told is fault
    assert "Os" not in detail
    assert status is None or str(status) in detail


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({}, None), ({"retry-after": "2"}, 2_000), ({"retry-after": "-1"}, None), ({"retry-after": "soon"}, None)],
)
def test_retry_after_is_read_in_seconds(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after_ms(headers) == wait
