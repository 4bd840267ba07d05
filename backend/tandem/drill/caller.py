"""The drill's caller: speaks numbered words into a microphone, listens to a loudspeaker, keeps all that comes back."""

import asyncio
import random
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tandem.core.link import (
    AudioReceived,
    CallerEvent,
    CallMessage,
    PlaybackCleared,
    ReplyAudio,
    ReplyDone,
    StateChanged,
)
from tandem.drill.health import Scene
from tandem.drill.player import Player
from tandem.drill.script import TurnScript
from tandem.drill.voices import spoken

_FRAME_MS = 32  # as the gateway hears it, so that nothing is cut up
_BREATH_MS = 350  # long enough to end an utterance, not to end the turn
_WORD_GAP_MS = 30  # silence that the numbered voice puts behind a word
_FRAMES_PER_REPORT = 6  # of what the player has sounded
_PATIENCE_S = 30.0  # for a reply
_COUGH = 12_000  # of 32,767: as loud as a word
MURMUR = ("mm", "hm")


@dataclass(frozen=True, slots=True)
class Spoke:
    """The caller's part of a turn, and when its first and its last word sounded, in ms of the call."""

    turn: int
    words: tuple[str, ...]
    start_ms: float
    end_ms: float


class Caller:
    """A CallerLink whose other end is a script. Its microphone sends `input_rate` Hz, silence where nothing is said."""

    def __init__(self, scene: Scene, *, input_rate: int, output_rate: int) -> None:
        self.scene = scene
        self.spoke: list[Spoke] = []
        self.received: list[tuple[float, CallMessage]] = []
        self.player = Player(scene.clock, output_rate, self._events_put)
        self._rate = input_rate
        self._to_say = bytearray()
        self._said = asyncio.Event()
        self._events: asyncio.Queue[CallerEvent | None] = asyncio.Queue()
        self._came = asyncio.Event()

    def _events_put(self, event: CallerEvent | None) -> None:
        self._events.put_nowait(event)

    # --- the link, as the session sees it ---

    async def events(self) -> AsyncGenerator[CallerEvent, None]:
        while (event := await self._events.get()) is not None:
            yield event

    def send(self, message: CallMessage) -> None:
        self.received.append((self.scene.clock(), message))
        match message:
            case ReplyAudio():
                self.player.take(message)
            case PlaybackCleared(epoch):
                self.player.clear(epoch)
        self._came.set()

    # --- what the caller does ---

    async def hold_microphone(self) -> None:
        """Send a frame every 32 ms, until cancelled."""
        size = 2 * _FRAME_MS * self._rate // 1000
        due, frames = self.scene.clock(), 0
        while True:
            due += _FRAME_MS
            await asyncio.sleep(max(0.0, due - self.scene.clock()) / 1000)
            frame = bytes(self._to_say[:size])
            del self._to_say[:size]
            self._events_put(AudioReceived(frame.ljust(size, b"\0")))
            if frame and not self._to_say:
                self._said.set()
            frames += 1
            if frames % _FRAMES_PER_REPORT == 0:
                self.player.tick()

    async def say(self, turn: int, script: TurnScript) -> None:
        """Speak this turn's words, and return when the last one is said."""
        self.scene.turn, self.scene.idle = turn, False
        parts = [part for part in (script.said[: script.breath_after], script.said[script.breath_after :]) if part]
        pcm = bytes(2 * _BREATH_MS * self._rate // 1000).join(self._sound(part) for part in parts)
        start_ms = self.scene.clock()
        self._said.clear()
        self._to_say += pcm
        await self._said.wait()
        self.spoke.append(Spoke(turn, script.said, start_ms, self.scene.clock() - _WORD_GAP_MS))

    def cough(self, length_ms: float) -> None:
        """Make a noise that is no word."""
        rng = random.Random(f"cough/{self.scene.seed}/{length_ms}")  # noqa: S311 a drill has to be repeatable, not secret
        samples = array("h", (rng.randint(-_COUGH, _COUGH) for _ in range(int(length_ms * self._rate / 1000))))
        self._to_say += samples.tobytes()

    def murmur(self) -> None:
        """Say that the gateway may go on."""
        self._to_say += self._sound(MURMUR)

    def _sound(self, words: Sequence[str]) -> bytes:
        return spoken(" ".join(words), self._rate)[0]

    def hang_up(self) -> None:
        self._events_put(None)

    # --- what the caller waits for ---

    async def answered(self) -> bool:
        """Wait until a reply to what was just said is over; tell whether one came."""
        since = len(self.received)
        if not await self.until(lambda: any(_ends_reply(message) for _, message in self.received[since:])):
            return False
        return await self.until(lambda: self.state == "listening")

    async def until(self, condition: Callable[[], bool], patience_s: float = _PATIENCE_S) -> bool:
        """Wait for a condition on what was received; tell whether it came about in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not condition():
                    self._came.clear()
                    await self._came.wait()
        return condition()

    @property
    def state(self) -> str:
        """What the gateway said last that it is doing."""
        return next((m.state for _, m in reversed(self.received) if isinstance(m, StateChanged)), "")

    @property
    def hears_reply(self) -> bool:
        """Whether audio has come since the caller's last word."""
        since = self.spoke[-1].end_ms if self.spoke else 0.0
        return any(at >= since and isinstance(message, ReplyAudio) for at, message in self.received)


def _ends_reply(message: CallMessage) -> bool:
    return isinstance(message, ReplyDone) and not message.interrupted
