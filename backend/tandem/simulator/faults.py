"""What a simulated vendor does wrong, and when: the kinds of fault, how they are written, the board they hang on."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

HEADER = "x-simulate-fault"  # a request's own fault; QUERY and PATH are for clients that cannot set headers
QUERY = "simulate_fault"
PATH = "fault"  # the name of a parameter of the path: /with/{fault}/...
ANY = "*"
VENDORS = ("deepgram", "assemblyai", "openai", "groq", "cartesia", "tavily")


class Kind(StrEnum):
    """What goes wrong. "Unit" is a transcript, a token or a chunk of audio: whatever the route puts out."""

    REFUSED = "refused"  # no connection: the vendor's own door is closed, on the shared door the connection is reset
    STATUS = "status"  # an error status instead of the answer or of the WebSocket upgrade
    HANG = "hang"  # the headers or the WebSocket upgrade never come
    SILENT = "silent"  # accepts, then never answers
    SLOW = "slow"  # the first unit comes `ms` late
    STALL = "stall"  # the output stops; the connection stays and pings are answered
    BLACKHOLE = "blackhole"  # the connection stays open, but nothing is read or written any more
    DRIP = "drip"  # each unit comes `ms` late
    CUT = "cut"  # a WebSocket is closed with `close_code`; an HTTP body breaks off
    RESET = "reset"  # the TCP connection is reset
    MALFORMED = "malformed"  # a frame that cannot be parsed
    UNKNOWN_TYPE = "unknown-type"  # a frame of a type that nobody knows
    MISSING_FIELD = "missing-field"  # a frame without a field it must have
    EARLY_END = "early-end"  # the transport ends properly, but the last frame was never sent
    EMPTY = "empty"  # a proper success with nothing in it
    ERROR_FRAME = "error-frame"  # an error within the stream; the connection stays
    ERROR_CLOSE = "error-close"  # an error within the stream, then the end of the connection
    DUPLICATE = "duplicate"  # a frame is sent twice


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault with its numbers; `after` units come out well before it strikes."""

    kind: Kind
    after: int = 0
    status: int = 500
    close_code: int = 1011
    retry_after_s: float | None = None
    ms: float = 1_000
    times: int | None = None  # how many requests it strikes; None: all until it is cleared

    def strikes(self, unit: int) -> bool:
        """Tell whether output unit number `unit` (the first is 0) is the one, or one of those, that go wrong.

        The terminator counts as one more unit, so that a fault may strike between the last unit and the end.
        """
        match self.kind:
            case Kind.SLOW:
                return unit == 0
            case Kind.DRIP:
                return unit >= self.after
            case _:
                return unit == self.after


class UnreadableFault(ValueError):
    """A fault is written in a way that cannot be read; the message says how it should be."""


_READERS: dict[str, Callable[[str], float | int]] = {
    "after": int,
    "status": int,
    "close_code": int,
    "retry_after_s": float,
    "ms": float,
    "times": int,
}


def parse(text: str) -> Fault:
    """Read `kind=stall;after=3;ms=500` (also with commas, and the kind's name alone); raises UnreadableFault."""
    values: dict[str, float | int] = {}
    kind = None
    for part in (part.strip() for part in text.replace(",", ";").split(";")):
        name, given, value = part.partition("=")
        if not part:
            continue
        if not given or name == "kind":
            kind = _kind(value if given else name)
        else:
            values[name] = _number(name, value)
    if kind is None:
        raise UnreadableFault(f"no kind; write one of {', '.join(Kind)}")
    return dataclasses.replace(Fault(kind), **values)  # type: ignore[arg-type]  # each value was read by its field's type


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError as error:
        raise UnreadableFault(f"no such kind; write one of {', '.join(Kind)}") from error


def _number(name: str, value: str) -> float | int:
    try:
        number = _READERS[name](value)
    except (KeyError, ValueError) as error:
        raise UnreadableFault(f"write numbers for {', '.join(_READERS)}") from error
    if not 0 <= number < 1e9:
        raise UnreadableFault(f"{name} is out of range")
    return number


def parse_target(text: str) -> tuple[str, str, Fault]:
    """Read `vendor:route:kind[:k=v,...]`, where the route may be `*`; raises UnreadableFault."""
    vendor, _, rest = text.partition(":")
    route, _, fault = rest.partition(":")
    if not fault:
        raise UnreadableFault("write vendor:route:kind[:k=v,...], for example openai:chat:stall:after=3")
    if vendor not in (*VENDORS, ANY):
        raise UnreadableFault(f"no such vendor; write one of {', '.join(VENDORS)}")
    return vendor, route or ANY, parse(fault.replace(":", ";", 1))


def requested(headers: Mapping[str, str], query: Mapping[str, str], path: Mapping[str, str]) -> str | None:
    """Return the fault that a request asks for itself, unread; None if it asks for none.

    `path` holds the parameters of its path. The header counts most, and the path least.
    """
    return headers.get(HEADER) or query.get(QUERY) or path.get(PATH)


class FaultBoard:
    """Which fault strikes the next request to which vendor and route; one per simulator."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str], Fault] = {}
        self._watchers: list[Callable[[], None]] = []

    def set(self, vendor: str, fault: Fault, route: str = ANY) -> None:
        """Hang up `fault` for `vendor` and `route`, in place of an earlier one; a `route` of "*" means all of them."""
        self._faults[vendor, route] = fault
        self._tell()

    def clear(self, vendor: str = ANY) -> None:
        """Take down the faults of `vendor`, or all."""
        self._faults = {key: fault for key, fault in self._faults.items() if vendor not in (ANY, key[0])}
        self._tell()

    def strike(self, vendor: str, route: str, request_fault: str | None = None) -> Fault | None:
        """Return what happens to one request, and take one of the fault's `times`; a request's own fault wins.

        Raises UnreadableFault.
        """
        if request_fault:
            return parse(request_fault)
        key = self._key(vendor, route)
        if key is None:
            return None
        fault = self._faults[key]
        if fault.times is not None:
            self._faults[key] = dataclasses.replace(fault, times=fault.times - 1)
            if fault.times <= 1:
                del self._faults[key]
                self._tell()
        return fault

    def peek(self, vendor: str, route: str = ANY) -> Fault | None:
        """Return what would happen to a request, without counting it."""
        key = self._key(vendor, route)
        return self._faults[key] if key else None

    def all(self) -> list[tuple[str, str, Fault]]:
        """Return (vendor, route, fault) of all that hangs, in the order of hanging."""
        return [(vendor, route, fault) for (vendor, route), fault in self._faults.items()]

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called after each change."""
        self._watchers.append(changed)

    def unwatch(self, changed: Callable[[], None]) -> None:
        """Call `changed` no more."""
        self._watchers = [watcher for watcher in self._watchers if watcher != changed]

    def _key(self, vendor: str, route: str) -> tuple[str, str] | None:
        keys = ((vendor, route), (vendor, ANY), (ANY, route), (ANY, ANY))
        return next((key for key in keys if key in self._faults and self._faults[key].times != 0), None)

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()
