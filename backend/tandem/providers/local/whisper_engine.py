"""What runs inside a whisper worker process: an utterance's audio in, its words with their times out.

A process of its own because a decode cannot be broken off: one that hangs can only be killed, and the gateway must not
wait for it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from faster_whisper import WhisperModel, download_model
from faster_whisper.transcribe import Word
from huggingface_hub.errors import LocalEntryNotFoundError

from tandem.providers.local.frames import EnginePipe, Frame, Kind
from tandem.providers.local.hallucination import Samples, believable, may_be_speech

_RATE = 16_000
_THREADS = 2
_SHORTEST_MS = 20.0  # the step in which the model tells times
# In these languages no space parts the words, and the model's pieces are taken as they are.
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_NOTHING: dict[str, Any] = {"text": "", "words": [], "confidence": None}
# A caller waits: one hypothesis instead of five, and at most two more tries where the guards below doubt the first.
_DECODING: dict[str, Any] = {
    "beam_size": 1,
    "temperature": [0.0, 0.4, 0.8],
    "condition_on_previous_text": False,
    "word_timestamps": True,
    "vad_filter": False,
    "no_speech_threshold": 0.6,
    "log_prob_threshold": -1.0,
    "compression_ratio_threshold": 2.4,
}


class _Job:
    """What was asked: to load a model, or to hear an utterance with it (then the request has a rate)."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.model: str = request["model"]
        self.rate: int | None = request.get("rate")
        self.language: str = request.get("language", "")
        self.pcm: bytes | None = None


class WhisperEngine:
    """One model, loaded by the first job; jobs are done in the order in which they came."""

    def __init__(self, pipe: EnginePipe) -> None:
        self._pipe = pipe
        self._jobs: dict[int, _Job] = {}
        self._loaded: tuple[str, WhisperModel] | None = None

    def run(self) -> None:
        """Serve until the gateway closes the pipe."""
        self._pipe.send(Kind.READY, 0)
        while True:
            while frames := self._pipe.receive(wait=False):  # a cancellation among them saves a decode
                self._take(frames)
            number = next((number for number, job in self._jobs.items() if job.pcm is not None), None)
            if number is not None:
                self._do(number, self._jobs[number])
                self._jobs.pop(number, None)
            else:
                self._take(self._pipe.receive(wait=True))

    def _take(self, frames: list[Frame]) -> None:
        for kind, number, payload in frames:
            if kind is Kind.BEGIN:
                self._jobs[number] = _Job(json.loads(payload))
            elif kind is Kind.FINISH and number in self._jobs:
                self._jobs[number].pcm = payload
            elif kind is Kind.CANCEL:
                self._jobs.pop(number, None)

    def _do(self, number: int, job: _Job) -> None:
        try:
            folder, model = self._loaded = self._loaded or _load(job.model)
        except (OSError, RuntimeError, ValueError) as error:
            self._pipe.send(Kind.REJECTED, number, json.dumps(_told(job.model, error)).encode())
            return
        if job.rate is None:
            answer: dict[str, Any] = {"folder": folder, "languages": model.supported_languages}
        else:
            answer = _hear(job, model)
        self._pipe.send(Kind.DONE, number, json.dumps(answer).encode())


def _hear(job: _Job, model: WhisperModel) -> dict[str, Any]:
    assert job.pcm is not None
    samples: Samples = np.frombuffer(job.pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
    if job.rate != _RATE:
        samples = soxr.resample(samples, job.rate, _RATE)
    if not may_be_speech(samples, _RATE):
        return _NOTHING
    segments, _ = model.transcribe(samples, language=job.language, **_DECODING)
    pieces = [piece for segment in segments for piece in segment.words or ()]
    return _answer(pieces, len(samples) / _RATE, spaced=job.language not in _UNSPACED)


def _load(model: str) -> tuple[str, WhisperModel]:
    folder = model if Path(model).is_dir() else _fetch(model)
    return folder, WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=_THREADS, local_files_only=True)


def _fetch(name: str) -> str:
    try:
        return str(download_model(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return str(download_model(name))


def _told(model: str, error: Exception) -> str:
    """Return what an operator can do about a model that did not load."""
    if Path(model).is_dir():
        return f"{model} holds no Whisper model that CTranslate2 can load"
    if isinstance(error, OSError):
        return f"the model {model} could not be downloaded: connect once, or set WHISPER_MODEL to a model's folder"
    return f"faster-whisper has no model {model}: set WHISPER_MODEL to a name such as small.en, or to a model's folder"


def _answer(pieces: list[Word], seconds: float, *, spaced: bool) -> dict[str, Any]:
    words = _words(pieces, seconds * 1000, spaced=spaced)
    text = "".join(piece.word for piece in pieces).strip()
    spoken = believable(text, seconds)
    if not spoken:
        return _NOTHING
    if spoken != text:
        words = _only(words, spoken.split())
    sure = sum(piece.probability for piece in pieces) / len(pieces)
    return {"text": spoken, "words": words, "confidence": round(float(sure), 3)}


def _words(pieces: list[Word], end_ms: float, *, spaced: bool) -> list[tuple[str, float, float]]:
    """Return (text, start_ms, end_ms) of each word from the utterance's start, all within it.

    A piece may be half a word ("-three"), and may take no time: where the model is unsure, many fall on one moment.
    """
    words: list[tuple[str, float, float]] = []
    for piece in pieces:
        start = min(piece.start * 1000, end_ms - _SHORTEST_MS)
        end = min(max(piece.end * 1000, start + _SHORTEST_MS), end_ms)
        if words and spaced and not piece.word.startswith(" "):
            text, first, last = words.pop()
            words.append((text + piece.word.rstrip(), first, max(last, end)))
        elif piece.word.strip():
            words.append((piece.word.strip(), start, end))
    return words


def _only(words: list[tuple[str, float, float]], spoken: list[str]) -> list[tuple[str, float, float]]:
    """Return the words that are left in `spoken`, which are some of them in their order."""
    kept: list[tuple[str, float, float]] = []
    for word in words:
        if len(kept) < len(spoken) and word[0] == spoken[len(kept)]:
            kept.append(word)
    return kept


if __name__ == "__main__":
    WhisperEngine(EnginePipe()).run()
