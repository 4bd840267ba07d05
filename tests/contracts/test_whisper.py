"""whisper keeps the speech-to-text contract, with a made-up model that tells two sounds apart."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar

import pytest

import needs
from contracts.engine_processes import kill_at_work
from providers.local.make_whisper_model import HIGH, LOW, make_model, sound_of
from tandem.contracts.stt import Recording, SttContract, finals, heard, utterance
from tandem.core.errors import Fault
from tandem.core.ports import SpeechToText
from tandem.providers.local import whisper


class TestWhisper(SttContract):
    wer_limit = 0.0
    units = Recording(HIGH, sound_of(HIGH))
    time = Recording(LOW, sound_of(LOW))
    model: ClassVar[Path]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _made_up_model(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.model = tmp_path_factory.mktemp("whisper")
        lack = whisper.missing("a-name")
        needs.require(lack is None, str(lack))
        make_model(cls.model)

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        return whisper.Whisper.open(str(cls.model))

    async def break_engine(self, provider: SpeechToText) -> None:
        assert isinstance(provider, whisper.Whisper)
        await kill_at_work(provider._workers)

    async def test_a_fresh_process_follows_a_dead_one(self, provider: SpeechToText) -> None:
        assert await self.fault_of_a_broken_engine(provider) is Fault.CUT
        self.assert_heard(self.units, finals(await heard(provider, utterance(self.units.pcm)))[0])
