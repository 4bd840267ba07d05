"""The scripted providers of the tests keep the contracts that real ones keep."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from fakes import Fail, FakeModel, FakeRecogniser, FakeVoice, Speech
from tandem.contracts.llm import LlmContract
from tandem.contracts.stt import TIME, UNITS, SttContract
from tandem.contracts.tts import TtsContract
from tandem.core.audio import Word
from tandem.core.ports import LanguageModel, SpeechToText, TextToSpeech

_POINTS = 100


def _loudness(pcm: bytes, rate: int) -> tuple[NDArray[np.float64], float, float]:
    """Return the loudness curve of what is loud in `pcm`, and where that begins and ends in ms."""
    step = rate // 100
    samples = np.frombuffer(pcm[: len(pcm) // (step * 2) * step * 2], dtype="<i2").astype(np.float64)
    curve = np.sqrt(np.mean(samples.reshape(-1, step) ** 2, axis=1)) if len(samples) else np.zeros(1)
    loud = np.flatnonzero(curve > 150)
    if not len(loud):
        return np.zeros(_POINTS), 0.0, 0.0
    curve = curve[loud[0] : loud[-1] + 1]
    points = np.interp(np.linspace(0, len(curve) - 1, _POINTS), np.arange(len(curve)), curve)
    return points, float(loud[0] * 10), float(loud[-1] * 10 + 10)


_KNOWN = [(said, _loudness(said.pcm, 16_000)[0]) for said in (UNITS, TIME)]


def hear(pcm: bytes, rate: int) -> list[Word]:
    """Know the two recordings of the contract again by their loudness; anything else has no words."""
    curve, start_ms, end_ms = _loudness(pcm, rate)
    if not curve.any():
        return []
    for said, known in _KNOWN:
        if np.corrcoef(curve, known)[0, 1] > 0.95:
            words = said.text.split()
            each = (end_ms - start_ms) / len(words)
            return [Word(word, start_ms + i * each, start_ms + (i + 1) * each) for i, word in enumerate(words)]
    return []


class TestFakeModel(LlmContract):
    calls_tools = False

    @pytest.fixture
    def model(self) -> LanguageModel:
        return FakeModel()


class TestFakeVoice(TtsContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        return _open_voice(word_times=True)

    async def break_engine(self, provider: TextToSpeech) -> None:
        assert isinstance(provider, FakeVoice)
        provider.scripts = [[Speech(2), Fail()]]


class TestFakeVoiceWithoutWordTimes(TestFakeVoice):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        return _open_voice(word_times=False)


class TestFakeRecogniser(SttContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        return _open_recogniser()

    async def break_engine(self, provider: SpeechToText) -> None:
        assert isinstance(provider, FakeRecogniser)
        provider.scripts = [[Fail()]]


@asynccontextmanager
async def _open_voice(*, word_times: bool) -> AsyncIterator[TextToSpeech]:
    yield FakeVoice(word_times=word_times)


@asynccontextmanager
async def _open_recogniser() -> AsyncIterator[SpeechToText]:
    yield FakeRecogniser(hear=hear)
