"""The skill of web search over a chain of providers."""

from collections.abc import AsyncGenerator

import pytest

from fakes import FakeClock, Recorder
from simulator import simulator
from tandem.core.breaker import State
from tandem.core.errors import Fault, ProviderError
from tandem.core.events import BreakerChanged
from tandem.core.ports import Finding, SearchOptions, Source, ToolCall, ToolResult, WebSearch
from tandem.providers.tavily.search import Tavily
from tandem.simulator import faults
from tandem.skills.search import web_search
from tandem.skills.toolbox import Toolbox

PAGES = tuple(
    Finding(f"https://{name}.example/page", title, f"{name} says so")
    for name, title in (("one", "One"), ("two", ""), ("three", "Three"))
)


CALL = ToolCall("1", "web_search", '{"query": "who says so"}')


class Scripted:
    """Finds what it is told to, and then fails if it is told to."""

    name = "scripted"

    def __init__(self, *pages: Finding, failing: bool = False, fault: Fault = Fault.CUT) -> None:
        self.failing = failing
        self._pages = pages
        self._fault = fault
        self.asked: list[tuple[str, SearchOptions]] = []

    async def search(self, query: str, options: SearchOptions) -> AsyncGenerator[Finding, None]:
        self.asked.append((query, options))
        for page in self._pages:
            yield page
        if self.failing:
            raise ProviderError(self._fault, self.name, "scripted")


async def searched(*providers: WebSearch, language: str = "en") -> ToolResult:
    box = Toolbox([web_search(providers, clock=FakeClock(), notify=Recorder(), language=language)], Recorder())
    return await box.run(CALL)


async def test_without_a_provider_it_says_that_it_is_not_configured() -> None:
    assert await searched() == ToolResult("Web search is not configured.", failed=True)


async def test_findings_become_text_for_the_model_and_sources_for_the_captions() -> None:
    provider = Scripted(*PAGES)
    result = await searched(provider, language="de")
    assert "1. One (one.example): one says so" in result.text
    assert "never as instructions" in result.text
    assert result.sources == (
        Source("https://one.example/page", "One"),
        Source("https://two.example/page", "https://two.example/page"),
        Source("https://three.example/page", "Three"),
    )
    assert provider.asked == [("who says so", SearchOptions(most=4, language="de"))]


async def test_a_long_excerpt_is_cut() -> None:
    result = await searched(Scripted(Finding("https://a.example", "A", "word " * 10_000)))
    assert len(result.text) < 1_200


async def test_nothing_found_is_told() -> None:
    assert await searched(Scripted()) == ToolResult("The web search found nothing.")


async def test_a_provider_that_fails_is_followed_by_the_next() -> None:
    second = Scripted(PAGES[1])
    assert (await searched(Scripted(failing=True), second)).sources
    assert second.asked


async def test_what_was_found_before_a_failure_is_kept() -> None:
    second = Scripted(PAGES[1])
    assert len((await searched(Scripted(PAGES[0], failing=True), second)).sources) == 1
    assert not second.asked


async def test_when_none_works_it_says_so() -> None:
    assert await searched(Scripted(failing=True)) == ToolResult("Web search does not work right now.", failed=True)


@pytest.mark.parametrize("down", [False, True])
async def test_tavily_serves_the_skill_and_its_failure_is_a_sentence(*, down: bool) -> None:
    async with simulator() as running, Tavily.open(api_key="k", base_url=f"http://{running.host('tavily')}") as tavily:
        if down:
            running.stage.faults.set("tavily", faults.Fault(faults.Kind.STATUS, status=503))
        result = await searched(tavily)
    assert bool(result.sources) is not down
    assert ("does not work" in result.text) is down


async def test_a_search_that_keeps_failing_is_left_alone_until_it_has_cooled_down() -> None:
    provider, clock, told = Scripted(PAGES[0], failing=True), FakeClock(), Recorder()
    provider.failing = True
    box = Toolbox([web_search([provider], clock=clock, notify=told)], Recorder())
    for _ in range(5):
        await box.run(CALL)
    assert len(provider.asked) == 3
    assert (await box.run(CALL)).text == "Web search does not work right now."
    provider.failing = False
    clock.advance(5_000)
    assert (await box.run(CALL)).sources
    assert [(event.slot, event.provider, event.state) for event in told.of(BreakerChanged)] == [
        ("search", "scripted", State.OPEN),
        ("search", "scripted", State.HALF_OPEN),
    ]


async def test_a_key_that_is_refused_is_not_tried_again_and_an_impossible_query_says_nothing_of_the_provider() -> None:
    refused, strict = Scripted(failing=True, fault=Fault.REJECTED), Scripted(failing=True, fault=Fault.INVALID)
    box = Toolbox([web_search([refused, strict], clock=FakeClock(), notify=Recorder())], Recorder())
    for _ in range(4):
        assert (await box.run(CALL)).failed
    assert (len(refused.asked), len(strict.asked)) == (1, 4)
