"""How a simulated recogniser sits at a WebSocket: one task reads, and one sends in good order and in its own time."""

import asyncio
import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from tandem.simulator.faults import Fault
from tandem.simulator.latency import Slot
from tandem.simulator.stage import Asked, ClientLeft, Stage
from tandem.simulator.websocket import Body, Line, Output, Over, Wording, later_strike

_MOST_WAITING = 1_000  # frames; behind a stall it does not matter which are lost


class BadQuery(ValueError):
    """An upgrade asks for what cannot be; the message says what."""


def positive(text: str) -> int:
    """Return a number above 0; raises ValueError."""
    number = int(text)
    if number <= 0:
        raise ValueError(text)
    return number


class Part(Enum):
    """What a frame is to the utterance, which a fault takes for one request."""

    ASIDE = auto()  # no part of the output
    UNIT = auto()
    LAST = auto()  # the unit that ends the utterance
    END = auto()  # the connection's terminator


@dataclass(frozen=True, slots=True)
class Frame:
    """Something to send."""

    body: Body
    part: Part = Part.ASIDE
    quiet_ms: float = 0.0  # how long the voice has been silent in what was heard


@dataclass(frozen=True, slots=True)
class Close:
    """The end of the connection."""

    code: int
    reason: str = ""


Says = list[Frame | Close]


class Recogniser(Protocol):
    """A vendor's protocol without its socket: what comes goes in, and what is to be said comes out."""

    patience_s: float | None  # how long it bears neither audio nor a sign of life
    beat_s: float | None  # how often it speaks without being spoken to; None for never
    wording: Wording

    def begin(self) -> Says:
        """Answer the upgrade."""
        ...

    def hear(self, audio: bytes) -> Says:
        """Take a binary message."""
        ...

    def told(self, message: Body) -> Says:
        """Take a text message."""
        ...

    def misheard(self, text: str) -> Says:
        """Take a text message that is no JSON object."""
        ...

    def neglected(self) -> Says:
        """Lose patience."""
        ...

    def beat(self) -> Says:
        """Say what is said every `beat_s`."""
        ...

    def emptied(self, body: Body) -> Body:
        """Return a unit that ends an utterance as it would be if no word had been understood."""
        ...


async def take(stage: Stage, line: Line, asked: Asked, recogniser: Recogniser) -> None:
    """Run `recogniser` on `line` until either side ends it."""
    outbox = _Outbox(stage)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_Mouth(stage, line, asked, recogniser, outbox).speak())
            tasks.create_task(_listen(line, asked, recogniser, outbox))
            if recogniser.beat_s is not None:
                tasks.create_task(_beat(recogniser, recogniser.beat_s, outbox))
    except* ClientLeft:
        asked.leave()
    except* Over:
        pass


class _Outbox:
    """What is to be said, each in its time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._waiting: asyncio.Queue[tuple[float, Frame | Close]] = asyncio.Queue(_MOST_WAITING)

    def put(self, says: Says) -> None:
        """Take what a recogniser says now; what is too much is lost."""
        now = asyncio.get_running_loop().time()
        for said in says:
            if not self._waiting.full():
                self._waiting.put_nowait((now + _delay_ms(self._stage, said) / 1000, said))

    async def next(self) -> Frame | Close:
        """Return the next one when its time has come."""
        due, said = await self._waiting.get()
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        return said


async def _beat(recogniser: Recogniser, beat_s: float, outbox: _Outbox) -> None:
    while True:
        await asyncio.sleep(beat_s)
        outbox.put(recogniser.beat())


async def _listen(line: Line, asked: Asked, recogniser: Recogniser, outbox: _Outbox) -> None:
    loop = asyncio.get_running_loop()
    says, patient_until = recogniser.begin(), _patience(recogniser, loop.time())
    while True:
        outbox.put(says)
        try:
            async with asyncio.timeout_at(patient_until):
                message = await line.receive()
        except TimeoutError:
            says, patient_until = recogniser.neglected(), None
            continue
        if _is_sign_of_life(message):
            patient_until = _patience(recogniser, loop.time())
        says = _answer(recogniser, message, asked)


def _patience(recogniser: Recogniser, now: float) -> float | None:
    return None if recogniser.patience_s is None else now + recogniser.patience_s


def _is_sign_of_life(message: str | bytes) -> bool:
    return "KeepAlive" in message if isinstance(message, str) else bool(message)


def _answer(recogniser: Recogniser, message: str | bytes, asked: Asked) -> Says:
    if isinstance(message, bytes):
        return recogniser.hear(message)
    try:
        body = json.loads(message)
    except ValueError:
        return recogniser.misheard(message)
    if len(asked.notes) < _MOST_WAITING:
        asked.notes.append(body)
    return recogniser.told(body) if isinstance(body, dict) else recogniser.misheard(message)


def _delay_ms(stage: Stage, said: Frame | Close) -> float:
    """Return how long after its audio something is said: a final transcript takes longer than an interim one."""
    match said:
        case Frame(part=Part.LAST, quiet_ms=quiet_ms):
            return stage.latency.final_ms(quiet_ms)
        case Frame(part=Part.UNIT):
            return stage.latency.unit_ms(Slot.STT)
        case _:
            return 0


class _Mouth:
    """Says what is in the outbox. Each utterance is an output of its own, with a fault of its own."""

    def __init__(self, stage: Stage, line: Line, asked: Asked, recogniser: Recogniser, outbox: _Outbox) -> None:
        self._stage, self._line, self._asked = stage, line, asked
        self._recogniser, self._outbox = recogniser, outbox
        self._output: Output | None = None
        self._ended = False

    async def speak(self) -> None:
        """Go on until the line is closed, which raises Over."""
        while True:
            match await self._outbox.next():
                case Close(code, reason):
                    await self._line.close(code, reason)
                case Frame(body, Part.ASIDE):
                    await self._line.send(json.dumps(body))
                case Frame(body, part):
                    await self._put(body, part)

    async def _put(self, body: Body, part: Part) -> None:
        if self._output is None or (self._ended and part is not Part.END):
            self._output, self._ended = self._fresh(), False
        if self._output.empty and part is not Part.END:
            if part is Part.LAST:
                await self._output.put(self._recogniser.emptied(body))
        else:
            await self._output.put(body)
        self._ended = self._ended or part is Part.LAST

    def _fresh(self) -> Output:
        fault: Fault | None = later_strike(self._stage, self._line, self._asked)
        return Output(self._stage, self._line, fault, self._recogniser.wording)
