"""The local recognisers keep the speech-to-text contract."""

from contextlib import AbstractAsyncContextManager

import pytest

import needs
from contracts.engine_processes import kill_at_work
from tandem.contracts.stt import UNITS, SttContract, finals, heard, utterance
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechToText, SttOptions
from tandem.providers.local import moonshine, pocketsphinx


class TestMoonshine(SttContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        needs.require(moonshine.missing() is None, str(moonshine.missing()))
        return moonshine.Moonshine.open()

    async def break_engine(self, provider: SpeechToText) -> None:
        assert isinstance(provider, moonshine.Moonshine)
        for engine in provider._pool._idle:
            engine.close()


class TestPocketsphinx(SttContract):
    wer_limit = 0.3
    rates = (24_000, 48_000)

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        needs.require(pocketsphinx.missing() is None, str(pocketsphinx.missing()))
        return pocketsphinx.Pocketsphinx.open()

    async def break_engine(self, provider: SpeechToText) -> None:
        assert isinstance(provider, pocketsphinx.Pocketsphinx)
        await kill_at_work(provider._workers)

    async def test_telephone_audio_is_rejected(self, provider: SpeechToText) -> None:
        with pytest.raises(ProviderError) as raised:
            await heard(provider, [], SttOptions(sample_rate=8000))
        assert raised.value.fault is Fault.INVALID

    async def test_a_fresh_process_follows_a_dead_one(self, provider: SpeechToText) -> None:
        assert await self.fault_of_a_broken_engine(provider) is Fault.CUT
        self.assert_heard(UNITS, finals(await heard(provider, utterance(UNITS.pcm)))[0])


@pytest.mark.parametrize("opened", [moonshine.Moonshine.open, pocketsphinx.Pocketsphinx.open])
async def test_a_language_other_than_english_is_rejected(
    opened: type[AbstractAsyncContextManager[SpeechToText]],
) -> None:
    async with opened() as provider:
        assert finals(await heard(provider, utterance(UNITS.pcm), SttOptions(language="en-GB")))
        with pytest.raises(ProviderError) as raised:
            await heard(provider, utterance(UNITS.pcm), SttOptions(language="fr-FR"))
    assert raised.value.fault is Fault.INVALID
