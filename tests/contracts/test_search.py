"""Runs the contract of web search over every provider that Tandem has, against the simulated vendors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from simulator import Simulator, simulator
from tandem.contracts.search import OpenFaulty, SearchContract, SearchFaultContract, collect
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import WebSearch
from tandem.providers.tavily.search import Tavily
from tandem.simulator import faults
from tandem.simulator.faults import Kind

_FAULTS = {
    "refused": faults.Fault(Kind.REFUSED),
    "hangs": faults.Fault(Kind.HANG),
    "slow": faults.Fault(Kind.SLOW, ms=1_000),
    "reset": faults.Fault(Kind.RESET),
    "cut": faults.Fault(Kind.CUT),
    "key refused": faults.Fault(Kind.STATUS, status=401),
    "credit used up": faults.Fault(Kind.STATUS, status=432),
    "forbidden": faults.Fault(Kind.STATUS, status=403),
    "bad request": faults.Fault(Kind.STATUS, status=400),
    "rate limited": faults.Fault(Kind.STATUS, status=429, retry_after_s=3),
    "internal error": faults.Fault(Kind.STATUS, status=500),
    "unavailable": faults.Fault(Kind.STATUS, status=503),
    "unreadable": faults.Fault(Kind.MALFORMED),
    "without results": faults.Fault(Kind.MISSING_FIELD),
    "of another form": faults.Fault(Kind.UNKNOWN_TYPE),
}


@asynccontextmanager
async def opened(running: Simulator, patience_ms: float = 2_000) -> AsyncIterator[Tavily]:
    url = f"http://{running.host('tavily')}"
    async with Tavily.open(api_key="tvly-simulated", base_url=url, patience_ms=patience_ms) as provider:
        yield provider


class TestTavily(SearchContract):
    @pytest.fixture
    async def provider(self) -> AsyncIterator[WebSearch]:
        async with simulator() as running, opened(running) as provider:
            yield provider


@asynccontextmanager
async def _open_faulty(failing: str) -> AsyncIterator[WebSearch]:
    async with simulator() as running:
        running.stage.faults.set("tavily", _FAULTS[failing])
        async with opened(running, patience_ms=200) as provider:
            yield provider


class TestTavilyFaults(SearchFaultContract):
    @pytest.fixture
    def open_faulty(self) -> OpenFaulty:
        return _open_faulty


async def test_a_success_without_results_is_no_fault() -> None:
    async with simulator() as running, opened(running) as provider:
        running.stage.faults.set("tavily", faults.Fault(Kind.EMPTY))
        assert await collect(provider) == []


async def test_how_long_to_wait_comes_with_a_rate_limit() -> None:
    async with simulator() as running, opened(running) as provider:
        running.stage.faults.set("tavily", _FAULTS["rate limited"])
        with pytest.raises(ProviderError) as caught:
            await collect(provider)
    assert caught.value.fault is Fault.RATE_LIMITED
    assert caught.value.retry_after_ms == 3_000


async def test_a_search_that_fails_leaves_the_next_one_well() -> None:
    async with simulator() as running, opened(running, patience_ms=200) as provider:
        for failing in ("hangs", "reset", "unreadable"):
            running.stage.faults.set("tavily", _FAULTS[failing])
            with pytest.raises(ProviderError):
                await collect(provider)
            running.stage.faults.clear()
            async with asyncio.timeout(5):
                assert await collect(provider)
