"""Deepgram's streaming recognisers: the Nova models on /v1/listen and the Flux models on /v2/listen."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from deepgram.core.client_wrapper import BaseClientWrapper
from deepgram.environment import DeepgramClientEnvironment

from tandem.core.audio import AudioFrame
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions, Transcript
from tandem.providers.deepgram import wire
from tandem.providers.deepgram.lines import FluxLine, NovaLine
from tandem.providers.deepgram.socket import Door
from tandem.providers.deepgram.standby import Standby
from tandem.providers.stt_ledger import Line
from tandem.providers.stt_stream import Patience, listen

_NAME = "deepgram"
_BASE_URL = "https://api.deepgram.com"
_MODEL = "nova-3"


class DeepgramStt:
    """One socket per call, taken from those kept warm or opened with the call's first audio; safe for many calls."""

    def __init__(self, name: str, door: Door, standby: Standby, model: str, patience: Patience) -> None:
        self.name = name
        self._door = door
        self._standby = standby
        self._model = model
        self._patience = patience

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
    ) -> AsyncIterator[Self]:
        """Take a key and a model (empty: nova-3); one whose name begins with "flux" is spoken to over /v2/listen.

        `base_url` is http(s) or ws(s), without path. Nothing is asked of the vendor before the first call or
        `warm`. The three times are those of `Patience`.
        """
        base_url = base_url or _BASE_URL
        url = "ws" + base_url.removeprefix("http").removeprefix("ws").rstrip("/")
        environment = DeepgramClientEnvironment(base=base_url, production=url, agent=url, agent_rest=base_url)
        headers = BaseClientWrapper(api_key=api_key, environment=environment).get_headers()
        tls = ssl.create_default_context() if url.startswith("wss") else None
        door = Door(name, environment.production, headers, tls, open_ms)
        async with Standby.open(door) as standby:
            yield cls(name, door, standby, model or _MODEL, Patience(open_ms, final_ms, stall_ms))

    def warm(self, options: SttOptions) -> None:
        """Have a socket open for a call with these options, for half a minute; returns at once, raises nothing.

        Only for Nova: a socket of Flux is kept with silence, which would be billed, and heard as part of the call.
        """
        if not self._is_flux:
            self._standby.want(self._nova_path(options), options.language)

    def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield interim transcripts and one final per utterance, with word times and confidence.

        Raises ProviderError: STALLED when the vendor is silent for too long, CUT when the socket ends, and what it
        says itself is wrong.
        """
        return listen(self.name, lambda: self._dial(options), audio, options.sample_rate, self._patience)

    @asynccontextmanager
    async def _dial(self, options: SttOptions) -> AsyncIterator[Line]:
        if not self._is_flux:
            async with self._standby.socket(self._nova_path(options), options.language) as socket:
                yield NovaLine(self.name, socket)
            return
        if not wire.hears(self._model, options.language):
            raise ProviderError(Fault.INVALID, self.name, "this model hears English only")
        async with self._door.socket(f"/v2/listen?{wire.flux_query(self._model, options)}", options.language) as socket:
            yield FluxLine(self.name, socket, options.sample_rate)

    @property
    def _is_flux(self) -> bool:
        return self._model.startswith("flux")

    def _nova_path(self, options: SttOptions) -> str:
        return f"/v1/listen?{wire.nova_query(self._model, options)}"
