"""What Tavily's answers say, in Tandem's terms."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.errors import Fault
from tandem.core.ports import Finding, SearchOptions
from tandem.providers.tavily import wire

RECORDINGS = Path(__file__).parents[2] / "recordings" / "tavily"
ANSWER: dict[str, Any] = json.loads((RECORDINGS / "search.json").read_text("utf-8"))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "title", "content", "results"]), inner, max_size=4)
    ),
    max_leaves=10,
)


def test_findings_are_the_pages_of_the_web_best_first() -> None:
    found = wire.findings(ANSWER, 5)
    assert found == [
        Finding(
            "https://www.example.com/timetable",
            "Timetable",
            "Trains to Boston leave every hour, the next one at seven.",
        ),
        Finding("http://trains.example.org/boston?from=here", "", "Boston is served from platform 3."),
    ]
    assert wire.findings(ANSWER, 1) == found[:1]


@given(st.lists(JSON, max_size=3) | JSON)
def test_results_of_another_form_are_unreadable_and_nothing_worse(results: object) -> None:
    try:
        found = wire.findings({"results": results}, 5)
    except wire.UnreadableAnswer:
        return
    assert all(isinstance(finding, Finding) for finding in found)


def test_a_query_is_cut_to_the_length_that_is_taken() -> None:
    assert wire.search("  two \n words ", SearchOptions(most=3, language="pt-BR")) == {
        "query": "two words",
        "max_results": 3,
        "language": "pt",
    }
    asked = wire.search("long " * 500, SearchOptions(most=100))
    assert asked is not None
    assert len(asked["query"]) == 400
    assert asked["max_results"] == 20


@pytest.mark.parametrize(("query", "most"), [("", 5), (" \n", 5), ("train", 0), ("train", -1)])
def test_nothing_is_asked_where_nothing_is_to_be_found(query: str, most: int) -> None:
    assert wire.search(query, SearchOptions(most=most)) is None


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (301, Fault.REJECTED),
        (400, Fault.INVALID),
        (413, Fault.INVALID),
        (422, Fault.INVALID),
        (401, Fault.REJECTED),
        (432, Fault.REJECTED),
        (408, Fault.TIMEOUT),
        (429, Fault.RATE_LIMITED),
        (502, Fault.UNAVAILABLE),
    ],
)
def test_a_status_means_a_fault(status: int, fault: Fault) -> None:
    assert wire.status_fault(status)[0] is fault


@pytest.mark.parametrize(("value", "ms"), [("2", 2_000), ("", None), ("soon", None), ("-1", None), ("inf", None)])
def test_retry_after_is_read_in_seconds(value: str, ms: float | None) -> None:
    assert wire.retry_after_ms({"retry-after": value}) == ms
