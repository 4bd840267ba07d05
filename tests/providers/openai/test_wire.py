"""What chat.completions says, in Tandem's terms."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from tandem.core.errors import Fault
from tandem.core.ports import Completed, Message, Role
from tandem.providers.openai.wire import (
    Opening,
    Piece,
    UnreadableChunk,
    begun,
    completed,
    frame_fault,
    read_chunk,
    request_messages,
    retry_after_ms,
    status_fault,
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "content", "usage", "finish_reason", "index"]), inner, max_size=3
        )
    ),
    max_leaves=8,
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
    assert begun([]) == ""
    assert begun([Message(Role.ASSISTANT, "a"), Message(Role.USER, "u")]) == ""
    assert begun([Message(Role.USER, "u"), Message(Role.ASSISTANT, " a ")]) == "a"


def feed(opening: Opening, pieces: list[str]) -> str:
    return "".join(opening.feed(piece) for piece in pieces) + opening.flush()


@given(st.text(min_size=1).filter(str.strip), st.text(), st.integers(1, 7))
def test_what_was_begun_is_not_said_again_however_it_is_cut(said: str, rest: str, size: int) -> None:
    said = said.strip()
    again = f" {said}{rest}"
    assert feed(Opening(said), [again[at : at + size] for at in range(0, len(again), size)]) == rest


@given(st.text(), st.text(), st.integers(1, 7))
def test_a_reply_that_goes_on_is_given_out_whole(said: str, reply: str, size: int) -> None:
    said = said.strip()
    pieces = [reply[at : at + size] for at in range(0, len(reply), size)]
    if said and reply.lstrip().startswith(said):
        return
    assert feed(Opening(said), pieces) == (reply if reply.strip() else "")


def test_a_reply_that_stops_within_the_begun_words_is_given_out() -> None:
    assert feed(Opening("Six times seven"), ["Six ", "times"]) == "Six times"


@given(st.dictionaries(st.sampled_from(["choices", "usage", "id"]), JSON, max_size=3))
def test_a_chunk_of_any_form_is_read_or_told_to_be_unreadable(body: dict[str, Any]) -> None:
    try:
        piece = read_chunk(ChatCompletionChunk.construct(**body))
    except UnreadableChunk:
        return
    assert isinstance(piece.text, str)


def test_the_end_is_told_in_one_chunk_or_in_two() -> None:
    assert completed([Piece(reason="stop", prompt_tokens=1, completion_tokens=2)]) == Completed("stop", 1, 2)
    assert completed([Piece(reason="stop"), Piece(prompt_tokens=1, completion_tokens=2)]) == Completed("stop", 1, 2)
    assert completed([Piece(reason="length")]) == Completed("length")
    assert completed([Piece(prompt_tokens=1, completion_tokens=2)]) is None
    assert completed([]) is None


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.REJECTED),
        (401, Fault.REJECTED),
        (403, Fault.REJECTED),
        (404, Fault.REJECTED),
        (408, Fault.TIMEOUT),
        (422, Fault.REJECTED),
        (429, Fault.RATE_LIMITED),
        (500, Fault.UNAVAILABLE),
        (503, Fault.UNAVAILABLE),
        (529, Fault.UNAVAILABLE),
    ],
)
def test_a_status_has_its_fault_and_is_named_in_the_detail(status: int, fault: Fault) -> None:
    assert status_fault(status)[0] is fault
    assert str(status) in status_fault(status)[1]


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        (("rate_limit_exceeded", None), Fault.RATE_LIMITED),
        (("insufficient_quota", "insufficient_quota"), Fault.RATE_LIMITED),
        ((None, "server_error"), Fault.UNAVAILABLE),
        ((None, "overloaded_error"), Fault.UNAVAILABLE),
        (("503", "x"), Fault.UNAVAILABLE),
        ((429, None), Fault.RATE_LIMITED),
        (("invalid_api_key", "invalid_request_error"), Fault.REJECTED),
        (("model_not_found", None), Fault.REJECTED),
        ((None, None), Fault.MALFORMED),
        (("x", "y"), Fault.MALFORMED),
    ],
)
def test_an_error_frame_has_the_fault_of_its_code(codes: tuple[Any, Any], fault: Fault) -> None:
    assert frame_fault(*codes)[0] is fault


def test_an_error_frame_whose_code_is_a_sentence_is_not_quoted() -> None:
    assert frame_fault("invalid: my secret words")[1] == "error frame"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2_000),
        ({"retry-after": "0.5"}, 500),
        ({"retry-after-ms": "250", "retry-after": "1"}, 250),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 30_000),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after_ms(headers) == wait
