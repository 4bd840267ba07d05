"""The rulebook asks for a web search where it is offered, and speaks what was found."""

import json
from datetime import UTC, datetime

import pytest

from tandem.core.ports import Completed, Delta, LlmOptions, Message, ModelOutput, Role, Tool, ToolCall
from tandem.providers.local.rulebook import Rulebook

SEARCH = (Tool("web_search", "Searches.", {}),)
FOUND = (
    "Found on the web.\n1. Tandems today (bikes.example): They are back. People love them.\n2. Other (x.example): No"
)


async def said(*messages: Message, tools: tuple[Tool, ...] = SEARCH) -> list[ModelOutput]:
    book = Rulebook(lambda: datetime(2026, 1, 1, tzinfo=UTC), model_configured=False)
    return [piece async for piece in book.complete(messages, LlmOptions(tools=tools))]


def spoken(pieces: list[ModelOutput]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Delta))


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("What's new about tandem bicycles?", "tandem bicycles"),
        ("Please search the web for Ada Lovelace", "Ada Lovelace"),
        ("Can you look up the tallest tree", "the tallest tree"),
        ("What is the latest news on the harbour?", "the harbour"),
    ],
)
async def test_a_question_for_news_becomes_a_search(asked: str, query: str) -> None:
    call, end = await said(Message(Role.USER, asked))
    assert isinstance(call, ToolCall)
    assert (call.name, json.loads(call.arguments)) == ("web_search", {"query": query})
    assert end == Completed("tool_calls")


async def test_where_no_search_is_offered_it_says_what_it_cannot_do() -> None:
    pieces = await said(Message(Role.USER, "What's new about tandem bicycles?"), tools=())
    assert "no language model is configured" in spoken(pieces)


async def test_what_was_found_is_spoken_with_its_source() -> None:
    call = ToolCall("call-1", "web_search", "{}")
    asked = Message(Role.USER, "What's new about tandem bicycles?")
    pieces = await said(asked, Message(Role.ASSISTANT, "", (call,)), Message(Role.TOOL, FOUND, call_id="call-1"))
    assert spoken(pieces) == "bikes.example says: They are back. People love them."


async def test_a_search_that_failed_is_told_as_it_is() -> None:
    asked = Message(Role.USER, "look up tandems")
    pieces = await said(asked, Message(Role.TOOL, "Web search is not configured.", call_id="call-1"))
    assert spoken(pieces) == "Web search is not configured."


async def test_a_long_finding_is_cut_at_a_sentence() -> None:
    text = f"1. T (a.example): {'This is a sentence of some length. ' * 30}"
    pieces = await said(Message(Role.USER, "look up tandems"), Message(Role.TOOL, text, call_id="call-1"))
    assert len(spoken(pieces)) < 300
    assert spoken(pieces).endswith("length.")
