"""Speech recognition by moonshine's tiny English model, on this machine's CPU."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tandem.core.audio import AudioFrame
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions, Transcript
from tandem.providers.local.ahead import ReadAhead
from tandem.providers.local.threads import EngineFailed, EngineThreads
from tandem.providers.local.utterance import Part, Utterances

if TYPE_CHECKING:
    from tandem.providers.local.moonshine_engine import MoonshineEngine

NAME = "moonshine"
# A longer part is decoded in parts: a decode cannot be broken off, and 15 s take most of a second.
CAP_MS = 15_000.0
INTERIM_EVERY_MS = 600.0
_FINALS_AHEAD = 4  # a stream with so many undecoded parts is not read any further


def missing() -> str | None:
    """Say what moonshine lacks on this machine and how to add it; None if nothing."""
    add = "add it with 'pip install moonshine-voice==0.1.0'"
    spec = find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        return f"moonshine is not installed: {add}"
    if not (Path(spec.origin).parent / "assets" / "tiny-en" / "encoder_model.ort").exists():
        return f"moonshine-voice {version('moonshine-voice')} comes without its model: {add}"
    return None


class Moonshine:
    """Transcribes utterances whole, with a pool of loaded models that all calls share."""

    name = NAME

    def __init__(self, pool: "_Pool") -> None:
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls, workers: int = 2) -> AsyncIterator[Self]:
        """Load the model `workers` times, each in a thread; with one only, there are no interim transcripts."""
        if (lack := missing()) is not None:
            raise ProviderError(Fault.REFUSED, NAME, lack)
        with ExitStack() as loaded:
            async with EngineThreads.open(NAME, workers) as threads:
                engines = []
                for _ in range(workers):
                    engines.append(await _load(threads))
                    loaded.callback(engines[-1].close)
                pool = _Pool(engines, threads)
                try:
                    yield cls(pool)
                finally:
                    pool.close()

    async def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield a final transcript per utterance, and interim ones while a model has nothing else to do.

        No word times and no confidence: the model in the wheel gives none. An utterance of more than 15 s comes in
        several finals, of which the last one ends it. When the audio ends within an utterance, what was said gets a
        final that does not end it. ProviderError: INVALID for a language other than English, CUT when the engine
        failed.
        """
        if options.language.casefold().partition("-")[0] != "en":
            raise ProviderError(Fault.INVALID, NAME, "it hears English only")
        stream = _Stream(self._pool, options.sample_rate)
        ahead = ReadAhead(audio)
        try:
            while not ahead.ended or stream.waiting():
                reading = {ahead.step} if ahead.step is not None and stream.may_take_more() else set()
                await asyncio.wait(reading | stream.waiting(), return_when=asyncio.FIRST_COMPLETED)
                for transcript in stream.ready():
                    yield transcript
                if reading:
                    if (event := ahead.take()) is not None:
                        stream.take(event)
                    elif ahead.ended:
                        stream.end()
        finally:
            stream.close()
            await ahead.close()


async def _load(threads: EngineThreads) -> "MoonshineEngine":
    def load() -> "MoonshineEngine":
        # Imported here because the wheel may be missing, and in the thread because it takes 100 ms.
        from tandem.providers.local.moonshine_engine import MoonshineEngine

        return MoonshineEngine()

    try:
        return await threads.run(load)
    except (OSError, EngineFailed) as error:
        raise ProviderError(Fault.REFUSED, NAME, "the model did not load") from error


class _Pool:
    """The loaded models: finals in order of arrival, interims only where that keeps no final waiting."""

    def __init__(self, engines: list["MoonshineEngine"], threads: EngineThreads) -> None:
        self._idle = engines
        self._threads = threads
        self._queue: deque[tuple[Part, int, asyncio.Future[str]]] = deque()

    def final(self, part: Part, rate: int) -> asyncio.Future[str]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._queue.append((part, rate, future))
        self._dispatch()
        return future

    def interim(self, part: Part, rate: int) -> asyncio.Future[str] | None:
        """Begin a decode that may be dropped, or return None: one model is always left for the next final."""
        if len(self._idle) < 2:
            return None
        return self.final(part, rate)

    def close(self) -> None:
        """Begin no further decode; who still waits is told."""
        queue, self._queue = self._queue, deque()
        for _, _, future in queue:
            if not future.done():
                future.set_exception(EngineFailed("closed"))

    def _dispatch(self) -> None:
        while self._idle and self._queue:
            part, rate, future = self._queue.popleft()
            if future.done():
                continue
            engine = self._idle.pop()
            running = self._threads.run(engine.hear, part.pcm, rate)
            running.add_done_callback(partial(self._ended, engine, future))

    def _ended(self, engine: "MoonshineEngine", future: asyncio.Future[str], running: asyncio.Future[str]) -> None:
        self._idle.append(engine)
        error = None if running.cancelled() else running.exception()
        if not future.done():
            if running.cancelled():
                future.cancel()
            elif error is not None:
                future.set_exception(error)
            else:
                future.set_result(running.result())
        self._dispatch()


class _Stream:
    """One call's utterances on their way through the pool. Finals come in order, interims never after their final."""

    def __init__(self, pool: _Pool, rate: int) -> None:
        self._pool = pool
        self._rate = rate
        self._utterances = Utterances(rate, CAP_MS)
        self._finals: deque[tuple[Part, asyncio.Future[str]]] = deque()
        self._interim: tuple[Part, asyncio.Future[str]] | None = None
        self._tried_ms = 0.0
        self._told = ""

    def waiting(self) -> set[asyncio.Future[str]]:
        """Return what to wait for beside the audio."""
        waiting = {self._finals[0][1]} if self._finals else set()
        return waiting | ({self._interim[1]} if self._interim else set())

    def may_take_more(self) -> bool:
        return len(self._finals) < _FINALS_AHEAD

    def take(self, event: AudioFrame | SpeechMark) -> None:
        self._decode(self._utterances.take(event))
        new_ms = self._utterances.length_ms - self._tried_ms
        if self._utterances.speaking and new_ms >= INTERIM_EVERY_MS and not (self._finals or self._interim):
            part = self._utterances.so_far()
            if (future := self._pool.interim(part, self._rate)) is not None:
                self._interim = (part, future)
                self._tried_ms = self._utterances.length_ms

    def end(self) -> None:
        self._decode(self._utterances.end())

    def ready(self) -> list[Transcript]:
        """Return what the pool has answered by now; ProviderError (CUT) if an engine failed."""
        told = []
        if self._interim is not None and self._interim[1].done():
            part, future = self._interim
            self._interim = None
            text = _result(future)
            if text and text != self._told:
                self._told = text
                told.append(Transcript(text, False, part.start_ms, part.end_ms))
        while self._finals and self._finals[0][1].done():
            part, future = self._finals.popleft()
            told.append(Transcript(_result(future), True, part.start_ms, part.end_ms, part.ends_utterance))
        return told

    def close(self) -> None:
        """Nobody waits any more."""
        self._drop_interim()
        for _, future in self._finals:
            future.cancel()

    def _decode(self, parts: list[Part]) -> None:
        for part in parts:
            self._drop_interim()
            self._told, self._tried_ms = "", 0.0
            self._finals.append((part, self._pool.final(part, self._rate)))

    def _drop_interim(self) -> None:
        if self._interim is not None:
            self._interim[1].cancel()
            self._interim = None


def _result(future: asyncio.Future[str]) -> str:
    try:
        return future.result()
    except EngineFailed as error:
        raise ProviderError(Fault.CUT, NAME, "the engine failed") from error
