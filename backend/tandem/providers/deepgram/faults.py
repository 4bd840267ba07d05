"""What a refusal of Deepgram's means: an HTTP status, a close code, an error frame, and when to come again."""

import math
import re
from collections.abc import Mapping
from typing import Any

from tandem.core.errors import Fault


class ErrorFrame(Exception):
    """The vendor says that something is wrong."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


def is_english(language: str) -> bool:
    return language.casefold().partition("-")[0] == "en"


_STATUS_FAULTS = {408: Fault.TIMEOUT, 413: Fault.INVALID, 422: Fault.INVALID, 429: Fault.RATE_LIMITED}


def status_fault(status: int, language: str) -> Fault:
    """Return what the HTTP status of a refused upgrade means.

    400 is for a query that cannot be. Its model is ours and its language the caller's; every model hears English.
    """
    if status == 400 and not is_english(language):
        return Fault.INVALID
    return _STATUS_FAULTS.get(status) or (Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED)


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long the vendor asks to be left alone, in ms; it says so in seconds."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds * 1000 if math.isfinite(seconds) and seconds >= 0 else None


_CLOSE_FAULTS = {1007: Fault.INVALID, 1008: Fault.REJECTED, 1009: Fault.INVALID, 1013: Fault.UNAVAILABLE}
_UNDECODABLE = re.compile(r"data-?0000", re.IGNORECASE)


def close_fault(code: int | None, reason: str = "") -> Fault:
    """Return what the close code of a socket that nobody asked to close means (RFC 6455, 7.4).

    The code for audio that cannot be decoded is not known for sure; the reason beside it names DATA-0000.
    """
    return Fault.INVALID if _UNDECODABLE.search(reason) else _CLOSE_FAULTS.get(code or 0, Fault.CUT)


_CODE_FAULTS = (
    (re.compile(r"rate_?limit|too_?many", re.IGNORECASE), Fault.RATE_LIMITED),
    # What we send beside the audio is the same in every session.
    (re.compile(r"schema|unparsable|auth|permission|payment|quota|not_?found", re.IGNORECASE), Fault.REJECTED),
    (re.compile(r"invalid|data-?0000", re.IGNORECASE), Fault.INVALID),
)


def error_frame(*codes: Any) -> ErrorFrame:
    """Return what an error frame means by its variant or code, in this order."""
    for code in (str(code) for code in codes if code):
        for pattern, fault in _CODE_FAULTS:
            if pattern.search(code):
                return ErrorFrame(fault, "error frame")
    return ErrorFrame(Fault.UNAVAILABLE, "error frame")
