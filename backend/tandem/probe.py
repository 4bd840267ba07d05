"""Faults on purpose: what each vendor's adapter makes of each kind of fault, against the simulated vendor."""

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import orjson
from rich.table import Table
from rich.text import Text

from tandem.core.audio import AudioFrame, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import (
    Delta,
    LanguageModel,
    LlmOptions,
    Message,
    Role,
    Slot,
    SpeechMark,
    SpeechToText,
    SttOptions,
    TextToSpeech,
    TtsOptions,
)
from tandem.providers.catalogue import CATALOGUE
from tandem.providers.kind import Config, Provider
from tandem.simulator import faults
from tandem.simulator.app import serving
from tandem.simulator.faults import Kind
from tandem.simulator.stage import Stage
from tandem.simulator.tcp import HOST
from tandem.simulator.voice import Voice

DEADLINE_S = 8.0  # above the longest patience of any adapter, 5 s
_PHRASE = "one two three four five"
_QUESTION = "Count to five."  # the simulated models answer with the phrase
_RATE = 16_000  # Hz
_FRAME_BYTES = 640  # 20 ms
_QUIET = bytes(_RATE * 2 * 100 // 1000)  # 100 ms around speech, as a voice detector leaves it
_KEY, _PIECE = "simulated", "piece"  # the latter stands for what is left of a word
_TOO_LATE_MS, _LITTLE_MS = 7_000, 20  # the one is above the longest patience, within the deadline
_SERVER_ERROR = 3005  # AssemblyAI's code for it; the others' error frames name no close code
_MIDWAY = 2  # units of output that come out well before the fault
_CAPTION = "ok: survived; altered: ended properly, with other words or none; -: does not apply; NONE: no end in time"

TROUBLES: tuple[faults.Fault, ...] = (
    faults.Fault(Kind.REFUSED),
    *(faults.Fault(Kind.STATUS, status=status) for status in (401, 429, 503)),
    faults.Fault(Kind.HANG),
    faults.Fault(Kind.SILENT),
    faults.Fault(Kind.SLOW, ms=_TOO_LATE_MS),
    faults.Fault(Kind.STALL, _MIDWAY),
    faults.Fault(Kind.BLACKHOLE, _MIDWAY),
    faults.Fault(Kind.DRIP, ms=_LITTLE_MS),
    faults.Fault(Kind.CUT, _MIDWAY),
    faults.Fault(Kind.RESET, _MIDWAY),
    faults.Fault(Kind.MALFORMED, _MIDWAY),
    faults.Fault(Kind.UNKNOWN_TYPE, _MIDWAY),
    faults.Fault(Kind.MISSING_FIELD, _MIDWAY),
    faults.Fault(Kind.EARLY_END, _MIDWAY),
    faults.Fault(Kind.EMPTY),
    *(faults.Fault(kind, _MIDWAY, close_code=_SERVER_ERROR) for kind in (Kind.ERROR_FRAME, Kind.ERROR_CLOSE)),
    faults.Fault(Kind.DUPLICATE, _MIDWAY),
)


class Ending(StrEnum):
    """How an attempt ends that no Fault ended."""

    OK = "ok"
    ALTERED = "altered"  # a proper end, but with other words than were said, or none
    NONE = "NONE"  # no end within the deadline


_STYLES: dict[Fault | Ending, str] = {Ending.OK: "green", Ending.ALTERED: "yellow", Ending.NONE: "bold red"}


@dataclass(frozen=True, slots=True)
class Target:
    """A line of the catalogue that the simulator can play; `path` follows the address of the vendor's door.

    `spared` are the kinds that mean nothing to it; a `whole` answer comes as a single unit.
    """

    slot: Slot
    vendor: str
    path: str = ""
    whole: bool = False
    spared: frozenset[Kind] = frozenset()

    @property
    def label(self) -> str:
        return f"{self.vendor} {self.slot}"


# A body that is one JSON document has no frames; raw audio has no types, fields or terminator either.
_NO_FRAMES = frozenset({Kind.ERROR_FRAME, Kind.DUPLICATE})
_RAW = _NO_FRAMES | {Kind.UNKNOWN_TYPE, Kind.MISSING_FIELD, Kind.EARLY_END, Kind.ERROR_CLOSE}
TARGETS: tuple[Target, ...] = (
    Target(Slot.STT, "deepgram"),
    Target(Slot.STT, "assemblyai"),
    Target(Slot.STT, "openai", "/v1", whole=True, spared=_NO_FRAMES),
    Target(Slot.LLM, "groq"),
    Target(Slot.LLM, "openai", "/v1"),
    Target(Slot.TTS, "cartesia"),
    Target(Slot.TTS, "openai", "/v1", spared=_RAW),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """One adapter and what its vendor does wrong."""

    target: Target
    trouble: faults.Fault


PROBES = tuple(
    Probe(target, dataclasses.replace(trouble, after=0) if target.whole else trouble)
    for target in TARGETS
    for trouble in TROUBLES
    if trouble.kind not in target.spared
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a probe, and how many seconds the request took; opening and closing the adapter do not count."""

    provider: str
    fault: str
    result: Fault | Ending
    seconds: float


def named(trouble: faults.Fault) -> str:
    """Return what a fault is called in the table: its kind, and which status."""
    return f"{trouble.kind} {trouble.status}" if trouble.kind is Kind.STATUS else str(trouble.kind)


async def run_all(
    probes: Sequence[Probe] = PROBES, done: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Run `probes`, those of different adapters beside each other; `done` is told each outcome as it comes."""

    async def in_turn(target: Target) -> list[Outcome]:
        outcomes = []
        for probe in (probe for probe in probes if probe.target == target):
            outcomes.append(await run(probe))
            done(outcomes[-1])
        return outcomes

    async with asyncio.TaskGroup() as group:
        columns = [group.create_task(in_turn(target)) for target in dict.fromkeys(probe.target for probe in probes)]
    return [outcome for column in columns for outcome in column.result()]


async def run(probe: Probe, deadline_s: float = DEADLINE_S) -> Outcome:
    """Open the adapter on a simulator of its own, with the fault in place, and ask it for the phrase."""
    target, stage = probe.target, Stage()
    stage.faults.set(target.vendor, probe.trouble)
    async with serving(stage, {target.vendor: 0}) as doors:
        url = f"http://{HOST}:{doors.ports[target.vendor]}{target.path}"
        try:
            async with asyncio.timeout(deadline_s) as deadline:
                result, seconds = await _attempt(target, url)
        except TimeoutError:
            if not deadline.expired():
                raise  # the adapter's own, which it should have translated
            result, seconds = Ending.NONE, deadline_s
    return Outcome(target.label, named(probe.trouble), result, round(seconds, 3))


async def _attempt(target: Target, url: str) -> tuple[Fault | Ending, float]:
    kind = next(kind for kind in CATALOGUE if (kind.slot, kind.name) == (target.slot, target.vendor))
    clock = asyncio.get_running_loop().time
    async with kind.open(Config(target.vendor, key=_KEY, url=url)) as provider:
        began = clock()
        try:
            words = await _words_of(target.slot, provider)
        except ProviderError as error:
            return error.fault, clock() - began
        seconds = clock() - began
    same = re.findall(r"\w+", words.casefold()) == _PHRASE.split()
    return Ending.OK if same else Ending.ALTERED, seconds


async def _words_of(slot: Slot, provider: Provider) -> str:
    match slot:
        case Slot.STT:
            return await _heard(cast("SpeechToText", provider))
        case Slot.LLM:
            return await _answered(cast("LanguageModel", provider))
        case Slot.TTS:
            return await _spoken(cast("TextToSpeech", provider))


async def _heard(ears: SpeechToText) -> str:
    async with aclosing(ears.transcribe(_utterance(), SttOptions(sample_rate=_RATE))) as transcripts:
        return " ".join([transcript.text async for transcript in transcripts if transcript.final])


async def _utterance() -> AsyncIterator[AudioFrame | SpeechMark]:
    pcm = _QUIET + Voice().say(_PHRASE, _RATE) + _QUIET
    yield SpeechMark.STARTED
    for at in range(0, len(pcm), _FRAME_BYTES):
        yield AudioFrame(pcm[at : at + _FRAME_BYTES], _RATE, duration_ms(at, _RATE))
        await asyncio.sleep(0)  # frames do not come all at once
    yield SpeechMark.STOPPED


async def _answered(model: LanguageModel) -> str:
    async with aclosing(model.complete([Message(Role.USER, _QUESTION)], LlmOptions())) as reply:
        return "".join([piece.text async for piece in reply if isinstance(piece, Delta)])


async def _spoken(voice: TextToSpeech) -> str:
    async with aclosing(voice.synthesize(_PHRASE, TtsOptions())) as chunks:
        audio = [chunk async for chunk in chunks]
    rate = audio[0].sample_rate if audio else _RATE
    return " ".join(word.text or _PIECE for word in Voice().hear(b"".join(chunk.pcm for chunk in audio), rate))


def as_table(outcomes: Sequence[Outcome]) -> Table:
    """Return the outcomes as rows of faults and columns of providers, with "-" where a fault means nothing."""
    table = Table(box=None, padding=(0, 2, 0, 0), caption=_CAPTION, caption_justify="left")
    table.add_column("fault", no_wrap=True)
    providers = list(dict.fromkeys(outcome.provider for outcome in outcomes))
    for provider in providers:
        table.add_column(provider, overflow="fold")
    cells = {(outcome.fault, outcome.provider): _cell(outcome) for outcome in outcomes}
    for fault in dict.fromkeys(outcome.fault for outcome in outcomes):
        table.add_row(fault, *(cells.get((fault, provider), Text("-", "dim")) for provider in providers))
    return table


def _cell(outcome: Outcome) -> Text:
    return Text(f"{outcome.result} {outcome.seconds:.2f} s", _STYLES.get(outcome.result, ""))


def as_json(outcomes: Sequence[Outcome]) -> bytes:
    """Return a JSON list with an object per outcome: provider, fault, result, seconds."""
    return orjson.dumps([dataclasses.asdict(outcome) for outcome in outcomes], option=orjson.OPT_INDENT_2)
