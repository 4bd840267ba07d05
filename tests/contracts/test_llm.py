"""Runs the language model's contract over the models that are not tied to a vendor, and over OpenAI as simulated."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from openai_server import (
    Behaviour,
    answering,
    cutting,
    ending_early,
    hanging,
    openai_server,
    raw_frame,
    refusing_url,
    resetting,
    silent_after_headers,
    stalling,
    status,
)
from providers.openai.answers import (
    OSLO,
    call_cut_in_half,
    call_that_stalls,
    call_without_its_end,
    calling,
    obliging,
)
from simulator import simulator
from tandem.contracts.llm import (
    FAULTS,
    WITH_WEATHER,
    LlmContract,
    LlmFaultContract,
    OpenFaulty,
    asking,
    calls_of,
    collect,
    text_of,
)
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import LanguageModel
from tandem.providers.local.rulebook import Rulebook
from tandem.providers.openai.llm import OpenAIChat
from tandem.simulator import faults
from tandem.simulator.faults import Kind
from tandem.simulator.scripts import Answer, Answers, Call, Turn
from tandem.simulator.stage import Stage


class TestRulebook(LlmContract):
    calls_tools = False
    repeats_itself = True

    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with Rulebook.open(
            now=lambda: datetime(2026, 11, 20, 15, 5, tzinfo=UTC), model_configured=False
        ) as model:
            yield model


class TestOpenAICompatible(LlmContract):
    repeats_itself = True

    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with (
            openai_server() as server,
            OpenAIChat.open(name="openai-compatible", base_url=server.url, model="m") as model,
        ):
            server.behave = obliging()
            yield model


BEHAVIOURS: dict[str, Behaviour] = {
    "hangs": hanging,
    "silent after headers": silent_after_headers,
    "reset": resetting,
    "stalls": stalling,
    "cut": cutting,
    "ends early": ending_early,
    "key refused": status(401),
    "bad request": status(400),
    "too long": status(413),
    "content refused": status(400, error={"message": "scripted", "type": None, "code": "content_filter"}),
    "content refused midway": answering(finish="content_filter"),
    "rate limited": status(429, "retry-after: 2"),
    "internal error": status(500),
    "unreadable": raw_frame("{not json"),
    "empty": answering(()),
    "call cut in half": call_cut_in_half,
    "call without its end": call_without_its_end,
    "call that stalls": call_that_stalls,
    "call of half its arguments": calling((OSLO[0], OSLO[1][:8])),
    "call of a list": calling((OSLO[0], "[1]")),
    "call of another tool": calling(OSLO, ("elevator", "{}")),
}


@asynccontextmanager
async def _open_faulty_openai(failing: str) -> AsyncIterator[LanguageModel]:
    async with openai_server() as server:
        server.behave = BEHAVIOURS.get(failing, hanging)
        url = refusing_url() if failing == "refused" else server.url
        async with OpenAIChat.open(
            name="openai-compatible", base_url=url, model="m", first_token_ms=600, stall_ms=600
        ) as model:
            yield model


# A request that cannot be served says nothing of the server's health.
_INVALID = ("too long", "content refused", "content refused midway")
_SERVER_FAULTS = {**FAULTS, **dict.fromkeys(_INVALID, Fault.INVALID)}


class ServerFaultContract(LlmFaultContract):
    """The faults of a server that tells a request which it refuses from a key which it refuses."""

    @pytest.mark.parametrize(("failing", "fault"), _SERVER_FAULTS.items(), ids=_SERVER_FAULTS)
    async def test_a_failing_server_is_told_by_its_fault_in_bounded_time(
        self, open_faulty: OpenFaulty, failing: str, fault: Fault
    ) -> None:
        await super().test_a_failing_server_is_told_by_its_fault_in_bounded_time(open_faulty, failing, fault)


class TestOpenAICompatibleFaults(ServerFaultContract):
    @pytest.fixture
    def open_faulty(self) -> OpenFaulty:
        return _open_faulty_openai


# What a simulated vendor does wrong, after how many words, and what must become of it; None is no fault.
SIMULATED_FAULTS = (
    (faults.Fault(Kind.REFUSED), Fault.REFUSED),
    (faults.Fault(Kind.STATUS, status=400), Fault.INVALID),
    (faults.Fault(Kind.STATUS, status=413), Fault.INVALID),
    (faults.Fault(Kind.STATUS, status=422), Fault.INVALID),
    (faults.Fault(Kind.STATUS, status=401), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=402), Fault.REJECTED),
    (faults.Fault(Kind.STATUS, status=429, retry_after_s=2), Fault.RATE_LIMITED),
    (faults.Fault(Kind.STATUS, status=498), Fault.UNAVAILABLE),
    (faults.Fault(Kind.STATUS, status=503), Fault.UNAVAILABLE),
    (faults.Fault(Kind.HANG), Fault.TIMEOUT),
    (faults.Fault(Kind.SILENT), Fault.TIMEOUT),
    (faults.Fault(Kind.SLOW, ms=100), None),
    (faults.Fault(Kind.SLOW, ms=2_000), Fault.TIMEOUT),
    (faults.Fault(Kind.STALL, after=3), Fault.STALLED),
    (faults.Fault(Kind.BLACKHOLE, after=3), Fault.STALLED),
    (faults.Fault(Kind.DRIP, ms=10), None),
    (faults.Fault(Kind.CUT, after=3), Fault.CUT),
    (faults.Fault(Kind.RESET, after=3), Fault.CUT),
    (faults.Fault(Kind.MALFORMED, after=3), Fault.MALFORMED),
    (faults.Fault(Kind.UNKNOWN_TYPE, after=3), None),
    (faults.Fault(Kind.MISSING_FIELD, after=3), Fault.MALFORMED),
    (faults.Fault(Kind.EARLY_END, after=3), Fault.CUT),
    (faults.Fault(Kind.EMPTY), Fault.EMPTY),
    (faults.Fault(Kind.ERROR_FRAME, after=3), Fault.UNAVAILABLE),
    (faults.Fault(Kind.ERROR_CLOSE, after=3), Fault.UNAVAILABLE),
)
QUESTION = asking("What is six times seven?")


def weather_stage() -> Stage:
    """Return a stage on which the models look the weather in Oslo up, and say again whatever else they hear."""
    call = Answer(call=Call("weather", {"city": "Oslo"}))
    return Stage(answers=Answers((Turn(call, when="weather in Oslo"),)))


class SimulatedLlmContract(LlmContract):
    """The contract as far as a simulated model goes: it makes one call at a time."""

    repeats_itself = True

    async def test_two_calls_of_one_reply_are_told_apart(self, model: LanguageModel) -> None:
        reply = await collect(model, asking("How is the weather in Oslo and in Rome?"), WITH_WEATHER)
        assert [json.loads(call.arguments) for call in calls_of(reply)] == [{"city": "Oslo"}]


async def survive(model: LanguageModel, stage: Stage, fault: Fault | None) -> None:
    """See `model` meet a fault that is set, and serve again once it is over."""
    if fault is None:
        assert text_of(await collect(model, QUESTION)) == QUESTION[1].text
    else:
        with pytest.raises(ProviderError) as caught:
            await collect(model, QUESTION)
        assert caught.value.fault is fault
        assert "seven" not in caught.value.detail
    stage.faults.clear()
    assert text_of(await collect(model, QUESTION)) == QUESTION[1].text


class TestOpenAISimulated(SimulatedLlmContract):
    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with (
            simulator(weather_stage()) as running,
            OpenAIChat.open(name="openai", base_url=f"{running.http}/v1", api_key="k") as model,
        ):
            yield model


@pytest.mark.parametrize(("wrong", "fault"), SIMULATED_FAULTS, ids=lambda value: getattr(value, "kind", value))
async def test_openai_failing_is_told_by_its_fault(wrong: faults.Fault, fault: Fault | None) -> None:
    async with asyncio.timeout(10), simulator() as running:
        running.stage.faults.set("openai", wrong)
        async with OpenAIChat.open(
            name="openai",
            base_url=f"http://{running.host('openai')}/v1",
            api_key="k",
            connect_ms=800,
            first_token_ms=800,
            stall_ms=800,
        ) as model:
            await survive(model, running.stage, fault)
