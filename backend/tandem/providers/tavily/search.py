"""Web search by Tavily, which answers a query with excerpts made for a language model."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import httpx
import tavily
import tavily.errors

from tandem.core.errors import ConfigurationError, Fault, ProviderError
from tandem.core.ports import Finding, SearchOptions
from tandem.providers.tavily import wire

NAME = "tavily"
BASE_URL = "https://api.tavily.com"
_LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=60)
_KEY = re.compile(r"[!-~]+")


class Tavily:
    """Asks over one pooled client; safe for many calls at once."""

    name = NAME

    def __init__(self, client: tavily.AsyncTavilyClient, *, patience_ms: float) -> None:
        self._client = client
        self._patience_ms = patience_ms

    @classmethod
    @asynccontextmanager
    async def open(cls, *, api_key: str, base_url: str = "", patience_ms: float = 3_000) -> AsyncIterator[Self]:
        """Open a client; a search may take `patience_ms` in all.

        ConfigurationError without a usable key: the SDK would search without one, under somebody else's limits.
        """
        if not _KEY.fullmatch(api_key):
            raise ConfigurationError("tavily needs an API key, in printable characters without spaces")
        async with httpx.AsyncClient(
            base_url=base_url or BASE_URL, limits=_LIMITS, event_hooks={"response": [_inspect]}
        ) as pool:
            yield cls(tavily.AsyncTavilyClient(api_key=api_key, client=pool), patience_ms=patience_ms)

    async def search(self, query: str, options: SearchOptions) -> AsyncGenerator[Finding, None]:
        """Yield findings, best first; raises ProviderError with the Fault that the server or its silence amounts to."""
        asked = wire.search(query, options)
        if asked is None:
            return
        with _translating():
            async with asyncio.timeout(self._patience_ms / 1000):
                answer: Any = await self._client.search(**asked, timeout=self._patience_ms / 1000)
            found = wire.findings(answer, asked["max_results"])
        for finding in found:
            yield finding


async def _inspect(response: httpx.Response) -> None:
    """Raise what the SDK does not tell: the headers of an error, and an answer without its list of results."""
    if response.status_code != httpx.codes.OK:
        fault, detail = wire.status_fault(response.status_code)
        raise ProviderError(fault, NAME, detail, retry_after_ms=wire.retry_after_ms(response.headers))
    if b'"results"' not in await response.aread():  # the SDK takes a missing list for an empty one
        raise ProviderError(Fault.MALFORMED, NAME, "an answer without results")


@contextmanager
def _translating() -> Iterator[None]:
    """Raise what the SDK and its HTTP client raise as ProviderError."""
    try:
        yield
    except (TimeoutError, tavily.errors.TimeoutError) as error:
        raise ProviderError(Fault.TIMEOUT, NAME, "no answer in time") from error
    except httpx.ConnectError as error:
        raise ProviderError(Fault.REFUSED, NAME, "no connection") from error
    except httpx.TransportError as error:
        raise ProviderError(Fault.CUT, NAME, "the connection broke") from error
    except (httpx.DecodingError, ValueError, TypeError, AttributeError) as error:  # the SDK reads without a check
        raise ProviderError(Fault.MALFORMED, NAME, "an answer that cannot be read") from error
