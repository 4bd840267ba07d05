"""The moonshine tiny-en model through its library: a whole utterance in, its text out, from whatever thread asks."""

import ctypes
import os
import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from moonshine_voice.moonshine_api import ModelArch, TranscriptC, _MoonshineLib, moonshine_options_array

from tandem.providers.local.hallucination import Samples, believable, may_be_speech
from tandem.providers.local.threads import EngineFailed

_HEADER_VERSION = 30_000  # of moonshine-c-api.h as it was for 0.1.0
# Its own voice detector is off (Tandem has one, and this one adds a leading "You"), and the audio is not sent back.
_OPTIONS = {"vad_threshold": 0, "return_audio_data": "false"}
# A word at the very edge of the audio gets lost without some silence around it.
_LEAD_S, _TAIL_S = 0.2, 0.3


def model_folder() -> Path:
    """Return where the wheel keeps its model; it need not exist."""
    spec = find_spec("moonshine_voice")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "assets" / "tiny-en"


class MoonshineEngine:
    """One loaded model (about 60 MB); it does one utterance at a time, and ctypes lets other threads run meanwhile."""

    def __init__(self) -> None:
        """Load the model (about 0.2 s); EngineFailed if it cannot be."""
        # onnxruntime's own threads wait in a busy loop: 155 ms of CPU instead of 81 for the same 80 ms per utterance.
        # The library reads this when it loads a model and offers no other way.
        os.environ["MOONSHINE_ORT_SINGLE_THREAD"] = "1"
        self._in_use = threading.Lock()
        self._library = _MoonshineLib().lib
        options, count, _kept = moonshine_options_array(_OPTIONS)
        path = str(model_folder()).encode()
        self._handle = self._library.moonshine_load_transcriber_from_files(
            path, ModelArch.TINY.value, options, count, _HEADER_VERSION
        )
        self._check(self._handle)

    def hear(self, pcm: bytes, rate: int) -> str:
        """Return what is said in `pcm` (mono 16-bit at `rate` Hz), "" if nothing is: 25 ms per second of audio."""
        with self._in_use:
            return self._hear(pcm, rate)

    def _hear(self, pcm: bytes, rate: int) -> str:
        samples: Samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
        if not may_be_speech(samples, rate):
            return ""
        return believable(self._transcribe(samples, rate), len(samples) / rate)

    def close(self) -> None:
        """Free the model; hearing with it afterwards is EngineFailed. One that a thread still uses is left alone."""
        if self._in_use.acquire(blocking=False):
            self._library.moonshine_free_transcriber(self._handle)
            self._in_use.release()

    def _transcribe(self, samples: Samples, rate: int) -> str:
        padded = np.pad(samples, (int(_LEAD_S * rate), int(_TAIL_S * rate)))
        transcript = ctypes.POINTER(TranscriptC)()
        self._check(
            self._library.moonshine_transcribe_without_streaming(
                self._handle,
                padded.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                len(padded),
                rate,
                0,
                ctypes.byref(transcript),
            )
        )
        found = transcript.contents
        texts = [ctypes.string_at(found.lines[index].text) for index in range(found.line_count)]
        return " ".join(text.decode("utf-8", "replace").strip() for text in texts)

    def _check(self, result: int) -> None:
        if result < 0:
            raise EngineFailed(self._library.moonshine_error_to_string(result).decode())
