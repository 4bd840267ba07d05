"""WAV files of 16-bit PCM, as the simulator is sent them and sends them."""

import io
import struct
import wave

_UNKNOWN_SIZE = 0xFFFFFFFF  # stands for the sizes in the header of a file whose end is not known yet


class UnreadableWav(ValueError):
    """A file is nothing that the simulator reads; the message says what it reads."""


def samples(file: bytes) -> tuple[bytes, int]:
    """Return a file's first channel as s16le and its rate in Hz; raises UnreadableWav."""
    try:
        with wave.open(io.BytesIO(file)) as audio:
            width, channels, rate = audio.getsampwidth(), audio.getnchannels(), audio.getframerate()
            data = audio.readframes(audio.getnframes())
    except (wave.Error, EOFError) as error:
        raise UnreadableWav("the simulator reads WAV files") from error
    if width != 2 or not 8_000 <= rate <= 48_000:
        raise UnreadableWav("the simulator reads 16-bit WAV files of 8,000-48,000 Hz")
    frame = 2 * channels
    return data if channels == 1 else b"".join(data[at : at + 2] for at in range(0, len(data), frame)), rate


def whole(pcm: bytes, rate: int) -> bytes:
    """Return mono s16le of `rate` Hz as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(rate)
        audio.writeframes(pcm)
    return file.getvalue()


def open_header(rate: int) -> bytes:
    """Return the header of a file of mono s16le whose length is not known yet."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", _UNKNOWN_SIZE, b"WAVE") + form + struct.pack("<4sI", b"data", _UNKNOWN_SIZE)
