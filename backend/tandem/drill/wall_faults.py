"""What a fault of the drill is at the simulated vendors, where in their output it strikes, what they cannot play."""

import math
from collections.abc import Mapping
from dataclasses import replace

from tandem.core.ports import Slot
from tandem.drill.faults import STATUSES, Point, Trouble, why_not
from tandem.drill.script import TurnScript, reply_words, words_of
from tandem.drill.voices import spoken
from tandem.simulator.cartesia_speech import CHUNK_MS
from tandem.simulator.faults import Fault, Kind

_AT_ONCE = (Point.BEFORE_SEND, Point.BETWEEN)
_SHARES = {Point.QUARTER: 0.25, Point.HALF: 0.5}
_INTERIM_MS = 250.0  # between two transcripts of the simulated recogniser
_RATE = 16_000  # Hz; for lengths any will do
_SLOW_MS: Mapping[Slot, float] = {Slot.STT: 6_000.0, Slot.LLM: 3_000.0, Slot.TTS: 3_000.0}
_DRIP_MS: Mapping[Slot, float] = {Slot.STT: 500.0, Slot.LLM: 250.0, Slot.TTS: 160.0}
_RETRY_AFTER_S = 2.0
_KINDS = {
    Trouble.REFUSED: Kind.REFUSED,
    Trouble.RESET: Kind.RESET,
    Trouble.SILENT: Kind.SILENT,
    Trouble.SLOW: Kind.SLOW,
    Trouble.STALL: Kind.STALL,
    Trouble.DRIP: Kind.DRIP,
    Trouble.CUT: Kind.CUT,
    Trouble.MALFORMED: Kind.MALFORMED,
    Trouble.EMPTY: Kind.EMPTY,
}


def why_not_here(slot: Slot, trouble: Trouble, point: Point) -> str:
    """Return why this combination makes no sense at the simulated vendors, or an empty string if it does."""
    if reason := why_not(slot, trouble, point):
        return reason
    if slot is Slot.STT and point is Point.BETWEEN:
        return "the simulator strikes at output, and while nobody speaks there is none"
    if slot is Slot.STT and point is Point.LAST_UNIT:
        return "which transcript is the last is known only when it is over"
    if slot is Slot.TTS and trouble is Trouble.REFUSED:
        return "the voice's socket is warm: there is nothing to refuse; that is reset"
    if trouble is Trouble.RESET and point is Point.BEFORE_SEND:
        return "the simulator resets what it answers: that is before-first"
    if trouble in STATUSES and point is Point.BEFORE_FIRST:
        return "the simulator's statuses come instead of the answer: that is before-send"
    if trouble in STATUSES and point not in _AT_ONCE and slot is not Slot.TTS and trouble is not Trouble.UNAVAILABLE:
        return "within a stream this vendor has the same error for all: that is 503"
    return ""


def fault_of(slot: Slot, trouble: Trouble, point: Point) -> Fault:
    """Return the simulator's fault, which strikes at the first output until it is aimed."""
    if trouble not in STATUSES:
        ms = _SLOW_MS[slot] if trouble is Trouble.SLOW else _DRIP_MS[slot]
        return Fault(_KINDS[trouble], ms=ms)
    status = int(trouble)
    if point not in _AT_ONCE:
        return Fault(Kind.ERROR_FRAME if slot is Slot.TTS else Kind.ERROR_CLOSE, status=status)
    retry_after_s = _RETRY_AFTER_S if trouble is Trouble.RATE_LIMITED else None
    return Fault(Kind.STATUS, status=status, retry_after_s=retry_after_s)


def aimed_at_text(fault: Fault, point: Point, script: TurnScript) -> Fault:
    """Return the fault of a model's answer, whose units are words."""
    return replace(fault, after=_place(point, len(script.owed)))


def aimed_at_transcripts(fault: Fault, point: Point, script: TurnScript) -> Fault:
    """Return the fault of the turn's first utterance, whose units are the transcripts that come every 250 ms."""
    first = _units(script.said[: script.breath_after] or script.said)
    after = 1 if point is Point.UNIT_1 else math.floor(_units(script.said) * _SHARES.get(point, 0.0))
    return replace(fault, after=max(0, min(after, first - 2)))


def aimed_at_phrase(fault: Fault, point: Point, script: TurnScript, phrase: str) -> Fault | None:
    """Return the fault of a phrase, whose units are 100 ms of audio; None if the phrase is not the one."""
    words = reply_words(words_of(phrase))
    target = min(_place(point, len(script.owed)), len(script.owed) - 1)
    if point in (Point.UNIT_1, *_AT_ONCE, Point.BEFORE_FIRST):
        return replace(fault, after=int(point is Point.UNIT_1))
    if script.owed[target] not in words:
        return None
    _, timed = spoken(phrase, _RATE)
    place = words.index(script.owed[target])
    at_ms = timed[-1].end_ms if point is Point.LAST_UNIT else timed[place].start_ms
    return replace(fault, after=int(at_ms // CHUNK_MS))


def _place(point: Point, units: int) -> int:
    if point is Point.LAST_UNIT:
        return units
    return 1 if point is Point.UNIT_1 else math.floor(units * _SHARES.get(point, 0.0))


def _units(words: tuple[str, ...]) -> int:
    _, timed = spoken(" ".join(words), _RATE)
    return math.floor(timed[-1].end_ms / _INTERIM_MS)
