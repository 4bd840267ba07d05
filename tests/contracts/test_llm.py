"""Runs the language model's contract over every model that Tandem has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from contracts.llm import LlmContract, LlmFaultContract, OpenFaulty
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
from tandem.core.ports import LanguageModel
from tandem.providers.local.rulebook import Rulebook
from tandem.providers.openai.llm import OpenAIChat


class TestRulebook(LlmContract):
    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with Rulebook.open(
            now=lambda: datetime(2026, 11, 20, 15, 5, tzinfo=UTC), model_configured=False
        ) as model:
            yield model


class TestOpenAICompatible(LlmContract):
    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with (
            openai_server() as server,
            OpenAIChat.open(name="openai-compatible", base_url=server.url, model="m") as model,
        ):
            yield model


_BEHAVIOURS: dict[str, Behaviour] = {
    "hangs": hanging,
    "silent after headers": silent_after_headers,
    "reset": resetting,
    "stalls": stalling,
    "cut": cutting,
    "ends early": ending_early,
    "key refused": status(401),
    "bad request": status(400),
    "rate limited": status(429, "retry-after: 2"),
    "internal error": status(500),
    "unreadable": raw_frame("{not json"),
    "empty": answering(()),
}


@asynccontextmanager
async def _open_faulty_openai(failing: str) -> AsyncIterator[LanguageModel]:
    async with openai_server() as server:
        server.behave = _BEHAVIOURS.get(failing, hanging)
        url = refusing_url() if failing == "refused" else server.url
        async with OpenAIChat.open(
            name="openai-compatible", base_url=url, model="m", first_token_ms=150, stall_ms=150
        ) as model:
            yield model


class TestOpenAICompatibleFaults(LlmFaultContract):
    @pytest.fixture
    def open_faulty(self) -> OpenFaulty:
        return _open_faulty_openai
