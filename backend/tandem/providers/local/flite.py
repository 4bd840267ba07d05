"""Speech from the system's flite: two clear English voices, 16 kHz, one thread."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Self

from tandem.core.audio import Word, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.providers.local.flite_engine import (
    SAMPLE_RATE,
    VOICES,
    FliteEngine,
    WordTime,
    lacks,
)
from tandem.providers.local.speakable import clean, pieces, to_ascii
from tandem.providers.local.threads import EngineFailed, EngineThreads

NAME = "flite"
_SLOWEST, _FASTEST = 0.5, 2.0
_CHUNK_DEADLINE_S = 10.0  # twenty calls ahead in the queue cost about one second; this is for a thread that hangs


def missing() -> str | None:
    """Say what flite lacks on this machine and how to add it; None if nothing."""
    library = lacks()
    if library is None:
        return None
    return f"{library} is not on this system: install it with 'sudo apt install libflite1'"


class Flite:
    """Speaks English phrases in one thread, because libflite can do one thing at a time.

    Calls take turns piece by piece: a long phrase of one does not keep the others waiting.
    """

    name = NAME

    def __init__(self, engine: FliteEngine, threads: EngineThreads) -> None:
        self._engine = engine
        self._threads = threads
        self._speaking: set[_Piece] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Load the library and its voices in a thread, which ends with the context."""
        if (lack := missing()) is not None:
            raise ProviderError(Fault.REFUSED, NAME, lack)
        async with EngineThreads.open(NAME, 1) as threads:
            try:
                flite = cls(await threads.run(FliteEngine), threads)
            except EngineFailed as error:
                raise ProviderError(Fault.REFUSED, NAME, "the library did not load") from error
            try:
                yield flite
            finally:
                for piece in flite._speaking:
                    piece.stop()

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        """Yield chunks of about 50 ms at 16 kHz; the first one carries the times of its piece's words.

        The next piece (at most 200 characters) is begun when the last one was taken, so a listener who is slow
        holds no more than one piece in memory. `options.voice` is "slt" (also for any unknown name) or "rms".
        ProviderError: INVALID for a language other than English, CUT when the engine failed.
        """
        if options.language.casefold().partition("-")[0] != "en":
            raise ProviderError(Fault.INVALID, NAME, "it speaks English only")
        spoken_ms = 0.0
        for text in pieces(to_ascii(clean(phrase))):
            piece = _Piece(text, options)
            async with aclosing(self._speak(piece)) as chunks:
                async for pcm, words in chunks:
                    placed = tuple(Word(word, spoken_ms + begin, spoken_ms + end) for word, begin, end in words)
                    spoken_ms += duration_ms(len(pcm), SAMPLE_RATE)
                    yield SpokenAudio(pcm, SAMPLE_RATE, placed)

    async def _speak(self, piece: "_Piece") -> AsyncGenerator[tuple[bytes, list[WordTime]], None]:
        running = self._threads.run(self._engine.speak, piece.text, piece.voice, piece.speed, piece.put)
        running.add_done_callback(piece.end)
        self._speaking.add(piece)
        try:
            while (chunk := await piece.next_chunk()) is not None:
                yield chunk
            running.result()
        except EngineFailed as error:
            raise ProviderError(Fault.CUT, NAME, "the engine failed") from error
        except TimeoutError as error:
            raise ProviderError(Fault.STALLED, NAME, "the engine's thread hangs") from error
        finally:
            piece.stop()
            running.cancel()
            self._speaking.discard(piece)


class _Piece:
    """A piece of a phrase between the thread that makes its sound and the call that takes it."""

    def __init__(self, text: str, options: TtsOptions) -> None:
        self.text = text
        self.voice = options.voice if options.voice in VOICES else VOICES[0]
        self.speed = min(_FASTEST, max(_SLOWEST, options.speed))
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[tuple[bytes, list[WordTime]] | None] = asyncio.Queue()
        self._stopped = False

    def put(self, pcm: bytes, words: list[WordTime]) -> bool:
        """Called in the engine's thread. False: stop."""
        if not self._stopped:
            self._loop.call_soon_threadsafe(self._chunks.put_nowait, (pcm, words))
        return not self._stopped

    def end(self, _running: object) -> None:
        self._chunks.put_nowait(None)

    def stop(self) -> None:
        self._stopped = True

    async def next_chunk(self) -> tuple[bytes, list[WordTime]] | None:
        async with asyncio.timeout(_CHUNK_DEADLINE_S):
            return await self._chunks.get()
