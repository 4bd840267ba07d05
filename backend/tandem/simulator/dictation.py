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


@dataclass(frozen=True, slots=True)
class Close:
    """The end of the connection."""

    code: int
    reason: str = ""


Says = list[Frame | Close]


class Recogniser(Protocol):
    """A vendor's protocol without its socket: what comes goes in, and what is to be said comes out."""

    patience_s: float | None  # how long it bears neither audio nor a sign of life
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

    def emptied(self, body: Body) -> Body:
        """Return a unit that ends an utterance as it would be if no word had been understood."""
        ...


async def take(stage: Stage, line: Line, asked: Asked, recogniser: Recogniser) -> None:
    """Run `recogniser` on `line` until either side ends it."""
    outbox: asyncio.Queue[tuple[float, Frame | Close]] = asyncio.Queue(_MOST_WAITING)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_Mouth(stage, line, asked, recogniser, outbox).speak())
            tasks.create_task(_listen(stage, line, asked, recogniser, outbox))
    except* ClientLeft:
        asked.disconnected_at = asyncio.get_running_loop().time()
    except* Over:
        pass


async def _listen(
    stage: Stage,
    line: Line,
    asked: Asked,
    recogniser: Recogniser,
    outbox: "asyncio.Queue[tuple[float, Frame | Close]]",
) -> None:
    loop = asyncio.get_running_loop()
    says, patient_until = recogniser.begin(), _patience(recogniser, loop.time())
    while True:
        for said in says:
            if not outbox.full():
                outbox.put_nowait((loop.time() + _delay_ms(stage, said) / 1000, said))
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
        case Frame(part=Part.LAST):
            return stage.latency.first_ms(Slot.STT)
        case Frame(part=Part.UNIT):
            return stage.latency.unit_ms(Slot.STT)
        case _:
            return 0


class _Mouth:
    """Says what is in the outbox. Each utterance is an output of its own, with a fault of its own."""

    def __init__(
        self,
        stage: Stage,
        line: Line,
        asked: Asked,
        recogniser: Recogniser,
        outbox: "asyncio.Queue[tuple[float, Frame | Close]]",
    ) -> None:
        self._stage, self._line, self._asked = stage, line, asked
        self._recogniser, self._outbox = recogniser, outbox
        self._output: Output | None = None
        self._ended = False

    async def speak(self) -> None:
        """Go on until the line is closed, which raises Over."""
        loop = asyncio.get_running_loop()
        while True:
            due, said = await self._outbox.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            match said:
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
