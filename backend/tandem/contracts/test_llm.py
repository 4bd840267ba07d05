"""Runs the language model's suite over the provider that `--provider llm/...` names."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest_asyncio

from tandem.contracts import refusing
from tandem.contracts.llm import LlmContract, asking, collect
from tandem.core.ports import LanguageModel
from tandem.providers.chains import Listed


class TestLanguageModel(LlmContract):
    calls_tools = None

    @pytest_asyncio.fixture(loop_scope="function")
    async def model(self, chosen: Listed) -> AsyncIterator[LanguageModel]:  # type: ignore[override]  # it is a fixture
        opened: AbstractAsyncContextManager[Any] = chosen.kind.open(chosen.config)
        async with opened as model:
            yield model

    async def test_a_server_that_refuses_connections_is_a_provider_error(self, chosen: Listed) -> None:
        await refusing.examine(chosen, lambda model: collect(model, asking("What is six times seven?")))
