"""Language models behind OpenAI's chat.completions: OpenAI's own, and any server that speaks the same."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Self

import openai

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Delta, LlmOptions, Message, ModelOutput, Tool, ToolCall
from tandem.providers.openai import kinds, wire
from tandem.providers.openai.client import connected, deadline_in, translating

_TAIL_MS = 100  # how long the token counts and the terminator may follow the last word


class OpenAIChat:
    """Streams replies over one pooled client; safe for many calls at once."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        kind: kinds.Kind,
        *,
        name: str,
        model: str,
        first_token_ms: float,
        stall_ms: float,
    ) -> None:
        self.name = name
        self._client = client
        self._kind = kind
        self._model = model
        self._first_token_ms = first_token_ms
        self._stall_ms = stall_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        name: str,
        kind: kinds.Kind = kinds.COMPATIBLE,
        base_url: str = "",
        model: str = "",
        api_key: str | None = None,
        connect_ms: float = 1_000,
        first_token_ms: float = 4_000,
        stall_ms: float = 3_000,
    ) -> AsyncIterator[Self]:
        """Open a client on `base_url` (with its /v1); a server that is down now may come up later.

        An empty address or model is the kind's own. `first_token_ms` runs from the request to its first word and
        includes `connect_ms`; `stall_ms` is the longest silence between two words. ProviderError: REJECTED where the
        kind needs something that is not given.
        """
        if (lack := kinds.missing(kind, base_url=base_url, model=model, api_key=api_key or "")) is not None:
            raise ProviderError(Fault.REJECTED, name, lack)
        async with connected(
            base_url=base_url or kind.base_url,
            api_key=api_key,
            connect_ms=connect_ms,
            azure_version=kind.api_version,
        ) as client:
            yield cls(
                client, kind, name=name, model=model or kind.model, first_token_ms=first_token_ms, stall_ms=stall_ms
            )

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        """Yield the model's reply, its tool calls last; raises ProviderError as the server fails or is silent.

        A reply that was begun may come again from its beginning. A call that is not whole when the reply ends is a
        fault (CUT, MALFORMED), never a call.
        """
        calls, endings, spoke = wire.Calls(), [], wire.begun(messages)
        async with aclosing(self._pieces(messages, options)) as pieces:
            async for piece in pieces:
                calls.feed(piece.calls)
                if piece.reason or piece.completion_tokens is not None:
                    endings.append(piece)
                if piece.text:
                    spoke = spoke or not piece.text.isspace()
                    yield Delta(piece.text)
        completed = wire.completed(endings)
        if completed is None:
            raise ProviderError(Fault.CUT, self.name, "the stream ended without a finish_reason")
        if completed.reason.startswith("content_filter"):
            raise ProviderError(Fault.INVALID, self.name, "what it was writing was refused")
        for call in self._whole(calls, options.tools):
            spoke = True
            yield call
        if not spoke:
            raise ProviderError(Fault.EMPTY, self.name, f"no text, finish_reason {completed.reason}")
        yield completed

    def _whole(self, calls: wire.Calls, tools: Sequence[Tool]) -> list[ToolCall]:
        try:
            return calls.whole(tools)
        except wire.UnreadableAnswer as error:
            raise ProviderError(Fault.MALFORMED, self.name, str(error)) from error

    async def _pieces(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[wire.Piece, None]:
        deadline = deadline_in(self._first_token_ms)
        with translating(self.name, late=Fault.TIMEOUT):
            async with asyncio.timeout_at(deadline):
                stream = await self._request(messages, options)
        late, ended = Fault.TIMEOUT, False
        async with stream:
            while piece := await self._next(stream, late, deadline, ended=ended):
                yield piece
                output = bool(piece.text or piece.calls)
                late = Fault.STALLED if output else late
                if piece.reason:
                    ended, deadline = True, deadline_in(_TAIL_MS)
                elif output:
                    deadline = deadline_in(self._stall_ms)

    async def _request(self, messages: Sequence[Message], options: LlmOptions) -> openai.AsyncStream[object]:
        # Not chat.completions.create: it looks through every part of the request, and makes objects of every chunk,
        # which together cost a millisecond before the request and a tenth of the gateway's time.
        return await self._client.post(
            "/chat/completions",
            cast_to=object,
            body=wire.request(self._kind, self._model, messages, options),
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    async def _next(
        self, stream: openai.AsyncStream[object], late: Fault, deadline: float, *, ended: bool
    ) -> wire.Piece | None:
        """Return the stream's next piece by `deadline`, or None at its end; a fault behind the last word is no loss."""
        try:
            with translating(self.name, late):
                async with asyncio.timeout_at(deadline):
                    chunk = await anext(stream)
                return wire.read_chunk(chunk)
        except StopAsyncIteration:
            return None
        except ProviderError:
            if ended:
                return None
            raise
