"""What a provider must make of a server that refuses connections."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tandem.core.errors import Fault, ProviderError
from tandem.providers.chains import Listed

PATIENCE_S = 30.0  # far above what connecting may take
TOLD_AS = {Fault.REFUSED, Fault.UNAVAILABLE, Fault.TIMEOUT}


async def examine(listed: Listed, use: Callable[[Any], Awaitable[Sequence[object]]]) -> None:
    """Open the provider with the address of a port where nobody listens, and hold that it tells so when it is used.

    One that serves all the same needs no server: its test is skipped.
    """
    server = urlsplit(listed.config.url or "http://server")._replace(netloc=f"127.0.0.1:{_closed_port()}").geturl()
    with pytest.raises(ProviderError) as caught:
        async with asyncio.timeout(PATIENCE_S), listed.kind.open(replace(listed.config, url=server)) as provider:
            assert await use(provider), "it gave nothing, and did not say that its server is not there"
            pytest.skip("it serves without the server of its base_url")
    assert caught.value.fault in TOLD_AS, caught.value
    assert caught.value.provider == listed.name
    assert caught.value.detail


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
