"""What Cartesia's frames say, in Tandem's terms."""

import json
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import Word
from tandem.core.errors import Fault
from tandem.core.ports import TtsOptions
from tandem.providers.cartesia import wire

RECORDINGS = Path(__file__).parents[2] / "recordings" / "cartesia"
FRAMES: list[dict[str, Any]] = json.loads((RECORDINGS / "frames.json").read_text("utf-8"))
VOICE = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"
OTHER = "A0E99841-438c-4a64-b679-ae501e7d6091"

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["word_timestamps", "words", "start", "end", "data", "status_code", "context_id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def means(frame: wire.Frame | None) -> dict[str, Any] | None:
    match frame:
        case wire.Audio("c1", pcm):
            return {"audio": array("h", pcm).tolist()}
        case wire.Times("c1", words):
            return {"words": [[word.text, word.start_ms, word.end_ms] for word in words]}
        case wire.Done("c1"):
            return {"done": True}
        case wire.Failure(context, fault, _):
            return {"fault": fault.value, "context": context}
    return None


@pytest.mark.parametrize("recorded", FRAMES, ids=lambda recorded: recorded["frame"]["type"])
def test_a_frame_of_the_published_schema_is_read(recorded: dict[str, Any]) -> None:
    assert means(wire.read(json.dumps(recorded["frame"]).encode())) == recorded["means"]


@pytest.mark.parametrize("recorded", FRAMES, ids=lambda recorded: recorded["frame"]["type"])
def test_an_error_tells_its_code_and_nothing_else_of_the_vendors_words(recorded: dict[str, Any]) -> None:
    frame = wire.read(json.dumps(recorded["frame"]).encode())
    if isinstance(frame, wire.Failure):
        assert str(recorded["frame"].get("message", "?")) not in frame.detail
        assert str(recorded["frame"].get("error_code") or "") in frame.detail


@pytest.mark.parametrize(
    "body",
    [
        {"type": "chunk"},
        {"type": "chunk", "data": None},
        {"type": "chunk", "data": "AAA"},
        {"type": "chunk", "data": "é"},
        {"type": "timestamps", "word_timestamps": {"words": ["a"], "start": [0.0], "end": []}},
        {"type": "timestamps", "word_timestamps": {"words": ["a"], "start": ["0"], "end": [1.0]}},
        {"type": "timestamps", "word_timestamps": {"words": [7], "start": [0.0], "end": [1.0]}},
        {"type": "timestamps", "word_timestamps": ["a"]},
        {"data": "AAAA"},
        {"type": []},
    ],
)
def test_a_frame_of_another_form_is_a_fault_of_its_context_alone(body: dict[str, Any]) -> None:
    frame = wire.read(json.dumps({"context_id": "c1", **body}).encode())
    assert isinstance(frame, wire.Failure)
    assert (frame.context, frame.fault) == ("c1", Fault.MALFORMED)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7", b"null", b"\xff", b'{"type": "done"}', b"[" * 100_000])
def test_what_belongs_to_no_context_and_cannot_be_read_is_a_fault_of_all(raw: bytes) -> None:
    frame = wire.read(raw)
    assert isinstance(frame, wire.Failure)
    assert (frame.context, frame.fault) == (None, Fault.MALFORMED)


@given(st.sampled_from(["chunk", "timestamps", "done", "error", "flush_done", "new"]), JSON, JSON)
def test_no_json_breaks_the_reader(kind: str, context: object, body: object) -> None:
    frame = {"type": kind, "context_id": context, **(body if isinstance(body, dict) else {"data": body})}
    read = wire.read(json.dumps(frame).encode())
    assert read is None or isinstance(read, wire.Audio | wire.Times | wire.Done | wire.Failure)


@given(st.binary())
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    assert wire.read(raw) is None or isinstance(wire.read(raw), wire.Failure)


@pytest.mark.parametrize(
    ("phrase", "sent"),
    [
        ("  Hello,\n world. ", "Hello, world."),
        ("nul\x00 and\u200b bell\x07", "nul and bell"),
        ("今何時", "今何時"),
        ("...?! — «»", ""),
        ("😀🎉", ""),
        ("", ""),
    ],
)
def test_what_is_sent_of_a_phrase_has_something_to_say(phrase: str, sent: str) -> None:
    assert wire.transcript(phrase) == sent


@pytest.mark.parametrize(("voice", "sent"), [(None, VOICE), ("slt", VOICE), ("../x", VOICE), (OTHER, OTHER)])
def test_a_voice_is_an_id_or_the_providers_own(voice: str | None, sent: str) -> None:
    request = wire.request("a", TtsOptions(voice=voice), context="c1", model="m", voice=VOICE)
    assert request["voice"] == sent


@pytest.mark.parametrize(("speed", "sent"), [(1.0, None), (0.1, 0.6), (1.25, 1.25), (4.0, 1.5)])
def test_speed_is_held_within_what_the_vendor_takes(speed: float, sent: float | None) -> None:
    request = wire.request("a", TtsOptions(speed=speed), context="c1", model="m", voice=VOICE)
    assert request.get("generation_config", {}).get("speed") == sent


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.REJECTED),
        (401, Fault.REJECTED),
        (402, Fault.REJECTED),
        (404, Fault.REJECTED),
        (408, Fault.TIMEOUT),
        (429, Fault.RATE_LIMITED),
        (500, Fault.UNAVAILABLE),
        (503, Fault.UNAVAILABLE),
        (302, Fault.UNAVAILABLE),
    ],
)
def test_a_status_means_a_fault(status: int, fault: Fault) -> None:
    assert wire.status_fault(status)[0] is fault


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (400, None, Fault.INVALID),
        (400, "language_not_supported", Fault.INVALID),
        (413, None, Fault.INVALID),
        (422, None, Fault.INVALID),
        (400, "model_not_found", Fault.REJECTED),
        (400, "voice_not_found", Fault.REJECTED),
        (401, None, Fault.REJECTED),
        (402, "quota_exceeded", Fault.REJECTED),
        (404, None, Fault.REJECTED),
        (429, "concurrency_limited", Fault.RATE_LIMITED),
        (429, "quota_exceeded", Fault.REJECTED),
        (500, None, Fault.UNAVAILABLE),
        (None, None, Fault.UNAVAILABLE),
    ],
)
def test_an_error_is_told_by_its_status_and_by_a_code_that_names_what_is_ours(
    status: int | None, code: str | None, fault: Fault
) -> None:
    body = {"type": "error", "context_id": "c1", "status_code": status, "error_code": code}
    frame = wire.read(json.dumps(body).encode())
    assert isinstance(frame, wire.Failure)
    assert frame.fault is fault


@pytest.mark.parametrize(
    ("value", "ms"),
    [("2", 2_000), ("0.5", 500), ("", None), ("soon", None), ("-1", None), ("inf", None), ("nan", None)],
)
def test_retry_after_is_read_in_seconds(value: str, ms: float | None) -> None:
    assert wire.retry_after_ms({"retry-after": value}) == ms


def test_times_come_in_ms() -> None:
    listed = {"words": ["a"], "start": [1.5], "end": [2]}
    frame = wire.read(json.dumps({"type": "timestamps", "context_id": "c1", "word_timestamps": listed}).encode())
    assert frame == wire.Times("c1", (Word("a", 1_500, 2_000),))
