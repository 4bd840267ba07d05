"""Speech and transcriptions in the forms of OpenAI's API."""

import json
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from tandem.simulator import wav
from tandem.simulator.latency import Slot
from tandem.simulator.stage import Stage, Stride
from tandem.simulator.voice import Heard

SPEECH_RATE = 24_000  # Hz, mono s16le: the rate of OpenAI's `pcm`
_CHUNK_MS = 100


async def spoken(stage: Stage, text: str, speed: float, *, as_wav: bool) -> AsyncGenerator[bytes, None]:
    """Yield `text` as speech in pieces of 100 ms; the last piece is empty and stands for the end."""
    stride = Stride()
    pcm = (await stage.speaker.speak(text, SPEECH_RATE, speed)).pcm
    await stride.wait_ms(stage.latency.first_ms(Slot.TTS))
    opening = wav.open_header(SPEECH_RATE) if as_wav else b""
    size = 2 * SPEECH_RATE * _CHUNK_MS // 1000
    for first in range(0, len(pcm), size):
        piece = pcm[first : first + size]
        yield opening + piece
        opening = b""
        await stride.wait_ms(stage.latency.unit_ms(Slot.TTS, len(piece) / 2 / SPEECH_RATE * 1000))
    yield opening


def uploaded(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the fields of a multipart/form-data body (RFC 7578); empty if it is none."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary is None:
        return {}
    fields = {}
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        if name := re.search(rb'\bname="([^"]*)"', head):
            fields[name[1].decode("utf-8", "replace")] = value.removesuffix(b"\r\n")
    return fields


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in an upload."""

    words: Sequence[Heard]
    duration_s: float
    language: str

    def written(self, form: str) -> bytes:
        """Return the answer's body in the `response_format` asked for."""
        text = " ".join(word.text for word in self.words)
        match form:
            case "text":
                return f"{text}\n".encode()
            case "verbose_json":
                return json.dumps({"task": "transcribe", "text": text, **self._details()}).encode()
            case _:
                usage = {"type": "duration", "seconds": round(self.duration_s)}
                return json.dumps({"text": text, "usage": usage}).encode()

    def _details(self) -> dict[str, object]:
        words = [{"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000} for word in self.words]
        segment = {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": self.duration_s,
            "tokens": [],
            "temperature": 0.0,
            "text": " ".join(word.text for word in self.words),
            "avg_logprob": -0.1,
            "compression_ratio": 1.0,
            "no_speech_prob": 0.01,
        }
        return {
            "language": self.language,
            "duration": self.duration_s,
            "words": words,
            "segments": [segment] if words else [],
        }
