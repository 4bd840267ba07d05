"""Two thousand healthy turns over vendors that take as long as vendors do: nothing is switched without a cause."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from fakes import CodedSpeech, FakeRecogniser, Recorder, chain, frames, loop_clock, tone
from tandem.audio.align import SpeechAligner, at_once
from tandem.audio.joint import SmoothJoint
from tandem.audio.resample import make_resampler
from tandem.core.audio import AudioFrame
from tandem.core.chain import Chain
from tandem.core.events import AttemptFailed, BreakerChanged, FailedOver, Hedged, SlotSpent
from tandem.core.hedge import HedgeLimits
from tandem.core.ports import (
    Completed,
    Delta,
    LlmOptions,
    Message,
    ModelOutput,
    Slot,
    SpeechMark,
    SpokenAudio,
    SttOptions,
    Transcript,
    TtsOptions,
)
from tandem.simulator import latency
from tandem.simulator.latency import Latency
from tandem.slots import llm, tts
from tandem.slots.llm import LlmSlot
from tandem.slots.request import Bench, SlotLimits
from tandem.slots.stt import SttSlot
from tandem.slots.tts import TtsSlot

TURNS = 2_000
BETWEEN_S = 0.5  # of the process: a breaker has some twenty attempts in its window, enough to judge by rates
PHRASE = "six times seven is forty two"
RATE = 16_000
CHUNK_MS = 100
CHUNK = tone(CHUNK_MS)
STALL_MS = 250  # the shortest silence within an output that a slot takes for a stall
LATE_FINAL = HedgeLimits(300, 600)  # of a recogniser


@dataclass(slots=True)
class Pace:
    """How long a provider takes: as the profile `typical` says; `drawn` are the times to first output, in ms."""

    law: Latency
    slot: latency.Slot
    drawn: list[float] = field(default_factory=list)
    longest_unit_ms: float = 0.0

    async def first(self) -> None:
        self.drawn.append(self.law.first_ms(self.slot))
        await asyncio.sleep(self.drawn[-1] / 1000)

    async def unit(self, audio_ms: float = 0.0) -> None:
        ms = self.law.unit_ms(self.slot, audio_ms)
        self.longest_unit_ms = max(self.longest_unit_ms, ms)
        await asyncio.sleep(ms / 1000)


class Model:
    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.pace = Pace(Latency("typical", seed), latency.Slot.LLM)

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        await self.pace.first()
        for word in PHRASE.split():
            yield Delta(f"{word} ")
            await self.pace.unit()
        yield Completed("stop")


class Voice:
    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.pace = Pace(Latency("typical", seed), latency.Slot.TTS)

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        await self.pace.first()
        for _ in phrase.split():
            yield SpokenAudio(CHUNK, RATE)
            await self.pace.unit(CHUNK_MS)


class Ear(FakeRecogniser):
    def __init__(self, name: str, seed: int, speech: CodedSpeech) -> None:
        super().__init__(name, hear=speech.hear)
        self.pace = Pace(Latency("typical", seed), latency.Slot.STT)

    async def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        async with aclosing(super().transcribe(audio, options)) as transcripts:
            async for transcript in transcripts:
                await self.pace.first()
                yield transcript


class Paced(Protocol):
    pace: Pace

    @property
    def name(self) -> str: ...


class Process:
    """A slot's chain as a process shares it, and a turn of a call over it."""

    def __init__(self, slot: Slot, seed: int) -> None:
        self.told = Recorder()
        self.turn: Callable[[], Coroutine[Any, Any, None]]
        self.providers: Sequence[Paced]
        self.chain: Chain[Any]
        self.tasks: set[asyncio.Future[None]] = set()
        match slot:
            case Slot.LLM:
                models = [Model("first", seed), Model("second", seed + 1)]
                self.providers, self.chain = models, chain(slot, *models, told=self.told)
                self.turn, self.hedge, self.hard_ms = self._write, llm.LIMITS.hedge, llm.LIMITS.hard_ms
            case Slot.TTS:
                voices = [Voice("first", seed), Voice("second", seed + 1)]
                self.providers, self.chain = voices, chain(slot, *voices, told=self.told)
                self.turn, self.hedge, self.hard_ms = self._speak, tts.LIMITS.hedge, tts.LIMITS.hard_ms
            case Slot.STT:
                self.speech = CodedSpeech()
                ears = [Ear("first", seed, self.speech), Ear("second", seed + 1, self.speech)]
                self.providers, self.chain = ears, chain(slot, *ears, told=self.told)
                self.turn, self.hedge, self.hard_ms = self._hear, LATE_FINAL, None
                self.ear = SttSlot(self.chain, self._bench(SlotLimits()), options=SttOptions)
                self.transcripts = self.ear.transcripts()
                self.heard_ms = 0.0

    def _bench(self, limits: SlotLimits) -> Bench:
        return Bench(limits, self.told, loop_clock, self._spawn)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _write(self) -> None:
        slot, text = LlmSlot(self.chain, self._bench(llm.LIMITS)), ""
        async with aclosing(slot.reply([], LlmOptions())) as output:
            async for served in output:
                text += served.item.text if isinstance(served.item, Delta) else ""
        assert text.split() == PHRASE.split()

    async def _speak(self) -> None:
        slot = TtsSlot(
            self.chain,
            self._bench(tts.LIMITS),
            output_rate=RATE,
            make_resampler=make_resampler,
            make_joint=SmoothJoint,
            aligner=SpeechAligner(at_once),
        )
        async with aclosing(slot.speak(PHRASE, TtsOptions())) as audio:
            spoken = b"".join([served.item.pcm async for served in audio])
        assert len(spoken) == len(PHRASE.split()) * len(CHUNK)

    async def _hear(self) -> None:
        sound = frames(self.speech.say(PHRASE), self.heard_ms)
        self.heard_ms = sound[-1].end_ms
        self.ear.feed(SpeechMark.STARTED)
        for frame in sound:
            self.ear.feed(frame)
        self.ear.feed(SpeechMark.STOPPED)
        assert (await anext(self.transcripts)).item.text == PHRASE

    async def close(self) -> None:
        if hasattr(self, "transcripts"):
            await self.transcripts.aclose()
        while self.tasks:
            await asyncio.wait(self.tasks)


@pytest.mark.looptime
@pytest.mark.parametrize("slot", Slot)
async def test_in_two_thousand_healthy_turns_nothing_is_switched_or_hedged_but_for_a_delay_past_its_limit(
    slot: Slot,
) -> None:
    process = Process(slot, seed=7)
    try:
        for _ in range(TURNS):
            await check_turn(process)
            await asyncio.sleep(BETWEEN_S)
    finally:
        await process.close()
    assert not process.told.of(BreakerChanged)
    assert not [event for event in process.told.of(FailedOver) if event.after_output]
    assert not process.told.of(SlotSpent)
    assert len(process.told.of(Hedged)) < TURNS / 10


async def check_turn(process: Process) -> None:
    """Have a turn; whatever was announced in it must have its cause in a delay of its own."""
    first = process.providers[0]
    assert process.hedge
    usual_ms = process.hedge.delay_ms(process.chain.member(first.name).record.first_outputs)
    seen, before = len(process.told.events), {each.name: len(each.pace.drawn) for each in process.providers}
    await process.turn()
    drawn = {each.name: each.pace.drawn[before[each.name] :] for each in process.providers}
    for event in process.told.events[seen:]:
        if isinstance(event, Hedged):
            assert max(drawn[event.late]) >= usual_ms - 1
        elif isinstance(event, AttemptFailed | FailedOver):
            name = event.provider if isinstance(event, AttemptFailed) else event.previous
            assert process.hard_ms is not None
            assert max(drawn[name]) >= process.hard_ms - 1
    assert max(each.pace.longest_unit_ms for each in process.providers) < STALL_MS
