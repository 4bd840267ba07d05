"""What can befall a provider in a drill, and when; which of it makes sense, and what is left out and why."""

from enum import StrEnum

from tandem.core.ports import Slot


class Trouble(StrEnum):
    """How a provider fails."""

    REFUSED = "refused"
    RESET = "reset"
    RATE_LIMITED = "429"
    UNAVAILABLE = "503"
    REJECTED = "401"
    SILENT = "silent"  # after it has accepted the request
    SLOW = "slow"  # first output
    STALL = "stall"
    DRIP = "drip"
    CUT = "cut"
    MALFORMED = "malformed"
    EMPTY = "empty"  # a proper end without output


class Point(StrEnum):
    """When a provider fails."""

    BEFORE_SEND = "before-send"
    BEFORE_FIRST = "before-first"  # output
    UNIT_1 = "unit-1"  # after it
    QUARTER = "25%"
    HALF = "50%"
    LAST_UNIT = "last-unit"
    BETWEEN = "between-turns"


STATUSES = (Trouble.RATE_LIMITED, Trouble.UNAVAILABLE, Trouble.REJECTED)
_MIDWAY = (Point.UNIT_1, Point.QUARTER, Point.HALF, Point.LAST_UNIT)

_WHERE: dict[Trouble, tuple[Point, ...]] = {
    Trouble.REFUSED: (Point.BEFORE_SEND, Point.BETWEEN),
    Trouble.RESET: tuple(Point),
    **dict.fromkeys(STATUSES, tuple(Point)),
    Trouble.SILENT: (Point.BEFORE_FIRST, Point.BETWEEN),
    Trouble.SLOW: (Point.BEFORE_FIRST,),
    Trouble.STALL: _MIDWAY,
    Trouble.DRIP: (Point.BEFORE_FIRST, *_MIDWAY),
    Trouble.CUT: (Point.BEFORE_FIRST, *_MIDWAY),
    Trouble.MALFORMED: (Point.BEFORE_FIRST, *_MIDWAY),
    Trouble.EMPTY: (Point.BEFORE_FIRST,),
}
_WHY: dict[Trouble, str] = {
    Trouble.REFUSED: "a connection that stands cannot be refused; that is reset or cut",
    Trouble.SILENT: "nothing is accepted before it is sent; silence after output is stall",
    Trouble.SLOW: "it is about the first output of a request",
    Trouble.STALL: "before its first output that is silent",
    Trouble.DRIP: "it is about output; there is none yet, or none to come",
    Trouble.CUT: "there is no stream to cut; that is refused or reset",
    Trouble.MALFORMED: "there is no stream yet; that is before-first",
    Trouble.EMPTY: "an end that comes too early, but properly, is the provider's own choice; only no output tells",
}

MEANINGS = (
    "429, 503 and 401 after the first output come as an error frame within the stream, not as a status.",
    "429, 503 and 401 before the first output come late, as a status after half of the usual time.",
    "between-turns is a recogniser's socket that breaks while nobody speaks; a model or a voice has no request open "
    "then: it is ill from the next request on until the call ends.",
    "before-send is a recogniser that is ill when the call begins, a model or a voice that is ill when it is asked.",
    "From where it strikes until the turn ends the provider stays ill: whoever asks it again meets the same fault.",
)


def why_not(slot: Slot, trouble: Trouble, point: Point) -> str:
    """Return why this combination makes no sense, or an empty string if it does."""
    standing = slot is Slot.STT and point is Point.BETWEEN and trouble in (Trouble.CUT, Trouble.MALFORMED)
    return "" if standing or point in _WHERE[trouble] else _WHY[trouble]
