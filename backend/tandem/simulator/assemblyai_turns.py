"""AssemblyAI's /v3/ws: what universal streaming answers to audio, without the socket."""

import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from tandem.simulator.dictation import BadQuery, Close, Frame, Part, Says, positive
from tandem.simulator.faults import Fault
from tandem.simulator.hearing import Hearing, plain
from tandem.simulator.voice import Heard, Voice
from tandem.simulator.websocket import Body, Wording

_SHORTEST_MS, _LONGEST_MS = 50.0, 1_000.0  # of a chunk of audio
_LOOK_EVERY_MS = 250.0
_LONGEST_SESSION_S = 3 * 3_600
# The SDK's models tell what a heartbeat holds and not how often it comes: its users have logged 5.0-5.1 s.
BEAT_S = 5.0
_DOUBT, _CONFIDENCE = 0.1, 0.9  # that a turn is over: while words come, and after `min_turn_silence` of quiet


def error_frame(code: int, why: str) -> Body:
    """Return the frame that precedes a close with the same code."""
    return {"type": "Error", "error_code": code, "error": why}


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"  # the SDK writes "True"


@dataclass(frozen=True, slots=True)
class Options:
    """The query, as far as it changes what is heard and said; silences in ms."""

    rate: int
    mulaw: bool
    model: str
    inactivity_s: float | None
    format_turns: bool = False
    heartbeat: bool = False
    threshold: float = 0.4
    min_silence_ms: float = 400
    max_silence_ms: float = 1_280

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """Read the query; raises BadQuery."""
        encoding = query.get("encoding", "pcm_s16le")
        if encoding not in ("pcm_s16le", "pcm_mulaw"):
            raise BadQuery("Invalid encoding: pcm_s16le and pcm_mulaw are understood")
        try:
            limit = query.get("inactivity_timeout")
            options = cls(
                rate=positive(query.get("sample_rate", "")),
                mulaw=encoding == "pcm_mulaw",
                model=query.get("speech_model", "universal-streaming-english"),
                inactivity_s=None if limit is None else positive(limit),
            )
        except ValueError as error:
            raise BadQuery("Invalid sample_rate or inactivity_timeout") from error
        return options.updated(query)

    def updated(self, given: Mapping[str, Any]) -> Self:
        """Return these options with those of `given` that may change within a session; raises BadQuery."""
        try:
            return dataclasses.replace(
                self,
                format_turns=_flag(given.get("format_turns", self.format_turns)),
                heartbeat=_flag(given.get("session_heartbeat", self.heartbeat)),
                threshold=float(given.get("end_of_turn_confidence_threshold", self.threshold)),
                min_silence_ms=float(given.get("min_turn_silence", self.min_silence_ms)),
                max_silence_ms=float(given.get("max_turn_silence", self.max_silence_ms)),
            )
        except (TypeError, ValueError) as error:
            raise BadQuery("Invalid Message: numbers are needed") from error


class Turns:
    """One session."""

    wording = Wording(lambda fault: _simulated(fault), needed="words")
    beat_s: float | None = BEAT_S

    def __init__(self, options: Options, voice: Voice, clock: Callable[[], float], lead_ms: float) -> None:
        """Take a clock in s, and how many ms audio may be ahead of it."""
        self.patience_s = options.inactivity_s
        self._options, self._clock, self._lead_ms = options, clock, lead_ms
        self._hearing = Hearing(voice, options.rate, companded=options.mulaw)
        self._began = self._last_chunk = clock()
        self._ahead_ms = 0.0
        self._looked_ms = 0.0
        self._beaten_ms, self._beaten_at = 0.0, clock()
        self._words: list[Heard] = []
        self._order = 0
        self._speaking = False

    def begin(self) -> Says:
        configuration = {"model": self._options.model, "api_version": "2025-05-12"}
        expires = int(time.time()) + _LONGEST_SESSION_S
        begin = {"type": "Begin", "id": str(uuid.uuid4()), "expires_at": expires, "configuration": configuration}
        return [Frame(begin)]

    def hear(self, audio: bytes) -> Says:
        if violation := self._violation(len(audio) / (1 if self._options.mulaw else 2) / self._options.rate * 1000):
            return _failed(3007, violation)
        return [said for _ in self._hearing.steps(audio) for said in self._look()]

    def told(self, message: Body) -> Says:
        match message:
            case {"type": "KeepAlive"}:
                return []
            case {"type": "ForceEndpoint"}:
                self._words += self._hearing.words()
                return self._end_of_turn(1.0) if self._words else []  # without a turn there is nothing to end
            case {"type": "UpdateConfiguration"}:
                try:
                    self._options = self._options.updated(message)
                except BadQuery as error:
                    return _failed(3006, str(error))
                return []
            case {"type": "Terminate"}:
                return self._terminated()
            case _:
                return _failed(3006, f"Invalid Message Type: {message.get('type')}")

    def misheard(self, text: str) -> Says:
        return _failed(3006, f"Invalid JSON: {text[:40]}")

    def neglected(self) -> Says:
        return _failed(3005, "Session Cancelled: No audio was received")

    def beat(self) -> Says:
        if not self._options.heartbeat:
            return []
        heard_ms, now, since_ms = self._hearing.at_ms, self._clock(), self._beaten_ms
        passed_ms = max(1.0, (now - self._beaten_at) * 1000)
        self._beaten_ms, self._beaten_at = heard_ms, now
        heartbeat = {
            "type": "Heartbeat",
            "total_audio_received_ms": round(heard_ms),
            "total_duration_ms": round((now - self._began) * 1000),
            "realtime_factor": round((heard_ms - since_ms) / passed_ms, 4),
            "max_speech_probability": 0.99 if self._hearing.voiced_until_ms > since_ms else 0.01,
        }
        return [Frame(heartbeat)]

    def emptied(self, body: Body) -> Body:
        return {**body, "transcript": "", "words": []}

    def _violation(self, chunk_ms: float) -> str:
        """Return what is wrong with the length or the pace of the audio; "" for nothing."""
        if not _SHORTEST_MS <= chunk_ms <= _LONGEST_MS:
            return f"Input duration violation: {chunk_ms:g} ms. Expected between 50 and 1000 ms"
        now = self._clock()
        self._ahead_ms = max(0.0, self._ahead_ms - (now - self._last_chunk) * 1000) + chunk_ms
        self._last_chunk = now
        if self._ahead_ms <= max(self._lead_ms, chunk_ms):
            return ""
        heard_s, took_s = (self._hearing.at_ms + chunk_ms) / 1000, now - self._began
        return f"Audio Transmission Rate Exceeded: Received {heard_s:.2f} sec. audio in {took_s:.2f} sec"

    def _look(self) -> Says:
        """Say what the last 20 ms of audio give rise to."""
        hearing, options = self._hearing, self._options
        says: Says = []
        if hearing.voiced and not self._speaking:
            self._speaking = True
            says.append(Frame({"type": "SpeechStarted", "timestamp": round(hearing.at_ms)}))
        is_sure = options.threshold <= _CONFIDENCE
        if self._speaking and hearing.quiet_ms >= (options.min_silence_ms if is_sure else options.max_silence_ms):
            self._words += hearing.words()
            self._speaking = False
            return says + (self._end_of_turn(_CONFIDENCE) if self._words else [])
        if hearing.at_ms - self._looked_ms >= _LOOK_EVERY_MS:
            self._looked_ms = hearing.at_ms
            if words := hearing.words():
                self._words += words
                says.append(self._turn(Part.UNIT, self._confidence()))
        return says

    def _confidence(self) -> float:
        """Return how likely the turn is over; it grows with silence only."""
        share = min(1.0, self._hearing.quiet_ms / max(1.0, self._options.min_silence_ms))
        return round(_DOUBT + (_CONFIDENCE - _DOUBT) * share, 4)

    def _end_of_turn(self, confidence: float) -> Says:
        if self._options.format_turns:
            ended = [
                self._turn(Part.UNIT, confidence, end=True),
                self._turn(Part.LAST, confidence, end=True, formatted=True),
            ]
        else:
            ended = [self._turn(Part.LAST, confidence, end=True)]
        self._words, self._order, self._speaking = [], self._order + 1, False
        return list(ended)

    def _turn(self, part: Part, confidence: float, *, end: bool = False, formatted: bool = False) -> Frame:
        texts = [word.text if formatted else plain(word.text) for word in self._words]
        if formatted:
            texts = [texts[0][:1].upper() + texts[0][1:], *texts[1:]]
            texts[-1] += "" if texts[-1][-1:] in ".!?" else "."
        body = {
            "type": "Turn",
            "turn_order": self._order,
            "turn_is_formatted": formatted,
            "end_of_turn": end,
            "transcript": " ".join(texts),
            "end_of_turn_confidence": confidence,
            "words": [
                {
                    "start": round(word.start_ms),
                    "end": round(word.end_ms),
                    "text": text,
                    "confidence": 0.99,
                    "word_is_final": True,
                }
                for word, text in zip(self._words, texts, strict=True)
            ],
        }
        return Frame(body, part)

    def _terminated(self) -> Says:
        self._words += self._hearing.words()
        rest = self._end_of_turn(1.0) if self._words else []
        termination = {
            "type": "Termination",
            "audio_duration_seconds": round(self._hearing.at_ms / 1000),
            "session_duration_seconds": round(self._clock() - self._began),
        }
        return [*rest, Frame(termination, Part.END), Close(1000)]


def _failed(code: int, why: str) -> Says:
    return [Frame(error_frame(code, why)), Close(code, why)]


def _simulated(fault: Fault) -> Body:
    return error_frame(fault.close_code, "Session Cancelled: An error occurred")
