"""What a refusal of an OpenAI-compatible server means: an HTTP status, an error frame, and when to come again."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from tandem.core.errors import Fault

_STATUS_FAULTS = {
    400: Fault.INVALID,
    408: Fault.TIMEOUT,
    413: Fault.INVALID,
    422: Fault.INVALID,
    429: Fault.RATE_LIMITED,
    498: Fault.UNAVAILABLE,
}
_STATUS_DETAILS = {
    400: "the request was refused",
    401: "the key was refused",
    403: "the key may not use this model",
    404: "no such model, or no such path at this address",
    413: "the request is too long",
}
# What comes as 400 or 429 and yet is the same for every request: OpenAI's 429 without quota, Gemini's 400 for a bad key
# (API_KEY_INVALID), DeepSeek's 400 for an unknown model, Groq's for one that is gone, a parameter unknown to a model.
_OURS = re.compile(
    r"quota|billing|api_?key|model_(?:not_found|decommissioned)|_restricted|(?:unsupported|unknown)_parameter"
    r"|^model not exist$",
    re.IGNORECASE,
)


def refusal(status: int, body: object) -> tuple[Fault, str]:
    """Return what an HTTP status and its body mean, and a detail that quotes nothing of the body."""
    fault = _STATUS_FAULTS.get(status) or (Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED)
    if fault in (Fault.INVALID, Fault.RATE_LIMITED) and any(_OURS.search(told) for told in _told(body)):
        return Fault.REJECTED, f"status {status}: the key, the model, a parameter or the account's quota is refused"
    detail = _STATUS_DETAILS.get(status)
    return fault, f"status {status}: {detail}" if detail else f"status {status}"


def _told(body: object) -> list[str]:
    """Return what an error says of its kind: its code and type, the reasons of Google's details, a message of 3 words.

    A longer message may quote what was said, from which nothing must follow.
    """
    if isinstance(body, list) and body:  # Gemini's
        body = body[0]
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return []
    details = error.get("details")
    reasons = [each.get("reason") for each in details if isinstance(each, Mapping)] if isinstance(details, list) else []
    told = [error.get("code"), error.get("type"), *reasons]
    message = error.get("message")
    if isinstance(message, str) and len(message.split()) <= 3:
        told.append(message.strip())
    return [each for each in told if isinstance(each, str)]


_CODE_FAULTS = (
    (_OURS, Fault.REJECTED),
    (re.compile(r"rate_?limit|too_?many", re.IGNORECASE), Fault.RATE_LIMITED),
    (re.compile(r"server_?error|overloaded|unavailable|internal|capacity", re.IGNORECASE), Fault.UNAVAILABLE),
    (re.compile(r"auth|permission|not_?found", re.IGNORECASE), Fault.REJECTED),
    (re.compile(r"invalid|content_?filter|context_length|too_?(?:long|large)", re.IGNORECASE), Fault.INVALID),
)
_PLAIN_CODE = re.compile(r"[a-z_]{1,40}")


def frame_fault(*codes: Any) -> tuple[Fault, str]:
    """Return what an error frame within a stream means by its code and type, in this order."""
    for code in (str(code) for code in codes if code is not None):
        if code.isdecimal() and 400 <= int(code[:4]) < 600:
            return refusal(int(code), None)
        fault = next((fault for pattern, fault in _CODE_FAULTS if pattern.search(code)), None)
        if fault:
            return fault, f"error frame: {code}" if _PLAIN_CODE.fullmatch(code) else "error frame"
    return Fault.MALFORMED, "error frame of an unknown kind"


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long the server asks to be left alone, in ms: from retry-after-ms or Retry-After (RFC 9110, 10.2.3).

    A date is taken against the answer's own Date, so that no clock of ours matters.
    """
    for name, factor in (("retry-after-ms", 1), ("retry-after", 1000)):
        try:
            value = float(headers.get(name, "")) * factor
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            return value
    try:
        wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):  # no such header, a date without a zone, or no date
        return None
    return max(wait.total_seconds() * 1000, 0.0)
