"""What holds for every test."""

import asyncio


def pytest_configure() -> None:
    """Say that there is no current event loop: asked for one, Python 3.11 would make one that nobody closes."""
    asyncio.set_event_loop(None)
