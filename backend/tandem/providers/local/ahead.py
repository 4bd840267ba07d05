"""A call's audio read one step ahead, so that an engine's answers can be awaited at the same time."""

import asyncio
from collections.abc import AsyncIterator

from tandem.core.audio import AudioFrame
from tandem.core.ports import SpeechMark


class ReadAhead:
    """Holds the one task that waits for the next frame or mark.

    Its parent is the generator that made it, which must close it. (A TaskGroup cannot be held across a yield: it
    would cancel whichever task asks the generator for its next item.)
    """

    def __init__(self, audio: AsyncIterator[AudioFrame | SpeechMark]) -> None:
        self._audio = audio
        self.step: asyncio.Future[AudioFrame | SpeechMark] | None = None
        self._read()

    @property
    def ended(self) -> bool:
        return self.step is None

    def take(self) -> AudioFrame | SpeechMark | None:
        """Return what came and go on reading; None if nothing came yet, or if that was the end."""
        if self.step is None or not self.step.done():
            return None
        try:
            event = self.step.result()
        except StopAsyncIteration:
            self.step = None
            return None
        self._read()
        return event

    async def close(self) -> None:
        if self.step is None:
            return
        self.step.cancel()
        await asyncio.wait({self.step})
        if not self.step.cancelled():
            self.step.exception()  # seen, so that it is not reported as forgotten

    def _read(self) -> None:
        self.step = asyncio.ensure_future(anext(self._audio))
