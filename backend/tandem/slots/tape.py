"""The tape: the caller's audio until its final transcript, so that a successor hears it too."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from tandem.core.audio import AudioFrame
from tandem.core.ports import SpeechMark

_KEPT_MS = 30_000  # audio that waits for its final transcript; beyond this the oldest is given up
_PRE_ROLL_MS = 500  # quiet audio that is kept, because a detector notices speech late


class AudioTape:
    """The audio that no final transcript covers yet, readable again from its start by each new provider."""

    def __init__(self) -> None:
        self._items: deque[AudioFrame | SpeechMark] = deque()
        self._first = 0  # index of the oldest item that is kept
        self._kept_ms = 0.0
        self._open = 0  # utterances that began and have no final transcript yet
        self._within = False  # the oldest item that is kept lies within an utterance
        self._given_up = 0  # utterances that were too old to keep, and have no final transcript yet
        self._ended = False
        self._speaking = False
        self.unheard_ms = 0.0  # audio within utterances since the reader set this to 0
        self._grown = asyncio.Event()

    def append(self, item: AudioFrame | SpeechMark) -> None:
        """Record the next item and let go of what is too old to matter."""
        self._items.append(item)
        if isinstance(item, AudioFrame):
            self._kept_ms += item.duration_ms
            self.unheard_ms += item.duration_ms if self._speaking else 0.0
        else:
            self._speaking = item is SpeechMark.STARTED
            self._open += self._speaking
            self.unheard_ms = 0.0
        limit = _KEPT_MS if self._open else _PRE_ROLL_MS
        while self._kept_ms > limit:
            if self._drop_oldest() is SpeechMark.STOPPED:
                self._given_up += 1
        if self._speaking or not isinstance(item, AudioFrame):  # a pause wakes nobody up: most of a call is that
            self._grown.set()

    @property
    def idle(self) -> bool:
        """Whether every utterance has its final transcript."""
        return not self._open

    def utterance(self) -> list[AudioFrame | SpeechMark]:
        """Return what is kept of the oldest utterance, with its marks."""
        began = [SpeechMark.STARTED] if self._within else []
        items = [*began, *self._items]
        return items[: items.index(SpeechMark.STOPPED) + 1] if SpeechMark.STOPPED in items else items

    @property
    def utterance_ms(self) -> float:
        """How much audio of the oldest utterance is kept between its marks."""
        items = self.utterance()
        start = items.index(SpeechMark.STARTED) if SpeechMark.STARTED in items else 0
        return sum(item.duration_ms for item in items[start:] if isinstance(item, AudioFrame))

    @property
    def utterance_end_ms(self) -> float:
        """Where in the stream the oldest utterance ends, as far as it is kept."""
        return max((item.end_ms for item in self.utterance() if isinstance(item, AudioFrame)), default=float("-inf"))

    def end(self) -> None:
        """No more audio will come."""
        self._ended = True
        self._grown.set()

    def settle_utterance(self) -> None:
        """The oldest utterance got its final transcript: forget everything up to its end."""
        if self._given_up:
            self._given_up -= 1
            self._open = max(0, self._open - 1)
            return
        self._open = max(0, self._open - 1)
        while self._items and self._drop_oldest() is not SpeechMark.STOPPED:
            pass

    async def read(self) -> AsyncIterator[AudioFrame | SpeechMark]:
        """Yield every item that is kept, then those to come, until `end`.

        A reader gets what comes between utterances when the next one begins, as far as it is still kept then. An
        utterance whose beginning had to be given up begins with its mark all the same.
        """
        if self._within:
            yield SpeechMark.STARTED
        at = self._first
        while True:
            at = max(at, self._first)
            if at < self._first + len(self._items):
                item = self._items[at - self._first]
                at += 1
                yield item
            elif self._ended:
                return
            else:
                self._grown.clear()
                await self._grown.wait()

    def _drop_oldest(self) -> AudioFrame | SpeechMark:
        item = self._items.popleft()
        self._first += 1
        if isinstance(item, AudioFrame):
            self._kept_ms -= item.duration_ms
        else:
            self._within = item is SpeechMark.STARTED
        return item
