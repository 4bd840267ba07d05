"""The native protocol, version 1: JSON and binary messages to and from what the session understands; pure."""

import base64
import struct
from dataclasses import dataclass
from typing import Annotated, Any, Literal, assert_never

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tandem.core.errors import CallerError
from tandem.core.link import (
    CallerCaption,
    CallerEvent,
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
    SkillCalled,
    StateChanged,
    StopPressed,
    TalkReleased,
    TextTyped,
    TurnMeasured,
    VoiceActivity,
)
from tandem.core.turn import State

PROTOCOL = 1
MOST_JSON_BYTES = 64 * 1024
MOST_AUDIO_BYTES = 64 * 1024
MOST_TEXT_CHARS = 4_000  # of a typed message
_HEADER = struct.Struct("<IIQ")  # u32 sequence, u32 epoch, u64 µs
HEADER_BYTES = _HEADER.size

_Rate = Annotated[int, Field(ge=8_000, le=48_000)]
_Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .:/+-]+$")]


class _Message(BaseModel):
    # A later version may add fields: what is not known here is ignored.
    model_config = ConfigDict(extra="ignore", frozen=True)


class InputFormat(_Message):
    encoding: Literal["pcm_s16le"] = "pcm_s16le"
    sample_rate: _Rate = 16_000
    header: bool = False


class OutputFormat(_Message):
    encoding: Literal["pcm_s16le"] = "pcm_s16le"
    sample_rate: _Rate = 24_000
    framing: Literal["binary", "base64"] = "base64"


class Hello(_Message):
    """What a caller may ask for at the start; one who says nothing gets these defaults."""

    type: Literal["hello"] = "hello"
    protocol: Literal[1] = 1
    input: InputFormat = InputFormat()
    output: OutputFormat = OutputFormat()
    language: _Name = "en"
    voice: _Name | None = None
    push_to_talk: bool = False

    def settings(self) -> CallSettings:
        return CallSettings(
            self.input.sample_rate, self.output.sample_rate, self.language, self.voice, self.push_to_talk
        )


class TextMessage(_Message):
    type: Literal["text_message"]
    text: Annotated[str, Field(min_length=1, max_length=MOST_TEXT_CHARS)]


class Interrupt(_Message):
    type: Literal["interrupt"]


class Playback(_Message):
    type: Literal["playback"]
    epoch: Annotated[int, Field(ge=0, lt=2**32)]
    played_ms: Annotated[float, Field(ge=0, le=24 * 3_600_000, allow_inf_nan=False)]


class Commit(_Message):
    type: Literal["commit"]


class Mute(_Message):
    type: Literal["mute"]
    muted: bool


class Update(_Message):
    type: Literal["update"]
    language: _Name | None = None
    voice: _Name | None = None
    push_to_talk: bool | None = None


class Ping(_Message):
    type: Literal["ping"]
    t: float | str | None = None


class End(_Message):
    type: Literal["end"]


Control = Hello | TextMessage | Interrupt | Playback | Commit | Mute | Update | Ping | End
_CONTROL: TypeAdapter[Control] = TypeAdapter(Annotated[Control, Field(discriminator="type")])
TYPES = frozenset({"hello", "text_message", "interrupt", "playback", "commit", "mute", "update", "ping", "end"})


def read_control(text: str | bytes) -> Control:
    """Read a JSON message; raises CallerError with a code and what is wrong with it."""
    if len(text) > MOST_JSON_BYTES:
        raise CallerError("too_large", f"A JSON message may have {MOST_JSON_BYTES} bytes.", close_code=4413)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CallerError("invalid_json", "That is not valid JSON.") from error
    if not isinstance(value, dict):
        raise CallerError("invalid_message", 'A message is a JSON object with a "type".')
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise CallerError("unknown_type", f'The "type" of a message is one of: {", ".join(sorted(TYPES))}.')
    try:
        return _CONTROL.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise CallerError("invalid_message", f"{kind}: {where or 'message'}: {first['msg']}") from error


def event_of(control: Control) -> CallerEvent | None:
    """Return what the session learns of a message; None for those that the transport answers by itself."""
    match control:
        case TextMessage(text=text):
            return TextTyped(text.strip()) if text.strip() else None
        case Interrupt():
            return StopPressed()
        case Playback(epoch=epoch, played_ms=played_ms):
            return PlaybackReported(epoch, played_ms)
        case Commit():
            return TalkReleased()
        case Mute(muted=muted):
            return MuteChanged(muted)
        case Update():
            return SettingsChanged(control.language, control.voice, control.push_to_talk)
        case Hello() | Ping() | End():
            return None
        case _:
            assert_never(control)


def read_audio(message: bytes, *, header: bool) -> bytes:
    """Return the PCM of a binary message; raises CallerError if it is too large or not whole samples."""
    if len(message) > MOST_AUDIO_BYTES:
        raise CallerError("too_large", f"An audio message may have {MOST_AUDIO_BYTES} bytes.", close_code=4413)
    if header and len(message) < HEADER_BYTES:
        raise CallerError("malformed_audio", f"An audio message begins with a header of {HEADER_BYTES} bytes.")
    pcm = message[HEADER_BYTES:] if header else message
    if len(pcm) % 2:
        raise CallerError("malformed_audio", "Audio is 16-bit PCM: an even number of bytes.")
    return pcm


@dataclass(slots=True)
class Writer:
    """Writes a call's messages in the form that the caller negotiated, and numbers them."""

    framing: Literal["binary", "base64"]
    _json_seq: int = 0
    _audio_seq: int = 0

    def write(self, message: CallMessage) -> str | bytes:
        """Return the message as a JSON text frame, or, for audio with binary framing, as a binary one."""
        if isinstance(message, ReplyAudio) and self.framing == "binary":
            self._audio_seq += 1
            offset_us = round(message.offset_ms * 1000)
            return _HEADER.pack(self._audio_seq, message.epoch, offset_us) + message.pcm
        return self.json(fields_of(message, self.framing))

    def json(self, fields: dict[str, Any]) -> str:
        """Return a JSON message with its sequence number."""
        self._json_seq += 1
        return orjson.dumps({**fields, "seq": self._json_seq}).decode()


def fields_of(message: CallMessage, framing: Literal["binary", "base64"]) -> dict[str, Any]:  # noqa: C901 one flat table
    """Return the JSON fields of a message."""
    match message:
        case CallReady(session_id, settings, chains):
            return _ready(session_id, settings, chains, framing)
        case StateChanged(state, previous):
            return {"type": "state_change", "state": _state(state), "previous": _state(previous)}
        case VoiceActivity(speaking, probability):
            return {"type": "vad_status", "speaking": speaking, "probability": round(probability, 3)}
        case MicrophoneQuality(quality):
            return {
                "type": "audio_metrics",
                "snr_db": round(quality.snr_db, 1),
                "peak_dbfs": round(quality.peak_dbfs, 1),
                "rms_dbfs": round(quality.rms_dbfs, 1),
                "clipping": round(quality.clipping, 4),
                "lost": round(quality.lost, 4),
                "quality": quality.score,
                "advice": quality.advice,
            }
        case CallerCaption():
            return {
                "type": "transcript_update",
                "role": "user",
                "turn": message.turn,
                "segment": message.segment,
                "revision": message.revision,
                "text": message.text,
                "final": message.final,
                "provider": message.provider,
                "start_ms": round(message.start_ms),
                "end_ms": round(message.end_ms),
            }
        case ReplyText(turn, delta, provider):
            return {"type": "response_text", "turn": turn, "delta": delta, "provider": provider}
        case ReplyAudio(epoch, offset_ms, pcm, provider):
            data = base64.b64encode(pcm).decode()
            offset = round(offset_ms, 3)
            return {"type": "audio", "epoch": epoch, "offset_ms": offset, "data": data, "provider": provider}
        case ReplyAudioEnded(epoch, duration_ms):
            return {"type": "audio_end", "epoch": epoch, "duration_ms": round(duration_ms)}
        case PlaybackCleared(epoch):
            return {"type": "clear_audio", "epoch": epoch}
        case ReplyDone(turn, text, heard_text, interrupted):
            return {
                "type": "response_done",
                "turn": turn,
                "text": text,
                "heard_text": heard_text,
                "interrupted": interrupted,
                "cached": False,
                "usage": None,
            }
        case ProviderSwitched(slot, previous, provider, fault, phase, gap_ms):
            fields = {"slot": slot, "from": previous, "to": provider, "fault": fault, "phase": phase}
            return {"type": "provider_switch", **fields, "gap_ms": gap_ms}
        case SkillCalled():
            return _skill(message)
        case TurnMeasured():
            return _measured(message)
        case CallError(code, text, fatal):
            return {"type": "error", "code": code, "message": text, "fatal": fatal}
        case _:
            assert_never(message)


def _state(state: str) -> str:
    # A pause within the caller's turn is still the caller's.
    return State.HEARING if state == State.PAUSED else state


def _ready(
    session_id: str, settings: CallSettings, chains: dict[str, list[str]], framing: Literal["binary", "base64"]
) -> dict[str, Any]:
    return {
        "type": "session_ready",
        "session_id": session_id,
        "protocol": PROTOCOL,
        "resumed": False,
        "input": {"encoding": "pcm_s16le", "sample_rate": settings.input_rate},
        "output": {"encoding": "pcm_s16le", "sample_rate": settings.output_rate, "framing": framing},
        "chains": chains,
    }


def _skill(called: SkillCalled) -> dict[str, Any]:
    fields = {"type": "skill_call", "turn": called.turn, "name": called.name, "arguments": called.arguments}
    if called.result is None:
        return fields
    sources = [{"url": source.url, "title": source.title} for source in called.result.sources]
    return {**fields, "error" if called.result.failed else "result": called.result.text, "sources": sources}


def _measured(measured: TurnMeasured) -> dict[str, Any]:
    return {
        "type": "turn_metrics",
        "turn": measured.turn,
        "endpoint_ms": measured.endpoint_ms,
        "stt_ms": measured.stt_ms,
        "llm_ttft_ms": measured.llm_ttft_ms,
        "phrase_ms": measured.phrase_ms,
        "tts_ttfb_ms": measured.tts_ttfb_ms,
        "turn_latency_ms": measured.turn_latency_ms,
        "heard_ms": measured.heard_ms,
        "attempts": [
            {
                "slot": attempt.slot,
                "provider": attempt.provider,
                "outcome": attempt.outcome,
                "first_output_ms": attempt.first_output_ms,
            }
            for attempt in measured.attempts
        ],
    }
