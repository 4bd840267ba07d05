"""Speech from espeak-ng: any language, robotic, instantaneous; the voice of last resort."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from importlib.util import find_spec
from typing import Self

from tandem.core.audio import Word, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.providers.local.frames import Kind
from tandem.providers.local.speakable import clean, pieces
from tandem.providers.local.worker import Job, Workers

NAME = "espeak"
SAMPLE_RATE = 22_050  # of every voice that espeak-ng makes itself
_ENGINE = "tandem.providers.local.espeak_engine"  # never imported here: see its first lines
_ANSWER_DEADLINE_S = 5.0  # a piece takes a few ms; this is for a process that hangs


def missing() -> str | None:
    """Say what espeak lacks on this machine and how to add it; None if nothing."""
    if find_spec("espeakng_loader") is None:
        return "espeak-ng is not installed: add it with 'pip install espeakng-loader'"
    return None


class Espeak:
    """Speaks phrases in worker processes; one process makes one piece of a phrase at a time, in a few ms."""

    name = NAME

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    @classmethod
    @asynccontextmanager
    async def open(cls, workers: int = 2) -> AsyncIterator[Self]:
        """Start one process, and up to `workers` when several phrases are asked for at once."""
        if (lack := missing()) is not None:
            raise ProviderError(Fault.REFUSED, NAME, lack)
        async with Workers.open(NAME, _ENGINE, workers) as running:
            yield cls(running)

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        """Yield chunks of 20-80 ms at 22,050 Hz with their words' times.

        The engine is given the next piece (at most 200 characters) when the last one was taken, so a listener who
        is slow holds no more than one piece in memory. `options.voice` is a name of espeak-ng's ("en-us", "de+f3");
        an unknown one falls back to the language's own voice. ProviderError: INVALID for a language that it does
        not have, CUT when the process died, STALLED when it hangs.
        """
        spoken_ms = 0.0
        for piece in pieces(clean(phrase)):
            async with aclosing(self._speak(piece, options, spoken_ms)) as chunks:
                async for chunk in chunks:
                    spoken_ms += duration_ms(len(chunk.pcm), SAMPLE_RATE)
                    yield chunk

    async def _speak(self, piece: str, options: TtsOptions, offset_ms: float) -> AsyncGenerator[SpokenAudio, None]:
        request = {
            "text": piece,
            "voice": options.voice or "",
            "language": options.language,
            "speed": options.speed,
        }
        worker = await self._workers.share()
        job = worker.begin(json.dumps(request).encode())
        try:
            async with aclosing(_chunks(job, offset_ms)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            job.close()


async def _chunks(job: Job, offset_ms: float) -> AsyncGenerator[SpokenAudio, None]:
    words: list[Word] = []
    while True:
        kind, payload = await job.answer(_ANSWER_DEADLINE_S)
        if kind is Kind.NEWS:
            words += [Word(text, offset_ms + start, offset_ms + end) for text, start, end in json.loads(payload)]
        elif kind is Kind.AUDIO:
            yield SpokenAudio(payload, SAMPLE_RATE, tuple(words))
            words = []
        elif kind is Kind.REJECTED:
            raise ProviderError(Fault.INVALID, NAME, json.loads(payload))
        else:
            return
