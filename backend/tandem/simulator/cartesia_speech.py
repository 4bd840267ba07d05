"""What Cartesia is asked to speak, and the audio and word times that it makes of it, without any connection."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tandem.simulator import mulaw
from tandem.simulator.voice import Voice
from tandem.simulator.websocket import Body

CHUNK_MS = 100
_ENCODINGS = {"pcm_s16le": 2, "pcm_f32le": 4, "pcm_mulaw": 1}  # bytes a sample
_RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


class BadRequest(ValueError):
    """A request cannot be served; the message says why."""


@dataclass(frozen=True, slots=True)
class Format:
    """Raw mono audio."""

    encoding: str
    rate: int

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Read `output_format`; raises BadRequest."""
        asked = body.get("output_format")
        if not isinstance(asked, dict) or asked.get("container") != "raw":
            raise BadRequest("output_format.container must be raw.")
        encoding, rate = asked.get("encoding"), asked.get("sample_rate")
        if encoding not in _ENCODINGS or rate not in _RATES:
            raise BadRequest("output_format.encoding or output_format.sample_rate is invalid.")
        return cls(encoding, rate)

    @property
    def chunk_bytes(self) -> int:
        """Return the size of a chunk."""
        return self.rate * CHUNK_MS // 1000 * _ENCODINGS[self.encoding]

    def encoded(self, pcm: bytes) -> bytes:
        """Return s16le samples as they were asked for."""
        match self.encoding:
            case "pcm_f32le":
                return (np.frombuffer(pcm, "<i2") / np.float32(32_768)).astype("<f4").tobytes()
            case "pcm_mulaw":
                return mulaw.encoded(pcm)
            case _:
                return pcm

    def ms(self, data: bytes) -> float:
        """Return how long encoded audio lasts."""
        return len(data) * 1000 / _ENCODINGS[self.encoding] / self.rate


def checked(body: Mapping[str, Any]) -> None:
    """See that a request says what every request must; raises BadRequest."""
    if not isinstance(body.get("transcript"), str):
        raise BadRequest("transcript must be a string.")
    if not isinstance(body.get("model_id"), str):
        raise BadRequest("model_id is required.")
    voice = body.get("voice")
    if not isinstance(voice.get("id") if isinstance(voice, dict) else voice, str):
        raise BadRequest("voice is required.")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A chunk of audio, encoded, and the words that begin in it: (word, start_ms, end_ms) from the first sample."""

    audio: bytes
    words: tuple[tuple[str, float, float], ...]

    def timestamps(self) -> Body:
        """Return the words' times as a frame has them, in s."""
        words, starts, ends = zip(*self.words, strict=True)
        times = {"words": words, "start": [ms / 1000 for ms in starts], "end": [ms / 1000 for ms in ends]}
        return {"type": "timestamps", "done": False, "status_code": 206, "word_timestamps": times}

    def chunk(self, step_ms: float) -> Body:
        """Return the audio as a frame has it."""
        data = base64.b64encode(self.audio).decode()
        return {"type": "chunk", "data": data, "done": False, "status_code": 206, "step_time": round(step_ms, 3)}


class Speech:
    """Speaks text in the numbered voice as it comes; a word that may still go on waits for its end."""

    def __init__(self, voice: Voice, form: Format) -> None:
        self._voice, self._form = voice, form
        self._text = ""
        self._audio = bytearray()
        self._words: list[tuple[str, float, float]] = []
        self._samples = 0

    def say(self, text: str, *, more: bool) -> Iterator[Spoken]:
        """Yield the chunks of `text`; if there is `more`, without the start of a word at its end."""
        whole = self._text + text
        kept = (
            len(whole.rstrip()) and len(whole) - len(whole.split()[-1]) if more and not whole[-1:].isspace() else None
        )
        ready, self._text = (whole, "") if kept is None else (whole[:kept], whole[kept:])
        for word in ready.split():
            pcm = self._voice.say(word, self._form.rate)
            start_ms = self._samples * 1000 / self._form.rate
            _, from_ms, to_ms = self._voice.timed(word)[0]
            self._words.append((word, start_ms + from_ms, start_ms + to_ms))
            self._samples += len(pcm) // 2
            self._audio += self._form.encoded(pcm)
            while len(self._audio) >= self._form.chunk_bytes:
                yield self._chunk()
        if self._audio:
            yield self._chunk()

    def _chunk(self) -> Spoken:
        size = self._form.chunk_bytes
        spoken = Spoken(bytes(self._audio[:size]), tuple(self._words))
        del self._audio[:size]
        self._words.clear()
        return spoken
