"""Between a phrase and Cartesia's socket: what is sent, what a frame says, and what an error means."""

import binascii
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cartesia.types.generation_request_param import GenerationRequestParam
from cartesia.types.websocket_client_event_param import CancelContextRequest

from tandem.core.audio import Word
from tandem.core.errors import Fault
from tandem.core.ports import TtsOptions

SAMPLE_RATE: Final = 24_000
_SPEEDS = (0.6, 1.5)  # what generation_config takes
_VOICE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\ufeff]+")


def transcript(phrase: str) -> str:
    """Return what of `phrase` is sent, without control characters; nothing if it has no letter or digit to say."""
    text = " ".join(_CONTROL.sub(" ", phrase).split())
    return text if any(char.isalnum() for char in text) else ""


def request(text: str, options: TtsOptions, *, context: str, model: str, voice: str) -> GenerationRequestParam:
    """Return the request for one phrase; `voice` speaks unless `options` name another by its id."""
    chosen = options.voice if options.voice and _VOICE_ID.fullmatch(options.voice) else voice
    wanted: GenerationRequestParam = {
        "context_id": context,
        "model_id": model,
        "transcript": text,
        "voice": chosen,
        "language": options.language.partition("-")[0].lower(),
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": SAMPLE_RATE},
        "add_timestamps": True,
        "use_normalized_timestamps": False,  # the times of the words as they were written
        "continue": False,
    }
    if options.speed != 1.0:
        slowest, fastest = _SPEEDS
        wanted["generation_config"] = {"speed": min(max(options.speed, slowest), fastest)}
    return wanted


def cancel(context: str) -> CancelContextRequest:
    return {"context_id": context, "cancel": True}


@dataclass(frozen=True, slots=True)
class Audio:
    """The next piece of a context's audio: mono s16le at SAMPLE_RATE, of any number of bytes."""

    context: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Times:
    """When words of a context sound, in ms from its start."""

    context: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The proper end of a context."""

    context: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a context cannot go on, or every open one (`context` None)."""

    context: str | None
    fault: Fault
    detail: str


Frame = Audio | Times | Done | Failure


def read(raw: bytes) -> Frame | None:
    """Return what a frame says, None if nothing of interest; an unreadable one is a Failure."""
    context = None
    try:
        body = orjson.loads(raw)
        if isinstance(named := body.get("context_id"), str):
            context = named
        return _READERS.get(body["type"], _nothing)(body, context)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError):  # binascii.Error is a ValueError
        return Failure(context, Fault.MALFORMED, "a frame that cannot be read")


def _audio(body: Mapping[str, Any], context: str | None) -> Audio:
    return Audio(_known(context), binascii.a2b_base64(body["data"], strict_mode=True))


def _times(body: Mapping[str, Any], context: str | None) -> Times:
    listed = body.get("word_timestamps") or {"words": [], "start": [], "end": []}
    words = zip(listed["words"], listed["start"], listed["end"], strict=True)
    return Times(_known(context), tuple(Word(_text(word), _ms(start), _ms(end)) for word, start, end in words))


def _done(_body: Mapping[str, Any], context: str | None) -> Done:
    return Done(_known(context))


def _error(body: Mapping[str, Any], context: str | None) -> Failure:
    return Failure(context, *_error_fault(body.get("status_code"), body.get("error_code")))


def _nothing(_body: Mapping[str, Any], _context: str | None) -> None:
    """A flush, phonemes, or a type that is newer than this file."""


_READERS: Mapping[str, Callable[[Mapping[str, Any], str | None], Frame | None]] = {
    "chunk": _audio,
    "timestamps": _times,
    "done": _done,
    "error": _error,
}


def _known(context: str | None) -> str:
    if context is None:
        raise ValueError("no context_id")
    return context


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a word that is no text")
    return value


def _ms(seconds: object) -> float:
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise ValueError("a time that is no number")
    return seconds * 1000


_STATUS_FAULTS = {408: Fault.TIMEOUT, 429: Fault.RATE_LIMITED}
_STATUS_DETAILS = {
    400: "the request was refused; are model, voice and language right?",
    401: "the key was refused",
    402: "the account's credit is used up",
    403: "the key may not do this",
    404: "no such model or voice, or no such path at this address",
}
_PLAIN_CODE = re.compile(r"[a-z_]{1,40}")
# What an error can be about that is the same for every phrase; what else a request holds is the caller's.
_OURS = re.compile(r"model|voice|plan|api_?key|auth")
_SPENT = re.compile(r"quota|credit")


def status_fault(status: int) -> tuple[Fault, str]:
    """Return what the HTTP status of a refused upgrade means, and a detail that quotes nothing of the answer.

    An upgrade asks for nothing but to be let in, so whatever is wrong with it is wrong with every one.
    """
    fault = _STATUS_FAULTS.get(status) or (Fault.REJECTED if 400 <= status < 500 else Fault.UNAVAILABLE)
    detail = _STATUS_DETAILS.get(status)
    return fault, f"status {status}: {detail}" if detail else f"status {status}"


def _error_fault(status: object, code: object) -> tuple[Fault, str]:
    """Return what an error frame means by its HTTP-like status, and by its code where that names what is ours."""
    fault, detail = status_fault(status) if isinstance(status, int) else (Fault.UNAVAILABLE, "an error without status")
    plain = code if isinstance(code, str) and _PLAIN_CODE.fullmatch(code) else ""
    if _SPENT.search(plain):
        fault = Fault.REJECTED
    elif status in (400, 413, 422) and not _OURS.search(plain):
        fault = Fault.INVALID
    return fault, f"{detail} ({plain})" if plain else detail


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long the vendor asks to be left alone, in ms: Retry-After in seconds (RFC 9110, 10.2.3)."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds * 1000 if math.isfinite(seconds) and seconds >= 0 else None
