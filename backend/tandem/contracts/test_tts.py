"""Runs the voice's suite over the provider that `--provider tts/...` names."""

from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest

from tandem.contracts import refusing
from tandem.contracts.tts import SENTENCE, TtsContract, spoken
from tandem.core.ports import TextToSpeech
from tandem.providers.chains import Listed


class TestTextToSpeech(TtsContract):
    listed: ClassVar[Listed]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _listed(cls, chosen: Listed) -> None:
        cls.listed = chosen

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        provider: AbstractAsyncContextManager[Any] = cls.listed.kind.open(cls.listed.config)
        return provider

    async def test_a_server_that_refuses_connections_is_a_provider_error(self) -> None:
        await refusing.examine(self.listed, lambda provider: spoken(provider, SENTENCE))
