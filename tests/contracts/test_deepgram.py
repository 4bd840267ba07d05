"""Deepgram's adapter keeps the speech-to-text contract over the simulated vendor, with both kinds of model."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from weakref import WeakKeyDictionary

from contracts.numbered_speech import NUMBERED_TIME, NUMBERED_UNITS
from simulator import simulator
from tandem.contracts.stt import SttContract
from tandem.core.ports import SpeechToText
from tandem.providers.deepgram.stt import DeepgramStt
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage

_stages: WeakKeyDictionary[SpeechToText, Stage] = WeakKeyDictionary()


@asynccontextmanager
async def _opened(model: str) -> AsyncIterator[SpeechToText]:
    async with simulator() as base, DeepgramStt.open(api_key="k", model=model, base_url=base.http) as provider:
        _stages[provider] = base.stage
        yield provider


class TestNova(SttContract):
    units = NUMBERED_UNITS
    time = NUMBERED_TIME

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        return _opened("nova-3")

    async def break_engine(self, provider: SpeechToText) -> None:
        _stages[provider].faults.set("deepgram", Fault(Kind.CUT))


class TestFlux(TestNova):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        return _opened("flux-general-en")
