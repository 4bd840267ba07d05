"""Between a call and AssemblyAI's streaming socket: its parameters, what an event says, and what an error means."""

import math
from collections.abc import Mapping
from typing import Any

from assemblyai.streaming.v3.models import (
    Encoding,
    HeartbeatEvent,
    SpeechModel,
    StreamingParameters,
    TerminationEvent,
    TurnEvent,
)

from tandem.core.audio import Word
from tandem.core.errors import Fault
from tandem.core.ports import SttOptions
from tandem.providers.stt_ledger import Heard

_NEVER_MS = 10_000  # of silence until the vendor ends a turn by itself: pauses are for us to judge
_SPEECH = 0.5  # a heartbeat with a higher probability may have heard a word


def parameters(model: str, options: SttOptions) -> StreamingParameters:
    """Return what the session is opened with; raises ValueError for a model that the SDK does not know."""
    speech_model = SpeechModel(model)
    return StreamingParameters(
        speech_model=speech_model,
        encoding=Encoding.pcm_s16le,
        sample_rate=options.sample_rate,
        format_turns=True,
        end_of_turn_confidence_threshold=1.0,
        max_turn_silence=_NEVER_MS,
        session_heartbeat=True,
        speaker_labels_revision_interval_ms=None,  # its default is invisible to a type checker
        language_codes=None if hears_english_only(model) else [options.language.casefold().partition("-")[0]],
    )


def hears_english_only(model: str) -> bool:
    return model.endswith("-english")


class Reading:
    """Turns, each told as a whole until it ends: first as it was heard, then formatted, under the same number.

    Where there is no turn to end, ForceEndpoint has no answer. That nothing was said, and not that the session has
    stalled, shows by a heartbeat after it, if none since the utterance began tells of speech; or by the Termination of
    a session that was told to end, which comes after the last word. SpeechStarted shows neither: a cough is one too.

    Each message has the model's confidence that the turn is over. Of an end that may be the forced one it says nothing:
    some models then always give 1.0.
    """

    def __init__(self) -> None:
        self._done = -1  # turns up to this one belong to utterances that are answered
        self._latest = -1
        self.begun = False  # the session has said anything at all
        self.within = False  # a turn has begun and not ended
        self._asked = False
        self._beat_since = False  # a heartbeat came after the finalisation
        self._speech = False  # a heartbeat since the utterance began told of speech

    def begin(self) -> None:
        """An utterance begins; the one before it is answered."""
        self._done = self._latest
        self.within = self._asked = self._beat_since = self._speech = False

    def finalise(self) -> None:
        self._asked = True

    def read(self, event: Any) -> Heard | None:
        """Take an event of the SDK, which has checked its fields."""
        self.begun = True
        match event:
            case HeartbeatEvent():
                self._beat_since = self._asked
                self._speech = self._speech or event.max_speech_probability > _SPEECH
            case TurnEvent() if event.turn_order > self._done:
                return self._turn(event)
            case TerminationEvent() if self._asked and not self.within:
                return Heard(part=self._latest + 1, text="", final=True, answers=True)
        return None

    def settled(self) -> bool:
        return self._beat_since and not (self._speech or self.within)

    def awaits_format(self, heard: Heard) -> bool:
        """Tell whether `heard` is the answer but for its punctuation."""
        return self._asked and heard.final and not heard.answers

    def _turn(self, turn: TurnEvent) -> Heard:
        self._latest = max(self._latest, turn.turn_order)
        self.within = not turn.end_of_turn
        words = [word for word in turn.words if word.word_is_final]
        return Heard(
            part=turn.turn_order,
            text=turn.transcript.strip(),
            final=turn.end_of_turn,
            answers=self._asked and turn.end_of_turn and turn.turn_is_formatted,
            words=tuple(Word(word.text, word.start, word.end) for word in words),
            end_ms=words[-1].end if words else 0.0,
            confidence=sum(word.confidence for word in words) / len(words) if words else None,
            turn_over=None if self._asked and turn.end_of_turn else turn.end_of_turn_confidence,
        )


_CODE_FAULTS = {
    408: Fault.TIMEOUT,
    413: Fault.INVALID,
    422: Fault.INVALID,
    429: Fault.RATE_LIMITED,
    1007: Fault.INVALID,
    1008: Fault.REJECTED,
    1009: Fault.INVALID,
    1013: Fault.UNAVAILABLE,
    3005: Fault.UNAVAILABLE,
    3007: Fault.INVALID,  # the audio came too fast, or in chunks of the wrong length
    3009: Fault.RATE_LIMITED,
    4102: Fault.RATE_LIMITED,
}


_BAD_REQUESTS = (400, 3006)


def code_fault(code: int | None, asked: StreamingParameters) -> Fault:
    """Return what an HTTP status, a close code or the code of an error frame means; the SDK gives all three as one.

    Of what was `asked` all is ours and the same for every session, but for a language other than English.
    """
    if code is None:
        return Fault.CUT
    if code in _BAD_REQUESTS:
        return Fault.REJECTED if asked.language_codes in (None, ["en"]) else Fault.INVALID
    if code in _CODE_FAULTS:
        return _CODE_FAULTS[code]
    if 400 <= code < 600:
        return Fault.UNAVAILABLE if code >= 500 else Fault.REJECTED
    return Fault.REJECTED if 4000 <= code <= 4003 else Fault.CUT


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long the vendor asks to be left alone, in ms; it says so in seconds."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds * 1000 if math.isfinite(seconds) and seconds >= 0 else None
