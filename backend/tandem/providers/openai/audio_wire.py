"""Between Tandem's audio and OpenAI's: WAV in memory for a transcription, voices and PCM for speech."""

import io
import wave
from typing import Any

from tandem.core.audio import BYTES_PER_SAMPLE
from tandem.providers.openai.wire import UnreadableAnswer

SPEECH_RATE = 24_000  # Hz, of response_format "pcm": mono 16-bit little-endian without a header
SLOWEST, FASTEST = 0.25, 4.0  # what `speed` may be
_PIECE_BYTES = SPEECH_RATE // 10 * BYTES_PER_SAMPLE  # 100 ms

_EVERY_MODEL = frozenset({"alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"})
_NEWER_MODELS = frozenset({"ballad", "cedar", "marin", "verse"})


def wav(pcm: bytes, sample_rate: int) -> bytes:
    """Return mono 16-bit `pcm` as the bytes of a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(BYTES_PER_SAMPLE)
        sound.setframerate(sample_rate)
        sound.writeframes(pcm)
    return file.getvalue()


def spoken_language(tag: str) -> str:
    """Return the language of a BCP 47 tag as a transcription takes it: "en-GB" is "en"."""
    return tag.partition("-")[0].lower()


def transcribed(answer: Any) -> str:
    """Return the words of a transcription; raises UnreadableAnswer."""
    text = getattr(answer, "text", None)  # the SDK builds its objects without a check
    if not isinstance(text, str):
        raise UnreadableAnswer("a transcription without text")
    return text.strip()


def voice_for(asked: str | None, own: str, model: str) -> str:
    """Return the voice that `model` shall speak with: the one asked for if it has it, else `own`."""
    voices = _EVERY_MODEL if model.startswith("tts-1") else _EVERY_MODEL | _NEWER_MODELS
    return asked if asked in voices else own


def speed_for(asked: float) -> float:
    return min(max(asked, SLOWEST), FASTEST)


def is_audio(content_type: str) -> bool:
    """Tell whether a body may be audio. Servers name it variously; a page or a message is never spoken."""
    return not content_type.lower().startswith(("text/", "application/json"))


class Samples:
    """A body of PCM as whole samples, in pieces of at most 100 ms."""

    def __init__(self) -> None:
        self._half = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they came; return the pieces that they completed."""
        data = self._half + data
        whole = len(data) - len(data) % BYTES_PER_SAMPLE
        self._half = data[whole:]
        return [data[at : min(at + _PIECE_BYTES, whole)] for at in range(0, whole, _PIECE_BYTES)]

    @property
    def torn(self) -> bool:
        """Half a sample is left: a body that ends now is not all that was sent."""
        return bool(self._half)
