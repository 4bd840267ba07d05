"""Runs the recogniser's suite over the provider that `--provider stt/...` names."""

from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest

from tandem.contracts import refusing
from tandem.contracts.stt import SttContract, heard, utterance
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechToText
from tandem.providers.chains import Listed


class TestSpeechToText(SttContract):
    wer_limit = 0.3  # two words of seven
    rates = (8_000, 24_000, 48_000)

    listed: ClassVar[Listed]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _listed(cls, chosen: Listed) -> None:
        cls.listed = chosen

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        provider: AbstractAsyncContextManager[Any] = cls.listed.kind.open(cls.listed.config)
        return provider

    async def assert_heard_at(self, rate: int, provider: SpeechToText) -> None:
        """A rate that it does not take may be rejected: the next one of the chain takes it."""
        try:
            await super().assert_heard_at(rate, provider)
        except ProviderError as error:
            if error.fault not in {Fault.REJECTED, Fault.INVALID}:
                raise

    async def test_a_server_that_refuses_connections_is_a_provider_error(self) -> None:
        await refusing.examine(self.listed, lambda provider: heard(provider, utterance(self.units.pcm)))
