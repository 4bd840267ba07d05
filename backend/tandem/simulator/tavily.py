"""Tavily's search as simulated: results made from the words of the query."""

import json
from collections.abc import AsyncGenerator
from urllib.parse import quote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tandem.simulator.faults import Kind
from tandem.simulator.http import Body, Instead, Then, Wording, played, read_json
from tandem.simulator.latency import Slot
from tandem.simulator.stage import Stage, Stride

_MOST_RESULTS = 20
_OVER_PLAN = 432  # Tavily's own status for a plan that is used up


def routes(stage: Stage) -> list[BaseRoute]:
    """Return the vendor's only route."""

    async def search(request: Request) -> Response:
        body = await read_json(request)
        asked = stage.requests.note("tavily", "search", request, body)
        if refusal := _refusal(request):
            return refusal
        query, most = (body or {}).get("query"), (body or {}).get("max_results", 5)
        if body is None or not isinstance(query, str) or not query or not isinstance(most, int):
            return JSONResponse(_error(400, "Query is missing."), 400)

        async def units(empty: bool) -> AsyncGenerator[bytes, None]:
            await Stride().wait_ms(stage.latency.first_ms(Slot.SEARCH))
            count = 0 if empty else max(0, min(most, _MOST_RESULTS))
            yield json.dumps(_found(query, count, answer=bool(body.get("include_answer")) and not empty)).encode()

        return await played(stage, request, asked, _WORDING, units)

    return [Route("/search", search, methods=["POST"])]


def _found(query: str, count: int, *, answer: bool) -> Body:
    return {
        "query": query,
        "follow_up_questions": None,
        "answer": f"What is new about {query} is simulated." if answer else None,
        "images": [],
        "results": [_result(query, number, count) for number in range(1, count + 1)],
        "response_time": 0.9,
        "request_id": "simulated",
    }


def _result(query: str, number: int, count: int) -> Body:
    return {
        "url": f"https://example.com/{quote_plus(query)}/{number}",
        "title": f"{query}, source {number}",
        "content": f"Source {number} says that {query} is simulated.",
        "score": round(1 - number / (count + 1), 3),
        "raw_content": None,
    }


def _error(status: int, message: str = "simulated") -> Body:
    return {"detail": {"error": f"{message} ({status})"}}


def _spoiled(kind: Kind, unit: bytes) -> Instead:
    match kind:
        case Kind.MALFORMED:
            return Instead(unit[: len(unit) // 2], Then.END)
        case Kind.MISSING_FIELD:
            body = {name: value for name, value in json.loads(unit).items() if name != "results"}
            return Instead(json.dumps(body).encode(), Then.END)
        case Kind.UNKNOWN_TYPE:
            return Instead(b'["simulated", "novelty"]', Then.END)
        case _:
            return Instead(json.dumps(_error(500)).encode(), Then.END)


_WORDING = Wording(_error, _spoiled)


def _refusal(request: Request) -> Response | None:
    """Return the answer to a key that is none, wrong ("bad") or without credit ("broke")."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or key in ("", "bad"):
        return JSONResponse(_error(401, "Unauthorized: missing or invalid API key."), 401)
    if key == "broke":
        return JSONResponse(_error(_OVER_PLAN, "This request exceeds your plan's set usage limit."), _OVER_PLAN)
    return None
