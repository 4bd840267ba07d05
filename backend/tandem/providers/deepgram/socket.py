"""Opens a socket to Deepgram, says in Tandem's words what goes wrong on it, and drops it without asking."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ssl import SSLContext

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tandem.core.errors import Fault, ProviderError
from tandem.providers.deepgram import faults, wire

_PING_S = 5.0  # an idle socket that died is found within twice this
# The library's debug log shows headers and frames: keys and spoken words.
_LOGGER = logging.getLogger(__name__)
_LOGGER.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Door:
    """Where sockets are opened: `url` without path, the headers that let us in, and TLS for wss.

    `name` is the provider's, for errors.
    """

    name: str
    url: str
    headers: Mapping[str, str]
    tls: SSLContext | None
    open_ms: float

    async def dial(self, path_and_query: str, language: str) -> ClientConnection:
        """Open a socket that asks for `language`, for whoever calls to drop; raises ProviderError."""
        with translating(self.name, language):
            async with asyncio.timeout(self.open_ms / 1000):
                return await connect(
                    self.url + path_and_query,
                    additional_headers=self.headers,
                    compression=None,
                    logger=_LOGGER,
                    open_timeout=None,
                    ping_interval=_PING_S,
                    ping_timeout=_PING_S,
                    ssl=self.tls,
                )

    @asynccontextmanager
    async def socket(self, path_and_query: str, language: str) -> AsyncIterator[ClientConnection]:
        """Open a socket that asks for `language`, and drop it at the exit; raises ProviderError."""
        async with dropping(await self.dial(path_and_query, language)) as socket:
            yield socket


@asynccontextmanager
async def dropping(socket: ClientConnection) -> AsyncIterator[ClientConnection]:
    """Drop the connection at the exit."""
    try:
        yield socket
    finally:
        await drop(socket)


async def drop(socket: ClientConnection) -> None:
    """End the connection at once: nothing waits for the vendor."""
    socket.transport.abort()
    await socket.wait_closed()


@contextmanager
def translating(name: str, language: str = "") -> Iterator[None]:
    """Raise what websockets, the SDK and wire.py raise as ProviderError of provider `name`.

    `language` is the one that a socket is asked for while it opens.
    """
    try:
        yield
    except TimeoutError as error:
        raise ProviderError(Fault.TIMEOUT, name, "the socket did not open in time") from error
    except InvalidStatus as error:
        status, headers = error.response.status_code, error.response.headers
        after = faults.retry_after_ms(headers)
        fault = faults.status_fault(status, language)
        raise ProviderError(fault, name, f"status {status}", retry_after_ms=after) from error
    except ConnectionClosed as error:
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (None, "")
        raise ProviderError(faults.close_fault(code, reason), name, f"closed with {code or 'no code'}") from error
    except (InvalidHandshake, EOFError) as error:
        raise ProviderError(Fault.CUT, name, "the upgrade broke off") from error
    except OSError as error:
        raise ProviderError(Fault.REFUSED, name, "no connection") from error
    except faults.ErrorFrame as error:
        raise ProviderError(error.fault, name, error.detail) from error
    except (json.JSONDecodeError, UnicodeDecodeError, wire.Unreadable) as error:
        raise ProviderError(Fault.MALFORMED, name, "a message that cannot be read") from error
