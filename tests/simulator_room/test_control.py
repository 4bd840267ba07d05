"""The simulator's own routes."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from simulator import Simulator
from tandem.simulator.faults import Fault, Kind

_KEY = {"authorization": "Bearer secret"}


@pytest_asyncio.fixture
async def client(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sim.http, timeout=5) as client:
        yield client


async def test_a_posted_fault_hangs_until_it_is_cleared(sim: Simulator, client: httpx.AsyncClient) -> None:
    posted = {"vendor": "groq", "route": "chat", "kind": "slow", "ms": 50.5, "times": 2, "retry_after_s": None}
    assert (await client.post("/faults", json=posted)).status_code == 201
    assert sim.stage.faults.all() == [("groq", "chat", Fault(Kind.SLOW, ms=50.5, times=2))]
    [shown] = (await client.get("/faults")).json()
    assert posted.items() <= shown.items()

    await client.delete("/faults", params={"vendor": "openai"})
    assert sim.stage.faults.all()
    await client.delete("/faults")
    assert not sim.stage.faults.all()


async def test_a_fault_may_leave_out_all_but_its_kind(sim: Simulator, client: httpx.AsyncClient) -> None:
    await client.post("/faults", json={"kind": "cut"})
    assert sim.stage.faults.all() == [("*", "*", Fault(Kind.CUT))]


@pytest.mark.parametrize(
    "body", [{}, {"kind": "nonsense"}, {"kind": "cut", "after": "x"}, [], {"vendor": 3, "kind": "cut"}]
)
async def test_a_fault_that_cannot_be_read_is_refused(client: httpx.AsyncClient, body: object) -> None:
    answer = await client.post("/faults", json=body)
    assert answer.status_code == 400
    assert "write" in answer.json()["error"]


async def test_what_was_asked_can_be_read_without_the_key(client: httpx.AsyncClient) -> None:
    await client.post("/search", json={"query": "Mars"}, headers={**_KEY, "x-trace": "7"})
    await client.post("/search?simulate_fault=status;status=503", json={"query": "Mars"}, headers=_KEY)

    first, second = (await client.get("/requests", params={"vendor": "tavily"})).json()
    assert first["body"] == {"query": "Mars"}
    assert first["headers"]["x-trace"] == "7"
    assert "authorization" not in first["headers"]
    assert second["fault"]["status"] == 503
    assert (await client.get("/requests", params={"vendor": "openai"})).json() == []

    await client.delete("/requests")
    assert (await client.get("/requests")).json() == []


async def test_a_request_whose_own_fault_cannot_be_read_is_told_so(client: httpx.AsyncClient) -> None:
    answer = await client.post("/search?simulate_fault=nonsense", json={"query": "Mars"}, headers=_KEY)
    assert answer.status_code == 400
    assert "stall" in answer.json()["error"]
