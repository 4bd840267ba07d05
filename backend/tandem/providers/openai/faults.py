"""What a refusal of an OpenAI-compatible server means: an HTTP status, an error frame, and when to come again."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from tandem.core.errors import Fault

_STATUS_FAULTS = {408: Fault.TIMEOUT, 429: Fault.RATE_LIMITED, 498: Fault.UNAVAILABLE}
_STATUS_DETAILS = {
    400: "the request was refused; is the model's name right?",
    401: "the key was refused",
    403: "the key may not use this model",
    404: "no such model, or no such path at this address",
}


def status_fault(status: int) -> tuple[Fault, str]:
    """Return what an HTTP status means, and a detail that quotes nothing of the answer's body."""
    fault = _STATUS_FAULTS.get(status) or (Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED)
    detail = _STATUS_DETAILS.get(status)
    return fault, f"status {status}: {detail}" if detail else f"status {status}"


_CODE_FAULTS = (
    (re.compile(r"rate_?limit|quota|too_?many", re.IGNORECASE), Fault.RATE_LIMITED),
    (re.compile(r"server_?error|overloaded|unavailable|internal|capacity", re.IGNORECASE), Fault.UNAVAILABLE),
    (re.compile(r"invalid|auth|permission|not_?found", re.IGNORECASE), Fault.REJECTED),
)
_PLAIN_CODE = re.compile(r"[a-z_]{1,40}")


def frame_fault(*codes: Any) -> tuple[Fault, str]:
    """Return what an error frame within a stream means by its code and type, in this order."""
    for code in (str(code) for code in codes if code is not None):
        if code.isdecimal() and 400 <= int(code[:4]) < 600:
            return status_fault(int(code))
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
