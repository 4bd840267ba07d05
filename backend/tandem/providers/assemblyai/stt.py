"""AssemblyAI's streaming recognisers."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Self

from assemblyai.streaming.v3 import StreamingClientOptions

from tandem.core.audio import AudioFrame
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions, Transcript
from tandem.providers.assemblyai import wire
from tandem.providers.assemblyai.line import Sessions
from tandem.providers.assemblyai.session import Session, opened
from tandem.providers.stt_ledger import Line
from tandem.providers.stt_stream import Patience, listen

_NAME = "assemblyai"
_BASE_URL = "https://streaming.assemblyai.com"
_MODEL = "universal-streaming-english"
_BEAT_MS = 6_000.0  # the vendor does not say how often heartbeats come; its users have logged 5.0-5.1 s


class AssemblyAiStt:
    """One session per call, opened with the call's first audio; safe for many calls at once."""

    def __init__(
        self, name: str, options: StreamingClientOptions, model: str, patience: Patience, beat_ms: float
    ) -> None:
        self.name = name
        self._options = options
        self._model = model
        self._patience = patience
        self._beat_ms = beat_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        api_key: str,
        name: str = _NAME,
        model: str = "",
        base_url: str = "",
        open_ms: float = Patience.open_ms,
        final_ms: float = Patience.final_ms,
        stall_ms: float = Patience.stall_ms,
        beat_ms: float = _BEAT_MS,
    ) -> AsyncIterator[Self]:
        """Take a key and one of the SDK's models (empty: universal-streaming-english).

        `base_url` is http(s) or ws(s), without path. Nothing is asked of the vendor before the first call. Three of the
        times are those of `Patience`; until the vendor has told a word of an utterance, `beat_ms` is its `stall_ms`.
        """
        options = StreamingClientOptions(
            api_host="ws" + (base_url or _BASE_URL).removeprefix("http").removeprefix("ws").rstrip("/"),
            api_key=api_key,
            connect_timeout=2 * open_ms / 1000,  # ours comes first, and is told from a refusal
            max_connection_retries=0,
        )
        yield cls(name, options, model or _MODEL, Patience(open_ms, final_ms, stall_ms), beat_ms)

    def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield interim transcripts and one final per utterance, with word times and confidence.

        Audio goes out no faster than it was spoken, but for half a second. Raises ProviderError: STALLED when the
        vendor is silent for too long, CUT when the session ends, and what it says itself is wrong.
        """
        return listen(self.name, lambda: self._dial(options), audio, options.sample_rate, self._patience)

    @asynccontextmanager
    async def _dial(self, options: SttOptions) -> AsyncIterator[Line]:
        if wire.hears_english_only(self._model) and options.language.casefold().partition("-")[0] != "en":
            raise ProviderError(Fault.INVALID, self.name, "this model hears English only")
        try:
            parameters = wire.parameters(self._model, options)
        except ValueError as error:
            raise ProviderError(Fault.REJECTED, self.name, "no such model") from error

        def dial() -> AbstractAsyncContextManager[Session]:
            return opened(self.name, self._options, parameters, self._patience.open_ms)

        async with Sessions.opened(dial, self._beat_ms) as line:
            yield line
