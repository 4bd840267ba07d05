"""A scripted Cartesia and a voice that speaks through it."""

from collections.abc import AsyncIterator

import pytest

from providers.cartesia.vendor import Vendor, opened, vendor
from tandem.providers.cartesia.tts import Cartesia


@pytest.fixture
async def server() -> AsyncIterator[Vendor]:
    async with vendor() as running:
        yield running


@pytest.fixture
async def voice(server: Vendor) -> AsyncIterator[Cartesia]:
    async with opened(server.url) as provider:
        yield provider
