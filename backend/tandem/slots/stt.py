"""The speech-to-text slot: keeps the caller's audio until its final transcript, so that a successor hears it too."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from tandem.core.audio import AudioFrame
from tandem.core.chain import Chain
from tandem.core.ports import SpeechMark, SpeechToText, SttOptions, Transcript
from tandem.slots.failover import Failover
from tandem.slots.request import Bench, Request, Served, SlotLimits

LIMITS = SlotLimits()

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
        self._grown = asyncio.Event()

    def append(self, item: AudioFrame | SpeechMark) -> None:
        """Record the next item and let go of what is too old to matter."""
        self._items.append(item)
        if isinstance(item, AudioFrame):
            self._kept_ms += item.duration_ms
        elif item is SpeechMark.STARTED:
            self._open += 1
        limit = _KEPT_MS if self._open else _PRE_ROLL_MS
        while self._kept_ms > limit:
            if self._drop_oldest() is SpeechMark.STOPPED:
                self._given_up += 1
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

        An utterance whose beginning had to be given up begins with its mark all the same.
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


class SttSlot:
    """Transcribes one call over its chain of recognisers. Feed it audio and marks; read transcripts."""

    def __init__(self, chain: Chain[SpeechToText], bench: Bench, *, options: Callable[[], SttOptions]) -> None:
        self._failover = Failover(chain, bench)
        self._options = options
        self._tape = AudioTape()

    def feed(self, item: AudioFrame | SpeechMark) -> None:
        """Take the next frame of the caller's audio, or what the voice detector says at this point of it."""
        self._tape.append(item)

    def end(self) -> None:
        self._tape.end()

    async def transcripts(self) -> AsyncGenerator[Served[Transcript], None]:
        """Yield what the caller says until `end`; raises ChainSpent when no recogniser can go on.

        A recogniser that fails is followed by the next one, which hears everything that has no final transcript yet.
        The preferred one is taken back between two utterances.
        """
        handed_back = True
        while handed_back:
            handed_back = False
            self._failover.new_turn()
            async with aclosing(self._failover.run(self._request())) as served:
                async for item in served:
                    if item.item.ends_utterance:
                        self._settle(item.item)
                    yield item
                    if self._tape.idle and self._failover.chain.has_better_than(item.provider):
                        handed_back = True
                        break

    def _settle(self, transcript: Transcript) -> None:
        if self._failover.chain.on_trial:
            utterance, options = self._tape.utterance(), self._options()
            self._failover.shadow(
                Request(
                    open_stream=lambda provider: provider.transcribe(_playing(utterance), options),
                    may_be_empty=not transcript.text,
                )
            )
        self._tape.settle_utterance()

    def _request(self) -> Request[SpeechToText, Transcript]:
        return Request(
            open_stream=lambda provider: provider.transcribe(self._tape.read(), self._options()),
            milestone=lambda transcript: transcript.ends_utterance and bool(transcript.text),
        )


async def _playing(items: Sequence[AudioFrame | SpeechMark]) -> AsyncGenerator[AudioFrame | SpeechMark, None]:
    for item in items:
        yield item
