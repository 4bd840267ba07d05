"""AssemblyAI's messages, as its schemas have them, are read for what they say; and its speed limit is kept."""

import json
from pathlib import Path
from typing import Any

import pytest
from assemblyai.streaming.v3 import AsyncStreamingClient, HeartbeatEvent, StreamingParameters, TerminationEvent
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import Word
from tandem.core.errors import Fault
from tandem.core.ports import SttOptions
from tandem.providers.assemblyai import wire
from tandem.providers.assemblyai.pace import LEAD_MS, Pace
from tandem.providers.stt_ledger import Heard

_RECORDING = Path(__file__).parents[2] / "recordings" / "assemblyai" / "turns.json"


def _events() -> list[Any]:
    """Return the recorded messages as the SDK hands them out."""
    return [AsyncStreamingClient._parse_message(message) for message in json.loads(_RECORDING.read_text())]


def _read_until(reading: wire.Reading, count: int) -> list[Heard]:
    return [heard for event in _events()[:count] if (heard := reading.read(event))]


def test_a_turn_is_told_as_it_grows() -> None:
    reading = wire.Reading()
    reading.begin()
    first, second = _read_until(reading, 4)
    assert (first.text, first.part, first.final) == ("six", 0, False)
    assert (second.text, second.words) == ("six times", (Word("six", 100, 400), Word("times", 400, 800)))
    assert reading.within
    assert not reading.settled()


def test_the_formatted_turn_answers_a_forced_end_and_replaces_the_other() -> None:
    reading = wire.Reading()
    reading.begin()
    _read_until(reading, 5)
    reading.finalise()
    plain, formatted = (reading.read(event) for event in _events()[5:7])
    assert plain is not None
    assert formatted is not None
    assert (plain.text, plain.final, plain.answers) == ("six times seven", True, False)
    assert reading.awaits_format(plain)
    assert not reading.awaits_format(formatted)
    assert (formatted.part, formatted.answers, formatted.text) == (plain.part, True, "Six times seven.")
    assert formatted.confidence == pytest.approx(0.8)
    assert formatted.end_ms == 1300


def test_each_turn_says_how_sure_it_is_to_be_over() -> None:
    reading = wire.Reading()
    reading.begin()
    assert [heard.turn_over for heard in _read_until(reading, 7)] == [0.1, 0.1, 0.9, 0.9]


def test_a_turn_whose_end_was_forced_says_nothing_about_being_over() -> None:
    reading = wire.Reading()
    reading.begin()
    _read_until(reading, 3)
    reading.finalise()
    heard = [reading.read(event) for event in _events()[3:7]]
    assert [each and each.turn_over for each in heard] == [0.1, None, None, None]
    assert [each.text for each in heard if each] == ["six times", "six times seven", "Six times seven."]


def test_a_turn_of_the_last_utterance_is_no_part_of_this_one() -> None:
    reading = wire.Reading()
    reading.begin()
    _read_until(reading, 6)
    reading.begin()
    assert reading.read(_events()[6]) is None


def _beat(max_speech_probability: float) -> HeartbeatEvent:
    return HeartbeatEvent(
        total_audio_received_ms=5_000,
        total_duration_ms=5_000,
        realtime_factor=1.0,
        max_speech_probability=max_speech_probability,
    )


def test_silence_alone_settles_nothing() -> None:
    reading = wire.Reading()
    reading.begin()
    reading.finalise()
    assert not reading.settled()
    reading.read(_events()[0])
    assert not reading.settled()


def test_nothing_was_said_if_a_heartbeat_after_the_end_tells_of_no_speech() -> None:
    reading = wire.Reading()
    reading.begin()
    reading.read(_beat(0.1))
    reading.read(_events()[1])
    reading.finalise()
    assert not reading.settled()
    reading.read(_beat(0.1))
    assert reading.settled()
    reading.begin()
    assert not reading.settled()


@pytest.mark.parametrize(("during", "after"), [(0.9, 0.1), (0.1, 0.9)])
def test_a_heartbeat_does_not_settle_what_may_have_been_speech(during: float, after: float) -> None:
    reading = wire.Reading()
    reading.begin()
    reading.read(_beat(during))
    reading.finalise()
    reading.read(_beat(after))
    assert not reading.settled()


def test_a_session_that_ended_as_it_was_told_has_said_all() -> None:
    reading = wire.Reading()
    reading.begin()
    assert reading.read(TerminationEvent()) is None
    _read_until(reading, 6)
    reading.finalise()
    rest = reading.read(_events()[6])
    end = reading.read(TerminationEvent())
    assert rest is not None
    assert end is not None
    assert (end.text, end.final, end.answers) == ("", True, True)
    assert end.part > rest.part


def test_a_session_that_ended_within_a_turn_has_not_said_all() -> None:
    reading = wire.Reading()
    reading.begin()
    _read_until(reading, 4)
    reading.finalise()
    assert reading.read(TerminationEvent()) is None


def test_the_session_leaves_the_end_of_a_turn_to_us() -> None:
    options = SttOptions(sample_rate=8000)
    asked: StreamingParameters = wire.parameters("universal-streaming-english", options)
    assert (asked.sample_rate, asked.format_turns, asked.session_heartbeat) == (8000, True, True)
    assert (asked.end_of_turn_confidence_threshold, asked.language_codes) == (1.0, None)
    many = wire.parameters("universal-streaming-multilingual", SttOptions(language="de-CH"))
    assert many.language_codes == ["de"]
    with pytest.raises(ValueError, match="no-such"):
        wire.parameters("no-such-model", options)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (None, Fault.CUT),
        (400, Fault.REJECTED),
        (401, Fault.REJECTED),
        (413, Fault.INVALID),
        (429, Fault.RATE_LIMITED),
        (503, Fault.UNAVAILABLE),
        (1006, Fault.CUT),
        (1008, Fault.REJECTED),
        (1009, Fault.INVALID),
        (1011, Fault.CUT),
        (3005, Fault.UNAVAILABLE),
        (3006, Fault.REJECTED),
        (3007, Fault.INVALID),
        (3008, Fault.CUT),
        (3009, Fault.RATE_LIMITED),
        (4001, Fault.REJECTED),
    ],
)
def test_a_code_is_a_fault(code: int | None, fault: Fault) -> None:
    assert wire.code_fault(code, wire.parameters("universal-streaming-multilingual", SttOptions())) is fault


@pytest.mark.parametrize("code", [400, 3006])
def test_what_is_refused_for_a_callers_language_is_no_fault_of_ours(code: int) -> None:
    asked = wire.parameters("universal-streaming-multilingual", SttOptions(language="tlh"))
    assert wire.code_fault(code, asked) is Fault.INVALID


@pytest.mark.parametrize(("value", "ms"), [("2", 2000), ("soon", None), ("nan", None), ("-1", None)])
def test_retry_after_is_read_in_seconds(value: str, ms: float | None) -> None:
    assert wire.retry_after_ms({"retry-after": value}) == ms


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(50, LEAD_MS)), max_size=30))
def test_audio_is_never_further_ahead_of_real_time_than_its_lead(chunks: list[tuple[float, float]]) -> None:
    pace, now_ms, ahead_ms = Pace(), 0.0, 0.0
    for pause_ms, chunk_ms in chunks:
        now_ms += pause_ms
        wait_ms = pace.wait_ms(chunk_ms, now_ms)
        now_ms += wait_ms
        ahead_ms = max(0.0, ahead_ms - pause_ms - wait_ms) + chunk_ms
        assert ahead_ms <= LEAD_MS + 0.001


def test_audio_that_comes_as_it_is_spoken_never_waits() -> None:
    pace = Pace()
    assert {pace.wait_ms(60, at * 60.0) for at in range(100)} == {0.0}
