"""Between a query and Tavily's /search: what is asked, what an answer holds, and what a status means."""

import math
from collections.abc import Mapping
from typing import Any, TypedDict

from tandem.core.errors import Fault
from tandem.core.ports import Finding, SearchOptions

_MOST_QUERY = 400  # characters; Tavily refuses longer queries
_MOST_RESULTS = 20  # that can be asked for


class Search(TypedDict):
    """What the SDK's `search` is given."""

    query: str
    max_results: int
    language: str


def search(query: str, options: SearchOptions) -> Search | None:
    """Return what is asked for `query`, cut to the length that is taken; None where there is nothing to ask."""
    asked = " ".join(query.split())[:_MOST_QUERY]
    most = min(options.most, _MOST_RESULTS)
    if not asked or most < 1:
        return None
    return Search(query=asked, max_results=most, language=options.language.partition("-")[0].lower())


class UnreadableAnswer(ValueError):
    """An answer is JSON, but not of the promised form."""


def findings(answer: Mapping[str, Any], most: int) -> list[Finding]:
    """Return the first `most` pages of an answer; raises UnreadableAnswer.

    A page whose address is not on the web is left out: the address becomes a link in front of the caller.
    """
    results = answer["results"]
    if not isinstance(results, list):
        raise UnreadableAnswer("results that are no list")
    found = [_finding(result) for result in results]
    return [finding for finding in found if finding.url.startswith(("https://", "http://"))][:most]


def _finding(result: object) -> Finding:
    if not isinstance(result, dict):
        raise UnreadableAnswer("a result that is no object")
    url, title, excerpt = (result.get(name) for name in ("url", "title", "content"))
    if not (isinstance(url, str) and isinstance(title, str) and isinstance(excerpt, str)):
        raise UnreadableAnswer("a result without url, title or content")
    return Finding(url.strip(), title.strip(), excerpt.strip())


# 400, 413, 422: beside the query and its language a request holds nothing that is not always the same.
_STATUS_FAULTS = {
    400: Fault.INVALID,
    408: Fault.TIMEOUT,
    413: Fault.INVALID,
    422: Fault.INVALID,
    429: Fault.RATE_LIMITED,
}
_STATUS_DETAILS = {
    400: "the request was refused",
    401: "the key was refused",
    403: "the key may not do this",
    404: "no such path at this address",
    432: "the plan's credit is used up",
    433: "the limit of pay as you go is reached",
}


def status_fault(status: int) -> tuple[Fault, str]:
    """Return what an HTTP status means, and a detail that quotes nothing of the answer's body."""
    fault = _STATUS_FAULTS.get(status) or (Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED)
    detail = _STATUS_DETAILS.get(status)
    return fault, f"status {status}: {detail}" if detail else f"status {status}"


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long the server asks to be left alone, in ms: Retry-After in seconds (RFC 9110, 10.2.3)."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds * 1000 if math.isfinite(seconds) and seconds >= 0 else None
