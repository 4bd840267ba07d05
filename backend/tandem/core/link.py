"""What passes between a caller's transport and the session, whatever the wire looks like."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from tandem.core.audio import AudioQuality
from tandem.core.ports import ToolResult

# --- from the caller -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What the caller chose. Rates are in Hz."""

    input_rate: int = 16_000
    output_rate: int = 24_000
    language: str = "en"
    voice: str | None = None
    push_to_talk: bool = False


@dataclass(frozen=True, slots=True)
class AudioReceived:
    """Microphone audio: mono 16-bit little-endian PCM at the call's input rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class TextTyped:
    text: str


@dataclass(frozen=True, slots=True)
class StopPressed:
    """The caller wants the reply to stop."""


@dataclass(frozen=True, slots=True)
class PlaybackReported:
    """The caller's player has sounded `played_ms` of reply `epoch`."""

    epoch: int
    played_ms: float


@dataclass(frozen=True, slots=True)
class TalkReleased:
    """The push-to-talk key was let go: the turn is over."""


@dataclass(frozen=True, slots=True)
class MuteChanged:
    muted: bool


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """The caller changed something during the call; None leaves a setting as it is."""

    language: str | None = None
    voice: str | None = None
    push_to_talk: bool | None = None


CallerEvent = AudioReceived | TextTyped | StopPressed | PlaybackReported | TalkReleased | MuteChanged | SettingsChanged

# --- to the caller -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallReady:
    """The session listens. `chains` names the providers of each slot in order."""

    session_id: str
    settings: CallSettings
    chains: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class StateChanged:
    state: str
    previous: str


@dataclass(frozen=True, slots=True)
class VoiceActivity:
    speaking: bool
    probability: float


@dataclass(frozen=True, slots=True)
class MicrophoneQuality:
    quality: AudioQuality


@dataclass(frozen=True, slots=True)
class CallerCaption:
    """What the caller is saying or said. Same turn and segment: a higher revision replaces a lower one."""

    turn: int
    segment: int
    revision: int
    text: str
    final: bool
    provider: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class ReplyText:
    """The next piece of the reply's text."""

    turn: int
    delta: str
    provider: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """A piece of the reply's voice: mono 16-bit PCM at the call's output rate, `offset_ms` into reply `epoch`."""

    epoch: int
    offset_ms: float
    pcm: bytes
    provider: str


@dataclass(frozen=True, slots=True)
class ReplyAudioEnded:
    epoch: int
    duration_ms: float


@dataclass(frozen=True, slots=True)
class PlaybackCleared:
    """Drop every sample of this reply at once, and say what was heard of it."""

    epoch: int


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """The reply is over; `heard_text` is what history holds of `text`."""

    turn: int
    text: str
    heard_text: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class ProviderSwitched:
    """A slot went on to another provider."""

    slot: str
    previous: str
    provider: str
    fault: str
    phase: str
    gap_ms: float


@dataclass(frozen=True, slots=True)
class SkillCalled:
    """A tool is being run for the reply (`result` None), or was; `arguments` is JSON text."""

    turn: int
    name: str
    arguments: str
    result: ToolResult | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one provider within a turn; `outcome` is "ok" or a fault."""

    slot: str
    provider: str
    outcome: str
    first_output_ms: float | None


@dataclass(frozen=True, slots=True)
class TurnMeasured:
    """Where a turn's time went, in ms; None where a part did not happen.

    `endpoint_ms`: end of voice -> turn decided, waiting for the last transcript included. `stt_ms`: pause noticed ->
    final transcript (runs within endpoint_ms). `llm_ttft_ms`: turn decided -> first token. `phrase_ms`: first token ->
    first phrase. `tts_ttfb_ms`: first phrase given -> its first audio. `turn_latency_ms`: end of voice -> first reply
    audio sent. `heard_ms`: first reply audio sent -> it sounds, by the caller's player, its message's way included;
    None until the player has told.
    """

    turn: int
    endpoint_ms: float | None
    stt_ms: float | None
    llm_ttft_ms: float | None
    phrase_ms: float | None
    tts_ttfb_ms: float | None
    turn_latency_ms: float | None
    heard_ms: float | None = None
    attempts: tuple[Attempt, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CallError:
    """Something the caller should know; after a `fatal` one the call is over."""

    code: str
    message: str
    fatal: bool = False


CallMessage = (
    CallReady
    | StateChanged
    | VoiceActivity
    | MicrophoneQuality
    | CallerCaption
    | ReplyText
    | ReplyAudio
    | ReplyAudioEnded
    | PlaybackCleared
    | ReplyDone
    | ProviderSwitched
    | SkillCalled
    | TurnMeasured
    | CallError
)


class CallerLink(Protocol):
    """A connected caller, as the session sees it."""

    def events(self) -> AsyncGenerator[CallerEvent, None]:
        """Yield what the caller does, until they are gone. Bad input is answered by the transport itself."""
        ...

    def send(self, message: CallMessage) -> None:
        """Queue a message for the caller and return at once. A caller who does not read is hung up on."""
        ...
