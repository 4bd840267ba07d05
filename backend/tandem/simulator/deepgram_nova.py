"""Deepgram's /v1/listen: what the Nova models answer to audio, without the socket."""

import datetime
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tandem.simulator.dictation import BadQuery, Close, Frame, Part, Says, positive
from tandem.simulator.faults import Fault
from tandem.simulator.hearing import Hearing, plain
from tandem.simulator.voice import Heard, Voice
from tandem.simulator.websocket import Body, Wording

PATIENCE_S = 10.0  # without audio or KeepAlive
_INTERIM_EVERY_MS = 250.0
_LONGEST_SEGMENT_MS = 5_000.0  # then a result is final although speech goes on
NEGLECT = "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001"
_CHANNEL = [0, 1]


@dataclass(frozen=True, slots=True)
class Options:
    """The query of /v1/listen, as far as it changes what is heard and said. Containers are not read: audio is raw."""

    model: str
    rate: int
    mulaw: bool
    interim: bool
    endpointing_ms: float | None
    utterance_end_ms: float | None
    vad_events: bool
    punctuated: bool
    language: str

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """Read the query; raises BadQuery."""
        encoding, model = query.get("encoding", ""), query.get("model", "base-general")
        if encoding not in ("linear16", "mulaw"):
            raise BadQuery("encoding must be linear16 or mulaw.")
        if query.get("channels", "1") != "1":
            raise BadQuery("Only one channel is understood.")
        try:
            endpointing = query.get("endpointing", "10")
            return cls(
                model=model,
                rate=positive(query.get("sample_rate", "8000" if encoding == "mulaw" else "")),
                mulaw=encoding == "mulaw",
                interim=query.get("interim_results") == "true",
                endpointing_ms=None if endpointing == "false" else float(10 if endpointing == "true" else endpointing),
                utterance_end_ms=float(query["utterance_end_ms"]) if "utterance_end_ms" in query else None,
                vad_events=query.get("vad_events") == "true",
                punctuated="true" in (query.get("punctuate"), query.get("smart_format")),
                language=query.get("language", "en"),
            )
        except ValueError as error:
            raise BadQuery("Numbers are needed for sample_rate, endpointing and utterance_end_ms.") from error


def _error_frame(_: Fault) -> Body:
    return {"type": "Error", "variant": "ServerError", "description": "Simulated failure.", "code": "SIMULATED"}


class Nova:
    """One stream of /v1/listen."""

    patience_s: float | None = PATIENCE_S
    beat_s: float | None = None
    wording = Wording(_error_frame, needed="channel")

    def __init__(self, options: Options, voice: Voice, request_id: str) -> None:
        self._options = options
        self._hearing = Hearing(voice, options.rate, companded=options.mulaw)
        self._request_id = request_id
        self._audio = hashlib.sha256()
        self._words: list[Heard] = []  # since the last final result
        self._from_ms = 0.0  # where the next result starts
        self._shown_ms = 0.0  # how far the last result went
        self._speaking = False
        self._unended: Heard | None = None  # the last word, until an UtteranceEnd is said about it

    def begin(self) -> Says:
        return []

    def hear(self, audio: bytes) -> Says:
        if not audio:
            return self._end()
        self._audio.update(audio)
        return [said for _ in self._hearing.steps(audio) for said in self._look()]

    def told(self, message: Body) -> Says:
        match message:
            case {"type": "KeepAlive"}:
                return []
            case {"type": "Finalize"}:
                return self._final(from_finalize=True)
            case {"type": "CloseStream"}:
                return self._end()
            case {"type": "Configure"}:
                return [Frame(self._configured(message))]
            case _:
                return self.misheard(str(message.get("type", "")))

    def misheard(self, text: str) -> Says:
        error = {"type": "Error", "variant": "SchemaError", "description": "Could not parse the message."}
        return [Frame({**error, "message": text})]

    def neglected(self) -> Says:
        return [Close(1011, NEGLECT)]

    def beat(self) -> Says:
        return []

    def emptied(self, body: Body) -> Body:
        return {**body, "channel": self._channel([])}

    def _look(self) -> Says:
        """Say what the last 20 ms of audio give rise to."""
        hearing, options = self._hearing, self._options
        says: Says = []
        if hearing.voiced and not self._speaking:
            self._speaking = True
            if options.vad_events:
                started = {"type": "SpeechStarted", "channel": _CHANNEL, "timestamp": hearing.at_ms / 1000}
                says.append(Frame(started))
        if self._speaking and options.endpointing_ms is not None and hearing.quiet_ms >= options.endpointing_ms:
            says += self._final(speech_final=True)
        elif hearing.at_ms - self._shown_ms >= _INTERIM_EVERY_MS:
            says += self._so_far()
        return says + self._utterance_end()

    def _so_far(self) -> Says:
        self._hear_words()
        self._shown_ms = self._hearing.at_ms
        if self._hearing.at_ms - self._from_ms >= _LONGEST_SEGMENT_MS:
            return [self._result(Part.UNIT if self._words else Part.ASIDE, is_final=True)]
        if self._options.interim and self._speaking:
            return [self._result(Part.UNIT if self._words else Part.ASIDE)]
        return []

    def _final(self, *, speech_final: bool = False, from_finalize: bool = False) -> Says:
        self._hear_words()
        self._speaking = False
        return [self._result(Part.LAST, is_final=True, speech_final=speech_final, from_finalize=from_finalize)]

    def _hear_words(self) -> None:
        words = self._hearing.words()
        self._words += words
        self._unended = words[-1] if words else self._unended

    def _result(
        self, part: Part, *, is_final: bool = False, speech_final: bool = False, from_finalize: bool = False
    ) -> Frame:
        end_ms = self._hearing.at_ms
        if is_final and self._speaking and self._words:
            end_ms = self._words[-1].end_ms  # a word that is being said belongs to the next result
        body = {
            "type": "Results",
            "channel_index": _CHANNEL,
            "duration": (end_ms - self._from_ms) / 1000,
            "start": self._from_ms / 1000,
            "is_final": is_final,
            "speech_final": speech_final,
            "channel": self._channel(self._words),
            "metadata": {
                "request_id": self._request_id,
                "model_info": {"name": self._options.model, "version": "2026-01-01.0", "arch": "simulated"},
                "model_uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, self._options.model)),
            },
            "from_finalize": from_finalize,
        }
        if is_final:
            self._words, self._from_ms = [], end_ms
        self._shown_ms = self._hearing.at_ms
        return Frame(body, part, self._hearing.quiet_ms)

    def _channel(self, words: list[Heard]) -> Body:
        written = [word.text if self._options.punctuated else plain(word.text) for word in words]
        listed = [
            {"word": plain(word.text), "start": word.start_ms / 1000, "end": word.end_ms / 1000, "confidence": 0.99}
            | ({"punctuated_word": word.text} if self._options.punctuated else {})
            for word in words
        ]
        return {"alternatives": [{"transcript": " ".join(written), "confidence": 0.99 * bool(words), "words": listed}]}

    def _utterance_end(self) -> Says:
        after_ms, last = self._options.utterance_end_ms, self._unended
        if (
            after_ms is None
            or last is None
            or min(self._hearing.at_ms - last.end_ms, self._hearing.quiet_ms) < after_ms
        ):
            return []
        self._unended = None
        return [Frame({"type": "UtteranceEnd", "channel": _CHANNEL, "last_word_end": last.end_ms / 1000})]

    def _configured(self, message: Body) -> Body:
        answer = {"type": "ConfigureSuccess", "request_id": self._request_id}
        if message.get("keyterms") is None:
            return answer
        if not self._options.model.startswith("nova-3"):
            code, why = "CONFIGURE_KEYTERMS_NOT_SUPPORTED", "Keyterms need a Nova-3 model."
            return {**answer, "type": "ConfigureFailure", "code": code, "description": why}
        return {**answer, "keyterms": message["keyterms"]}

    def _end(self) -> Says:
        metadata = {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": self._audio.hexdigest(),
            "created": datetime.datetime.now(datetime.UTC).isoformat(),
            "duration": self._hearing.at_ms / 1000,
            "channels": 1,
        }
        self._hear_words()
        rest = self._final() if self._words or self._speaking else []
        return [*rest, Frame(metadata, Part.END), Close(1000)]
