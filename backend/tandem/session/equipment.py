"""What the process lends to each call: the chains, the audio parts, the clock, and the limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tandem.core.barge_in import BargeInLimits
from tandem.core.chain import Chain
from tandem.core.endpointing import Patience
from tandem.core.hedge import Budget
from tandem.core.ports import (
    Aligner,
    Clock,
    LanguageModel,
    MakeDetector,
    MakeResampler,
    MakeVoiceJoint,
    Notify,
    QualityMeter,
    SpeechToText,
    SpokenAudio,
    TextToSpeech,
    Toolbox,
)
from tandem.core.speech_gate import GateLimits
from tandem.session.silence import SilenceLimits
from tandem.slots import llm, stt, tts
from tandem.slots.request import SlotLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call waits for what; in ms."""

    stt: SlotLimits = stt.LIMITS
    llm: SlotLimits = llm.LIMITS
    tts: SlotLimits = tts.LIMITS
    first_audio_ms: float = 6_000  # turn ended -> first audio of the reply; then an apology
    final_transcript_ms: float = 10_000  # pause -> final transcript; then the turn goes on with what was heard
    audio_lead_ms: float = 3_000  # reply audio is sent at most this far ahead of the caller's ear
    player_patience_ms: float = 5_000  # how much longer than its length a reply may take to sound
    playback_report_ms: float = 300  # how long a cut waits for the player's word on what was heard
    quality_every_ms: float = 2_000
    filler_after_ms: float = 900  # without audio since the turn ended: the caller is told to wait, once
    gate: GateLimits = field(default_factory=GateLimits)
    patience: Patience = field(default_factory=Patience)
    barge_in: BargeInLimits = field(default_factory=BargeInLimits)
    silence: SilenceLimits = field(default_factory=SilenceLimits)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A sentence that was spoken ahead of time, by each voice that could, under its name (none: it is only shown)."""

    text: str
    audio: Mapping[str, SpokenAudio]


@dataclass(frozen=True, slots=True)
class Sentences:
    """What Tandem says itself.

    When no model can go on, while something takes long, when no voice works, and to a caller who is silent for long.
    """

    apology: Recorded
    filler: Recorded
    voiceless: Recorded
    still_there: Recorded
    goodbye: Recorded


@dataclass(frozen=True, slots=True)
class Equipment:
    """Everything that a session takes from the process it runs in."""

    stt: Chain[SpeechToText]
    llm: Chain[LanguageModel]
    tts: Chain[TextToSpeech]
    make_detector: MakeDetector
    make_meter: Callable[[], QualityMeter]
    make_resampler: MakeResampler
    make_joint: MakeVoiceJoint
    aligner: Aligner
    notify: Notify
    clock: Clock
    instructions: str
    sentences: Sentences
    toolbox: Toolbox | None = None
    limits: Limits = field(default_factory=Limits)
    eager: Budget | None = None  # for replies that begin before the turn is certainly over; None: none does
    busy: Callable[[], bool] = lambda: False  # whether the process has no time for what may be for nothing

    def chains(self) -> dict[str, list[str]]:
        """Return the names of each slot's providers, in order."""
        return {chain.slot.value: chain.names for chain in (self.stt, self.llm, self.tts)}
