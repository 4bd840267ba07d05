"""Runs the language model's contract over Groq: its real SDK, a server on loopback, and the vendor as simulated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.test_llm import (
    BEHAVIOURS,
    SIMULATED_FAULTS,
    ServerFaultContract,
    SimulatedLlmContract,
    survive,
    weather_stage,
)
from openai_server import hanging, openai_server, refusing_url
from providers.openai.answers import obliging
from simulator import simulator
from tandem.contracts.llm import LlmContract, OpenFaulty
from tandem.core.errors import Fault
from tandem.core.ports import LanguageModel
from tandem.providers.groq.llm import GroqChat
from tandem.simulator import faults


class TestGroq(LlmContract):
    repeats_itself = True

    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with openai_server() as server, GroqChat.open(base_url=server.origin, api_key="k", model="m") as model:
            server.behave = obliging("x_groq")
            yield model


@asynccontextmanager
async def _open_faulty(failing: str) -> AsyncIterator[LanguageModel]:
    async with openai_server() as server:
        server.behave = BEHAVIOURS.get(failing, hanging)
        url = refusing_url().removesuffix("/v1") if failing == "refused" else server.origin
        async with GroqChat.open(base_url=url, api_key="k", model="m", first_token_ms=600, stall_ms=600) as model:
            yield model


class TestGroqFaults(ServerFaultContract):
    @pytest.fixture
    def open_faulty(self) -> OpenFaulty:
        return _open_faulty


class TestGroqSimulated(SimulatedLlmContract):
    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with (
            simulator(weather_stage()) as running,
            GroqChat.open(base_url=running.http, api_key="k") as model,
        ):
            yield model


@pytest.mark.parametrize(("wrong", "fault"), SIMULATED_FAULTS, ids=lambda value: getattr(value, "kind", value))
async def test_groq_failing_is_told_by_its_fault(wrong: faults.Fault, fault: Fault | None) -> None:
    async with asyncio.timeout(10), simulator() as running:
        running.stage.faults.set("groq", wrong)
        async with GroqChat.open(
            base_url=f"http://{running.host('groq')}",
            api_key="k",
            connect_ms=800,
            first_token_ms=800,
            stall_ms=800,
        ) as model:
            await survive(model, running.stage, fault)
