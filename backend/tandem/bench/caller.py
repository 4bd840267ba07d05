"""A caller of a bench: speaks in real time from a microphone that never stops, and notes when what comes back."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tandem.bench import script
from tandem.bench.figures import Turn
from tandem.talk import OUTPUT_RATE, Player

RATE = 16_000  # Hz
_FRAME_MS = 20
_FRAME = RATE * _FRAME_MS // 1000 * 2  # bytes
_HEADER_BYTES = 16
_REPORT_EVERY_S = 0.25
_PATIENCE_S = 20.0
_PHASES_MS = 160  # the period of 20 ms frames against 32 ms windows of a voice detector: voices end anywhere in it


@dataclass(frozen=True, slots=True)
class Line:
    """What a caller says: s16le at RATE, whose voice begins and ends at these ms."""

    pcm: bytes
    begins_ms: float
    ends_ms: float


class Broken(Exception):
    """The call ended, or nobody answered."""


class Caller:
    """One call. `turns` and `late_ms` (of each frame, how late it was sent) hold what was seen.

    A `calm` caller listens to each reply and thinks for a second; others speak again at once, over every second reply.
    """

    def __init__(self, number: int, lines: list[Line], answered: Callable[[], None], *, calm: bool) -> None:
        """Take the lines to say, and whom to tell of each answer."""
        self.turns: list[Turn] = []
        self.late_ms: list[float] = []
        self._number = number
        self._lines = lines
        self._tell_answered = answered
        self._calm = calm
        self._random = random.Random(number)  # noqa: S311 a rehearsal, not a secret
        self._player = Player(_now)
        self._microphone = bytearray()
        self._began = self._sent = 0.0
        self._audio_at: float | None = None  # when the last audio came
        self._cleared = 0  # epoch
        self._answered = asyncio.Event()
        self._idle = asyncio.Event()

    async def call(self, url: str, spoken: asyncio.Barrier, hung_up: asyncio.Event) -> float:
        """Call and say every line; wait for all others at `spoken` and stay until `hung_up`.

        Returns how many minutes the call was up; a call that breaks off leaves the rest of its turns out.
        """
        began, arrived = _now(), False
        try:
            async with connect(url, max_size=2**20, compression=None) as socket, asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in await self._begin(socket)]
                await self._converse()
                await spoken.wait()
                arrived = True
                await hung_up.wait()
                for task in tasks:
                    task.cancel()
        except* (Broken, OSError, TimeoutError, WebSocketException):
            pass
        minutes = (_now() - began) / 60_000
        if not arrived:
            await spoken.wait()
        return minutes

    async def _begin(self, socket: ClientConnection) -> list[Any]:
        hello = {
            "type": "hello",
            "protocol": 1,
            "input": {"encoding": "pcm_s16le", "sample_rate": RATE},
            "output": {"encoding": "pcm_s16le", "sample_rate": OUTPUT_RATE, "framing": "binary"},
        }
        await socket.send(orjson.dumps(hello).decode())
        self._began, self._sent = _now(), 0
        return [self._speak(socket), self._listen(socket), self._report(socket)]

    async def _converse(self) -> None:
        await asyncio.sleep(0.5 + self._random.random() / 2)
        for number, line in enumerate(self._lines):
            if number and not self._calm:
                await self._cut_in(number - 1)
            self._say(number, line)
            await self._await(self._answered)
            self._tell_answered()
            if self._calm:
                await self._await(self._idle)
                await asyncio.sleep(0.5 + self._random.random())

    async def _cut_in(self, number: int) -> None:
        """Wait until a hasty caller speaks again after the reply to this turn has begun."""
        if script.spoken_over(number):
            await asyncio.sleep(0.3 + 0.6 * self._random.random())
        else:
            await self._await(self._idle)
            await asyncio.sleep(0.2 + 0.2 * self._random.random())

    async def _await(self, event: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await event.wait()
        except TimeoutError:
            raise Broken from None

    def _say(self, number: int, line: Line) -> None:
        """Put a line into the microphone, behind a pause that makes its phase against the frames random."""
        pause = self._random.randrange(_PHASES_MS * RATE // 1000)
        at = self._began + self._sent * _FRAME_MS + pause * 1000 / RATE
        self._microphone = bytearray(2 * pause) + line.pcm
        self._answered.clear()
        self._idle.clear()
        self.turns.append(Turn(self._number, number, at + line.begins_ms, at + line.ends_ms))

    async def _speak(self, socket: ClientConnection) -> None:
        while True:
            due = self._began + (self._sent + 1) * _FRAME_MS
            await asyncio.sleep(max(0.0, (due - _now()) / 1000))
            frame = bytes(self._microphone[:_FRAME])
            del self._microphone[:_FRAME]
            self._sent += 1
            self.late_ms.append(_now() - due)
            await socket.send(frame + bytes(_FRAME - len(frame)))

    async def _report(self, socket: ClientConnection) -> None:
        told = None
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            played = self._player.epoch, self._player.played_ms()
            if played != told and self._player.epoch:  # it plays, or has just come to the end
                told = played
                await self._tell_played(socket, *played)

    async def _tell_played(self, socket: ClientConnection, epoch: int, played_ms: float) -> None:
        message = {"type": "playback", "epoch": epoch, "played_ms": round(played_ms, 1)}
        await socket.send(orjson.dumps(message).decode())

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                now = _now()
                if isinstance(message, bytes):
                    self._hear(message, now)
                    continue
                told = orjson.loads(message)
                if told["type"] == "clear_audio":
                    await self._tell_played(socket, told["epoch"], self._player.clear())
                self._notice(told, now)
        except ConnectionClosed:
            pass
        raise Broken  # the gateway hung up

    def _hear(self, message: bytes, now: float) -> None:
        epoch = int.from_bytes(message[4:8], "little")
        self._player.take(epoch, message[_HEADER_BYTES:])
        if self.turns and epoch == self._cleared:
            self.turns[-1].late_frames += 1
        self._audio_at = now

    def _notice(self, told: dict[str, Any], now: float) -> None:
        turn = self.turns[-1] if self.turns else None
        match told["type"]:
            case "state_change" if told["state"] == "listening" and told["previous"] == "speaking":
                self._idle.set()
            case "state_change" if turn and told["state"] == "thinking" and turn.first_audio is None:
                turn.decided = now
            case "vad_status" if turn and told["speaking"] and turn.noticed is None:
                turn.noticed = now
            case "clear_audio" if turn:
                turn.cleared, self._cleared = now, told["epoch"]
            case "turn_metrics" if turn and told["heard_ms"] is None:
                # It comes right behind the first audio of the answer itself.
                turn.first_audio, turn.endpoint_ms = self._audio_at, told["endpoint_ms"]
                turn.undisturbed = all(attempt["outcome"] == "ok" for attempt in told["attempts"])
                self._answered.set()
            case "error" if told["fatal"]:
                raise Broken


def _now() -> float:
    """Return the machine's monotonic clock in ms, which all processes share."""
    return time.monotonic() * 1000
