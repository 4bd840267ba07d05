"""Speech recognition by pocketsphinx, in English: streaming, small, and weaker than moonshine; the last resort."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Self

from tandem.core.audio import AudioFrame, Word, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions, Transcript
from tandem.providers.local.ahead import ReadAhead
from tandem.providers.local.frames import Kind
from tandem.providers.local.utterance import CAP_MS, Part, Utterances
from tandem.providers.local.worker import Answer, Job, Workers

NAME = "pocketsphinx"
_ENGINE = "tandem.providers.local.pocketsphinx_engine"
_LOWEST_RATE = 16_000  # at 8 kHz it gets every second word wrong (WER .52 on 12 sentences it hears with .08 at 16)
_SEND_EVERY_MS = 100.0
_FINALS_AHEAD = 4  # a stream with so many undecoded utterances is not read any further
_FINAL_DEADLINE_S = 20.0  # twenty utterances of 5 s at once in one process take about 12 s
# Where the decoder's running mean over the cepstrum starts in a call; each call goes on with its own. The model's own
# "40,3,-1" costs the first utterance words (WER .13 instead of .08 on 12 sentences by synthetic voices, from which
# this mean was taken).
_FIRST_CEPSTRAL_MEAN = "41.9,-3.9,5.8,5.0,-2.6,-0.7,0.2,-4.0,-2.2,-0.2,2.1,1.4,3.4"


def missing() -> str | None:
    """Say what pocketsphinx lacks on this machine and how to add it; None if nothing."""
    if find_spec("pocketsphinx") is None:
        return "pocketsphinx is not installed: add it with 'pip install pocketsphinx==5.1.1'"
    return None


class Pocketsphinx:
    """Transcribes while the caller speaks, in worker processes of about 130 MB with one decoder each."""

    name = NAME

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    @classmethod
    @asynccontextmanager
    async def open(cls, workers: int = 2) -> AsyncIterator[Self]:
        """Start one process, and up to `workers` when several callers speak at once."""
        if (lack := missing()) is not None:
            raise ProviderError(Fault.REFUSED, NAME, lack)
        async with Workers.open(NAME, _ENGINE, workers) as running:
            yield cls(running)

    async def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield interim transcripts as the hypothesis changes, and one final with word times per utterance.

        No punctuation, no capitals, no confidence. An utterance of more than 30 s comes in several finals (cut at
        30 s, maybe within a word), of which the last one ends it. When the audio ends within an utterance, what was
        said gets a final that does not end it. ProviderError: INVALID for a language other than English and for
        telephone audio, CUT when the process died, STALLED when it hangs.
        """
        if options.language.casefold().partition("-")[0] != "en":
            raise ProviderError(Fault.INVALID, NAME, "it hears English only")
        if options.sample_rate < _LOWEST_RATE:
            raise ProviderError(Fault.INVALID, NAME, "its model needs audio of 16 kHz and more")
        stream = _Stream(self._workers, options.sample_rate)
        ahead = ReadAhead(audio)
        try:
            while not ahead.ended or stream.waiting():
                reading = {ahead.step} if ahead.step is not None and stream.may_take_more() else set()
                await asyncio.wait(reading | stream.waiting(), return_when=asyncio.FIRST_COMPLETED)
                for transcript in stream.ready():
                    yield transcript
                if reading:
                    if (event := ahead.take()) is not None:
                        await stream.take(event)
                    elif ahead.ended:
                        await stream.end()
        finally:
            await stream.close()
            await ahead.close()


@dataclass
class _Utterance:
    """An utterance that a process works on; `part` is known once the caller ended it."""

    job: Job
    start_ms: float
    end_ms: float
    sent_bytes: int = 0
    part: Part | None = None


class _Stream:
    """One call's utterances: audio goes out as it comes, answers come back in the order of the utterances."""

    def __init__(self, workers: Workers, rate: int) -> None:
        self._workers = workers
        self._rate = rate
        self._cepstral_mean = _FIRST_CEPSTRAL_MEAN
        self._collected = Utterances(rate, CAP_MS, cut_within_ms=0.0)
        self._begun: deque[_Utterance] = deque()
        self._growing: _Utterance | None = None  # the last of them, while the caller speaks
        self._answer: asyncio.Future[Answer] | None = None  # of the first of them

    def waiting(self) -> set[asyncio.Future[Answer]]:
        """Return what to wait for beside the audio."""
        return {self._answer} if self._answer is not None else set()

    def may_take_more(self) -> bool:
        return len(self._begun) < _FINALS_AHEAD

    async def take(self, event: AudioFrame | SpeechMark) -> None:
        await self._finish(self._collected.take(event))
        if not self._collected.speaking:
            return
        part = self._collected.so_far()
        utterance = self._growing or await self._begin(part)
        utterance.end_ms = part.end_ms
        fresh = part.pcm[utterance.sent_bytes :]
        if duration_ms(len(fresh), self._rate) >= _SEND_EVERY_MS:
            utterance.job.send(Kind.AUDIO, fresh)
            utterance.sent_bytes = len(part.pcm)

    async def end(self) -> None:
        await self._finish(self._collected.end())

    def ready(self) -> list[Transcript]:
        """Return what was answered by now; ProviderError (CUT or STALLED) if the process is lost."""
        if self._answer is None or not self._answer.done():
            return []
        kind, payload = self._answer.result()
        utterance = self._begun[0]
        if kind is Kind.NEWS:
            transcript = Transcript(json.loads(payload), False, utterance.start_ms, utterance.end_ms)
        else:
            self._begun.popleft()
            transcript = self._final(utterance, json.loads(payload))
        self._ask()
        return [transcript]

    async def close(self) -> None:
        """Nobody waits any more."""
        for utterance in self._begun:
            utterance.job.close()
        if self._answer is not None:
            self._answer.cancel()
            await asyncio.wait({self._answer})

    async def _begin(self, part: Part) -> _Utterance:
        worker = await self._workers.share()
        job = worker.begin(json.dumps({"rate": self._rate, "cepstral_mean": self._cepstral_mean}).encode())
        self._growing = _Utterance(job, part.start_ms, part.end_ms)
        self._begun.append(self._growing)
        if len(self._begun) == 1:
            self._ask()
        return self._growing

    async def _finish(self, parts: list[Part]) -> None:
        for part in parts:
            utterance = self._growing or await self._begin(part)
            utterance.job.send(Kind.FINISH, part.pcm[utterance.sent_bytes :])
            utterance.part, utterance.end_ms = part, part.end_ms
            self._growing = None
            if utterance is self._begun[0] and self._answer is not None and not self._answer.done():
                self._answer.cancel()  # it waits without a deadline
                self._ask()

    def _ask(self) -> None:
        if not self._begun:
            self._answer = None
            return
        first = self._begun[0]
        deadline_s = None if first.part is None else _FINAL_DEADLINE_S
        self._answer = asyncio.ensure_future(first.job.answer(deadline_s))

    def _final(self, utterance: _Utterance, answer: dict[str, Any]) -> Transcript:
        assert utterance.part is not None
        self._cepstral_mean = answer["cepstral_mean"]
        part = utterance.part
        words = tuple(Word(text, part.start_ms + start, part.start_ms + end) for text, start, end in answer["words"])
        text = " ".join(word.text for word in words)
        return Transcript(text, True, part.start_ms, part.end_ms, part.ends_utterance, words)
