"""The native protocol's messages, read and written."""

import base64
import json
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import AudioQuality
from tandem.core.errors import CallerError
from tandem.core.link import (
    Attempt,
    CallerCaption,
    CallError,
    CallMessage,
    CallReady,
    CallSettings,
    MicrophoneQuality,
    MuteChanged,
    PlaybackCleared,
    PlaybackReported,
    ProviderSwitched,
    ReplyAudio,
    ReplyAudioEnded,
    ReplyDone,
    ReplyText,
    SettingsChanged,
    StateChanged,
    StopPressed,
    TalkReleased,
    TextTyped,
    TurnMeasured,
    VoiceActivity,
)
from tandem.transports.native.wire import MOST_JSON_BYTES, Hello, Writer, event_of, read_audio, read_control


def code_of(text: str | bytes) -> str:
    with pytest.raises(CallerError) as caught:
        read_control(text)
    return caught.value.code


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        ({"type": "text_message", "text": " hello "}, TextTyped("hello")),
        ({"type": "text_message", "text": "   "}, None),
        ({"type": "interrupt"}, StopPressed()),
        ({"type": "playback", "epoch": 7, "played_ms": 1240}, PlaybackReported(7, 1240)),
        ({"type": "commit"}, TalkReleased()),
        ({"type": "mute", "muted": True}, MuteChanged(True)),
        ({"type": "update", "voice": "slt", "push_to_talk": True}, SettingsChanged(None, "slt", True)),
        ({"type": "ping", "t": 1.5}, None),
        ({"type": "end"}, None),
        ({"type": "interrupt", "a_field_of_a_later_version": 1}, StopPressed()),
    ],
)
def test_each_message_of_the_caller_is_understood(sent: dict[str, Any], understood: object) -> None:
    assert event_of(read_control(json.dumps(sent))) == understood


def test_a_hello_without_wishes_gets_the_defaults() -> None:
    hello = read_control('{"type":"hello","protocol":1}')
    assert isinstance(hello, Hello)
    assert hello.settings() == CallSettings(16_000, 24_000, "en", None, False)
    assert hello.output.framing == "base64"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        ("[]", "invalid_message"),
        ("{}", "unknown_type"),
        ('{"type":["hello"]}', "unknown_type"),
        ('{"type":"sing"}', "unknown_type"),
        ('{"type":"hello","protocol":2}', "invalid_message"),
        ('{"type":"hello","input":{"sample_rate":96000}}', "invalid_message"),
        ('{"type":"hello","input":{"encoding":"opus"}}', "invalid_message"),
        ('{"type":"playback","epoch":-1,"played_ms":0}', "invalid_message"),
        ('{"type":"playback","epoch":1,"played_ms":1e99}', "invalid_message"),
        ('{"type":"text_message"}', "invalid_message"),
        ('{"type":"text_message","text":"' + "a" * 5000 + '"}', "invalid_message"),
        ('{"type":"update","voice":"../../etc/passwd\\u0000"}', "invalid_message"),
        (" " * (MOST_JSON_BYTES + 1), "too_large"),
    ],
)
def test_a_bad_message_is_answered_with_a_code(text: str | bytes, code: str) -> None:
    assert code_of(text) == code


@given(st.text() | st.binary())
def test_no_text_breaks_the_reader(text: str | bytes) -> None:
    try:
        read_control(text)
    except CallerError as error:
        assert error.message


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_no_json_breaks_the_reader(value: object) -> None:
    for kind in ("hello", "playback", "update", "mute"):
        try:
            read_control(orjson.dumps({"type": kind, "input": value, "epoch": value, "voice": value, "muted": value}))
        except CallerError as error:
            assert error.code == "invalid_message"


def test_audio_with_half_a_sample_or_too_much_of_it_is_refused() -> None:
    for message, header, code in [
        (b"\0" * 3, False, "malformed_audio"),
        (b"\0" * 17, True, "malformed_audio"),
        (b"\0" * 15, True, "malformed_audio"),
        (b"\0" * (64 * 1024 + 2), False, "too_large"),
    ]:
        with pytest.raises(CallerError) as caught:
            read_audio(message, header=header)
        assert caught.value.code == code


def test_the_header_of_an_audio_message_is_taken_off() -> None:
    assert read_audio(struct.pack("<IIQ", 1, 2, 3) + b"\1\2", header=True) == b"\1\2"
    assert read_audio(b"\1\2", header=False) == b"\1\2"


def test_reply_audio_goes_out_with_sequence_epoch_and_offset() -> None:
    writer = Writer("binary")
    writer.write(ReplyAudio(7, 0, b"\0\0", "flite"))
    frame = writer.write(ReplyAudio(7, 1.25, b"\1\2", "flite"))
    assert isinstance(frame, bytes)
    assert struct.unpack("<IIQ", frame[:16]) == (2, 7, 1250)
    assert frame[16:] == b"\1\2"


def test_reply_audio_goes_out_as_base64_to_a_caller_who_asked_for_nothing() -> None:
    frame = Writer("base64").write(ReplyAudio(7, 1.25, b"\1\2", "flite"))
    message = json.loads(frame)
    assert base64.b64decode(message.pop("data")) == b"\1\2"
    assert message == {"type": "audio", "epoch": 7, "offset_ms": 1.25, "provider": "flite", "seq": 1}


MESSAGES: list[tuple[CallMessage, str]] = [
    (CallReady("a", CallSettings(), {"stt": ["x"], "llm": ["y"], "tts": ["z"]}), "session_ready"),
    (StateChanged("listening", "idle"), "state_change"),
    (VoiceActivity(True, 0.93), "vad_status"),
    (MicrophoneQuality(AudioQuality(20.0, -3.0, -20.0, 0.0, 90, "")), "audio_metrics"),
    (CallerCaption(1, 0, 2, "hi", False, "moonshine", 0, 10.5), "transcript_update"),
    (ReplyText(1, "hi", "rulebook"), "response_text"),
    (ReplyAudioEnded(1, 999.9), "audio_end"),
    (PlaybackCleared(1), "clear_audio"),
    (ReplyDone(1, "hi there", "hi", True), "response_done"),
    (ProviderSwitched("tts", "flite", "espeak", "cut", "before_output", 3.0), "provider_switch"),
    (TurnMeasured(1, 480.0, 80.0, 1.0, 4.0, 12.0, 500.0, 30.0, (Attempt("stt", "ear", "ok", 3.0),)), "turn_metrics"),
    (CallError("too_fast", "Slower.", fatal=True), "error"),
]


def test_every_message_to_the_caller_has_its_type_and_a_running_number() -> None:
    writer = Writer("binary")
    for number, (message, kind) in enumerate(MESSAGES, 1):
        written = json.loads(writer.write(message))
        assert (written["type"], written["seq"]) == (kind, number)


def test_a_pause_in_the_callers_turn_is_still_shown_as_hearing() -> None:
    written = json.loads(Writer("binary").write(StateChanged("paused", "hearing")))
    assert written["state"] == "hearing"
