"""Speech from Cartesia: natural, within a few hundred ms, with the times of its words."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Self
from uuid import uuid4

import cartesia

from tandem.core.audio import BYTES_PER_SAMPLE, Word
from tandem.core.errors import ConfigurationError, Fault, ProviderError
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.providers.cartesia import wire
from tandem.providers.cartesia.line import Line
from tandem.providers.cartesia.socket import NAME, Context

BASE_URL = "https://api.cartesia.ai"
MODEL = "sonic-3"
VOICE = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"  # the one of the SDK's own examples
_PIECE_BYTES = wire.SAMPLE_RATE // 10 * BYTES_PER_SAMPLE  # 100 ms
_TAIL_BYTES = wire.SAMPLE_RATE // 100 * BYTES_PER_SAMPLE  # 10 ms: what words that come after the audio travel with
_KEY = re.compile(r"[!-~]+")


class Cartesia:
    """Speaks many phrases at once over one warm socket."""

    def __init__(
        self, line: Line, *, name: str, model: str, voice: str, first_chunk_ms: float, stall_ms: float
    ) -> None:
        self.name = name
        self._line = line
        self._model = model
        self._voice = voice
        self._first_chunk_ms = first_chunk_ms
        self._stall_ms = stall_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        api_key: str,
        name: str = NAME,
        base_url: str = "",
        model: str = "",
        voice: str = "",
        connect_ms: float = 1_000,
        first_chunk_ms: float = 2_000,
        stall_ms: float = 1_000,
    ) -> AsyncIterator[Self]:
        """Open a socket; a vendor that is down now may come up later. ConfigurationError without a usable key.

        What is empty is Cartesia's own address, MODEL, VOICE.
        `first_chunk_ms` runs from the phrase to its first audio and includes `connect_ms` where a socket has to be
        opened; `stall_ms` is the longest silence between two chunks.
        """
        if not _KEY.fullmatch(api_key):
            raise ConfigurationError("cartesia needs an API key, in printable characters without spaces")
        async with (
            cartesia.AsyncCartesia(
                api_key=api_key,
                base_url=base_url or BASE_URL,
                websocket_base_url=re.sub("^http", "ws", base_url or BASE_URL),
                max_retries=0,
            ) as client,
            Line.open(client, connect_ms) as line,
        ):
            yield cls(
                line,
                name=name,
                model=model or MODEL,
                voice=voice or VOICE,
                first_chunk_ms=first_chunk_ms,
                stall_ms=stall_ms,
            )

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        """Yield pieces of at most 100 ms at 24,000 Hz with their words' times.

        `options.voice` is a voice's id at Cartesia, anything else stands for the voice given to `open`; speed is held
        between 0.6 and 1.5. ProviderError: TIMEOUT before the first audio, STALLED after it, CUT when the socket
        ended, EMPTY for a proper end without audio, or what the vendor's own error means: of a phrase in a voice that
        was asked for never REJECTED but INVALID.
        """
        if not (text := wire.transcript(phrase)):
            return
        assembly = _Assembly()
        async with aclosing(self._frames(text, options)) as frames:
            async for frame in frames:
                for piece in assembly.feed(frame):
                    yield piece
        if not assembly.spoke:
            raise ProviderError(Fault.EMPTY, NAME, "a proper end without audio")

    async def _frames(self, text: str, options: TtsOptions) -> AsyncGenerator[wire.Frame, None]:
        """Yield a phrase's frames up to Done; a warm socket that proves dead is replaced by a new one, once."""
        deadline = self._in(self._first_chunk_ms)
        for last in (False, True):
            socket = await self._line.socket(deadline)
            name = uuid4().hex
            request = wire.request(text, options, context=name, model=self._model, voice=self._voice)
            context = socket.begin(name, request)
            try:
                async with aclosing(self._until_done(context, deadline)) as frames:
                    async for frame in frames:
                        yield frame
            except ProviderError as error:
                if error.fault is Fault.REJECTED and request["voice"] != self._voice:
                    # It may be the voice that a caller asked for, which must not close the vendor to all the others.
                    raise ProviderError(Fault.INVALID, NAME, error.detail) from error
                if last or not context.stillborn:
                    raise
            else:
                return
            finally:
                context.leave()

    async def _until_done(self, context: Context, deadline: float) -> AsyncGenerator[wire.Frame, None]:
        late = Fault.TIMEOUT
        while True:
            frame = await context.next(deadline, late)
            yield frame
            if isinstance(frame, wire.Done):
                return
            if isinstance(frame, wire.Audio) and frame.pcm:
                late, deadline = Fault.STALLED, self._in(self._stall_ms)

    def _in(self, ms: float) -> float:
        return asyncio.get_running_loop().time() + ms / 1000


class _Assembly:
    """Makes a context's frames into pieces of whole samples, each with the words that became known by then."""

    def __init__(self) -> None:
        self.spoke = False
        self._pcm = b""
        self._words: tuple[Word, ...] = ()

    def feed(self, frame: wire.Frame) -> list[SpokenAudio]:
        """Take the next frame; return the audio that can go out, the last 10 ms held back until the end."""
        match frame:
            case wire.Audio(pcm=pcm):
                self._pcm += pcm
            case wire.Times(words=words):
                self._words += words
        return self._take(0 if isinstance(frame, wire.Done) else _TAIL_BYTES)

    def _take(self, held_bytes: int) -> list[SpokenAudio]:
        ready = max(len(self._pcm) - held_bytes, 0) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        pieces = []
        for start in range(0, ready, _PIECE_BYTES):
            pieces.append(
                SpokenAudio(self._pcm[start : min(start + _PIECE_BYTES, ready)], wire.SAMPLE_RATE, self._words)
            )
            self._words = ()
        self._pcm = self._pcm[ready:]
        self.spoke = self.spoke or bool(pieces)
        return pieces
