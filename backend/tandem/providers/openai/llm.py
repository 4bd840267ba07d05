"""Language models behind OpenAI's chat.completions: OpenAI's own, and any server that speaks the same."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import Self

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Delta, LlmOptions, Message, ModelOutput
from tandem.providers.openai import wire

_NO_KEY = "none"  # the SDK insists on a key; servers of one's own mostly take any
_TAIL_MS = 100  # how long the token counts and the terminator may follow the last word


class OpenAIChat:
    """Streams replies over one pooled client; safe for many calls at once."""

    def __init__(
        self, client: openai.AsyncOpenAI, *, name: str, model: str, first_token_ms: float, stall_ms: float
    ) -> None:
        self.name = name
        self._completions = client.chat.completions  # loads the SDK's lazy parts now, not in the first call
        self._model = model
        self._first_token_ms = first_token_ms
        self._stall_ms = stall_ms

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        name: str,
        base_url: str,
        model: str,
        api_key: str | None = None,
        connect_ms: float = 1_000,
        first_token_ms: float = 4_000,
        stall_ms: float = 3_000,
    ) -> AsyncIterator[Self]:
        """Open a client on `base_url` (with its /v1); a server that is down now may come up later.

        `first_token_ms` runs from the request to its first word and includes `connect_ms`; `stall_ms` is the longest
        silence between two words.
        """
        async with openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or _NO_KEY,
            max_retries=0,
            timeout=openai.Timeout(None, connect=connect_ms / 1000),
        ) as client:
            await _warm(client, connect_ms)
            yield cls(client, name=name, model=model, first_token_ms=first_token_ms, stall_ms=stall_ms)

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        """Yield the model's reply; raises ProviderError with the Fault that the server or its silence amounts to."""
        begun = wire.begun(messages)
        opening, endings, spoke = wire.Opening(begun), [], False
        async with aclosing(self._pieces(messages, options)) as pieces:
            async for piece in pieces:
                if piece.reason or piece.completion_tokens is not None:
                    endings.append(piece)
                if text := opening.feed(piece.text):
                    spoke = True
                    yield Delta(text)
        if text := opening.flush():
            spoke = True
            yield Delta(text)
        completed = wire.completed(endings)
        if completed is None:
            raise ProviderError(Fault.CUT, self.name, "the stream ended without a finish_reason")
        if not spoke and not begun:
            raise ProviderError(Fault.EMPTY, self.name, f"no text, finish_reason {completed.reason}")
        yield completed

    async def _pieces(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[wire.Piece, None]:
        deadline = self._in(self._first_token_ms)
        with self._translating(late=Fault.TIMEOUT):
            async with asyncio.timeout_at(deadline):
                stream = await self._completions.create(
                    model=self._model,
                    messages=wire.request_messages(messages),
                    max_tokens=options.max_tokens,
                    stream=True,
                    stream_options={"include_usage": True},
                )
        late, ended = Fault.TIMEOUT, False
        async with stream:
            while piece := await self._next(stream, late, deadline, ended=ended):
                yield piece
                late = Fault.STALLED if piece.text else late
                if piece.reason:
                    ended, deadline = True, self._in(_TAIL_MS)
                elif piece.text:
                    deadline = self._in(self._stall_ms)

    async def _next(
        self, stream: openai.AsyncStream[ChatCompletionChunk], late: Fault, deadline: float, *, ended: bool
    ) -> wire.Piece | None:
        """Return the stream's next piece by `deadline`, or None at its end; a fault behind the last word is no loss."""
        try:
            with self._translating(late):
                async with asyncio.timeout_at(deadline):
                    chunk = await anext(stream)
                return wire.read_chunk(chunk)
        except StopAsyncIteration:
            return None
        except ProviderError:
            if ended:
                return None
            raise

    def _in(self, ms: float) -> float:
        return asyncio.get_running_loop().time() + ms / 1000

    @contextmanager
    def _translating(self, late: Fault) -> Iterator[None]:
        """Raise what the SDK raises as ProviderError; `late` is the Fault of a deadline that passes."""
        try:
            yield
        except (TimeoutError, openai.APITimeoutError) as error:
            raise ProviderError(late, self.name, "no word in time") from error
        except openai.APIConnectionError as error:
            refused = isinstance(error.__cause__, httpx2.ConnectError)
            fault, detail = (Fault.REFUSED, "no connection") if refused else (Fault.CUT, "the connection broke")
            raise ProviderError(fault, self.name, detail) from error
        except openai.APIStatusError as error:
            fault, detail = wire.status_fault(error.status_code)
            after = wire.retry_after_ms(error.response.headers)
            raise ProviderError(fault, self.name, detail, retry_after_ms=after) from error
        except openai.APIError as error:
            fault, detail = wire.frame_fault(error.code, error.type)
            raise ProviderError(fault, self.name, detail) from error
        except (json.JSONDecodeError, UnicodeDecodeError, wire.UnreadableChunk) as error:
            raise ProviderError(Fault.MALFORMED, self.name, "a frame that cannot be read") from error


async def _warm(client: openai.AsyncOpenAI, patience_ms: float) -> None:
    """Open a connection now, so that the first caller does not wait for it."""
    with suppress(openai.OpenAIError, TimeoutError, json.JSONDecodeError):
        async with asyncio.timeout(patience_ms / 1000):
            await client.models.list()
