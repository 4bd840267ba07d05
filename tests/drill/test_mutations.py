"""The drill notices a gateway that keeps its promise no more: whatever part is taken away, a cell breaks."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from tandem.core.audio import AudioFrame
from tandem.core.deadline import Deadline
from tandem.core.link import CallerLink, CallSettings
from tandem.core.ports import (
    Completed,
    Delta,
    LanguageModel,
    LlmOptions,
    Message,
    ModelOutput,
    Role,
    Slot,
    SpeechMark,
    SpokenAudio,
    TtsOptions,
)
from tandem.drill.cells import Cell, Row
from tandem.drill.faults import Point, Trouble
from tandem.drill.measure import Result, measure
from tandem.drill.virtual import run
from tandem.session.equipment import Equipment
from tandem.session.listen import Listener
from tandem.session.reply import Stage
from tandem.session.session import Session
from tandem.slots.failover import Failover
from tandem.slots.llm import LlmSlot
from tandem.slots.request import Request, Served
from tandem.slots.stt import SttSlot
from tandem.slots.tape import AudioTape
from tandem.slots.tts import TtsSlot


class _LiveTape(AudioTape):
    """Replays nothing: who comes later hears what comes later."""

    async def read(self) -> AsyncIterator[AudioFrame | SpeechMark]:
        missed = len(self._items)
        async for item in super().read():
            missed -= 1
            if missed < 0:
                yield item

    def utterance(self) -> list[AudioFrame | SpeechMark]:
        return [SpeechMark.STARTED, SpeechMark.STOPPED]


class _ForgetfulSttSlot(SttSlot):
    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._tape = _LiveTape()


class _WithoutReplay(Session):
    def __init__(self, session_id: str, settings: CallSettings, link: CallerLink, equipment: Equipment) -> None:
        super().__init__(session_id, settings, link, equipment)
        limits = self._bench(equipment.limits.stt)
        self._stt = _ForgetfulSttSlot(equipment.stt, limits, options=self._stt_options)
        self._listener = Listener(equipment, self._stt, self, self._stopwatch, input_rate=settings.input_rate)


class _LosingLlmSlot(LlmSlot):
    """Takes what a broken model has written for all of the reply."""

    async def reply(
        self,
        messages: Sequence[Message],
        options: LlmOptions,
        *,
        lead_ms: Callable[[], float] = lambda: 0.0,
        deadline: Deadline | None = None,
    ) -> AsyncGenerator[Served[ModelOutput], None]:
        began = None
        async with aclosing(super().reply(messages, options, lead_ms=lead_ms, deadline=deadline)) as served:
            async for piece in served:
                began = began or piece.attempt
                if piece.attempt != began:
                    return
                yield piece


class _SeamlessLlmSlot(LlmSlot):
    """Has the next model go on, and believes that it does just that."""

    async def reply(
        self,
        messages: Sequence[Message],
        options: LlmOptions,
        *,
        lead_ms: Callable[[], float] = lambda: 0.0,
        deadline: Deadline | None = None,
    ) -> AsyncGenerator[Served[ModelOutput], None]:
        text = ""

        def ask(model: LanguageModel) -> AsyncGenerator[ModelOutput, None]:
            return model.complete([*messages, Message(Role.ASSISTANT, text)] if text else messages, options)

        request = Request(open_stream=ask, stall_ms=lambda: 500.0, may_be_empty=False, deadline=deadline)
        failover: Failover[LanguageModel] = self._failover
        async with aclosing(failover.run(request)) as served:
            async for piece in served:
                if isinstance(piece.item, Delta):
                    text += piece.item.text
                yield piece
                if isinstance(piece.item, Completed):
                    return


class _LosingTtsSlot(TtsSlot):
    """Takes what a broken voice has said for all of the phrase."""

    async def speak(
        self,
        phrase: str,
        options: TtsOptions,
        *,
        lead_ms: Callable[[], float] = lambda: 0.0,
        deadline: Deadline | None = None,
    ) -> AsyncGenerator[Served[SpokenAudio], None]:
        began = None
        async with aclosing(super().speak(phrase, options, lead_ms=lead_ms, deadline=deadline)) as served:
            async for piece in served:
                began = began or piece.attempt
                if piece.attempt != began:
                    return
                yield piece


class _LosingModels(Session):
    def _stage(self) -> Stage:
        return replace(
            super()._stage(), llm=_LosingLlmSlot(self._equipment.llm, self._bench(self._equipment.limits.llm))
        )


class _WithoutSeam(Session):
    def _stage(self) -> Stage:
        bench = self._bench(self._equipment.limits.llm)
        return replace(super()._stage(), llm=_SeamlessLlmSlot(self._equipment.llm, bench))


class _LosingVoices(Session):
    def _stage(self) -> Stage:
        equipment = self._equipment
        voices = _LosingTtsSlot(
            equipment.tts,
            self._bench(equipment.limits.tts),
            output_rate=self._settings.output_rate,
            make_resampler=equipment.make_resampler,
            make_joint=equipment.make_joint,
            aligner=equipment.aligner,
        )
        return replace(super()._stage(), tts=voices)


def drilled(slot: Slot, trouble: Trouble, make_session: type[Session] = Session) -> Result:
    # With this seed the fallback model says the whole reply again, where it is asked to go on.
    return measure(run(Cell(Row.SINGLE, 1, slot, trouble, Point.HALF), make_session))


@pytest.mark.parametrize(("slot", "trouble"), [(slot, Trouble.CUT) for slot in Slot])
def test_the_gateway_as_it_is_loses_nothing_when_a_provider_is_cut(slot: Slot, trouble: Trouble) -> None:
    assert drilled(slot, trouble).broken == ()


def test_without_the_tape_the_callers_words_are_lost() -> None:
    assert drilled(Slot.STT, Trouble.CUT, _WithoutReplay).caller.lost > 0


def test_without_going_on_with_a_text_words_of_the_reply_are_lost() -> None:
    assert drilled(Slot.LLM, Trouble.MALFORMED, _LosingModels).reply.lost > 0


def test_without_the_seam_words_of_the_reply_are_repeated() -> None:
    assert drilled(Slot.LLM, Trouble.MALFORMED, _WithoutSeam).reply.repeated > 0


def test_without_going_on_with_a_phrase_words_of_the_reply_are_lost() -> None:
    result = drilled(Slot.TTS, Trouble.CUT, _LosingVoices)
    assert result.reply.lost > 0
    assert result.history != ""
