"""Every error that Tandem raises on purpose, by whose fault it is.

TandemError
├── ConfigurationError   the operator's: the start is refused with what to change
├── CallerError          the caller's: bad input, answered with a code, the call goes on unless it is fatal
├── CallRefused          nobody's: there is no room, or the place is taken; told before the call begins
├── ProviderError        a provider's: one attempt failed with a Fault
├── ChainSpent           a slot's: no provider could go on; carries the causes
└── IllegalTransition    ours: the turn machine was told something that cannot happen in its state
"""

from enum import StrEnum


class TandemError(Exception):
    """The root of the tree above."""


class ConfigurationError(TandemError):
    """The settings cannot work; the message says what to change."""


class CallerError(TandemError):
    """The caller sent something that cannot be used.

    `code` is a stable word for programs, the message a sentence for people. A `fatal` one ends the call with the
    WebSocket close code `close_code`.
    """

    def __init__(self, code: str, message: str, *, fatal: bool = False, close_code: int = 4400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fatal = fatal
        self.close_code = close_code


class CallRefused(TandemError):
    """A call cannot begin: the HTTP status of the refusal, a sentence for people, and when to try again."""

    def __init__(self, status: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


class Fault(StrEnum):
    """How an attempt on a provider failed."""

    REFUSED = "refused"  # no connection, or the engine could not be started
    TIMEOUT = "timeout"  # no first output in time
    STALLED = "stalled"  # output stopped coming
    CUT = "cut"  # the stream broke, or ended without its terminator
    RATE_LIMITED = "rate-limited"
    REJECTED = "rejected"  # our key, account or quota is refused; trying again will not help
    INVALID = "invalid"  # this one request cannot be served: too long, or its content is refused
    UNAVAILABLE = "unavailable"  # the provider says that it cannot serve now
    MALFORMED = "malformed"  # it sent something that cannot be read
    EMPTY = "empty"  # a proper ending without any output for non-empty input


class ProviderError(TandemError):
    """One attempt on a provider failed. `detail` never holds a key or a spoken word."""

    def __init__(self, fault: Fault, provider: str, detail: str, *, retry_after_ms: float | None = None) -> None:
        super().__init__(f"{provider}: {fault} ({detail})")
        self.fault = fault
        self.provider = provider
        self.detail = detail
        self.retry_after_ms = retry_after_ms


class ChainSpent(TandemError):
    """No provider of a slot's chain could begin, or go on with what one had begun; `causes` holds the errors."""

    def __init__(self, slot: str, causes: tuple[ProviderError, ...]) -> None:
        told = "; ".join(str(cause) for cause in causes) or "no provider is configured"
        super().__init__(f"no {slot} provider could serve: {told}")
        self.slot = slot
        self.causes = causes


class IllegalTransition(TandemError):
    """The turn machine has no such event in its state."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"{event} cannot happen while {state}")
