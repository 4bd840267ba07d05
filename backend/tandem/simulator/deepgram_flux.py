"""Deepgram's /v2/listen: what the Flux models answer to audio, without the socket.

The states of a turn and their rules are the vendor's: StartOfTurn, then Update about every 250 ms of audio, then
EagerEndOfTurn (if its threshold is set) and TurnResumed any number of times, then EndOfTurn. Here the confidence that
a turn is over grows with silence only.
"""

import math
from collections.abc import Mapping
from typing import Any

from tandem.simulator.deepgram_nova import NEGLECT, PATIENCE_S
from tandem.simulator.dictation import BadQuery, Close, Frame, Part, Says, positive
from tandem.simulator.faults import Fault
from tandem.simulator.hearing import Hearing
from tandem.simulator.voice import Heard, Voice
from tandem.simulator.websocket import NO_CODE, Body, Wording

_MODELS = ("flux-general-en", "flux-general-multi")
_UPDATE_EVERY_MS = 250.0
_DOUBT_MS = 400.0  # with it, the default threshold of 0.7 is passed after 480 ms of silence
_BOUNDS = {"eot_threshold": (0.5, 1.0), "eager_eot_threshold": (0.3, 0.9), "eot_timeout_ms": (500, 60_000)}

Thresholds = dict[str, float | None]


def _error_frame(_: Fault) -> Body:
    return {"type": "Error", "sequence_id": 0, "code": "INTERNAL_SERVER_ERROR", "description": "Simulated failure."}


def _threshold(name: str, value: Any) -> float | None:
    """Return a threshold; None turns the eager one off. Raises ValueError."""
    if value is None and name == "eager_eot_threshold":
        return None
    least, most = _BOUNDS[name]
    number = float(value)
    if not least <= number <= most:
        raise ValueError(f"{name} must be between {least:g} and {most:g}.")
    return number


class Flux:
    """One stream of /v2/listen."""

    patience_s: float | None = PATIENCE_S
    beat_s: float | None = None
    wording = Wording(_error_frame, needed="transcript")

    def __init__(self, query: Mapping[str, str], voice: Voice, request_id: str) -> None:
        """Read the query; raises BadQuery."""
        encoding = query.get("encoding", "")
        if query.get("model") not in _MODELS or encoding not in ("linear16", "mulaw"):
            raise BadQuery(f"model must be one of {', '.join(_MODELS)}, and encoding linear16 or mulaw.")
        self._thresholds: Thresholds = {"eager_eot_threshold": None, "eot_threshold": 0.7, "eot_timeout_ms": 5_000}
        try:
            self._hearing = Hearing(voice, positive(query.get("sample_rate", "")), companded=encoding == "mulaw")
            self._thresholds |= {name: _threshold(name, query[name]) for name in _BOUNDS if name in query}
        except ValueError as error:
            raise BadQuery(str(error)) from error
        self._request_id = request_id
        self._said = 0  # messages
        self._turn = 0
        self._turn_from_ms = 0.0
        self._updated_ms = 0.0
        self._words: list[Heard] = []
        self._ongoing = False
        self._eager = False

    def begin(self) -> Says:
        return [self._numbered({"type": "Connected"})]

    def hear(self, audio: bytes) -> Says:
        if not audio:
            return self._end()
        return [said for _ in self._hearing.steps(audio) for said in self._look()]

    def told(self, message: Body) -> Says:
        match message:
            case {"type": "CloseStream"}:
                return self._end()
            case {"type": "ForceEndTurn"}:
                says = self._heard_words()  # without a turn the message is ignored
                return [*says, self._end_of_turn("manual")] if self._ongoing else says
            case {"type": "Configure"}:
                return [self._configured(message)]
            case _:
                return self.misheard(str(message.get("type", "")))

    def misheard(self, text: str) -> Says:
        why = {"code": "UNPARSABLE_CLIENT_MESSAGE", "description": "Could not parse the message."}
        return [self._numbered({"type": "Error", **why}), Close(1008, why["code"])]

    def neglected(self) -> Says:
        return [Close(1011, NEGLECT)]

    def beat(self) -> Says:
        return []

    def emptied(self, body: Body) -> Body:
        return {**body, "transcript": "", "words": []}

    def _look(self) -> Says:
        """Say what the last 20 ms of audio give rise to."""
        hearing, confidence = self._hearing, self._confidence()
        if self._ongoing:
            if self._eager and hearing.voiced:
                self._eager = False
                return [self._info("TurnResumed")]
            if trigger := self._ending(confidence):
                return [*self._heard_words(), self._end_of_turn(trigger)]
            if self._is_eager(confidence):
                self._eager = True
                return [*self._heard_words(), self._info("EagerEndOfTurn")]
        if hearing.at_ms - self._updated_ms < _UPDATE_EVERY_MS:
            return []
        return self._heard_words() or [self._info("Update")]

    def _confidence(self) -> float:
        return round(1 - math.exp(-self._hearing.quiet_ms / _DOUBT_MS), 4)

    def _ending(self, confidence: float) -> str:
        """Return what ends the turn now; "" for nothing."""
        if confidence >= (self._thresholds["eot_threshold"] or 1):
            return "model"
        return "timeout" if self._hearing.quiet_ms >= (self._thresholds["eot_timeout_ms"] or math.inf) else ""

    def _is_eager(self, confidence: float) -> bool:
        threshold = self._thresholds["eager_eot_threshold"]
        return not self._eager and threshold is not None and confidence >= threshold

    def _heard_words(self) -> Says:
        """Take the words that became complete; say so if they start a turn."""
        words = self._hearing.words()
        self._words += words
        if not words or self._ongoing:
            return []
        self._ongoing = True
        return [self._info("StartOfTurn")]

    def _end_of_turn(self, trigger: str) -> Frame:
        ended = self._info("EndOfTurn", Part.LAST)
        self._turn, self._turn_from_ms = self._turn + 1, self._hearing.at_ms
        self._words, self._ongoing, self._eager = [], False, False
        return Frame({**ended.body, "trigger": trigger}, ended.part)

    def _info(self, event: str, part: Part = Part.UNIT) -> Frame:
        self._updated_ms = self._hearing.at_ms
        body = {
            "type": "TurnInfo",
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": self._turn_from_ms / 1000,
            "audio_window_end": self._hearing.at_ms / 1000,
            "transcript": " ".join(word.text for word in self._words),
            "words": [
                {"word": word.text, "confidence": 0.99, "start": word.start_ms / 1000, "end": word.end_ms / 1000}
                for word in self._words
            ],
            "end_of_turn_confidence": self._confidence(),
        }
        return self._numbered(body, part if self._ongoing else Part.ASIDE)

    def _numbered(self, body: Body, part: Part = Part.ASIDE) -> Frame:
        numbered = {**body, "request_id": self._request_id, "sequence_id": self._said}
        self._said += 1
        return Frame(numbered, part)

    def _configured(self, message: Body) -> Frame:
        asked = message.get("thresholds") or {}
        try:
            changed: Thresholds = {name: _threshold(name, asked[name]) for name in _BOUNDS if name in asked}
        except (TypeError, ValueError) as error:
            why = {"code": "INVALID_CONFIGURATION", "description": str(error)}
            return self._numbered({"type": "ConfigureFailure", **why})
        self._thresholds = self._thresholds | changed
        answer: Body = {
            "type": "ConfigureSuccess",
            "thresholds": self._thresholds,
            "keyterms": message.get("keyterms") or [],
        }
        return self._numbered(
            answer | {name: message[name] for name in ("language_hints", "numerals") if name in message}
        )

    def _end(self) -> Says:
        return [*(self._heard_words() or [self._info("Update")]), Close(NO_CODE)]
