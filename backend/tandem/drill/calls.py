"""One call of a drill: a real session, and a caller who follows the course that the cell prescribes."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from tandem.core.link import CallSettings
from tandem.core.ports import Notify, Slot
from tandem.drill.caller import Caller
from tandem.drill.cast import SICK_TURN, equipment, long_turns
from tandem.drill.cells import Cell, Row
from tandem.drill.health import Scene
from tandem.drill.script import turn_script
from tandem.session.equipment import Equipment
from tandem.session.session import Session

_CALL_S = 240.0  # beyond this the call hangs
_FLAP_TURNS = 6  # of 10-12 s
_STRIKE_S = 6.0  # how long an interrupting caller waits for the fault

MakeSession = Callable[[str, CallSettings, Caller, Equipment], Session]
Equip = Callable[[Cell, Scene, Notify], Equipment]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a call from outside; `told` is what the gateway announced, and when.

    The caller did not wait for the replies of `cut_turns`. `dropped` says how the call ended if the caller did not end
    it.
    """

    cell: Cell
    caller: Caller
    scene: Scene
    told: list[tuple[float, object]]
    cut_turns: frozenset[int]
    dropped: str
    ended_ms: float


def loop_clock() -> float:
    """The running loop's time in ms, virtual or not."""
    return asyncio.get_running_loop().time() * 1000


async def call(cell: Cell, make_session: MakeSession = Session, equip: Equip = equipment) -> Evidence:
    """Make the cell's call and return what is known of it; `equip` brings the providers."""
    scene = Scene(loop_clock, cell.seed)
    law = scene.law("call")
    settings = CallSettings(input_rate=law.choice((16_000, 24_000)), output_rate=law.choice((24_000, 16_000, 48_000)))
    caller = Caller(scene, input_rate=settings.input_rate, output_rate=settings.output_rate)
    told: list[tuple[float, object]] = []
    tools = equip(cell, scene, lambda event: told.append((loop_clock(), event)))
    session = make_session("drill", settings, caller, tools)
    course = _Course(cell, caller)
    dropped = await _run(session, course, caller)
    return Evidence(cell, caller, scene, told, course.cut_turns, dropped, loop_clock())


async def _run(session: Session, course: "_Course", caller: Caller) -> str:
    """Run a session while the caller follows the course; return how it was dropped, if it was."""
    serving = asyncio.ensure_future(session.run())
    calling = asyncio.ensure_future(course.follow())
    microphone = asyncio.ensure_future(caller.hold_microphone())
    try:
        await asyncio.wait({serving, calling}, timeout=_CALL_S, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            return _ending(serving) or "the gateway hung up"
        if not calling.done():
            return "it hung"
        calling.result()
        caller.hang_up()
        await asyncio.wait({serving}, timeout=_CALL_S)
        return _ending(serving) if serving.done() else "it did not end"
    finally:
        for task in (serving, calling, microphone):
            task.cancel()
        await asyncio.wait({serving, calling, microphone})


def _ending(serving: "asyncio.Task[None]") -> str:
    error = serving.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return "" if error is None else f"{type(error).__name__}: {error}"


class _Course:
    """What the caller does, from the first word to the last."""

    def __init__(self, cell: Cell, caller: Caller) -> None:
        self._cell = cell
        self._caller = caller
        self._scene = caller.scene
        self._law = self._scene.law("course")
        self.cut_turns: frozenset[int] = frozenset()

    async def follow(self) -> None:
        """Have the conversation, and leave."""
        match self._cell.row:
            case Row.SINGLE | Row.DOUBLE | Row.TOOL_ONLY:
                await self._converse(SICK_TURN + 1)
            case Row.FLAP:
                await self._converse(_FLAP_TURNS)
            case Row.BARGE_IN:
                await self._interrupt(self._until_struck if self._cell.slot is not Slot.STT else self._into_reply)
            case Row.INTERRUPTION:
                await self._interrupt(self._into_reply)
            case Row.COUGH:
                await self._utter(self._caller.cough, self._law.uniform(180, 500))
            case Row.BACKCHANNEL:
                await self._utter(self._caller.murmur)
            case Row.EARLY_BARGE_IN:
                await self._interrupt(self._until_thinking)
            case Row.SLOW_LISTENER:
                await self._converse(SICK_TURN - 1)
                await self._say(SICK_TURN)
                await self._listen_slowly()
                await self._caller.answered()
                await self._turn(SICK_TURN + 1)
            case Row.HANG_UP:
                await self._converse(SICK_TURN - 1)
                await self._say(SICK_TURN)
                await self._into_reply()
                self.cut_turns = frozenset((SICK_TURN,))
                return
        await asyncio.sleep(0.5)

    async def _converse(self, last: int) -> None:
        for turn in range(1, last + 1):
            await self._turn(turn)

    async def _turn(self, turn: int) -> None:
        await self._say(turn)
        await self._caller.answered()

    async def _say(self, turn: int, *, at_once: bool = False) -> None:
        if not at_once:
            self._scene.turn, self._scene.idle = turn, True
            await asyncio.sleep(self._law.uniform(0.5, 0.9))
        await self._caller.say(turn, turn_script(self._scene.seed, turn, long=turn in long_turns(self._cell)))

    async def _interrupt(self, moment: Callable[[], Coroutine[None, None, None]]) -> None:
        await self._converse(SICK_TURN - 1)
        await self._say(SICK_TURN)
        await moment()
        self.cut_turns = frozenset((SICK_TURN,))
        await self._say(SICK_TURN + 1, at_once=True)
        await self._caller.answered()
        await self._turn(SICK_TURN + 2)

    async def _utter(self, sound: Callable[..., None], *how: float) -> None:
        """Make a sound over the reply that does not mean "stop"."""
        await self._converse(SICK_TURN - 1)
        await self._say(SICK_TURN)
        await self._into_reply()
        sound(*how)
        await self._caller.answered()
        await self._turn(SICK_TURN + 1)

    async def _until_struck(self) -> None:
        try:
            async with asyncio.timeout(_STRIKE_S):
                await self._scene.struck.wait()
        except TimeoutError:
            pass
        await asyncio.sleep(self._law.uniform(0.0, 0.8))

    async def _until_thinking(self) -> None:
        await self._caller.until(lambda: self._caller.state == "thinking")
        await asyncio.sleep(self._law.uniform(0.0, 0.1))

    async def _into_reply(self) -> None:
        await self._caller.until(lambda: self._caller.hears_reply)
        await asyncio.sleep(self._law.uniform(0.8, 2.5))

    async def _listen_slowly(self) -> None:
        for _ in range(2):
            await self._into_reply()
            self._caller.player.stop_for(self._law.uniform(1_000, 2_000))
