"""What holds for every test."""

import asyncio

from hypothesis import settings

from tandem.audio.blas import multiply_in_one_thread


def pytest_configure() -> None:
    """Set up asyncio and hypothesis for all tests.

    Say that there is no current event loop: asked for one, Python 3.11 would make one that nobody closes.
    """
    asyncio.set_event_loop(None)
    multiply_in_one_thread()
    # A machine that is busy must not fail a test of what is right.
    settings.register_profile("tandem", deadline=None)
    settings.load_profile("tandem")
