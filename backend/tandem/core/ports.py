"""The verbs that the core needs from the world outside; each edge implements one of these Protocols.

The three provider ports have one shape: a request in, an async generator out, opened under `aclosing`. Closing the
generator (or cancelling the task that reads it) ends the provider's work at once. A provider that fails raises
`ProviderError`. A provider holds no state of a call: all that it needs comes with each request.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol, runtime_checkable

from tandem.core.audio import AudioFrame, AudioQuality, Word


class Slot(StrEnum):
    """The three places in a call that a chain of providers fills."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"


# --- speech to text ------------------------------------------------------------------------------------------


class SpeechMark(Enum):
    """What the voice detector says between two frames of the caller's audio."""

    STARTED = "started"  # the caller began to speak (the detector is a little late: up to 300 ms before it count too)
    STOPPED = "stopped"  # the caller paused or ended: give the final transcript of what was said since STARTED


@dataclass(frozen=True, slots=True)
class SttOptions:
    """Settings that travel with each transcription. `language` is a BCP 47 tag, `sample_rate` in Hz."""

    language: str = "en"
    sample_rate: int = 16_000


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser heard between `start_ms` and `end_ms` of the stream.

    An interim one (`final` false) is replaced by the next; a final one stands. `ends_utterance` marks the answer to a
    STOPPED mark: every STOPPED is answered by exactly one such final transcript, with an empty text if no word was
    said. `confidence` is 0-1, or None where the provider gives none.

    `turn_over` is the recogniser's own confidence (0-1) that the caller's turn is over with these words; None where the
    provider gives none or it says nothing (for instance because we forced the end of the utterance). It is the last
    that was said of them: a low one may have been said early, before there was any silence, and a high one may count on
    up to 320 ms more silence than there was.
    """

    text: str
    final: bool
    start_ms: float
    end_ms: float
    ends_utterance: bool = False
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    turn_over: float | None = None


class SpeechToText(Protocol):
    """Turns a call's audio into transcripts for as long as the call lasts."""

    @property
    def name(self) -> str: ...

    def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield transcripts while reading `audio` (mono 16-bit PCM at options.sample_rate); end when `audio` ends.

        Of the audio between two utterances only the end comes, half a second of it, with the next one's mark. Audio
        that ends within an utterance gives a final transcript that does not end it.
        """
        ...


@runtime_checkable
class KeepsWarm(Protocol):
    """A recogniser that can have a line open before it is asked."""

    def warm(self, options: SttOptions) -> None:
        """Within seconds a call may need a line with these options: have one ready; returns at once, raises nothing."""
        ...


# --- language model ------------------------------------------------------------------------------------------


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model may call instead of answering. `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have a tool run; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation's history, as a model reads it.

    An assistant's message may hold `calls`, with or without text; each is answered by a later message of role TOOL
    whose `call_id` is the call's id and whose text is the result.
    """

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class LlmOptions:
    """Settings that travel with each completion."""

    language: str = "en"
    max_tokens: int = 400
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of a reply's text, white space included."""

    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The proper end of a reply; a stream that ends without one was cut. Token counts are None where unknown."""

    reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


ModelOutput = Delta | ToolCall | Completed


class LanguageModel(Protocol):
    """Writes the assistant's next message."""

    @property
    def name(self) -> str: ...

    def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        """Yield the reply to `messages` piece by piece, and one Completed at its end.

        A ToolCall comes whole, once its arguments are complete; only tools of `options` are called.

        Where the last message is the assistant's own, that message was begun: the request carries it and asks to go on
        from its end. What comes is yielded as it comes: a model may still say some or all of it again, or leave out the
        white space between; `core/seam.py` sees to that. Nothing at all is then a proper reply.
        """
        ...


# --- text to speech ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TtsOptions:
    """Settings that travel with each phrase.

    `voice` None, or a voice that the provider lacks, is the provider's own choice; `speed` 1.0 is normal.
    """

    language: str = "en"
    voice: str | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class SpokenAudio:
    """A piece of a spoken phrase: mono 16-bit little-endian PCM at `sample_rate` Hz.

    `words` are those whose times became known since the last piece, in ms from the start of the phrase; a voice that
    knows no times gives none.
    """

    pcm: bytes
    sample_rate: int
    words: tuple[Word, ...] = ()


class TextToSpeech(Protocol):
    """Speaks one phrase."""

    @property
    def name(self) -> str: ...

    def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        """Yield the phrase's audio as it is made. A phrase with nothing to pronounce yields nothing."""
        ...


# --- web search ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How many findings at most, and in which language they should be."""

    most: int = 5
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Finding:
    """A page that was found: its address, its title and an excerpt that answers the query."""

    url: str
    title: str
    excerpt: str


class WebSearch(Protocol):
    """Finds pages."""

    @property
    def name(self) -> str: ...

    def search(self, query: str, options: SearchOptions) -> AsyncGenerator[Finding, None]:
        """Yield findings, best first; none at all is no error."""
        ...


# --- tools -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tool's result comes from, as a link."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found, as a text for the model; if it `failed`, the text says so in a sentence that can be spoken."""

    text: str
    sources: tuple[Source, ...] = ()
    failed: bool = False


class Toolbox(Protocol):
    """Runs what models may call."""

    @property
    def tools(self) -> tuple[Tool, ...]: ...

    async def run(self, call: ToolCall) -> ToolResult:
        """Run a call to its end, in bounded time; raises nothing, whatever the model wrote."""
        ...


# --- audio ---------------------------------------------------------------------------------------------------


class VoiceDetector(Protocol):
    """Says how likely it is that somebody speaks; one object per call, because it remembers.

    It usually goes on hearing a voice for `tail_ms` after its end.
    """

    window_ms: float
    tail_ms: float

    def feed(self, pcm: bytes) -> None:
        """Take mono 16 kHz 16-bit PCM of any length; soon the call is told of each window that it completes."""
        ...

    def reset(self) -> None:
        """Nothing more is told of what was heard until now. A call that is over has to say so."""
        ...


class MakeDetector(Protocol):
    def __call__(self, tell: Callable[[list[float]], None]) -> VoiceDetector:
        """`tell` gets a probability (0-1) per window, in order."""
        ...


class Resampler(Protocol):
    """Changes the rate of one stream of mono 16-bit PCM; one object per stream, because it remembers."""

    def feed(self, pcm: bytes) -> bytes: ...

    def flush(self) -> bytes:
        """Return what is still held back; the stream has ended."""
        ...


class MakeResampler(Protocol):
    def __call__(self, from_rate: int, to_rate: int) -> Resampler: ...


class VoiceJoint(Protocol):
    """Makes one stream of mono 16-bit PCM of what several voices say, one after another; one object per call."""

    def new_turn(self) -> None:
        """Forget all voices: the next one sets the loudness of those that follow it."""
        ...

    def begin(self, voice: str, *, joined: bool) -> None:
        """What is fed from here on is said by `voice`; `joined`: it goes on in a phrase that another one began."""
        ...

    def feed(self, pcm: bytes) -> bytes:
        """Return `pcm`, faded in and brought to the first voice's loudness where need be; nothing is held back."""
        ...


class MakeVoiceJoint(Protocol):
    def __call__(self, rate: int) -> VoiceJoint: ...


class Aligner(Protocol):
    """Compares what two voices say of one text, where they do not tell when they say which word."""

    def quiet_bytes(self, pcm: bytes, sample_rate: int) -> int:
        """Return how many bytes of `pcm` lie before its last pause, in which it can be cut; 0 for no pause."""
        ...

    async def place_ms(self, said: SpokenAudio, again: SpokenAudio, *, whole: bool) -> float | None:
        """Return the ms of `again` that `said` has said already, a word of which not all was said not included.

        None: that is not certain as long as `again` goes no further; never None if `again` is the `whole` phrase.
        """
        ...


class QualityMeter(Protocol):
    """Judges a caller's microphone; one object per call."""

    def feed(self, pcm: bytes, *, speaking: bool) -> None: ...

    def read(self) -> AudioQuality | None:
        """Return what was measured over the last seconds, or None before there is enough to judge."""
        ...


# --- time and news -------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Monotonic time in ms. It is an argument everywhere, so that tests can move it."""

    def __call__(self) -> float: ...


@runtime_checkable
class Notify(Protocol):
    """Takes what happened (an event of core/events.py) and returns at once; observers do the rest."""

    def __call__(self, event: object) -> None: ...
