"""What runs inside a pocketsphinx worker process: utterances' audio in, partial and final hypotheses out.

A process of its own because pocketsphinx holds the interpreter's lock while it decodes: another thread waited up to
127 ms for it, with 100 ms of audio at a time.
"""

import json
import re
from typing import Any

import numpy as np
import soxr
from pocketsphinx import Decoder

from tandem.providers.local.frames import EnginePipe, Frame, Kind
from tandem.providers.local.hallucination import may_be_speech

_RATE = 16_000
_STEP_BYTES = _RATE // 10 * 2
_MS_PER_FRAME = 10
# <s>, </s>, <sil>, [NOISE] and the like
_NOT_A_WORD = re.compile(r"[<\[+].*")


class _Utterance:
    """One job: its audio so far, and how much of it the decoder has had."""

    def __init__(self, job: int, request: dict[str, Any]) -> None:
        self.job = job
        self.cepstral_mean: str = request["cepstral_mean"]
        self.audio = bytearray()
        self.decoded = 0
        self.complete = False
        self.told = ""
        rate: int = request["rate"]
        self._resample = None if rate == _RATE else soxr.ResampleStream(rate, _RATE, 1, "int16", quality="LQ")

    def add(self, pcm: bytes, *, last: bool = False) -> None:
        if self._resample is not None:
            pcm = self._resample.resample_chunk(np.frombuffer(pcm, dtype="<i2"), last=last).tobytes()
        self.audio += pcm
        self.complete = last

    def next_step(self) -> bytes:
        step = bytes(self.audio[self.decoded : self.decoded + _STEP_BYTES])
        self.decoded += len(step)
        return step

    def has_voice(self) -> bool:
        samples = np.frombuffer(bytes(self.audio), dtype="<i2").astype(np.float32) / np.float32(32768)
        return may_be_speech(samples, _RATE)


class PocketsphinxEngine:
    """One decoder. Utterances that are complete go first: one whose caller still speaks is begun again later."""

    def __init__(self, pipe: EnginePipe) -> None:
        self._pipe = pipe
        self._decoder = Decoder(loglevel="FATAL")
        self._utterances: dict[int, _Utterance] = {}
        self._current: _Utterance | None = None

    def run(self) -> None:
        """Serve until the gateway closes the pipe."""
        self._pipe.send(Kind.READY, 0)
        idle = True
        while True:
            for frame in self._pipe.receive(wait=idle):
                self._take(frame)
            idle = not self._work()

    def _take(self, frame: Frame) -> None:
        kind, job, payload = frame
        if kind is Kind.BEGIN:
            self._utterances[job] = _Utterance(job, json.loads(payload))
            return
        utterance = self._utterances.get(job)
        if utterance is None:
            return
        if kind is Kind.AUDIO:
            utterance.add(payload)
        elif kind is Kind.FINISH:
            utterance.add(payload, last=True)
        elif kind is Kind.CANCEL:
            del self._utterances[job]

    def _work(self) -> bool:
        """Decode one step of the most urgent utterance; False if there is nothing to decode."""
        utterance = self._most_urgent()
        if utterance is not self._current:
            self._switch(utterance)
        if utterance is None:
            return False
        step = utterance.next_step()
        if step:
            self._decoder.process_raw(step, False, False)
        if not utterance.complete:
            self._tell_partial(utterance)
            return utterance.decoded < len(utterance.audio)
        if utterance.decoded == len(utterance.audio):
            self._finish(utterance)
        return True

    def _most_urgent(self) -> _Utterance | None:
        waiting = list(self._utterances.values())
        if self._current in waiting:
            waiting.insert(0, self._current)
        complete = (utterance for utterance in waiting if utterance.complete)
        return next(complete, waiting[0] if waiting else None)

    def _switch(self, utterance: _Utterance | None) -> None:
        if self._current is not None:
            self._decoder.end_utt()
            self._current.decoded = 0
        self._current = utterance
        if utterance is not None:
            self._decoder.set_cmn(utterance.cepstral_mean)
            self._decoder.start_utt()

    def _tell_partial(self, utterance: _Utterance) -> None:
        hypothesis = self._decoder.hyp()
        text = hypothesis.hypstr if hypothesis is not None else ""
        if text and text != utterance.told and utterance.has_voice():
            utterance.told = text
            self._pipe.send(Kind.NEWS, utterance.job, json.dumps(text).encode())

    def _finish(self, utterance: _Utterance) -> None:
        self._decoder.end_utt()
        self._current = None
        del self._utterances[utterance.job]
        words = self._words() if utterance.has_voice() else []
        answer = {"words": words, "cepstral_mean": self._decoder.get_cmn(False)}
        self._pipe.send(Kind.DONE, utterance.job, json.dumps(answer).encode())

    def _words(self) -> list[tuple[str, int, int]]:
        """Return (text, start_ms, end_ms) of each word from the utterance's start."""
        return [
            (
                re.sub(r"\(\d+\)$", "", segment.word),
                segment.start_frame * _MS_PER_FRAME,
                (segment.end_frame + 1) * _MS_PER_FRAME,
            )
            for segment in self._decoder.seg() or ()
            if not _NOT_A_WORD.match(segment.word)
        ]


if __name__ == "__main__":
    PocketsphinxEngine(EnginePipe()).run()
