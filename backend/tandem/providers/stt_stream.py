"""One call over one socket of a streaming recogniser: what all of them have in common."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

from tandem.core.audio import AudioFrame, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, Transcript
from tandem.providers.stt_ledger import Heard, Line, SentAudio, Utterance

Item = AudioFrame | SpeechMark
T = TypeVar("T")

_LAST_WORD_S = 0.05  # to read what has come before a line closed


@dataclass(frozen=True)
class Patience:
    """How long a recogniser may take, in ms.

    `open_ms` to let us in; `final_ms` from the end of an utterance to its final transcript; `stall_ms` of audio within
    an utterance without any message. Sources: the project's own targets, to be tuned on measured latencies.
    """

    open_ms: float = 1_000
    final_ms: float = 1_000
    stall_ms: float = 1_200


async def listen(
    name: str,
    dial: Callable[[], AbstractAsyncContextManager[Line]],
    audio: AsyncIterator[Item],
    sample_rate: int,
    patience: Patience,
) -> AsyncGenerator[Transcript, None]:
    """Yield the transcripts of `audio`, over a line that is dialled when its first item is there.

    An utterance is sent while it is spoken, and the next one waits until it is answered, so that no word can be taken
    for a word of another. Raises what the line raises, and ProviderError (STALLED) when `patience` is at its end.
    """
    ahead = _ReadAhead(audio)
    try:
        if await ahead.is_empty():
            return
        async with dial() as line:
            listening = _Listening(name, line, ahead, sample_rate, patience)
            try:
                while not listening.done:
                    for transcript in await listening.step():
                        yield transcript
            finally:
                await listening.close()
    finally:
        await ahead.close()


class _Listening:
    """The audio and the messages of one line, and the deadlines between them."""

    def __init__(self, name: str, line: Line, ahead: "_ReadAhead", sample_rate: int, patience: Patience) -> None:
        self._name = name
        self._line = line
        self._ahead = ahead
        self._rate = sample_rate
        self._patience = patience
        self._sent = SentAudio(sample_rate, line.chunk_ms, line.shortest_ms)
        self._utterance = Utterance(self._sent)
        self._message = self._receiving()
        self._loop = asyncio.get_running_loop()
        self._sent_at = self._loop.time()
        self._unheard_ms = 0.0  # of the utterance's audio, sent since the last message
        self._unheard_since = 0.0
        self._asked_at: float | None = None  # when the utterance was finalised that is not answered yet
        self._insisted = False

    @property
    def done(self) -> bool:
        return self._ahead.ended and not self._sent.speaking and self._asked_at is None

    async def step(self) -> list[Transcript]:
        """Wait until something happens; return the transcripts that it gives."""
        await self._news()
        await asyncio.sleep(0)  # a message that is there is read first: it may say why the line closes
        if self._message.done():
            return self._received()
        if self._loop.time() >= self._deadline():
            return await self._overdue()
        return await self._take() if self._asked_at is None and self._ahead.ready else []

    async def _news(self) -> None:
        """Wait for a message, for audio that is due, or for the deadline."""
        listening = self._asked_at is None
        if self._message.done() or (listening and self._ahead.ready):
            return
        # Most frames complete no chunk, and nothing has to wake up for those.
        self._ahead.cut = self._sent.add if listening else None
        self._ahead.news.clear()
        try:
            async with asyncio.timeout_at(self._deadline()) as moment:
                await self._ahead.news.wait()
        except TimeoutError:
            if not moment.expired():
                raise
        finally:
            self._ahead.cut = None

    def _receiving(self) -> asyncio.Future[Heard | None]:
        message = asyncio.ensure_future(self._line.receive())
        message.add_done_callback(lambda _: self._ahead.news.set())
        return message

    async def close(self) -> None:
        self._message.cancel()
        await asyncio.wait({self._message})
        if not self._message.cancelled():
            self._message.exception()  # seen, so that it is not reported as forgotten

    def _deadline(self) -> float:
        if self._asked_at is not None:
            return self._asked_at + self._patience.final_ms / (1000 if self._insisted else 2000)
        silence_ms = self._line.silence_ms(self._patience.stall_ms)
        if self._sent.speaking and self._unheard_ms >= silence_ms:
            return self._unheard_since + silence_ms / 1000
        return self._sent_at + self._line.keep_alive_ms / 1000

    async def _overdue(self) -> list[Transcript]:
        if self._asked_at is not None:
            if not self._insisted:
                self._insisted = True
                await self._in_time(self._line.insist())
                return []
            if self._line.settled():
                return [self._settle()]
            raise ProviderError(Fault.STALLED, self._name, f"no final within {self._patience.final_ms:.0f} ms")
        silence_ms = self._line.silence_ms(self._patience.stall_ms)
        if self._sent.speaking and self._unheard_ms >= silence_ms:
            raise ProviderError(Fault.STALLED, self._name, f"no message for {silence_ms:.0f} ms of speech")
        self._sent.add_silence(await self._in_time(self._line.keep_alive()))
        return []

    def _received(self) -> list[Transcript]:
        heard = self._message.result()
        self._message = self._receiving()
        self._unheard_ms = 0.0
        if heard is None or not (self._sent.speaking or self._asked_at is not None):
            return []
        interim = self._utterance.hear(heard)
        if heard.answers and self._asked_at is not None:
            return [self._settle()]
        return [interim] if interim else []

    def _settle(self) -> Transcript:
        self._asked_at, self._insisted = None, False
        return self._utterance.settle(ends=not self._ahead.ended_within)

    async def _take(self) -> list[Transcript]:
        match self._ahead.take():
            case SpeechMark.STARTED:
                self._sent.begin()
                self._line.begin(self._sent.sent_ms)
            case SpeechMark.STOPPED:
                return await self._stop()
            case list() as chunks:
                await self._send(chunks)
            case AudioFrame() as frame:
                await self._send(self._sent.add(frame))
            case None if self._sent.speaking:
                self._ahead.ended_within = True
                return await self._stop()
        return []

    async def _stop(self) -> list[Transcript]:
        spoke = self._sent.speaking
        await self._send(self._sent.stop())
        if not spoke or self._sent.sent_ms <= self._sent.began_ms:
            if self._ahead.ended_within:
                return []
            end_ms = self._sent.end_ms
            return [Transcript("", final=True, start_ms=end_ms, end_ms=end_ms, ends_utterance=True)]
        self._sent.add_silence(await self._in_time(self._line.finalise(self._sent.sent_ms)))
        self._asked_at = self._loop.time()
        return []

    async def _send(self, chunks: list[bytes]) -> None:
        for chunk in chunks:
            await self._in_time(self._line.send(chunk))
            if not self._unheard_ms:
                self._unheard_since = self._sent_at
            self._unheard_ms += duration_ms(len(chunk), self._rate)

    async def _in_time(self, sending: Awaitable[T]) -> T:
        """Wait for something to be sent: a vendor that reads no more must not hold up the call."""
        try:
            async with asyncio.timeout(self._patience.stall_ms / 1000):
                result = await sending
        except TimeoutError as error:
            raise ProviderError(Fault.STALLED, self._name, "it takes no more audio") from error
        except ProviderError as error:
            raise await self._last_word(error) from error
        self._sent_at = self._loop.time()
        return result

    async def _last_word(self, error: ProviderError) -> ProviderError:
        """Return why a line takes nothing more: what the vendor said last is there and was not read yet."""
        try:
            async with asyncio.timeout(_LAST_WORD_S):
                while True:
                    await self._message
                    self._message = self._receiving()
        except ProviderError as said:
            return said
        except TimeoutError:
            return error


class _ReadAhead:
    """Reads the audio in a task of its own, one item ahead; `news` is set when there is something to take.

    While `cut` is set it gets the frames that come, and only the chunks that it makes of them are there to be taken.
    The parent of the task is the generator that made it, which must close it. (A TaskGroup cannot be held across a
    yield: it would cancel whichever task asks the generator for its next item.)
    """

    def __init__(self, audio: AsyncIterator[Item]) -> None:
        self.ended = False
        self.ended_within = False  # the audio ended in the middle of an utterance
        self.cut: Callable[[AudioFrame], list[bytes]] | None = None
        self.news = asyncio.Event()
        self._item: Item | list[bytes] | None = None
        self._taken = asyncio.Event()
        self._task = asyncio.ensure_future(self._read(audio))
        self._task.add_done_callback(lambda _: self.news.set())

    async def _read(self, audio: AsyncIterator[Item]) -> None:
        async for item in audio:
            if self.cut is None or not isinstance(item, AudioFrame):
                self._item = item
            elif chunks := self.cut(item):
                self._item = chunks
            else:
                continue
            self.news.set()
            self._taken.clear()
            await self._taken.wait()

    @property
    def ready(self) -> bool:
        """Whether there is something to take: an item, or the end."""
        return self._item is not None or (self._task.done() and not self.ended)

    async def is_empty(self) -> bool:
        """Wait for the first item; tell whether there is none."""
        await self.news.wait()
        return self._item is None and self._task.exception() is None

    def take(self) -> Item | list[bytes] | None:
        """Return what came, or None if that was the end; raises what the audio raised."""
        item, self._item = self._item, None
        if item is None:
            self._task.result()
            self.ended = True
        self._taken.set()
        return item

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()  # seen, so that it is not reported as forgotten
