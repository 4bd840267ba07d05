"""What runs in the simulator's espeak process: a line of JSON with a text in, its speech and its word times out.

The library that it loads, espeak-ng, is under the GPL, version 3. That is why it has a process of its own, and why
nothing may import this file. A request is `{"text": ..., "rate": Hz, "speed": 1.0}`; the answer is a line
`{"bytes": n, "words": [[word, start_ms, end_ms], ...]}` and then n bytes of mono s16le. The first line, which answers
nothing, says that the engine is there.
"""

import ctypes
import json
import re
import signal
import sys
from itertools import pairwise

import espeakng_loader
import numpy as np
import soxr

# Names and numbers of espeak-ng's speak_lib.h.
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_RATE, _NORMAL_RATE, _SLOWEST, _FASTEST = 1, 175, 80, 450
_EVENT_WORD = 1
_BUFFER_MS = 200


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # in characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Engine:
    """espeak-ng with its English voice."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, _DONT_EXIT)
        if self._rate <= 0 or self._library.espeak_SetVoiceByName(b"en"):
            raise SystemExit("espeak-ng did not find its data")
        self._pcm = bytearray()
        self._events: list[tuple[int, float]] = []  # where in the text, and when
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, rate: int, speed: float) -> tuple[bytes, list[tuple[str, float, float]]]:
        """Return the speech and the times of its words; of no words there is none."""
        if not text.strip():
            return b"", []
        self._pcm.clear()
        self._events.clear()
        self._library.espeak_SetParameter(_RATE, min(_FASTEST, max(_SLOWEST, round(_NORMAL_RATE * speed))), 0)
        encoded = text.replace("\0", " ").encode("utf-8", "replace")
        self._library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, _UTF8, None, None)
        samples = np.frombuffer(self._pcm, np.int16)
        words = _timed(text, self._events, len(samples) * 1000 / self._rate)
        return np.asarray(soxr.resample(samples, self._rate, rate)).astype("<i2").tobytes(), words

    def _take(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        """Called by espeak with each buffer; returns 0 to go on."""
        if samples and count:
            self._pcm += ctypes.string_at(samples, count * 2)
        index = 0
        while (event := events[index]).type:
            if event.type == _EVENT_WORD:
                self._events.append((event.text_position - 1, event.sample * 1000 / self._rate))
            index += 1
        return 0


def _timed(text: str, events: list[tuple[int, float]], end_ms: float) -> list[tuple[str, float, float]]:
    """Return each written word with its time.

    espeak may report one written word as several, or several as one: a word goes from its first event to that of the
    next one that has any, and words without an event share the time of the one before by their length.
    """
    groups: list[tuple[float, list[str]]] = []
    for match in re.finditer(r"\S+", text):
        begun = [ms for place, ms in events if match.start() <= place < match.end()]
        if begun:
            groups.append((begun[0], [match[0]]))
        elif groups:
            groups[-1][1].append(match[0])
    timed = []
    for (start_ms, words), (until_ms, _) in pairwise([*groups, (end_ms, [])]):
        ms_a_letter = (until_ms - start_ms) / sum(map(len, words))
        for word in words:
            timed.append((word, start_ms, start_ms + ms_a_letter * len(word)))
            start_ms = timed[-1][2]
    return timed


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the simulator, which then closes the pipe
    engine, out = _Engine(), sys.stdout.buffer
    out.write(b"{}\n")
    out.flush()
    for line in sys.stdin.buffer:
        pcm, words = engine.speak(**json.loads(line))
        out.write(json.dumps({"bytes": len(pcm), "words": words}).encode() + b"\n" + pcm)
        out.flush()


if __name__ == "__main__":
    _serve()
