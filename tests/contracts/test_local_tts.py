"""The local voices keep the text-to-speech contract, and what they say can be understood."""

import ctypes
from contextlib import AbstractAsyncContextManager

import jiwer
import pytest

import needs
from contracts.engine_processes import kill_at_work
from tandem.contracts.stt import heard, plain, utterance
from tandem.contracts.tts import SENTENCE, TtsContract, length_ms, spoken
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SttOptions, TextToSpeech, TtsOptions
from tandem.providers.local import espeak, flite, moonshine

SENTENCES = (
    "The train to Boston leaves at seven tomorrow morning.",
    "Your appointment has been moved to next Thursday.",
    "I am sorry, but I did not understand the question.",
    "The capital of France is Paris.",
    "Please tell me the name of the city where you live.",
)


class TestFlite(TtsContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        needs.require(flite.missing() is None, str(flite.missing()))
        return flite.Flite.open()

    async def break_engine(self, provider: TextToSpeech) -> None:
        assert isinstance(provider, flite.Flite)
        # flite calls this in place of its own synthesis, and takes the null pointer for a failure.
        self.failing = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _utterance: None)
        provider._engine._synthesis = ctypes.cast(self.failing, ctypes.c_void_p)

    async def test_each_of_its_voices_sounds_different(self, provider: TextToSpeech) -> None:
        # Their lengths, because flite's excitation noise differs from one run to the next.
        slt, rms, unnamed = [
            length_ms(await spoken(provider, SENTENCE, TtsOptions(voice=voice))) for voice in ("slt", "rms", None)
        ]
        assert slt == unnamed
        assert slt != rms

    async def test_a_language_other_than_english_is_rejected(self, provider: TextToSpeech) -> None:
        assert await spoken(provider, SENTENCE, TtsOptions(language="en-GB"))
        with pytest.raises(ProviderError) as raised:
            await spoken(provider, SENTENCE, TtsOptions(language="fr"))
        assert raised.value.fault is Fault.INVALID


class TestEspeak(TtsContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        needs.require(espeak.missing() is None, str(espeak.missing()))
        return espeak.Espeak.open()

    async def break_engine(self, provider: TextToSpeech) -> None:
        assert isinstance(provider, espeak.Espeak)
        await kill_at_work(provider._workers)

    async def test_a_fresh_process_follows_a_dead_one(self, provider: TextToSpeech) -> None:
        assert await self.fault_of_a_broken_engine(provider) is Fault.CUT
        assert await spoken(provider, SENTENCE)

    async def test_it_speaks_other_languages_each_in_its_own_way(self, provider: TextToSpeech) -> None:
        said = {
            language: b"".join(chunk.pcm for chunk in await spoken(provider, "Paris", TtsOptions(language=language)))
            for language in ("en", "fr-CH", "de", "pt-BR", "zh")
        }
        assert all(said.values())
        assert len(set(said.values())) == len(said)

    async def test_an_unknown_language_is_rejected(self, provider: TextToSpeech) -> None:
        with pytest.raises(ProviderError) as raised:
            await spoken(provider, SENTENCE, TtsOptions(language="tlh-XX"))
        assert raised.value.fault is Fault.INVALID


@pytest.mark.parametrize(
    ("opened", "voice"),
    [(flite.Flite.open, "slt"), (flite.Flite.open, "rms"), (espeak.Espeak.open, "en-us")],
)
async def test_what_is_spoken_is_understood_by_the_local_recogniser(
    opened: type[AbstractAsyncContextManager[TextToSpeech]], voice: str
) -> None:
    needs.require(flite.missing() is None, str(flite.missing()))
    understood = []
    async with opened() as speaker, moonshine.Moonshine.open() as listener:
        for sentence in SENTENCES:
            chunks = await spoken(speaker, sentence, TtsOptions(voice=voice))
            rate = chunks[0].sample_rate
            pcm = b"".join(chunk.pcm for chunk in chunks)
            events = utterance(pcm, rate=rate, sizes=(rate // 50 * 2,))
            *_, final = await heard(listener, events, SttOptions(sample_rate=rate))
            understood.append(plain(final.text))
    assert jiwer.wer([plain(sentence) for sentence in SENTENCES], understood) <= 0.25, understood
