"""Speech by OpenAI, or by any server that speaks its audio/speech: raw PCM, handed on as it comes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Self

import openai

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.providers.openai import audio_wire, kinds
from tandem.providers.openai.client import connected, deadline_in, translating

_MODEL, _VOICE = "gpt-4o-mini-tts", "alloy"


class OpenAISpeech:
    """Speaks phrases over one pooled client; safe for many calls at once."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        *,
        name: str,
        model: str,
        voice: str,
        first_audio_ms: float,
        stall_ms: float,
    ) -> None:
        self.name = name
        self._speech = client.audio.speech.with_streaming_response  # loads the SDK's lazy parts now
        self._model = model
        self._voice = voice
        self._first_audio_ms = first_audio_ms
        self._stall_ms = stall_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        api_key: str | None,
        name: str = "openai",
        base_url: str = "",
        model: str = "",
        voice: str = "",
        connect_ms: float = 1_000,
        first_audio_ms: float = 3_000,
        stall_ms: float = 2_000,
    ) -> AsyncIterator[Self]:
        """Open a client on `base_url` (with its /v1); a server that is down now may come up later.

        An empty address is OpenAI's own, an empty model gpt-4o-mini-tts. `voice` (empty: alloy) speaks where none is
        asked for, or one that the model lacks. `first_audio_ms` runs from the request to
        its first sample and includes `connect_ms`; `stall_ms` is the longest silence between two pieces of the body.
        """
        address = base_url or kinds.KINDS["openai"].base_url
        async with connected(base_url=address, api_key=api_key, connect_ms=connect_ms) as client:
            yield cls(
                client,
                name=name,
                model=model or _MODEL,
                voice=voice or _VOICE,
                first_audio_ms=first_audio_ms,
                stall_ms=stall_ms,
            )

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        """Yield pieces of at most 100 ms at 24 kHz; no word times.

        A raw body has no terminator: one that ends in order but too early cannot be told from a short phrase, unless
        it ends within a sample (CUT). ProviderError as the server fails or is silent; EMPTY if words gave no audio.
        """
        if not any(letter.isalnum() for letter in phrase):
            return
        samples, spoke = audio_wire.Samples(), False
        async with aclosing(self._body(phrase, options)) as body:
            async for data in body:
                for pcm in samples.feed(data):
                    spoke = True
                    yield SpokenAudio(pcm, audio_wire.SPEECH_RATE)
        if samples.torn:
            raise ProviderError(Fault.CUT, self.name, "the audio ended within a sample")
        if not spoke:
            raise ProviderError(Fault.EMPTY, self.name, "no audio")

    async def _body(self, phrase: str, options: TtsOptions) -> AsyncGenerator[bytes, None]:
        deadline, late = deadline_in(self._first_audio_ms), Fault.TIMEOUT
        async with AsyncExitStack() as stack:
            with translating(self.name, late):
                async with asyncio.timeout_at(deadline):
                    response = await stack.enter_async_context(
                        self._speech.create(
                            model=self._model,
                            voice=audio_wire.voice_for(options.voice, self._voice, self._model),
                            input=phrase,
                            speed=audio_wire.speed_for(options.speed),
                            response_format="pcm",
                        )
                    )
            if not audio_wire.is_audio(response.headers.get("content-type", "")):
                raise ProviderError(Fault.MALFORMED, self.name, "an answer that is no audio")
            pieces = response.iter_bytes()
            while (data := await self._next(pieces, late, deadline)) is not None:
                yield data
                deadline, late = deadline_in(self._stall_ms), Fault.STALLED

    async def _next(self, pieces: AsyncIterator[bytes], late: Fault, deadline: float) -> bytes | None:
        """Return the body's next bytes by `deadline`, or None at its end."""
        try:
            with translating(self.name, late):
                async with asyncio.timeout_at(deadline):
                    return await anext(pieces)
        except StopAsyncIteration:
            return None
