"""AssemblyAI's adapter keeps the speech-to-text contract over the simulated vendor."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from weakref import WeakKeyDictionary

import pytest

from contracts.numbered_speech import NUMBERED_TIME, NUMBERED_UNITS
from simulator import simulator
from tandem.contracts.stt import SttContract
from tandem.core.ports import SpeechToText
from tandem.providers.assemblyai.stt import AssemblyAiStt
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage

# The SDK reads a property of websockets' exceptions that has another name now.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConnectionClosed.code:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:ConnectionClosed.reason:DeprecationWarning"),
]

_stages: WeakKeyDictionary[SpeechToText, Stage] = WeakKeyDictionary()


@asynccontextmanager
async def _opened() -> AsyncIterator[SpeechToText]:
    async with simulator() as base, AssemblyAiStt.open(api_key="k", base_url=base.http) as provider:
        _stages[provider] = base.stage
        yield provider


class TestAssemblyAi(SttContract):
    units = NUMBERED_UNITS
    time = NUMBERED_TIME

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        return _opened()

    async def break_engine(self, provider: SpeechToText) -> None:
        _stages[provider].faults.set("assemblyai", Fault(Kind.CUT))
