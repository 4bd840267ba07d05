"""What is kept of a call when it is over: how long its turns took and how its microphone sounded; no words."""

from dataclasses import dataclass, field

from tandem.core.audio import AudioQuality
from tandem.core.link import TurnMeasured


@dataclass(slots=True)
class TurnRecord:
    """A turn that was answered, and the microphone as it was judged last by then (None: not yet)."""

    measured: TurnMeasured
    microphone: AudioQuality | None


@dataclass(slots=True)
class CallRecord:
    """A call: `began_at` in s since 1970, `lasted_ms` None while it is up; of a long one the latest turns are kept."""

    session_id: str
    began_at: float
    lasted_ms: float | None = None
    interruptions: int = 0
    microphone: AudioQuality | None = None
    turns: list[TurnRecord] = field(default_factory=list)
