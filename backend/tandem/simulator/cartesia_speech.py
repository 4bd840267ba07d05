"""What Cartesia is asked to speak, and the audio and word times that it makes of it, without any connection."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tandem.simulator import mulaw
from tandem.simulator.stage import Speaker
from tandem.simulator.voice import Timed
from tandem.simulator.websocket import Body

CHUNK_MS = 100
_ENCODINGS = {"pcm_s16le": 2, "pcm_f32le": 4, "pcm_mulaw": 1}  # bytes a sample
_SPEEDS = (0.6, 1.5)  # the least and the most that generation_config.speed may be
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


def _speed(body: Mapping[str, Any]) -> float:
    """Return how fast a request wants its speech, 1.0 being usual; raises BadRequest."""
    asked = {} if body.get("generation_config") is None else body["generation_config"]
    speed = asked.get("speed", 1.0) if isinstance(asked, dict) else None
    if not isinstance(speed, int | float) or not _SPEEDS[0] <= speed <= _SPEEDS[1]:
        raise BadRequest("generation_config.speed must be between 0.6 and 1.5.")
    return speed


@dataclass(frozen=True, slots=True)
class Spoken:
    """A chunk of audio, encoded, and the words that begin in it: (word, start_ms, end_ms) from the first sample."""

    audio: bytes
    words: Timed

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
    """Speaks text as it comes; a word that may still go on waits for its end."""

    def __init__(self, speaker: Speaker, body: Mapping[str, Any]) -> None:
        """Take the request that says how; raises BadRequest."""
        self._speaker, self.form, self._speed = speaker, Format.read(body), _speed(body)
        self._text = ""
        self._audio = bytearray()
        self._words: Timed = []
        self._spoken_ms = self._given_ms = 0.0

    async def add(self, text: str, *, more: bool) -> None:
        """Speak `text` into `chunks`; if there is `more`, without the start of a word at its end."""
        whole = self._text + text
        kept = (
            len(whole.rstrip()) and len(whole) - len(whole.split()[-1]) if more and not whole[-1:].isspace() else None
        )
        ready, self._text = (whole, "") if kept is None else (whole[:kept], whole[kept:])
        said = await self._speaker.speak(ready, self.form.rate, self._speed)
        from_ms = self._spoken_ms
        self._words += [(word, from_ms + start_ms, from_ms + end_ms) for word, start_ms, end_ms in said.words]
        self._spoken_ms += len(said.pcm) / 2 * 1000 / self.form.rate
        self._audio += self.form.encoded(said.pcm)

    def chunks(self) -> Iterator[Spoken]:
        """Yield what has been spoken and not been given yet."""
        while self._audio:
            audio = bytes(self._audio[: self.form.chunk_bytes])
            del self._audio[: len(audio)]
            self._given_ms += self.form.ms(audio)
            begun = [word for word in self._words if word[1] < self._given_ms or not self._audio]
            self._words = self._words[len(begun) :]
            yield Spoken(audio, begun)
