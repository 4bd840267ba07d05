"""The cast of a call by the wall clock: the vendors' own SDKs, and two simulators, of which one can fall ill."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from starlette.requests import HTTPConnection
from starlette.types import Receive

from tandem.core.chain import Chain
from tandem.core.ports import LanguageModel, Message, Notify, Role, Slot, SpeechToText, TextToSpeech
from tandem.drill.cast import FALLBACK, LAST_RESORT, LAST_TURN, PRIMARY, equipment, illness, long_turns
from tandem.drill.cells import Cell
from tandem.drill.health import Illness, Scene, Strike
from tandem.drill.script import turn_script
from tandem.drill.wall_faults import aimed_at_phrase, aimed_at_text, aimed_at_transcripts, fault_of
from tandem.providers.cartesia.tts import Cartesia
from tandem.providers.deepgram.stt import DeepgramStt
from tandem.providers.groq.llm import GroqChat
from tandem.providers.openai.llm import OpenAIChat
from tandem.providers.openai.stt import OpenAITranscriber
from tandem.providers.openai.tts import OpenAISpeech
from tandem.session.equipment import Equipment
from tandem.simulator import latency
from tandem.simulator.app import serving
from tandem.simulator.faults import Fault, FaultBoard, Kind
from tandem.simulator.latency import Fixed, Latency, Pace
from tandem.simulator.scripts import Answer, Answers, Turn
from tandem.simulator.scripts import Message as ModelMessage
from tandem.simulator.stage import Asked, Stage
from tandem.simulator.tcp import HOST, Doors

_KEY = "drill"
_PRIMARIES = {Slot.STT: "deepgram", Slot.LLM: "groq", Slot.TTS: "cartesia"}
_LOOK_S = 0.01  # how soon a fault is hung up when its turn begins


@dataclass(slots=True)
class _Drawn:
    """A law of latency that holds one time for a whole call, so that the call without a fault takes the same."""

    least_ms: float
    most_ms: float
    ms: float = 0.0

    def draw(self, source: random.Random) -> float:
        return self.ms


@dataclass(slots=True)
class Case:
    """What befalls the primary provider of a cell's slot in the call that is being made."""

    board: FaultBoard
    slot: Slot
    illness: Illness
    fault: Fault
    scene: Scene
    long: frozenset[int]

    async def follow(self) -> None:
        """Hang the fault up while its turns last, until cancelled."""
        while True:
            self._hang()
            await asyncio.sleep(_LOOK_S)

    def _hang(self) -> None:
        vendor = _PRIMARIES[self.slot]
        due = self.illness.first <= self.scene.turn <= self.illness.last
        if due and not self.board.all():
            self.board.set(vendor, self.fault)
        elif not due and self.board.all():
            self.board.clear()

    def aimed(self, asked: Asked, fault: Fault) -> Fault | None:
        """Return where in the answer to this request the fault strikes; None if not in this one."""
        if self.scene.strikes:
            self.scene.asked_while_ill += 1
            return fault
        turn, point = self.scene.turn, self.illness.point
        script = turn_script(self.scene.seed, turn, long=turn in self.long)
        if fault.kind in (Kind.STATUS, Kind.REFUSED):
            return fault
        if self.slot is Slot.LLM:
            return aimed_at_text(fault, point, script)
        if self.slot is Slot.STT:
            if fault.kind is Kind.EMPTY:  # its transcripts are dropped from now on, before they could strike
                self.struck()
            return aimed_at_transcripts(fault, point, script)
        return aimed_at_phrase(fault, point, script, (asked.body or {}).get("transcript", ""))

    def struck(self) -> None:
        """Note when the fault struck first."""
        if not self.scene.strikes:
            self.scene.strikes.append(Strike(self.scene.clock(), self.slot, PRIMARY))
            self.scene.struck.set()


@dataclass(slots=True)
class _Now:
    """The call that a simulator is part of."""

    case: Case | None = None
    answers: Answers = field(default_factory=Answers)


@dataclass(frozen=True)
class _SickStage(Stage):
    """A stage on which each fault is aimed at a point of the call, and the moment noted when it strikes."""

    now: _Now = field(default_factory=_Now)

    def strike(self, asked: Asked, connection: HTTPConnection) -> Fault | None:
        fault = super().strike(asked, connection)
        asked.fault = self.now.case.aimed(asked, fault) if fault and self.now.case else fault
        return asked.fault

    async def open(self, fault: Fault | None, connection: HTTPConnection, receive: Receive) -> Fault | None:
        if fault is not None and fault.kind in (Kind.STATUS, Kind.REFUSED) and self.now.case:
            self.now.case.struck()
        return await super().open(fault, connection, receive)

    async def obey(self, fault: Fault | None, unit: int, connection: HTTPConnection) -> Kind | None:
        if fault is not None and fault.strikes(unit) and self.now.case:
            self.now.case.struck()
        return await super().obey(fault, unit, connection)


@dataclass(frozen=True)
class _Scripted(Answers):
    """Answers with the words of the turn that was asked for last."""

    now: _Now = field(default_factory=_Now)

    def answer(self, messages: Sequence[ModelMessage], tools: Sequence[str] = ()) -> Answer:
        return self.now.answers.answer(messages, tools)


def _answers(cell: Cell) -> Answers:
    """Return the numbered words of all turns, the later ones first: they count where a message holds two turns."""
    long = long_turns(cell)
    scripts = {turn: turn_script(cell.seed, turn, long=turn in long) for turn in range(LAST_TURN, 0, -1)}
    return Answers(tuple(Turn(Answer(script.reply), f"c{turn}") for turn, script in scripts.items()))


class Vendors:
    """Adapters of nine providers, open for many calls, one after the other."""

    def __init__(self) -> None:
        self._now = _Now()
        self._laws = [_Drawn(100, 300), _Drawn(100, 250), _Drawn(20, 40), _Drawn(80, 150)]
        final, token, word, chunk = self._laws
        paces = {
            latency.Slot.STT: Pace(first=final, unit=Fixed(40)),
            latency.Slot.LLM: Pace(first=token, unit=word),
            latency.Slot.TTS: Pace(first=chunk, real_time=Fixed(0.2)),
        }
        answers = _Scripted(now=self._now)
        self._sick = _SickStage(latency=Latency(paces), answers=answers, now=self._now)
        self._well = Stage(latency=Latency(paces), answers=answers)
        self._stt: list[SpeechToText] = []
        self._llm: list[LanguageModel] = []
        self._tts: list[TextToSpeech] = []

    @classmethod
    @asynccontextmanager
    async def open(cls) -> "AsyncIterator[Vendors]":
        """Serve both simulators on loopback, and open every adapter on them."""
        vendors = cls()
        async with AsyncExitStack() as stack:
            sick = await stack.enter_async_context(serving(vendors._sick))
            well = await stack.enter_async_context(serving(vendors._well))
            await vendors._connect(stack, sick, well)
            yield vendors

    async def _connect(self, stack: AsyncExitStack, sick: Doors, well: Doors) -> None:
        opened = stack.enter_async_context
        openai = f"{_url(well, 'openai')}/v1"
        for name, doors in ((PRIMARY, sick), (FALLBACK, well)):
            base = _url(doors, "deepgram")
            self._stt.append(await opened(DeepgramStt.open(name=name, api_key=_KEY, base_url=base)))
            base = _url(doors, "cartesia")
            self._tts.append(await opened(Cartesia.open(name=name, api_key=_KEY, base_url=base)))
        self._stt.append(await opened(OpenAITranscriber.open(name=LAST_RESORT, api_key=_KEY, base_url=openai)))
        self._tts.append(await opened(OpenAISpeech.open(name=LAST_RESORT, api_key=_KEY, base_url=openai)))
        self._llm.append(await opened(GroqChat.open(name=PRIMARY, api_key=_KEY, base_url=_url(sick, "groq"))))
        chat = OpenAIChat.open(name=FALLBACK, api_key=_KEY, base_url=openai, model="gpt-4o-mini")
        self._llm.append(await opened(chat))
        self._llm.append(await opened(GroqChat.open(name=LAST_RESORT, api_key=_KEY, base_url=_url(well, "groq"))))

    def case(self, cell: Cell, scene: Scene) -> Case | None:
        """Begin a call: forget the one before, and return what befalls a provider in this one."""
        rng = random.Random(f"wall/{cell.seed}")  # noqa: S311 a drill has to be repeatable, not secret
        for law in self._laws:
            law.ms = rng.uniform(law.least_ms, law.most_ms)
        self._sick.faults.clear()
        for stage in (self._sick, self._well):
            stage.requests.clear()
        self._now.answers, self._now.case = _answers(cell), None
        fate = illness(cell, PRIMARY, scene)
        if cell.slot is not None and fate is not None:
            fault = fault_of(cell.slot, fate.trouble, fate.point)
            self._now.case = Case(self._sick.faults, cell.slot, fate, fault, scene, long_turns(cell))
        return self._now.case

    def equipment(self, cell: Cell, scene: Scene, notify: Notify) -> Equipment:
        """Return fresh chains of these adapters, and what else a session needs."""
        last = (LAST_RESORT,)
        return replace(
            equipment(cell.healthy, scene, notify),
            stt=Chain(Slot.STT, self._stt, clock=scene.clock, notify=notify, last_resorts=last),
            llm=Chain(Slot.LLM, self._llm, clock=scene.clock, notify=notify, last_resorts=last),
            tts=Chain(Slot.TTS, self._tts, clock=scene.clock, notify=notify, last_resorts=last),
        )

    def asked(self) -> list[tuple[float, tuple[Message, ...]]]:
        """Return what the models were given in this call, and when, in ms of the loop's clock."""
        self._now.case = None
        self._sick.faults.clear()
        found = [*self._sick.requests.of(route="chat"), *self._well.requests.of(route="chat")]
        return [(asked.at * 1000, _messages(asked)) for asked in sorted(found, key=lambda asked: asked.at)]


def _messages(asked: Asked) -> tuple[Message, ...]:
    return tuple(Message(Role(given["role"]), given.get("content") or "") for given in asked.body["messages"])


def _url(doors: Doors, vendor: str) -> str:
    return f"http://{HOST}:{doors.ports[vendor]}"
