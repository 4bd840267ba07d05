"""The course of a bench: one load after the other, on a gateway for the times and on one for what it uses."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tandem.bench import script
from tandem.bench.caller import RATE, Caller, Line
from tandem.bench.figures import Background, Figure, Load, marks, of_eager, of_load, of_turns, of_waste
from tandem.bench.machine import hop_ms, wake_up_us
from tandem.bench.rig import BenchError, Detector, Rig, rigged
from tandem.core.spread import spread
from tandem.simulator.espeak_voice import EspeakVoice, NoEspeak
from tandem.simulator.voice import Voice

_QUIET = 0.03  # of the loudest sample (-30 dB): what lies below, at the ends of a recording, is no voice
_BETWEEN_CALLS_S = 3.3  # about the length of a turn, over which the calls of a load begin


@dataclass(frozen=True, slots=True)
class Step:
    """A load: so many calls at once, of so many turns, by callers who are `calm` or not."""

    calls: int
    turns: int
    calm: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: `timed` steps for the times of turns, `used` steps for CPU and memory, with `detector`.

    In the `eager` steps replies may begin early, as by default; in the timed ones not, so that it shows what the
    gateway adds.
    """

    timed: tuple[Step, ...]
    eager: tuple[Step, ...]
    used: tuple[Step, ...]
    detector: Detector

    @property
    def total(self) -> int:
        """How many turns there are."""
        return sum(step.calls * step.turns for step in (*self.timed, *self.eager, *self.used))


@dataclass(frozen=True, slots=True)
class Outcome:
    """All figures, and what they rest on."""

    figures: tuple[Figure, ...]
    unanswered: int  # turns
    disturbed: int  # turns in which a provider failed, or was asked twice; no overhead is counted for them
    late_frames: int  # audio of a reply that came after its clear_audio
    loads: tuple[Background, ...]


async def run(plan: Plan, begin: Callable[[str], None], advance: Callable[[], None]) -> Outcome:
    """Run it all; `begin` is told each step, `advance` of each answered turn. Raises BenchError."""
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        timed, _ = await _timed(plan.timed, Path(folder), begin, advance, eager=False)
        eager, settled = await _timed(plan.eager, Path(folder), begin, advance, eager=True)
        idle_mib, used = await _used(plan, Path(folder), begin, advance)
    loads = [*timed, *eager, *used]
    turns = [turn for load in loads for turn in load.turns]
    return Outcome(
        (
            *(figure for load in timed for figure in of_turns(load)),
            *(figure for load in eager for figure in of_eager(load)),
            of_waste(*settled),
            *of_load(idle_mib, used),
        ),
        unanswered=sum(load.unanswered for load in loads),
        disturbed=sum(not turn.undisturbed for turn in turns),
        late_frames=sum(turn.late_frames for turn in turns),
        loads=tuple(load.background for load in loads),
    )


async def _timed(
    steps: Sequence[Step], folder: Path, begin: Callable[[str], None], advance: Callable[[], None], *, eager: bool
) -> tuple[list[Load], tuple[int, int]]:
    """Callers speak in numbered tones, so that the simulator reads from each line which turn it is.

    One turn goes before, which is not counted. Returns the loads, and how many eager replies were used and wasted.
    """
    calls, turns = _most(steps)
    begin("starting the gateway")
    conversation = script.as_file(calls, turns, prompted=False)
    async with rigged(folder, conversation, Detector.LEVEL, most_calls=calls, eager=eager) as rig:
        await _load(rig, Step(1, 1), [[_numbered(script.question(0, 0))]], lambda: None)  # for what is loaded late
        loads = []
        for step in steps:
            begin(("one call" if step.calls == 1 else f"{step.calls} calls at once") + eager * ", eager replies")
            lines = [
                [_numbered(script.question(call, turn)) for turn in range(step.turns)] for call in range(step.calls)
            ]
            loads.append(await _load(rig, step, lines, advance))
        return loads, await rig.wasted()


async def _used(
    plan: Plan, folder: Path, begin: Callable[[str], None], advance: Callable[[], None]
) -> tuple[float, list[Load]]:
    """Callers speak with a human-like voice, which Silero takes for one; the recogniser is told what they say."""
    calls, turns = _most(plan.used)
    begin(f"starting the gateway with {plan.detector}")
    line = await _human(script.PROMPT)
    conversation = script.as_file(calls, turns, prompted=True)
    async with rigged(folder, conversation, plan.detector, most_calls=calls, eager=True, hears=script.PROMPT) as rig:
        idle, loads = rig.usage(), []
        for step in plan.used:
            begin(f"{step.calls} calls, {plan.detector}" + step.calm * ", calm callers")
            loads.append(await _load(rig, step, [[line] * step.turns] * step.calls, advance))
        return idle.rss_mib, loads


async def _load(rig: Rig, step: Step, lines: Sequence[list[Line]], advance: Callable[[], None]) -> Load:
    """Hold the calls, all up until the last of them has been answered."""
    hops = spread(await hop_ms())
    callers = [Caller(number, said, advance, calm=step.calm) for number, said in enumerate(lines)]
    spoken, hung_up = asyncio.Barrier(len(callers) + 1), asyncio.Event()
    before, began = rig.work(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        calls = []
        for caller in callers:
            calls.append(group.create_task(caller.call(rig.url, spoken, hung_up)))
            await asyncio.sleep(_BETWEEN_CALLS_S / len(callers))
        await spoken.wait()
        after, rss_mib, took_s = rig.work(), rig.usage().rss_mib, time.monotonic() - began
        hung_up.set()
    turns = tuple(turn for caller in callers for turn in caller.turns)
    wake_ups = after.wake_ups - before.wake_ups
    waking_us = await wake_up_us((took_s - after.gateway_s + before.gateway_s) / wake_ups)
    return Load(
        len(callers),
        turns,
        unanswered=sum(len(said) for said in lines) - sum(turn.first_audio is not None for turn in turns),
        cpu_s=after.gateway_s - before.gateway_s,
        call_minutes=sum(call.result() for call in calls),
        rss_mib=rss_mib,
        background=Background(
            calls=len(callers),
            detector=rig.detector,
            gateway_busy=round((after.gateway_s - before.gateway_s) / took_s, 2),
            vendors_busy=round((after.vendors_s - before.vendors_s) / took_s, 2),
            others_busy=round((after.others_s - before.others_s) / took_s, 2),
            callers_late_ms=spread(ms for caller in callers for ms in caller.late_ms),
            wake_ups_a_second=round(wake_ups / took_s),
            wake_up_us=waking_us,
            hop_ms=hops,
        ),
        calm=step.calm,
        seen=marks(await rig.requests()),
    )


def _most(steps: Sequence[Step]) -> tuple[int, int]:
    return max(step.calls for step in steps), max(step.turns for step in steps)


def _numbered(text: str) -> Line:
    voice = Voice()
    return Line(voice.say(text, RATE), 0.0, voice.timed(text)[-1][2])


async def _human(text: str) -> Line:
    """Return the line as espeak-ng speaks it, in its process; raises BenchError if it is not installed."""
    try:
        async with EspeakVoice.open() as voice:
            pcm = (await voice.speak(text, RATE)).pcm
    except NoEspeak as error:
        raise BenchError(str(error)) from error
    levels = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    voiced = np.flatnonzero(levels > levels.max() * _QUIET)
    return Line(pcm, voiced[0] * 1000 / RATE, (voiced[-1] + 1) * 1000 / RATE)
