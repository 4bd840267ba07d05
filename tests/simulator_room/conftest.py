"""A simulator for each test, and clients of it."""

from collections.abc import AsyncIterator

import groq
import openai
import pytest_asyncio

from simulator import Simulator, simulator


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator() as sim:
        yield sim


@pytest_asyncio.fixture
async def openai_client(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="key", base_url=f"{sim.http}/v1", max_retries=0, timeout=5) as client:
        yield client


@pytest_asyncio.fixture
async def groq_client(sim: Simulator) -> AsyncIterator[groq.AsyncGroq]:
    async with groq.AsyncGroq(api_key="key", base_url=sim.http, max_retries=0, timeout=5) as client:
        yield client
