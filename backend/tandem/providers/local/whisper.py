"""Speech recognition by a Whisper model of the operator's choice, on this machine's CPU, through faster-whisper."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from tandem.core.audio import AudioFrame, Word
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SttOptions, Transcript
from tandem.providers.local.ahead import ReadAhead
from tandem.providers.local.frames import Kind
from tandem.providers.local.utterance import CAP_MS, Part, Utterances
from tandem.providers.local.worker import Answer, Job, Workers

NAME = "whisper"
_ENGINE = "tandem.providers.local.whisper_engine"  # never imported here: faster-whisper may be missing
_FILES = ("model.bin", "config.json", "tokenizer.json")  # without the last one, faster-whisper would ask the network
_FINALS_AHEAD = 4  # a stream with so many undecoded utterances is not read any further
# A process that hangs is all that these are for. How long a real model takes was not measured.
_FINAL_DEADLINE_S = 60.0
_LOAD_DEADLINE_S = 60.0
_DOWNLOAD_DEADLINE_S = 1800.0  # the largest model has 3 GB


def missing(model: str) -> str | None:
    """Say what whisper lacks on this machine to run `model`, a folder or a name, and how to add it; None if nothing."""
    if find_spec("faster_whisper") is None:
        return "faster-whisper is not installed: run 'make extras'"
    if not model:
        return "set WHISPER_MODEL to the folder of a CTranslate2 model, or to a name such as small.en"
    if _is_name(model):
        return None
    lacking = [file for file in _FILES if not (Path(_place(model)) / file).is_file()]
    if lacking:
        return f"set WHISPER_MODEL to the folder of a CTranslate2 model: {model} has no {' and no '.join(lacking)}"
    return None


class Whisper:
    """Transcribes utterances whole, in worker processes that load the model each."""

    def __init__(self, name: str, workers: Workers, model: str, languages: frozenset[str]) -> None:
        self.name = name
        self._workers = workers
        self._model = model
        self._languages = languages

    @classmethod
    @asynccontextmanager
    async def open(cls, model: str, workers: int = 2, *, name: str = NAME) -> AsyncIterator[Self]:
        """Load `model` in one process, and in up to `workers` when several callers have spoken at once.

        A name that is not on this machine yet is downloaded first (once, from Hugging Face), which takes minutes;
        a folder is used as it is. After that, nothing leaves this machine. ProviderError: REFUSED when the model
        cannot be had or does not load.
        """
        if (lack := missing(model)) is not None:
            raise ProviderError(Fault.REFUSED, name, lack)
        async with Workers.open(name, _ENGINE, workers) as running:
            loaded = await _load(name, running, model)
            yield cls(name, running, loaded["folder"], frozenset(loaded["languages"]))

    async def transcribe(
        self, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
    ) -> AsyncGenerator[Transcript, None]:
        """Yield a final transcript with word times and confidence per utterance; no interim ones.

        An utterance of more than 30 s comes in several finals, of which the last one ends it. When the audio ends
        within an utterance, what was said gets a final that does not end it. ProviderError: INVALID for a language
        that the model does not know, CUT when the process died, STALLED when it hangs, REFUSED when a process that
        followed a dead one cannot load the model.
        """
        language = options.language.casefold().partition("-")[0]
        if language not in self._languages:
            raise ProviderError(Fault.INVALID, self.name, f"its model does not know the language {language!r}")
        request = {"model": self._model, "rate": options.sample_rate, "language": language}
        stream = _Stream(self._workers, json.dumps(request).encode(), options.sample_rate)
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


class _Stream:
    """One call's utterances: each goes out when it is over, answers come back in the order of the utterances."""

    def __init__(self, workers: Workers, request: bytes, rate: int) -> None:
        self._workers = workers
        self._request = request
        self._utterances = Utterances(rate, CAP_MS)
        self._begun: deque[tuple[Part, Job]] = deque()
        self._answer: asyncio.Future[Answer] | None = None  # to the first of them

    def waiting(self) -> set[asyncio.Future[Answer]]:
        """Return what to wait for beside the audio."""
        return {self._answer} if self._answer is not None else set()

    def may_take_more(self) -> bool:
        return len(self._begun) < _FINALS_AHEAD

    async def take(self, event: AudioFrame | SpeechMark) -> None:
        await self._begin(self._utterances.take(event))

    async def end(self) -> None:
        await self._begin(self._utterances.end())

    def ready(self) -> list[Transcript]:
        """Return what the engine has answered by now; ProviderError if it failed."""
        if self._answer is None or not self._answer.done():
            return []
        part, job = self._begun[0]
        answer = _content(job, self._answer.result())
        self._begun.popleft()
        self._ask()
        return [_transcript(part, answer)]

    async def close(self) -> None:
        """Nobody waits any more."""
        for _, job in self._begun:
            job.close()
        if self._answer is not None:
            self._answer.cancel()
            await asyncio.wait({self._answer})

    async def _begin(self, parts: list[Part]) -> None:
        for part in parts:
            worker = await self._workers.share()
            job = worker.begin(self._request)
            job.send(Kind.FINISH, part.pcm)
            self._begun.append((part, job))
            if len(self._begun) == 1:
                self._ask()

    def _ask(self) -> None:
        self._answer = asyncio.ensure_future(self._begun[0][1].answer(_FINAL_DEADLINE_S)) if self._begun else None


async def _load(name: str, workers: Workers, model: str) -> dict[str, Any]:
    """Have the first process find and load `model`; return its folder and its languages."""
    deadline_s = _DOWNLOAD_DEADLINE_S if _is_name(model) else _LOAD_DEADLINE_S
    job = (await workers.share()).begin(json.dumps({"model": _place(model)}).encode())
    job.send(Kind.FINISH)
    try:
        return _content(job, await job.answer(deadline_s))
    except ProviderError as error:
        if error.fault is Fault.REFUSED:
            raise
        raise ProviderError(Fault.REFUSED, name, f"the model {model} did not load ({error.detail})") from error


def _is_name(model: str) -> bool:
    """Say whether faster-whisper must find `model`: what has a slash, or is a folder here, is a place."""
    return Path(model).name == model and not Path(model).is_dir()


def _place(model: str) -> str:
    return model if _is_name(model) else str(Path(model).expanduser())


def _content(job: Job, answer: Answer) -> dict[str, Any]:
    kind, payload = answer
    if kind is Kind.REJECTED:
        raise ProviderError(Fault.REFUSED, job.worker.name, json.loads(payload))
    content: dict[str, Any] = json.loads(payload)
    return content


def _transcript(part: Part, answer: dict[str, Any]) -> Transcript:
    words = tuple(Word(text, part.start_ms + start, part.start_ms + end) for text, start, end in answer["words"])
    return Transcript(
        answer["text"], True, part.start_ms, part.end_ms, part.ends_utterance, words, answer["confidence"]
    )
