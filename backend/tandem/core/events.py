"""What happened, told by business code to the observers: frozen facts in the past tense, without spoken words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from tandem.core.audio import AudioQuality
from tandem.core.breaker import Reason, State
from tandem.core.errors import Fault
from tandem.core.link import TurnMeasured
from tandem.core.ports import Slot


@dataclass(frozen=True, slots=True)
class CallStarted:
    session_id: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    session_id: str
    lasted_ms: float


@dataclass(frozen=True, slots=True)
class TurnCompleted:
    session_id: str
    measured: TurnMeasured


@dataclass(frozen=True, slots=True)
class TurnHeard:
    """The caller's player has told when the reply began to sound."""

    session_id: str
    measured: TurnMeasured


@dataclass(frozen=True, slots=True)
class MicrophoneJudged:
    """A caller's microphone was judged, as it is every few seconds of audio."""

    session_id: str
    quality: AudioQuality


@dataclass(frozen=True, slots=True)
class ReplyInterrupted:
    """The caller took the floor; `heard_ms` of the reply had sounded."""

    session_id: str
    heard_ms: float


@dataclass(frozen=True, slots=True)
class AttemptSucceeded:
    """A provider gave its first output after `first_output_ms`."""

    slot: Slot
    provider: str
    first_output_ms: float


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    slot: Slot
    provider: str
    fault: Fault
    detail: str
    after_output: bool


@dataclass(frozen=True, slots=True)
class FailedOver:
    """A slot went on to the next provider of its chain, `gap_ms` after the last output (or start) of the one before."""

    slot: Slot
    previous: str
    provider: str
    fault: Fault
    after_output: bool
    gap_ms: float


class FailoverOutcome(StrEnum):
    """What became of a failover."""

    SERVED = "served"  # the next provider gave output
    FAILED = "failed"  # it did not
    ABANDONED = "abandoned"  # the caller left or spoke before it could


@dataclass(frozen=True, slots=True)
class FailoverEnded:
    """A failover came to its end, `gap_ms` after the last output (or start) of the request, whoever gave it."""

    failover: FailedOver
    outcome: FailoverOutcome
    gap_ms: float


@dataclass(frozen=True, slots=True)
class Hedged:
    """A second provider was asked because the first was late; `won` says whether it was faster."""

    slot: Slot
    late: str
    provider: str
    won: bool


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A provider's breaker went into `state`; an open one leaves it alone for `cool_down_ms`."""

    slot: Slot | Literal["search"]
    provider: str
    state: State
    reason: Reason
    cool_down_ms: float


@dataclass(frozen=True, slots=True)
class PhraseBegun:
    """The first audio of a further phrase of a reply came when the caller still had `lead_ms` of audio to hear."""

    session_id: str
    lead_ms: float


@dataclass(frozen=True, slots=True)
class EagerReplyEnded:
    """A reply that had begun before its turn was certainly over was `used`, or thrown away unheard."""

    session_id: str
    used: bool


@dataclass(frozen=True, slots=True)
class SlotSpent:
    """No provider of a slot's chain could begin, or go on with, one request."""

    slot: Slot
    faults: tuple[Fault, ...]


class ToolOutcome(StrEnum):
    """How a tool call ended."""

    DONE = "done"
    UNKNOWN_TOOL = "unknown-tool"
    BAD_ARGUMENTS = "bad-arguments"
    TIMEOUT = "timeout"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A model called a tool (an empty name if it is none of ours); `error` is the class of what was raised."""

    tool: str
    outcome: ToolOutcome
    took_ms: float
    error: str = ""
