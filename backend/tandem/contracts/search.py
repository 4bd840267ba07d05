"""What every web search of Tandem must do; a provider's test subclasses these suites and gives the fixtures."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing

import pytest

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Finding, SearchOptions, WebSearch

PATIENCE_S = 5.0  # a test's own deadline; it is far above what any provider may take
CANCELLED_WITHIN_S = 0.050  # the quickest of several tries: a busy machine delays one or the other
QUERY = "when does the next train to Boston leave"


async def collect(provider: WebSearch, query: str = QUERY, options: SearchOptions | None = None) -> list[Finding]:
    """Return all that is found."""
    async with asyncio.timeout(PATIENCE_S), aclosing(provider.search(query, options or SearchOptions())) as findings:
        return [finding async for finding in findings]


@pytest.mark.asyncio(loop_scope="function")
class SearchContract:
    """The behaviour of a search that is well; `provider` must find at least 5 pages for QUERY."""

    @pytest.fixture
    def provider(self) -> WebSearch:
        raise NotImplementedError

    async def test_a_search_has_a_name(self, provider: WebSearch) -> None:
        assert provider.name
        assert provider.name == provider.name.strip().lower()

    async def test_findings_have_an_address_on_the_web_and_an_excerpt(self, provider: WebSearch) -> None:
        found = await collect(provider)
        assert found
        assert all(finding.url.startswith(("https://", "http://")) and finding.excerpt for finding in found)
        assert len({finding.url for finding in found}) == len(found)

    @pytest.mark.parametrize("most", [1, 3, 5])
    async def test_there_are_no_more_findings_than_were_asked_for(self, provider: WebSearch, most: int) -> None:
        assert len(await collect(provider, options=SearchOptions(most=most))) == most

    async def test_none_and_very_many_findings_can_be_asked_for(self, provider: WebSearch) -> None:
        assert await collect(provider, options=SearchOptions(most=0)) == []
        assert await collect(provider, options=SearchOptions(most=10_000))

    @pytest.mark.parametrize("query", ["", " \n\t"], ids=["empty", "white space"])
    async def test_an_empty_query_finds_nothing(self, provider: WebSearch, query: str) -> None:
        assert await collect(provider, query) == []

    @pytest.mark.parametrize(
        "query",
        ["¿Cuántos años tienes?", "今何時ですか", "🙂🙃", "a\x00b \u200b", "مرحبا", '{"query": 1}', "trains " * 500],
        ids=["Spanish", "Japanese", "emoji", "invisible characters", "Arabic", "JSON", "3,500 characters"],
    )
    async def test_any_text_is_taken(self, provider: WebSearch, query: str) -> None:
        assert await collect(provider, query, SearchOptions(language="pt-BR"))

    async def test_twenty_searches_at_once_are_answered_each(self, provider: WebSearch) -> None:
        async with asyncio.TaskGroup() as group:
            searches = [group.create_task(collect(provider, f"{QUERY} {number}")) for number in range(20)]
        assert all(search.result() for search in searches)

    async def test_closing_a_search_early_returns_within_50_ms(self, provider: WebSearch) -> None:
        took = []
        for _ in range(5):
            findings = provider.search(QUERY, SearchOptions())
            await anext(findings)
            began = time.perf_counter()
            await findings.aclose()
            took.append(time.perf_counter() - began)
        assert min(took) < CANCELLED_WITHIN_S
        assert await collect(provider)


# How a server can fail, and the Fault that a provider must make of it.
FAULTS = {
    "refused": Fault.REFUSED,
    "hangs": Fault.TIMEOUT,
    "slow": Fault.TIMEOUT,
    "reset": Fault.CUT,
    "cut": Fault.CUT,
    "key refused": Fault.REJECTED,
    "credit used up": Fault.REJECTED,
    "forbidden": Fault.REJECTED,
    "bad request": Fault.INVALID,
    "rate limited": Fault.RATE_LIMITED,
    "internal error": Fault.UNAVAILABLE,
    "unavailable": Fault.UNAVAILABLE,
    "unreadable": Fault.MALFORMED,
    "without results": Fault.MALFORMED,
    "of another form": Fault.MALFORMED,
}
OpenFaulty = Callable[[str], AbstractAsyncContextManager[WebSearch]]


@pytest.mark.asyncio(loop_scope="function")
class SearchFaultContract:
    """The faults of a search behind a wire; `open_faulty` opens one whose server fails as FAULTS names it."""

    @pytest.fixture
    def open_faulty(self) -> OpenFaulty:
        raise NotImplementedError

    @pytest.mark.parametrize(("failing", "fault"), FAULTS.items(), ids=FAULTS)
    async def test_a_failing_server_is_told_by_its_fault_in_bounded_time(
        self, open_faulty: OpenFaulty, failing: str, fault: Fault
    ) -> None:
        async with open_faulty(failing) as provider:
            with pytest.raises(ProviderError) as caught:
                await collect(provider)
        assert caught.value.fault is fault
        assert caught.value.provider == provider.name
        assert caught.value.detail
        assert "Boston" not in str(caught.value)

    async def test_a_cancelled_reader_of_a_server_that_hangs_ends_within_50_ms(self, open_faulty: OpenFaulty) -> None:
        took = []
        async with open_faulty("hangs") as provider:
            for _ in range(5):
                reader = asyncio.create_task(collect(provider))
                for _ in range(100):  # turns of the loop, in which the request reaches the server
                    await asyncio.sleep(0)
                began = time.perf_counter()
                reader.cancel()
                await asyncio.wait([reader], timeout=PATIENCE_S)
                took.append(time.perf_counter() - began)
                assert reader.cancelled()
        assert min(took) < CANCELLED_WITHIN_S
