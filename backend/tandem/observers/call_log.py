"""Keeps the last calls, for an operator who wants to know what a caller met."""

from collections.abc import Callable

from tandem.core.call_record import CallRecord, TurnRecord
from tandem.core.events import (
    CallEnded,
    CallStarted,
    MicrophoneJudged,
    ReplyInterrupted,
    TurnCompleted,
    TurnHeard,
)

_MOST_CALLS, _MOST_TURNS = 200, 100  # of which a turn takes about 1 kB


class CallLog:
    """A Notify that keeps the records of the calls that began last, in this process; of equal ids the latest."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` gives the time of day in s since 1970."""
        self._now = now
        self._calls: dict[str, CallRecord] = {}

    @property
    def calls(self) -> list[CallRecord]:
        """The calls, the latest first."""
        return list(reversed(self._calls.values()))

    def find(self, session_id: str) -> CallRecord | None:
        """Return a call's record, None if there is none."""
        return self._calls.get(session_id)

    def __call__(self, event: object) -> None:
        """Take note of what happened."""
        match event:
            case CallStarted(session_id):
                self._calls.pop(session_id, None)
                self._calls[session_id] = CallRecord(session_id, self._now())
                if len(self._calls) > _MOST_CALLS:
                    del self._calls[next(iter(self._calls))]
            case (
                CallEnded(session_id)
                | TurnCompleted(session_id)
                | TurnHeard(session_id)
                | ReplyInterrupted(session_id)
                | MicrophoneJudged(session_id)
            ) if call := self.find(session_id):
                _note(call, event)


def _note(call: CallRecord, event: CallEnded | TurnCompleted | TurnHeard | ReplyInterrupted | MicrophoneJudged) -> None:
    match event:
        case CallEnded(lasted_ms=lasted_ms):
            call.lasted_ms = round(lasted_ms, 1)
        case TurnCompleted(measured=measured):
            call.turns.append(TurnRecord(measured, call.microphone))
            del call.turns[:-_MOST_TURNS]
        case TurnHeard(measured=measured):
            for turn in reversed(call.turns):
                if turn.measured.turn == measured.turn:
                    turn.measured = measured
                    break
        case ReplyInterrupted():
            call.interruptions += 1
        case MicrophoneJudged(quality=quality):
            call.microphone = quality
