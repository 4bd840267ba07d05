"""What chat.completions says, in Tandem's terms."""

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.ports import Completed, Message, Role, Tool, ToolCall
from tandem.providers.openai.wire import (
    CallPiece,
    Calls,
    Piece,
    UnreadableAnswer,
    begun,
    completed,
    read_chunk,
    request_messages,
    request_tools,
)

RECORDINGS = Path(__file__).parents[2] / "recordings" / "openai"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("weather", "How it is in a city.", CITY)
CLOCK = Tool("clock", "What time it is.", {"type": "object", "properties": {}})

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["delta", "content", "usage", "finish_reason", "index", "tool_calls", "function", "id"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


def test_a_conversation_keeps_its_order_and_roles() -> None:
    sent = request_messages(
        [Message(Role.SYSTEM, "s"), Message(Role.USER, "u"), Message(Role.ASSISTANT, "a"), Message(Role.USER, "v")]
    )
    assert [(message["role"], message.get("content")) for message in sent] == [
        ("system", "s"),
        ("user", "u"),
        ("assistant", "a"),
        ("user", "v"),
    ]


def test_a_begun_reply_is_sent_last_with_one_system_message_that_asks_to_go_on() -> None:
    sent = request_messages([Message(Role.SYSTEM, "s"), Message(Role.USER, "u"), Message(Role.ASSISTANT, "Six times")])
    assert [message["role"] for message in sent] == ["system", "user", "assistant"]
    assert str(sent[0].get("content")).startswith("s\n\n")
    assert sent[-1].get("content") == "Six times"


def test_a_reply_is_begun_only_where_the_assistant_spoke_last() -> None:
    assert begun([Message(Role.USER, "u"), Message(Role.ASSISTANT, " a ")])
    assert not begun([])
    assert not begun([Message(Role.ASSISTANT, "a"), Message(Role.USER, "u")])
    assert not begun([Message(Role.USER, "u"), Message(Role.ASSISTANT, " ")])


@given(st.dictionaries(st.sampled_from(["choices", "usage", "id"]), JSON, max_size=3))
def test_a_chunk_of_any_form_is_read_or_told_to_be_unreadable(body: dict[str, Any]) -> None:
    try:
        piece = read_chunk(body)
    except UnreadableAnswer:
        return
    assert isinstance(piece.text, str)


def test_the_end_is_told_in_one_chunk_or_in_two() -> None:
    assert completed([Piece(reason="stop", prompt_tokens=1, completion_tokens=2)]) == Completed("stop", 1, 2)
    assert completed([Piece(reason="stop"), Piece(prompt_tokens=1, completion_tokens=2)]) == Completed("stop", 1, 2)
    assert completed([Piece(reason="length")]) == Completed("length")
    assert completed([Piece(prompt_tokens=1, completion_tokens=2)]) is None
    assert completed([]) is None


def recorded(file: str) -> list[Piece]:
    chunks = json.loads((RECORDINGS / file).read_text())
    return [read_chunk(chunk) for chunk in chunks]


def gathered(pieces: list[Piece]) -> list[tuple[str, str, object]]:
    calls = Calls()
    for piece in pieces:
        calls.feed(piece.calls)
    return [(call.id, call.name, json.loads(call.arguments)) for call in calls.whole([WEATHER, CLOCK])]


def test_recorded_words_are_read_with_their_end_and_counts() -> None:
    pieces = recorded("words.json")
    assert "".join(piece.text for piece in pieces) == "Forty two."
    assert completed(pieces) == Completed("stop", 21, 7)
    assert gathered(pieces) == []


@pytest.mark.parametrize(
    ("file", "ids"),
    [
        ("two_calls.json", ("call_a1", "call_b2")),
        ("gemini_calls_all_numbered_0.json", ("function-call-1", "function-call-2")),
        ("gemini_calls_without_numbers.json", ("function-call-1", "function-call-2")),
    ],
)
def test_recorded_calls_are_gathered_whole_however_they_are_numbered(file: str, ids: tuple[str, str]) -> None:
    pieces = recorded(file)
    assert gathered(pieces) == [(ids[0], "weather", {"city": "Oslo"}), (ids[1], "weather", {"city": "Rome"})]
    assert completed(pieces) is not None


def test_a_call_that_is_named_with_each_piece_is_one_call() -> None:
    assert gathered(recorded("call_named_with_each_piece.json")) == [("call_c3", "weather", {"city": "Oslo"})]


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.integers(), max_size=3), min_size=1, max_size=4), st.integers(1, 9)
)
def test_calls_are_whole_again_however_they_were_cut_and_mixed(arguments: list[dict[str, int]], size: int) -> None:
    texts = [json.dumps(each) for each in arguments]
    cut = [[text[at : at + size] for at in range(0, len(text), size)] for text in texts]
    calls = Calls()
    calls.feed([CallPiece(index, f"c{index}", "clock", "") for index in range(len(texts))])
    for turn in zip_longest(*cut, fillvalue=""):
        calls.feed([CallPiece(index, "", "", piece) for index, piece in enumerate(turn)])
    whole = calls.whole([CLOCK])
    assert [(call.id, call.arguments) for call in whole] == [(f"c{at}", text) for at, text in enumerate(texts)]


@given(st.text(max_size=12))
def test_a_call_is_given_out_only_with_an_object_of_arguments(arguments: str) -> None:
    calls = Calls()
    calls.feed([CallPiece(0, "c", "weather", arguments)])
    try:
        (call,) = calls.whole([WEATHER])
    except UnreadableAnswer:
        return
    assert isinstance(json.loads(call.arguments), dict)


@pytest.mark.parametrize("arguments", ["", "  ", '{"city": "Os', "[1]", "null", "7", "[" * 100_000])
def test_arguments_that_are_no_object_are_unreadable(arguments: str) -> None:
    calls = Calls()
    calls.feed([CallPiece(0, "c", "weather", arguments)])
    with pytest.raises(UnreadableAnswer):
        calls.whole([WEATHER])


def test_a_tool_without_required_arguments_may_be_called_with_none_at_all() -> None:
    assert gathered([Piece(calls=(CallPiece(0, "c", "clock", ""),))]) == [("c", "clock", {})]


def test_a_call_without_an_id_gets_one() -> None:
    pieces = [Piece(calls=(CallPiece(0, "", "clock", "{}"), CallPiece(1, "", "clock", "{}")))]
    assert [call[0] for call in gathered(pieces)] == ["call_1", "call_2"]


def test_calls_and_their_results_go_back_as_they_came() -> None:
    call = ToolCall("c1", "weather", '{"city": "Oslo"}')
    told = [
        Message(Role.USER, "u"),
        Message(Role.ASSISTANT, "", calls=(call,)),
        Message(Role.TOOL, "rain", call_id="c1"),
        Message(Role.ASSISTANT, "Let me look.", calls=(call,)),
    ]
    _, asked, answered, said = request_messages(told[:4])[-4:]
    sent = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    assert asked == {"role": "assistant", "content": None, "tool_calls": [sent]}
    assert answered == {"role": "tool", "content": "rain", "tool_call_id": "c1"}
    assert said == {"role": "assistant", "content": "Let me look.", "tool_calls": [sent]}
    (signed,) = request_messages(told[1:2], "s")[-1]["tool_calls"]  # type: ignore[typeddict-item]
    assert signed == {**sent, "extra_content": {"google": {"thought_signature": "s"}}}


def test_a_tool_is_offered_with_its_schema() -> None:
    assert request_tools([WEATHER]) == [
        {
            "type": "function",
            "function": {"name": "weather", "description": "How it is in a city.", "parameters": WEATHER.parameters},
        }
    ]
