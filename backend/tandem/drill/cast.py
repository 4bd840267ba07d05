"""The cast of a drill's call: three chains of three scripted providers, and who of them falls ill, and when."""

import asyncio
from collections.abc import Callable, Sequence

from tandem.audio.align import SpeechAligner, at_once
from tandem.audio.joint import SmoothJoint
from tandem.audio.level import LevelDetector
from tandem.audio.resample import make_resampler
from tandem.core.audio import AudioQuality
from tandem.core.chain import Chain, P
from tandem.core.hedge import Budget
from tandem.core.ports import Notify, Slot, SpokenAudio, Tool, ToolCall, ToolResult
from tandem.drill.cells import Cell, Row, Voices
from tandem.drill.ears import Hearing, NumberedEars
from tandem.drill.faults import Point
from tandem.drill.health import Health, Illness, Scene
from tandem.drill.models import Habit, NumberedModel
from tandem.drill.script import APOLOGY, FILLER, TOOL, TOOL_RESULT, VOICELESS
from tandem.drill.voices import Manner, NumberedVoice, spoken
from tandem.session.equipment import Equipment, Recorded, Sentences

PRIMARY, FALLBACK, LAST_RESORT = "primary", "fallback", "last-resort"
SICK_TURN = 2  # the one before it shows that all is well, the one after it that all is well again
LAST_TURN = 9

_NAMES = (PRIMARY, FALLBACK, LAST_RESORT)
_VOICE_RATES = (24_000, 22_050, 16_000)  # Hz
_TOOL_MS = 200
_OWN_UNITS = 2  # a fallback that fails in mid-reply has given so much


def barges_in(cell: Cell) -> bool:
    """Whether the caller does not wait for the end of the sick turn's reply."""
    return cell.row in (Row.BARGE_IN, Row.EARLY_BARGE_IN, Row.INTERRUPTION)


def long_turns(cell: Cell) -> frozenset[int]:
    """Return the turns in which much is said."""
    if cell.row is Row.FLAP:
        return frozenset(range(1, LAST_TURN + 1))
    return frozenset((SICK_TURN, SICK_TURN + 1) if barges_in(cell) else (SICK_TURN,))


def illness(cell: Cell, provider: str, scene: Scene) -> Illness | None:
    """Return what befalls a provider of the cell's slot, if anything does."""
    trouble, point = cell.trouble, cell.point
    if trouble is None or point is None or provider not in _ailing(cell):
        return None
    if cell.row is Row.FLAP:
        return Illness(trouble, point, 1, LAST_TURN, spell_ms=scene.law("flap").uniform(5_000, 9_000))
    first = last = SICK_TURN
    if cell.slot is Slot.STT and point is Point.BEFORE_SEND:
        first = last = 1  # its socket is opened when the call begins
    elif cell.slot is Slot.STT and cell.row is Row.BARGE_IN:
        first = last = SICK_TURN + 1  # while it hears the words that interrupt
    elif cell.slot is not Slot.STT and point is Point.BETWEEN:
        last = LAST_TURN
    return Illness(trouble, point, first, last, units=_OWN_UNITS if provider == FALLBACK and point is Point.HALF else 0)


def _ailing(cell: Cell) -> tuple[str, ...]:
    return (PRIMARY, FALLBACK) if cell.row is Row.DOUBLE else (PRIMARY,)


class _DeafMeter:
    """A QualityMeter that judges nothing: a drill is not about microphones."""

    def feed(self, pcm: bytes, *, speaking: bool) -> None:
        pass

    def read(self) -> AudioQuality | None:
        return None


class _OneTool:
    """A Toolbox with one tool, which takes its time."""

    tools = (Tool(TOOL, "Looks something up.", {"type": "object", "properties": {}}),)

    async def run(self, call: ToolCall) -> ToolResult:
        await asyncio.sleep(_TOOL_MS / 1000)
        return ToolResult(TOOL_RESULT)


def equipment(cell: Cell, scene: Scene, notify: Notify) -> Equipment:
    """Return fresh chains, as of a process that has been well until now, and what else a session needs.

    The seed decides on the habits of the providers, so that three seeds in a row show all of them.
    """
    tool_turn = SICK_TURN if cell.row is Row.TOOL_ONLY else 0

    def chain(slot: Slot, make: Callable[[str, int, Health], P]) -> Chain[P]:
        members = []
        for place, name in enumerate(_NAMES):
            fate = illness(cell, name, scene) if slot is cell.slot else None
            members.append(make(name, place, Health(scene, slot, name, fate)))
        return Chain(slot, members, clock=scene.clock, notify=notify, last_resorts=(LAST_RESORT,))

    return Equipment(
        stt=chain(Slot.STT, lambda name, place, health: _ears(cell, name, place, scene, health)),
        llm=chain(Slot.LLM, lambda name, place, health: _model(cell, name, place, scene, health, tool_turn)),
        tts=chain(Slot.TTS, lambda name, place, health: _voice(cell, name, place, scene, health)),
        make_detector=LevelDetector,
        make_meter=_DeafMeter,
        make_resampler=make_resampler,
        make_joint=SmoothJoint,
        aligner=SpeechAligner(at_once),
        notify=notify,
        clock=scene.clock,
        instructions="Count.",
        sentences=Sentences(_recorded(APOLOGY), _recorded(FILLER), _recorded(VOICELESS), _UNSAID, _UNSAID),
        toolbox=_OneTool() if tool_turn else None,
        eager=Budget(scene.clock, share=0.5, per_second=0.1) if cell.eager else None,
    )


_UNSAID = Recorded("", {})


def _recorded(text: str) -> Recorded:
    """Return a sentence as each voice of the chain would have said it."""
    voices = zip(_NAMES, _VOICE_RATES, strict=True)
    return Recorded(text, {name: SpokenAudio(spoken(text, rate)[0], rate) for name, rate in voices})


def _ears(cell: Cell, name: str, place: int, scene: Scene, health: Health) -> NumberedEars:
    hearing = Hearing(timed=(cell.seed + place) % 2 == 0, segments=(cell.seed + place) % 3 == 2)
    return NumberedEars(name, scene, health, hearing, long=long_turns(cell))


def _model(cell: Cell, name: str, place: int, scene: Scene, health: Health, tool_turn: int) -> NumberedModel:
    habits: Sequence[Habit] = tuple(Habit)
    habit = habits[(cell.seed + place) % len(habits)]
    return NumberedModel(name, scene, health, habit=habit, long=long_turns(cell), tool_turn=tool_turn)


def _voice(cell: Cell, name: str, place: int, scene: Scene, health: Health) -> NumberedVoice:
    manner = Manner(_VOICE_RATES[place], cell.voices is Voices.TIMED, early=(cell.seed + place) % 2 == 0)
    return NumberedVoice(name, scene, health, manner, long=long_turns(cell))
