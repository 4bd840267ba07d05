"""Deepgram's messages, as its schemas have them, are read for what they say."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tandem.core.audio import Word
from tandem.core.errors import Fault
from tandem.core.ports import SttOptions
from tandem.providers.deepgram import faults, wire
from tandem.providers.stt_ledger import Heard

_RECORDINGS = Path(__file__).parents[2] / "recordings" / "deepgram"
_SIX, _TIMES, _SEVEN = Word("Six", 100, 400), Word("times", 400, 800), Word("seven.", 800, 1300)


def _nova() -> list[Any]:
    messages: list[Any] = json.loads((_RECORDINGS / "nova.json").read_text())
    return messages


def _flux() -> list[Any]:
    messages: list[Any] = json.loads((_RECORDINGS / "flux.json").read_text())
    return messages


def test_nova_s_stretches_are_told_until_they_are_final() -> None:
    reading = wire.NovaReading()
    reading.begin(0.0)
    *told, last = (heard for message in _nova()[:-1] if (heard := reading.read(message)))
    assert [(heard.text, heard.part, heard.final) for heard in told] == [
        ("Six", 0, False),
        ("Six times", 0, False),
        ("Six times", 0, True),
    ]
    assert told[-1].words == (_SIX, _TIMES)
    assert (told[-1].end_ms, told[-1].confidence) == (1000, 0.98)
    assert (last.text, last.part, last.final, last.answers) == ("seven.", 1000, False, False)


def test_nova_answers_a_finalize() -> None:
    reading = wire.NovaReading()
    reading.begin(0.0)
    for message in _nova()[:-1]:
        reading.read(message)
    reading.finalise(1500.0)
    assert not reading.settled()
    answer = reading.read(_nova()[-1])
    assert answer == Heard(1000, "seven.", final=True, answers=True, words=(_SEVEN,), end_ms=1500, confidence=0.93)
    assert reading.settled()


def test_a_final_result_on_all_of_the_audio_answers_a_finalize_too() -> None:
    reading = wire.NovaReading()
    reading.begin(0.0)
    reading.finalise(1500.0)
    assert (answer := reading.read({**_nova()[-1], "from_finalize": False}))
    assert answer.answers


def test_a_result_on_the_last_utterance_is_no_part_of_this_one() -> None:
    reading = wire.NovaReading()
    reading.begin(1500.0)
    reading.finalise(2000.0)
    assert reading.read(_nova()[-1]) is None


def test_nothing_is_missing_when_only_a_little_audio_is_not_final() -> None:
    reading = wire.NovaReading()
    reading.begin(0.0)
    reading.read(_nova()[3])
    reading.finalise(1290.0)
    assert reading.settled()
    reading.finalise(1310.0)
    assert not reading.settled()


@pytest.mark.parametrize("field", ["channel", "start", "duration"])
def test_a_result_without_what_it_must_have_is_unreadable(field: str) -> None:
    body = _nova()[1]
    del body[field]
    with pytest.raises(wire.Unreadable):
        wire.NovaReading().read(body)


def test_messages_of_other_types_say_nothing() -> None:
    for reading, message in ((wire.NovaReading(), {"type": "New"}), (wire.FluxReading(), None)):
        assert reading.read(message) is None


def test_flux_is_asked_to_end_a_turn_once_it_has_heard_all() -> None:
    reading = wire.FluxReading()
    reading.begin(0.0)
    messages = _flux()
    heard = []
    for message in messages[:4]:
        heard.append(reading.read(message))
        assert not reading.wants_end()
    assert [each.text for each in heard if each] == ["", "Six", "Six times"]
    reading.finalise(1500.0)
    assert not reading.wants_end()
    reading.read(messages[4])
    assert [reading.wants_end(), reading.wants_end()] == [True, False]
    answer = reading.read(messages[5])
    words = (_SIX, _TIMES, _SEVEN)
    assert answer is not None
    assert answer.confidence == pytest.approx(0.8)
    assert (answer.text, answer.final, answer.answers, answer.words) == ("Six times seven.", True, True, words)


def test_flux_answers_without_a_turn_when_it_has_heard_all() -> None:
    reading = wire.FluxReading()
    reading.begin(1550.0)
    reading.finalise(1700.0)
    assert reading.read(_flux()[5]) is None
    answer = reading.read(_flux()[6])
    assert not reading.wants_end()
    assert answer is not None
    assert (answer.text, answer.answers) == ("", True)


def test_flux_says_with_each_message_how_sure_it_is_that_the_turn_is_over() -> None:
    reading = wire.FluxReading()
    heard = [reading.read(message) for message in _flux()[1:6]]
    assert [each and each.turn_over for each in heard] == [0.1, 0.1, 0.1, 0.4, 0.45]


def test_flux_withdraws_with_a_resumed_turn_what_it_said_before() -> None:
    body = json.loads((_RECORDINGS / "flux.json").read_text())[4]
    reading = wire.FluxReading()
    events = (("EagerEndOfTurn", 0.6), ("TurnResumed", 0.1))
    told = [reading.read({**body, "event": name, "end_of_turn_confidence": sure}) for name, sure in events]
    assert [(each.turn_over, each.final) for each in told if each] == [(0.6, False), (0.1, False)]


@pytest.mark.parametrize("confidence", [None, "high"])
def test_flux_words_are_heard_though_nothing_is_said_of_their_end(confidence: str | None) -> None:
    body = json.loads((_RECORDINGS / "flux.json").read_text())[3]
    heard = wire.FluxReading().read({**body, "end_of_turn_confidence": confidence})
    del body["end_of_turn_confidence"]
    for each in (heard, wire.FluxReading().read(body)):
        assert each is not None
        assert (each.text, each.turn_over) == ("Six times", None)


def test_flux_words_without_times_are_told_as_text_only() -> None:
    body = json.loads((_RECORDINGS / "flux.json").read_text())[3]
    del body["words"][0]["start"]
    heard = wire.FluxReading().read(body)
    assert heard is not None
    assert (heard.text, heard.words) == ("Six times", ())


@pytest.mark.parametrize("field", ["transcript", "audio_window_end", "words"])
def test_a_turn_without_what_it_must_have_is_unreadable(field: str) -> None:
    body = json.loads((_RECORDINGS / "flux.json").read_text())[3]
    del body[field]
    with pytest.raises(wire.Unreadable):
        wire.FluxReading().read(body)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ({"variant": "SchemaError", "description": "x", "message": "said"}, Fault.REJECTED),
        ({"variant": "Other", "description": "x"}, Fault.UNAVAILABLE),
        ({"variant": "Other", "description": "x", "code": "DATA-0000"}, Fault.INVALID),
        ({"variant": "Other", "description": "x", "code": "INVALID_AUDIO"}, Fault.INVALID),
        ({"variant": "Other", "description": "x", "code": "INVALID_AUTH"}, Fault.REJECTED),
        ({"variant": "Other", "description": "x", "code": "QUOTA_EXCEEDED"}, Fault.REJECTED),
        ({"variant": "Other", "description": "x", "code": "TOO_MANY_REQUESTS"}, Fault.RATE_LIMITED),
    ],
)
def test_an_error_frame_is_a_fault_that_quotes_nothing(error: dict[str, str], fault: Fault) -> None:
    with pytest.raises(faults.ErrorFrame) as raised:
        wire.NovaReading().read({"type": "Error", **error})
    assert (raised.value.fault, raised.value.detail) == (fault, "error frame")


def test_a_fatal_error_of_flux_is_a_fault() -> None:
    error = {"type": "Error", "sequence_id": 3, "code": "INTERNAL_SERVER_ERROR", "description": "x"}
    with pytest.raises(faults.ErrorFrame) as raised:
        wire.FluxReading().read(error)
    assert raised.value.fault is Fault.UNAVAILABLE


def test_the_queries_name_model_rate_and_language() -> None:
    nova = parse_qs(wire.nova_query("nova-3", SttOptions(language="de-CH", sample_rate=8000)))
    assert (nova["model"], nova["language"], nova["sample_rate"]) == (["nova-3"], ["de-CH"], ["8000"])
    assert (nova["encoding"], nova["interim_results"]) == (["linear16"], ["true"])
    flux = parse_qs(wire.flux_query("flux-general-multi", SttOptions(language="de-CH")))
    assert (flux["language_hint"], flux["eot_threshold"]) == (["de"], ["1.0"])
    assert "language_hint" not in parse_qs(wire.flux_query("flux-general-en", SttOptions()))


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.REJECTED),
        (401, Fault.REJECTED),
        (402, Fault.REJECTED),
        (413, Fault.INVALID),
        (429, Fault.RATE_LIMITED),
        (503, Fault.UNAVAILABLE),
    ],
)
def test_a_status_is_a_fault(status: int, fault: Fault) -> None:
    assert faults.status_fault(status, "en-GB") is fault


def test_a_query_that_is_refused_for_a_callers_language_is_no_fault_of_ours() -> None:
    assert faults.status_fault(400, "tlh") is Fault.INVALID
    assert faults.status_fault(401, "tlh") is Fault.REJECTED


@pytest.mark.parametrize(
    ("value", "ms"), [("2", 2000), ("0.5", 500), ("", None), ("soon", None), ("nan", None), ("-1", None)]
)
def test_retry_after_is_read_in_seconds(value: str, ms: float | None) -> None:
    assert faults.retry_after_ms({"retry-after": value}) == ms


@pytest.mark.parametrize(
    ("code", "reason", "fault"),
    [
        (1000, "", Fault.CUT),
        (1011, "no audio within the timeout window, see dpgr.am/net0001", Fault.CUT),
        (1007, "", Fault.INVALID),
        (1009, "", Fault.INVALID),
        (1008, "", Fault.REJECTED),
        (1008, "the payload cannot be decoded as audio, see dpgr.am/data0000", Fault.INVALID),
        (None, "", Fault.CUT),
    ],
)
def test_a_close_code_is_a_fault(code: int | None, reason: str, fault: Fault) -> None:
    assert faults.close_fault(code, reason) is fault
