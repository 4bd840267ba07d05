"""Language models on Groq."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import Self

import groq
import httpx

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Delta, LlmOptions, Message, ModelOutput
from tandem.providers.groq import wire
from tandem.providers.lost_connection import lost_connection

_ADDRESS, _MODEL = "https://api.groq.com", "llama-3.3-70b-versatile"
# The SDK's limits, but for the last: it drops a connection after 5 s, and callers mostly take longer for a turn.
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=60)
_PATH = "/openai/v1/chat/completions"
_TAIL_MS = 100  # how long the token counts may follow the last word
# How long the end of the body may follow both: only a connection that was read to its end serves the next reply, but
# the SDK would wait for ever.
_DRAIN_MS = 50


class GroqChat:
    """Streams replies over one pooled client; safe for many calls at once."""

    def __init__(
        self, client: groq.AsyncGroq, *, name: str, model: str, first_token_ms: float, stall_ms: float
    ) -> None:
        self.name = name
        self._client = client
        self._model = model
        self._first_token_ms = first_token_ms
        self._stall_ms = stall_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        api_key: str,
        name: str = "groq",
        base_url: str = "",
        model: str = "",
        connect_ms: float = 1_000,
        first_token_ms: float = 3_000,
        stall_ms: float = 2_000,
    ) -> AsyncIterator[Self]:
        """Open a client on `base_url` (the SDK adds /openai/v1); if Groq is down now, it may come up later.

        An empty address is Groq's own, an empty model llama-3.3-70b-versatile. `first_token_ms` runs from the request
        to its first word and includes `connect_ms`; `stall_ms` is the longest
        silence between two words.
        """
        pool = groq.DefaultAioHttpClient(limits=_LIMITS, timeout=groq.Timeout(None, connect=connect_ms / 1000))
        address = base_url or _ADDRESS
        async with groq.AsyncGroq(api_key=api_key, base_url=address, max_retries=0, http_client=pool) as client:
            await _warm(client, connect_ms)
            yield cls(client, name=name, model=model or _MODEL, first_token_ms=first_token_ms, stall_ms=stall_ms)

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        """Yield the model's reply, its tool calls last; raises ProviderError as Groq fails or is silent.

        A reply that was begun may come again from its beginning. A call that is not whole when the reply ends is a
        fault (CUT, MALFORMED), never a call.
        """
        reply, spoke = wire.Reply(options.tools), wire.begun(messages)
        async with aclosing(self._pieces(reply, messages, options)) as pieces:
            async for piece in pieces:
                reply.feed(piece)
                if piece.text:
                    spoke = spoke or not piece.text.isspace()
                    yield Delta(piece.text)
        if not reply.ended():
            raise ProviderError(Fault.CUT, self.name, "the stream ended without a finish_reason")
        if reply.completed().reason == "content_filter":
            raise ProviderError(Fault.INVALID, self.name, "what it was writing was refused")
        with self._translating(Fault.MALFORMED):
            calls = reply.calls()
        for call in calls:
            yield call
        if not (spoke or calls):
            raise ProviderError(Fault.EMPTY, self.name, f"no text, finish_reason {reply.completed().reason}")
        yield reply.completed()

    async def _pieces(
        self, reply: wire.Reply, messages: Sequence[Message], options: LlmOptions
    ) -> AsyncGenerator[wire.Piece, None]:
        deadline, late = _in(self._first_token_ms), Fault.TIMEOUT
        with self._translating(late):
            async with asyncio.timeout_at(deadline):
                # Not chat.completions.create: it looks through every part of the request, and makes objects of every
                # chunk, which together cost the gateway a tenth of its time.
                stream = await self._client.post(
                    _PATH,
                    cast_to=object,
                    body=wire.request(self._model, messages, options),
                    stream=True,
                    stream_cls=groq.AsyncStream[object],
                )
        async with stream:
            while piece := await self._next(stream, late, deadline, ended=reply.ended()):
                yield piece
                if reply.ended():
                    deadline = _in(_DRAIN_MS if reply.counted() else _TAIL_MS)
                elif piece.text or piece.calls:
                    deadline, late = _in(self._stall_ms), Fault.STALLED

    async def _next(
        self, stream: groq.AsyncStream[object], late: Fault, deadline: float, *, ended: bool
    ) -> wire.Piece | None:
        """Return the stream's next piece by `deadline`, or None at its end; a fault behind the last word is no loss."""
        try:
            with self._translating(late):
                async with asyncio.timeout_at(deadline):
                    piece = wire.read_chunk(await anext(stream))
        except StopAsyncIteration:
            return None
        except ProviderError:
            if ended:
                return None
            raise
        if piece.broken_off:
            raise ProviderError(Fault.CUT, self.name, "it broke the reply off")
        return piece

    @contextmanager
    def _translating(self, late: Fault) -> Iterator[None]:
        """Raise what the SDK and its httpx raise as ProviderError; `late` is the Fault of a deadline that passes."""
        try:
            yield
        except (TimeoutError, groq.APIConnectionError, httpx.TransportError) as error:
            # httpx's own errors come through once the stream has begun.
            fault, detail = lost_connection(error) or (late, "no word in time")
            raise ProviderError(fault, self.name, detail) from error
        except groq.APIStatusError as error:
            fault, detail = wire.refusal(error.status_code, error.body)
            after = wire.retry_after_ms(error.response.headers)
            raise ProviderError(fault, self.name, detail, retry_after_ms=after) from error
        except groq.APIError as error:
            fault, detail = wire.refusal(None, error.body)
            raise ProviderError(fault, self.name, detail) from error
        except (json.JSONDecodeError, UnicodeDecodeError, httpx.DecodingError) as error:
            raise ProviderError(Fault.MALFORMED, self.name, "a frame that cannot be read") from error
        except wire.UnreadableAnswer as error:
            raise ProviderError(Fault.MALFORMED, self.name, str(error)) from error


def _in(ms: float) -> float:
    return asyncio.get_running_loop().time() + ms / 1000


async def _warm(client: groq.AsyncGroq, patience_ms: float) -> None:
    """Open a connection now, so that the first caller does not wait for it; what is answered does not matter."""
    with suppress(groq.GroqError, TimeoutError):
        async with asyncio.timeout(patience_ms / 1000):
            await client.models.with_raw_response.list()
