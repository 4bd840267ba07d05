"""Transcription by OpenAI, or by any server that speaks its audio/transcriptions: an utterance at a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import openai

from tandem.core.audio import AudioFrame
from tandem.core.errors import Fault
from tandem.core.ports import SpeechMark, SttOptions, Transcript
from tandem.providers.openai import audio_wire, kinds
from tandem.providers.openai.client import connected, deadline_in, translating
from tandem.providers.openai.utterance import Collector, Utterance, is_silent

_MODEL = "gpt-4o-mini-transcribe"


class OpenAITranscriber:
    """Transcribes utterances whole over one pooled client; safe for many calls at once."""

    def __init__(self, client: openai.AsyncOpenAI, *, name: str, model: str, answer_ms: float) -> None:
        self.name = name
        self._transcriptions = client.audio.transcriptions  # loads the SDK's lazy parts now, not in the first call
        self._model = model
        self._answer_ms = answer_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        api_key: str | None,
        name: str = "openai",
        base_url: str = "",
        model: str = "",
        connect_ms: float = 1_000,
        answer_ms: float = 5_000,
    ) -> AsyncIterator[Self]:
        """Open a client on `base_url` (with its /v1); a server that is down now may come up later.

        An empty address is OpenAI's own, an empty model gpt-4o-mini-transcribe. `answer_ms` runs from the end of an
        utterance to its words, and includes `connect_ms` and the upload.
        """
        address = base_url or kinds.KINDS["openai"].base_url
        async with connected(base_url=address, api_key=api_key, connect_ms=connect_ms) as client:
            yield cls(client, name=name, model=model or _MODEL, answer_ms=answer_ms)

    async def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield one final transcript per utterance, and per 30 s of a longer one.

        No interim ones, no word times, no confidence. Silence is not sent, and its transcript is empty. While an
        utterance is being transcribed no audio is read: it waits where it comes from.
        """
        collector = Collector(options.sample_rate)
        async for event in audio:
            if (said := collector.take(event)) is not None:
                yield await self._transcript(said, options)
        if (said := collector.end()) is not None:
            yield await self._transcript(said, options)

    async def _transcript(self, said: Utterance, options: SttOptions) -> Transcript:
        silent = is_silent(said.pcm, options.sample_rate)
        text = "" if silent else await self._words(said.pcm, options)
        return Transcript(text, True, said.start_ms, said.end_ms, ends_utterance=said.ended)

    async def _words(self, pcm: bytes, options: SttOptions) -> str:
        with translating(self.name, late=Fault.TIMEOUT):
            async with asyncio.timeout_at(deadline_in(self._answer_ms)):
                answer = await self._transcriptions.create(
                    file=("utterance.wav", audio_wire.wav(pcm, options.sample_rate), "audio/wav"),
                    model=self._model,
                    language=audio_wire.spoken_language(options.language),
                    response_format="json",
                )
            return audio_wire.transcribed(answer)
