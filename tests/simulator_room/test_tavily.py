"""Tavily as simulated, asked by its own SDK."""

import json

import httpx
import pytest
from tavily import AsyncTavilyClient, errors

from simulator import Simulator
from tandem.simulator.faults import Fault, Kind


async def _search(sim: Simulator, key: str = "key", patience_s: float = 5) -> dict[str, object]:
    async with AsyncTavilyClient(api_key=key, api_base_url=sim.http) as client:
        found: dict[str, object] = await client.search(
            "Mars rovers", max_results=3, include_answer=True, timeout=patience_s
        )
    return found


async def test_results_are_made_of_the_query(sim: Simulator) -> None:
    found = await _search(sim)
    results = found["results"]
    assert isinstance(results, list)
    assert len(results) == 3
    assert all("Mars rovers" in result["content"] for result in results)
    assert [result["score"] for result in results] == sorted((result["score"] for result in results), reverse=True)
    assert "Mars rovers" in str(found["answer"])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(Kind.STATUS, status=429, retry_after_s=2), errors.UsageLimitExceededError),
        (Fault(Kind.STATUS, status=500), httpx.HTTPStatusError),
        (Fault(Kind.HANG), errors.TimeoutError),
        (Fault(Kind.SLOW, ms=5_000), errors.TimeoutError),
        (Fault(Kind.MALFORMED), json.JSONDecodeError),
        (Fault(Kind.CUT), httpx.RemoteProtocolError),
        (Fault(Kind.RESET), httpx.ReadError),
    ],
)
async def test_a_fault_reaches_the_sdk(sim: Simulator, fault: Fault, error: type[Exception]) -> None:
    sim.stage.faults.set("tavily", fault)
    with pytest.raises(error):
        await _search(sim, patience_s=0.3 if error is errors.TimeoutError else 5)


@pytest.mark.parametrize(("key", "error"), [("bad", errors.InvalidAPIKeyError), ("broke", errors.ForbiddenError)])
async def test_a_wrong_key_and_one_without_credit_are_refused(sim: Simulator, key: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await _search(sim, key)


async def test_an_empty_search_is_a_success_without_results(sim: Simulator) -> None:
    sim.stage.faults.set("tavily", Fault(Kind.EMPTY))
    assert (await _search(sim))["results"] == []


async def test_an_answer_may_lack_its_results(sim: Simulator) -> None:
    sim.stage.faults.set("tavily", Fault(Kind.MISSING_FIELD))
    async with httpx.AsyncClient(base_url=sim.http, headers={"authorization": "Bearer key"}) as client:
        answer = await client.post("/search", json={"query": "Mars"})
        without = await client.post("/search", json={})
    assert "results" not in answer.json()
    assert without.status_code == 400
