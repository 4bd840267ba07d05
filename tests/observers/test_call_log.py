"""The log of calls: what is kept of them, and that there is an end to it."""

from dataclasses import replace

from tandem.core.audio import AudioQuality
from tandem.core.call_record import CallRecord, TurnRecord
from tandem.core.events import CallEnded, CallStarted, MicrophoneJudged, ReplyInterrupted, TurnCompleted, TurnHeard
from tandem.core.link import TurnMeasured
from tandem.observers.call_log import CallLog

QUIET = AudioQuality(3.0, -40.0, -60.0, 0.0, 12, "Your microphone is too quiet.")


def measured(turn: int) -> TurnMeasured:
    return TurnMeasured(
        turn, endpoint_ms=300, stt_ms=290, llm_ttft_ms=200, phrase_ms=80, tts_ttfb_ms=100, turn_latency_ms=690
    )


def told(*events: object) -> CallLog:
    log = CallLog(lambda: 1_000.0)
    for event in events:
        log(event)
    return log


def test_a_turn_is_kept_with_the_microphone_as_it_was_and_completed_when_it_was_heard() -> None:
    heard = replace(measured(1), heard_ms=40.0)
    log = told(
        CallStarted("a"),
        MicrophoneJudged("a", QUIET),
        TurnCompleted("a", measured(1)),
        ReplyInterrupted("a", 120.0),
        TurnCompleted("a", measured(2)),
        TurnHeard("a", heard),
        CallEnded("a", 9_000.04),
    )
    turns = [TurnRecord(heard, QUIET), TurnRecord(measured(2), QUIET)]
    assert log.find("a") == CallRecord("a", 1_000.0, 9_000.0, interruptions=1, microphone=QUIET, turns=turns)


def test_the_latest_call_comes_first_and_a_name_that_returns_begins_anew() -> None:
    log = told(CallStarted("a"), TurnCompleted("a", measured(1)), CallStarted("b"), CallStarted("a"))
    assert log.calls == [CallRecord("a", 1_000.0), CallRecord("b", 1_000.0)]


def test_what_is_told_of_a_call_that_is_not_kept_is_let_go() -> None:
    assert told(TurnCompleted("gone", measured(1)), CallEnded("gone", 5.0)).calls == []


def test_calls_and_turns_beyond_the_most_push_out_the_oldest() -> None:
    log = told(
        *(CallStarted(f"call {number}") for number in range(250)),
        *(TurnCompleted("call 249", measured(turn)) for turn in range(150)),
    )
    assert [call.session_id for call in log.calls] == [f"call {number}" for number in range(249, 49, -1)]
    assert [turn.measured.turn for turn in log.calls[0].turns] == list(range(50, 150))
