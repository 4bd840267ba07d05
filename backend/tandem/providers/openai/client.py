"""The openai SDK's client, warmed, and its exceptions in Tandem's terms; chat, speech and transcription share both."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import httpx2
import openai

from tandem.core.errors import Fault, ProviderError
from tandem.providers.lost_connection import lost_connection
from tandem.providers.openai import faults
from tandem.providers.openai.wire import UnreadableAnswer

_NO_KEY = "none"  # the SDK insists on a key; servers of one's own mostly take any
# The SDK's limits, but for the last: it drops a connection after 5 s, and callers mostly take longer for a turn.
_LIMITS = httpx2.Limits(max_connections=1_000, max_keepalive_connections=100, keepalive_expiry=60)


@asynccontextmanager
async def connected(
    *, base_url: str, api_key: str | None, connect_ms: float, azure_version: str = ""
) -> AsyncIterator[openai.AsyncOpenAI]:
    """Open a client that retries nothing and waits for ever: deadlines are its users' own.

    A server that is down now may come up later. With `azure_version`, `base_url` is the address of an Azure resource.
    """
    key, timeout = api_key or _NO_KEY, openai.Timeout(None, connect=connect_ms / 1000)
    pool = openai.DefaultAioHttpClient(limits=_LIMITS, timeout=timeout)
    client = (
        openai.AsyncAzureOpenAI(
            azure_endpoint=base_url, api_version=azure_version, api_key=key, max_retries=0, http_client=pool
        )
        if azure_version
        else openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, http_client=pool)
    )
    async with client:
        await _warm(client, connect_ms)
        yield client


async def _warm(client: openai.AsyncOpenAI, patience_ms: float) -> None:
    """Open a connection now, so that the first caller does not wait for it; what is answered does not matter."""
    with suppress(openai.OpenAIError, TimeoutError):
        async with asyncio.timeout(patience_ms / 1000):
            await client.models.with_raw_response.list()


def deadline_in(ms: float) -> float:
    """Return the running loop's time in `ms` from now."""
    return asyncio.get_running_loop().time() + ms / 1000


@contextmanager
def translating(provider: str, late: Fault) -> Iterator[None]:
    """Raise what the SDK and its httpx2 raise as ProviderError; `late` is the Fault of a deadline that passes."""
    try:
        yield
    except (TimeoutError, openai.APIConnectionError, httpx2.TransportError) as error:
        # httpx2's own errors come through where the SDK hands out a body as it comes.
        fault, detail = lost_connection(error) or (late, "nothing in time")
        raise ProviderError(fault, provider, detail) from error
    except openai.APIStatusError as error:
        fault, detail = faults.refusal(error.status_code, error.body)
        after = faults.retry_after_ms(error.response.headers)
        raise ProviderError(fault, provider, detail, retry_after_ms=after) from error
    except openai.APIResponseValidationError as error:
        raise ProviderError(Fault.MALFORMED, provider, "an answer that cannot be read") from error
    except openai.APIError as error:
        fault, detail = faults.frame_fault(error.code, error.type)
        raise ProviderError(fault, provider, detail) from error
    except (json.JSONDecodeError, UnicodeDecodeError, httpx2.DecodingError, UnreadableAnswer) as error:
        raise ProviderError(Fault.MALFORMED, provider, "an answer that cannot be read") from error
