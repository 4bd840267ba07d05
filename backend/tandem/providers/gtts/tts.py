"""Google Translate's voice through gTTS: any language, no key, and no promise.

It is no official interface: Google may refuse it or change it at any time. What is spoken goes to Google as a whole;
gTTS does not check the server's certificate, and takes its proxy from the environment as requests does.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.providers.gtts import wire
from tandem.providers.gtts.threads import Threads, drop

if TYPE_CHECKING:
    from tandem.providers.gtts.engine import Engine

NAME = "gtts"
_THREADS = 8  # a piece is some 6 s of speech: if fetching it takes 0.5 s, enough for 96 who are spoken to at once


def missing() -> str | None:
    """Say what gtts lacks on this machine and how to add it; None if nothing."""
    if find_spec("gtts") is None or find_spec("av") is None:
        return "gTTS or PyAV is not installed: run 'make extras', or add them with 'pip install gTTS==2.5.4 av==18.1.0'"
    return None


class Gtts:
    """Speaks phrases piece by piece, each fetched as a whole in a thread of a bounded pool."""

    def __init__(
        self, engine: "Engine", threads: Threads, *, name: str, first_audio_ms: float, stall_ms: float
    ) -> None:
        self.name = name
        self._engine = engine
        self._threads = threads
        self._first_audio_ms = first_audio_ms
        self._stall_ms = stall_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        name: str = NAME,
        base_url: str = "",
        threads: int = _THREADS,
        connect_ms: float = 1_000,
        first_audio_ms: float = 4_000,
        stall_ms: float = 3_000,
    ) -> AsyncIterator[Self]:
        """Load gTTS and PyAV; nothing is sent yet. An empty address is Google's own, by the accent of the language.

        `first_audio_ms` runs from the request to its first sample, with `connect_ms` and a wait for a free thread in
        it; `stall_ms` is the longest that a listener waits for the next piece. The exit waits no longer than a socket
        may be silent.
        """
        if (lack := missing()) is not None:
            raise ProviderError(Fault.REFUSED, name, lack)
        read_ms = max(first_audio_ms, stall_ms)
        async with Threads.open(name, threads, connect_ms + read_ms) as running:
            engine = await running.run(_load, name, base_url, connect_ms, read_ms)
            yield cls(engine, running, name=name, first_audio_ms=first_audio_ms, stall_ms=stall_ms)

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        """Yield chunks of at most 100 ms at 24 kHz; no word times.

        A piece (at most 100 characters) is fetched while the one before it is listened to, so a listener who is slow
        holds no more than two in memory. There is one voice a language; `options.voice` changes nothing. The speed,
        0.5-2.0, is made here, at the same pitch. ProviderError: INVALID for a language that Google Translate does
        not speak, otherwise as the service fails or is silent.
        """
        texts = wire.pieces(phrase)
        if not texts:
            return
        language = wire.language_for(options.language, self._engine.languages)
        if language is None:
            raise ProviderError(Fault.INVALID, self.name, "a language that it does not speak")
        speed = wire.speed_for(options.speed)
        late, patience_ms = Fault.TIMEOUT, self._first_audio_ms
        ahead = self._begin(wire.Piece(texts[0], *language, speed, late))
        try:
            for following in (*texts[1:], None):
                pcm = await self._made(ahead, late, patience_ms)
                late, patience_ms = Fault.STALLED, self._stall_ms
                if following is not None:
                    ahead = self._begin(wire.Piece(following, *language, speed, late))
                for chunk in wire.chunks(pcm):
                    yield SpokenAudio(chunk, wire.SAMPLE_RATE)
        finally:
            drop(ahead)

    def _begin(self, piece: wire.Piece) -> asyncio.Future[bytes]:
        return self._threads.run(self._engine.speak, piece)

    async def _made(self, piece: asyncio.Future[bytes], late: Fault, patience_ms: float) -> bytes:
        try:
            async with asyncio.timeout(patience_ms / 1000):
                return await piece
        except TimeoutError as error:
            raise ProviderError(late, self.name, "nothing in time") from error


def _load(name: str, base_url: str, connect_ms: float, read_ms: float) -> "Engine":
    from tandem.providers.gtts.engine import Engine

    return Engine(name, base_url, connect_ms, read_ms)
