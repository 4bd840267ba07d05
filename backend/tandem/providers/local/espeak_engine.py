"""What runs inside the espeak worker process: phrases in, audio and word times out.

This file is Tandem's own and under Tandem's licence, but the library that it loads, espeak-ng, is under the GPL,
version 3. That is why it has a process of its own, which exchanges nothing but frames over a pipe with the gateway;
nothing else may import this file.
"""

import ctypes
import json
import re
from collections import deque

import espeakng_loader

from tandem.providers.local.frames import EnginePipe, Frame, Kind

# Names and numbers of espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8_WITH_END_PAUSE = 0x1 | 0x1000
_RATE, _NORMAL_RATE, _SLOWEST, _FASTEST = 1, 175, 80, 450
_EVENT_WORD, _EVENT_END = 1, 5
_BUFFER_MS = 60
_SHORTEST_CHUNK_MS = 20


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # (priority byte, NUL-ended tag) repeated, then a zero byte
        ("identifier", ctypes.c_char_p),
        ("rest", ctypes.c_ubyte * 24),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Words:
    """Gives each space-separated word of a text its time, from espeak's WORD events.

    espeak counts characters from 1 and reports parts of what is written as one word ("$5" is two events), so a
    written word starts with the first event inside it and ends where the next one starts or the clause ends.
    """

    def __init__(self, text: str) -> None:
        self._spans = [(match.start(), match.end(), match[0]) for match in re.finditer(r"\S+", text)]
        self._next = 0
        self._open: tuple[str, float] | None = None

    def feed(self, kind: int, position: int, at_ms: float) -> list[tuple[str, float, float]]:
        """Take one event; return the word that it ended as (text, start_ms, end_ms), if it ended one."""
        if kind == _EVENT_END:
            return self._end(at_ms)
        if kind != _EVENT_WORD:
            return []
        for index in range(self._next, len(self._spans)):
            start, end, text = self._spans[index]
            if start <= position - 1 < end:
                ended = self._end(at_ms)
                self._next = index + 1
                self._open = (text, at_ms)
                return ended
        return []

    def _end(self, at_ms: float) -> list[tuple[str, float, float]]:
        if self._open is None:
            return []
        text, start_ms = self._open
        self._open = None
        return [(text, start_ms, at_ms)]


class EspeakEngine:
    """The espeak-ng library, which has one global state: one phrase at a time."""

    def __init__(self, pipe: EnginePipe) -> None:
        self._pipe = pipe
        self._todo: deque[Frame] = deque()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, _DONT_EXIT)
        if self._rate <= 0:
            raise SystemExit("espeak-ng did not find its data")
        self._languages = self._read_languages()
        self._callback = _Callback(self._on_audio)
        self._library.espeak_SetSynthCallback(self._callback)
        self._job = 0
        self._held = b""
        self._words = Words("")
        self._stopped = self._ending = False

    def run(self) -> None:
        """Serve until the gateway closes the pipe."""
        self._pipe.send(Kind.READY, 0)
        while True:
            self._todo.extend(self._pipe.receive(wait=True))
            while self._todo:
                kind, job, payload = self._todo.popleft()
                if kind is Kind.BEGIN:
                    self._speak(job, json.loads(payload))

    def _speak(self, job: int, request: dict[str, str | float]) -> None:
        text = str(request["text"])
        if not self._select(str(request["voice"]), str(request["language"])):
            self._pipe.send(Kind.REJECTED, job, b'"espeak-ng has no voice for this language"')
            return
        rate = min(_FASTEST, max(_SLOWEST, round(_NORMAL_RATE * float(request["speed"]))))
        self._library.espeak_SetParameter(_RATE, rate, 0)
        self._job, self._held, self._words, self._stopped = job, b"", Words(text), False
        encoded = text.encode()
        self._library.espeak_Synth(
            encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, _UTF8_WITH_END_PAUSE, None, None
        )
        if self._ending:
            raise SystemExit(0)
        if not self._stopped:
            self._send_held()
            self._pipe.send(Kind.DONE, job)

    def _on_audio(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        """Called by espeak with each buffer. Returns 0 to go on, 1 to stop. Nothing may be raised through C."""
        try:
            self._stopped = self._stopped or self._is_cancelled()
            if self._stopped:
                return 1
            if samples and count:
                self._take(ctypes.string_at(samples, count * 2))
            self._read_words(events)
        except SystemExit:
            self._stopped = self._ending = True
            return 1
        return 0

    def _take(self, pcm: bytes) -> None:
        # The newest chunk waits for the words that end in it, and so that none is too short to be worth a frame.
        if len(self._held) * 1000 >= _SHORTEST_CHUNK_MS * self._rate * 2:
            self._send_held()
        self._held += pcm

    def _send_held(self) -> None:
        if self._held:
            self._pipe.send(Kind.AUDIO, self._job, self._held)
        self._held = b""

    def _read_words(self, events: "ctypes._Pointer[_Event]") -> None:
        ended: list[tuple[str, float, float]] = []
        index = 0
        while events[index].type:
            event = events[index]
            ended += self._words.feed(event.type, event.text_position, event.sample * 1000 / self._rate)
            index += 1
        if ended:
            self._pipe.send(Kind.NEWS, self._job, json.dumps(ended).encode())

    def _is_cancelled(self) -> bool:
        self._todo.extend(self._pipe.receive(wait=False))
        gone = {job for kind, job, _ in self._todo if kind is Kind.CANCEL}
        if gone:
            self._todo = deque(frame for frame in self._todo if frame[1] not in gone)
        return self._job in gone

    def _select(self, voice: str, language: str) -> bool:
        """Choose by the voice's name or else by the language; False if there is neither."""
        tag = language.casefold()
        known = self._languages.get(tag) or self._languages.get(tag.partition("-")[0])
        named = voice if re.fullmatch(r"[\w+-]{1,60}", voice) else ""
        wanted = [named.encode(), known or b""]
        return any(name and self._library.espeak_SetVoiceByName(name) == 0 for name in wanted)

    def _read_languages(self) -> dict[str, bytes]:
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        voices = self._library.espeak_ListVoices(None)
        best: dict[str, tuple[int, bytes]] = {}
        index = 0
        while voices[index]:
            voice = voices[index].contents
            at = voice.languages
            while (priority := ctypes.string_at(at, 1)[0]) != 0:
                tag = ctypes.string_at(at + 1)
                entry = (priority, voice.identifier)
                best[tag.decode().casefold()] = min(best.get(tag.decode().casefold(), entry), entry)
                at += 2 + len(tag)
            index += 1
        return {tag: identifier for tag, (_, identifier) in best.items()}


if __name__ == "__main__":
    EspeakEngine(EnginePipe()).run()
