"""Measures what the healthy path pays for failover: first output through a slot against the provider read directly.

The providers answer at once, so that all that is measured is Tandem's own: chain, breaker, hedge timers, the tasks
between, the observers, and for a voice the joint and the playback ledger.
"""

import asyncio
import gc
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Any

from rich.console import Console
from rich.table import Table

from tandem.audio.align import SpeechAligner
from tandem.audio.joint import SmoothJoint
from tandem.audio.resample import make_resampler
from tandem.core.chain import Chain
from tandem.core.playback import PlaybackLedger
from tandem.core.ports import (
    Completed,
    Delta,
    LanguageModel,
    LlmOptions,
    Message,
    ModelOutput,
    Role,
    Slot,
    SpokenAudio,
    TextToSpeech,
    TtsOptions,
)
from tandem.observers.fan_out import fan_out
from tandem.observers.log import log_event
from tandem.observers.metrics import Metrics
from tandem.slots import llm, tts
from tandem.slots.llm import LlmSlot
from tandem.slots.request import Bench, SlotLimits
from tandem.slots.tts import TtsSlot

REQUESTS = 3_000  # of each kind
AT_ONCE = 25
A_SECOND = 1_000  # requests; far more than 25 calls need
PAUSE_S = 0.01  # between two rounds; a process that never rests is interrupted by others
RATE = 24_000
TEXT = "Six times seven is forty two. "
SPOKEN = SpokenAudio(bytes(RATE // 10 * 2), RATE)  # 100 ms
ASKED = [Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "What is six times seven?")]

Ask = Callable[[], Awaitable[float]]  # performs one request; returns the ms to its first output


class Model:
    def __init__(self, name: str) -> None:
        self.name = name

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        yield Delta(TEXT)
        yield Completed("stop")


class Voice:
    def __init__(self, name: str) -> None:
        self.name = name

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        yield SPOKEN


class Process:
    """What the calls of a gateway share."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        names = [(slot, name) for slot in (Slot.LLM, Slot.TTS) for name in ("first", "second")]
        metrics = Metrics(names, chains=list, calls=lambda: 0, capacity=AT_ONCE)
        self.notify = fan_out(log_event, metrics)
        self.models: list[LanguageModel] = [Model("first"), Model("second")]
        self.voices: list[TextToSpeech] = [Voice("first"), Voice("second")]
        self.llm = Chain(Slot.LLM, self.models, clock=now_ms, notify=self.notify)
        self.tts = Chain(Slot.TTS, self.voices, clock=now_ms, notify=self.notify)
        self._tasks = tasks

    def bench(self, limits: SlotLimits) -> Bench:
        def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
            return self._tasks.create_task(work)

        return Bench(limits, self.notify, now_ms, spawn)

    async def model_directly(self) -> float:
        return await first_output_ms(self.models[0].complete(ASKED, LlmOptions()))

    async def voice_directly(self) -> float:
        return await first_output_ms(self.voices[0].synthesize(TEXT, TtsOptions()))

    def call(self) -> tuple[Ask, Ask]:
        """Return how a call asks its model and its voice."""
        writer = LlmSlot(self.llm, self.bench(llm.LIMITS))
        speaker = TtsSlot(
            self.tts,
            self.bench(tts.LIMITS),
            output_rate=RATE,
            make_resampler=make_resampler,
            make_joint=SmoothJoint,
            aligner=SpeechAligner(),
        )

        async def write() -> float:
            writer.new_turn()
            return await first_output_ms(writer.reply(ASKED, LlmOptions()))

        async def speak() -> float:
            speaker.new_turn()
            ledger = PlaybackLedger()
            return await first_output_ms(speaker.speak(TEXT, TtsOptions()), lambda: account(ledger))

        return write, speak


def account(ledger: PlaybackLedger) -> None:
    """Keep the books of a first piece of audio, as a reply does."""
    ledger.begin(TEXT)
    ledger.sent(100.0, (), now_ms())
    ledger.lead_ms(now_ms())


def now_ms() -> float:
    return time.perf_counter() * 1000


async def first_output_ms(output: AsyncGenerator[Any, None], then: Callable[[], None] = lambda: None) -> float:
    """Return how long the first item took; the rest is read as well, but not measured."""
    began, took = now_ms(), 0.0
    async with aclosing(output) as items:
        async for _ in items:
            if not took:
                then()
                took = now_ms() - began
    return took


async def measure() -> dict[str, dict[str, float]]:
    """Return p50 and p99 of each slot's overhead in ms: one call, 25 at once, and 25 that ask at the very same moment.

    In the last case each waits for the work of the others too, as there is one event loop.
    """
    gc.collect()
    gc.freeze()  # as the gateway does
    figures = {}
    async with asyncio.TaskGroup() as tasks:
        process = Process(tasks)
        calls = [process.call() for _ in range(AT_ONCE)]
        for place, (name, directly) in enumerate((("LLM", process.model_directly), ("TTS", process.voice_directly))):
            asks = [call[place] for call in calls]
            await together(REQUESTS, asks)  # warm
            plain = await side_by_side(REQUESTS, [directly])
            figures[f"{name}, one call"] = over(plain, await side_by_side(REQUESTS, asks[:1]))
            figures[f"{name}, {AT_ONCE} calls"] = over(plain, await side_by_side(REQUESTS, asks))
            figures[f"{name}, {AT_ONCE} at the same moment"] = over(plain, await together(REQUESTS, asks))
    return figures


async def together(count: int, asks: Sequence[Ask]) -> list[float]:
    """Ask `count` times, all of `asks` at the same moment; return the times in order."""
    took: list[float] = []
    for _ in range(count // len(asks)):
        await asyncio.sleep(PAUSE_S)
        took += await asyncio.gather(*(ask() for ask in asks))
    return sorted(took)


async def side_by_side(count: int, asks: Sequence[Ask]) -> list[float]:
    """Ask `count` times, each of `asks` at its own pace: `A_SECOND` requests a second in all."""
    source = random.Random(7)  # noqa: S311 nothing secret depends on it

    async def one(ask: Ask) -> list[float]:
        took = []
        for _ in range(count // len(asks)):
            await asyncio.sleep(source.uniform(0, 2 * len(asks) / A_SECOND))
            took.append(await ask())
        return took

    return sorted(chain.from_iterable(await asyncio.gather(*(one(ask) for ask in asks))))


def over(plain: Sequence[float], slot: Sequence[float]) -> dict[str, float]:
    """Return by how much the percentiles of `slot` are above those of `plain`."""
    return {
        name: slot[int(share * (len(slot) - 1))] - plain[int(share * (len(plain) - 1))]
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


def show(figures: dict[str, dict[str, float]], console: Console) -> None:
    """Print them as a table."""
    table = Table(title="first output through a slot, over the provider read directly, ms", title_justify="left")
    for column in ("", "p50", "p99"):
        table.add_column(column, justify="right" if column else "left")
    for name, values in figures.items():
        table.add_row(name, *(f"{value:.2f}" for value in values.values()))
    console.print(table)


if __name__ == "__main__":
    show(asyncio.run(measure()), Console())
