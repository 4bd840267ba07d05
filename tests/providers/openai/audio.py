"""OpenAI's speech and transcription on loopback: a tone for a phrase, and ears that know two recordings."""

import asyncio
import io
import json
import wave

from contracts.test_fakes import hear
from fakes import tone
from openai_server import Behaviour, Exchange

RATE = 24_000
MS_PER_LETTER = 60
_SECOND = tone(1_000, RATE)  # 200 Hz: any number of them join without a seam
_CHUNK = 481  # 10 ms, and odd, so that samples are torn


def speech(exchange: Exchange) -> bytes:
    """Return the audio that is due to a request."""
    length_ms = len(exchange.body["input"]) * MS_PER_LETTER / exchange.body["speed"]
    size = int(RATE * length_ms / 1000) * 2
    return (_SECOND * (size // len(_SECOND) + 1))[:size]


async def _body(exchange: Exchange, pcm: bytes) -> None:
    await exchange.head(content_type="audio/pcm")
    for at in range(0, len(pcm), _CHUNK):
        await exchange.piece(pcm[at : at + _CHUNK])
        await asyncio.sleep(0)  # a voice makes its audio bit by bit, and its listener may take what there is


def speaking(*, letters: int | None = None, pcm: bytes | None = None) -> Behaviour:
    """Speak what is asked for, or `pcm`, and end in order; with `letters`, only so many of them, with no end."""

    async def behave(exchange: Exchange) -> None:
        audio = speech(exchange) if pcm is None else pcm
        if letters is None:
            await _body(exchange, audio)
            await exchange.piece(b"")
        else:
            await _body(exchange, audio[: int(RATE * letters * MS_PER_LETTER / 1000) * 2])
            await exchange.hang()

    return behave


async def speech_cut(exchange: Exchange) -> None:
    await _body(exchange, speech(exchange)[:20_000])
    await exchange.close()


async def hearing(exchange: Exchange) -> None:
    """Answer a transcription with the words of the recording that was sent, or with none."""
    with wave.open(io.BytesIO(exchange.body["file"])) as sound:
        words = hear(sound.readframes(sound.getnframes()), sound.getframerate())
    await transcript(" ".join(word.text for word in words))(exchange)


def transcript(text: object) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.head(content_type="application/json")
        await exchange.piece(json.dumps({"text": text}).encode())
        await exchange.piece(b"")

    return behave
