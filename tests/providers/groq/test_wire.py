"""What Groq says, in Tandem's terms."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.errors import Fault
from tandem.core.ports import Completed, Message, Role, Tool, ToolCall
from tandem.providers.groq.wire import (
    CallPiece,
    Piece,
    Reply,
    UnreadableAnswer,
    begun,
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


def read(pieces: list[Piece]) -> Reply:
    reply = Reply([WEATHER, CLOCK])
    for piece in pieces:
        reply.feed(piece)
    return reply


def recorded(file: str) -> list[Piece]:
    return [read_chunk(chunk) for chunk in json.loads((RECORDINGS / file).read_text())]


def test_recorded_words_are_read_with_their_end_and_counts() -> None:
    pieces = recorded("words.json")
    reply = read(pieces)
    assert "".join(piece.text for piece in pieces) == "Forty two."
    assert reply.ended()
    assert reply.counted()
    assert reply.completed() == Completed("stop", 21, 7)
    assert reply.calls() == []


def test_recorded_calls_are_whole() -> None:
    assert read(recorded("two_calls.json")).calls() == [
        ToolCall("call_a1", "weather", '{"city":"Oslo"}'),
        ToolCall("call_b2", "weather", '{"city":"Rome"}'),
    ]


def test_a_reply_that_groq_broke_off_has_no_end() -> None:
    pieces = recorded("broken_off.json")
    assert pieces[-1].broken_off
    assert not read(pieces).ended()


@given(st.text(max_size=12))
def test_a_call_is_given_out_only_with_an_object_of_arguments(arguments: str) -> None:
    cut = len(arguments) // 2
    parts = (CallPiece(0, "c", "weather", arguments[:cut]), CallPiece(0, "", "", arguments[cut:]))
    reply = read([Piece(calls=parts), Piece(reason="tool_calls")])
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
        read([Piece(calls=(part,))]).calls()


def test_a_tool_without_required_arguments_may_be_called_with_none_at_all() -> None:
    assert read([Piece(calls=(CallPiece(0, "c", "clock", ""),))]).calls() == [ToolCall("c", "clock", "{}")]


@given(st.dictionaries(st.sampled_from(["choices", "usage", "x_groq"]), JSON, max_size=3))
def test_a_chunk_of_any_form_is_read_or_told_to_be_unreadable(body: dict[str, Any]) -> None:
    try:
        piece = read_chunk(body)
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
        (400, None, Fault.INVALID),
        (400, "tool_use_failed.json", Fault.MALFORMED),
        (401, None, Fault.REJECTED),
        (402, None, Fault.REJECTED),
        (404, None, Fault.REJECTED),
        (413, None, Fault.INVALID),
        (413, "rate_limited.json", Fault.INVALID),
        (422, None, Fault.INVALID),
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
    ("status", "code", "fault"),
    [
        (400, "model_decommissioned", Fault.REJECTED),
        (400, "organization_restricted", Fault.REJECTED),
        (400, "context_length_exceeded", Fault.INVALID),
        (None, "context_length_exceeded", Fault.INVALID),
        (None, "model_decommissioned", Fault.REJECTED),
    ],
)
def test_a_code_tells_what_is_the_same_for_every_request(status: int | None, code: str, fault: Fault) -> None:
    assert refusal(status, {"error": {"type": "invalid_request_error", "code": code}})[0] is fault


def test_a_reply_is_begun_only_where_the_assistant_spoke_last() -> None:
    assert begun([Message(Role.USER, "u"), Message(Role.ASSISTANT, " a ")])
    assert not begun([])
    assert not begun([Message(Role.ASSISTANT, "a"), Message(Role.USER, "u")])
    assert not begun([Message(Role.USER, "u"), Message(Role.ASSISTANT, " ")])


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({}, None), ({"retry-after": "2"}, 2_000), ({"retry-after": "-1"}, None), ({"retry-after": "soon"}, None)],
)
def test_retry_after_is_read_in_seconds(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after_ms(headers) == wait
