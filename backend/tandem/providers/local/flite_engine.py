"""The system's libflite through ctypes: text in, PCM and word times out, from whatever thread asks."""

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from tandem.providers.local.threads import EngineFailed

SAMPLE_RATE = 16_000  # of slt and rms
VOICES = ("slt", "rms")
_CHUNK_SAMPLES = 800  # 50 ms
_LEAD_IN_MS = 30.0  # of silence is left before the first word
_GO_ON, _STOP = 0, -1  # CST_AUDIO_STREAM_CONT, CST_AUDIO_STREAM_STOP of cst_audio.h

# flite counts references in shared values without atomics (cst_val.c), so two threads in it at once corrupt it.
_one_at_a_time = threading.Lock()

WordTime = tuple[str, float, float]
OnChunk = Callable[[bytes, list[WordTime]], bool]


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.c_void_p),
    )


class _StreamingInfo(ctypes.Structure):
    _fields_ = (
        ("min_buffsize", ctypes.c_int),
        ("callback", ctypes.c_void_p),
        ("utterance", ctypes.c_void_p),
        ("item", ctypes.c_void_p),
        ("userdata", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p
)

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "new_utterance": (ctypes.c_void_p, ()),
    "delete_utterance": (None, (ctypes.c_void_p,)),
    "utt_set_input_text": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_char_p)),
    "flite_do_synth": (ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)),
    "feat_set": (None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
    "feat_set_float": (None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float)),
    "new_audio_streaming_info": (ctypes.POINTER(_StreamingInfo), ()),
    "audio_streaming_info_val": (ctypes.c_void_p, (ctypes.POINTER(_StreamingInfo),)),
    "utt_relation": (ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_char_p)),
    "relation_head": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "item_next": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "flite_ffeature_string": (ctypes.c_char_p, (ctypes.c_void_p, ctypes.c_char_p)),
    "flite_ffeature_float": (ctypes.c_float, (ctypes.c_void_p, ctypes.c_char_p)),
}
_FIRST_SEGMENT = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment."
_LAST_SEGMENT = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment."


def lacks() -> str | None:
    """Name the first of the libraries that this system does not have; None if they are all there."""
    for name in ("flite", *(f"flite_cmu_us_{voice}" for voice in VOICES)):
        try:
            ctypes.CDLL(f"lib{name}.so.1", mode=ctypes.RTLD_LOCAL)
        except OSError:
            return f"lib{name}"
    return None


class _Reader:
    """Takes an utterance's samples from flite, without the silence that it puts in front (120-220 ms)."""

    def __init__(self, read_words: Callable[[], list[WordTime]], on_chunk: OnChunk) -> None:
        self._read_words = read_words
        self._on_chunk = on_chunk
        self._words: list[WordTime] | None = None
        self._from = 0

    def on_audio(self, wave: Any, start: int, size: int, _last: int, _info: int) -> int:
        if self._words is None:
            self._words = self._read_words()
            lead_ms = max(0.0, self._words[0][1] - _LEAD_IN_MS) if self._words else 0.0
            self._from = int(lead_ms * SAMPLE_RATE / 1000)
            self._words = [(text, begin - lead_ms, end - lead_ms) for text, begin, end in self._words]
        first = max(start, self._from)
        if first >= start + size:
            return _GO_ON
        words, self._words = self._words, []
        pcm = ctypes.string_at(wave.contents.samples + first * 2, (start + size - first) * 2)
        return _GO_ON if self._on_chunk(pcm, words) else _STOP


class FliteEngine:
    """libflite and its two voices. Blocking: for a thread of its own."""

    def __init__(self) -> None:
        """Load the libraries and the voices (some ms); EngineFailed if one is not there."""
        try:
            self._flite = ctypes.CDLL("libflite.so.1")
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(self._flite, name)
                function.restype, function.argtypes = result, arguments
            self._synthesis = ctypes.cast(self._flite.utt_synth, ctypes.c_void_p)
            with _one_at_a_time:
                self._flite.flite_init()
                self._voices = {voice: _register(voice) for voice in VOICES}
        except (OSError, AttributeError) as error:
            raise EngineFailed(str(error)) from error

    def speak(self, text: str, voice: str, speed: float, on_chunk: OnChunk) -> None:
        """Synthesise printable ASCII `text`.

        `on_chunk` gets about 50 ms of PCM at a time, and with the first one every word as (text, start_ms, end_ms).
        When it returns False the rest is not made.
        """
        with _one_at_a_time:
            utterance = self._flite.new_utterance()
            reader = _Reader(lambda: self._words(utterance), on_chunk)
            callback = _Callback(reader.on_audio)
            try:
                self._prepare(utterance, text, speed, callback)
                if not self._flite.flite_do_synth(utterance, self._voices[voice], self._synthesis):
                    utterance = None  # flite deleted it
                    raise EngineFailed("no utterance came of a text")
            finally:
                if utterance:
                    self._flite.delete_utterance(utterance)

    def _prepare(self, utterance: int, text: str, speed: float, callback: Any) -> None:
        flite = self._flite
        flite.utt_set_input_text(utterance, text.encode("ascii"))
        # The first field of a cst_utterance is its own features, which come before those of the voice; so one
        # phrase's speed and callback never touch the next one's.
        features = ctypes.cast(utterance, ctypes.POINTER(ctypes.c_void_p))[0]
        flite.feat_set_float(features, b"duration_stretch", 1 / speed)
        info = flite.new_audio_streaming_info()
        info.contents.min_buffsize = _CHUNK_SAMPLES
        info.contents.callback = ctypes.cast(callback, ctypes.c_void_p)
        flite.feat_set(features, b"streaming_info", flite.audio_streaming_info_val(info))

    def _words(self, utterance: int) -> list[WordTime]:
        """Read when each written word sounds; the durations are settled before the first sample is made."""
        flite = self._flite
        words: list[WordTime] = []
        token = flite.relation_head(flite.utt_relation(utterance, b"Token"))
        while token:
            text = b"".join(
                flite.flite_ffeature_string(token, part) for part in (b"prepunctuation", b"name", b"punc")
            ).decode("ascii")
            end_ms = flite.flite_ffeature_float(token, _LAST_SEGMENT + b"end") * 1000
            start_ms = flite.flite_ffeature_float(token, _FIRST_SEGMENT + b"p.end") * 1000
            if words and not flite.flite_ffeature_string(token, b"whitespace"):
                before, start_ms, known_end_ms = words.pop()
                text, end_ms = before + text, max(end_ms, known_end_ms)
            words.append((text, start_ms, end_ms))
            token = flite.item_next(token)
        return [word for word in words if word[2] > word[1]]


def _register(voice: str) -> int:
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1"), f"register_cmu_us_{voice}")
    register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_char_p,)
    registered: int | None = register(None)
    if registered is None:
        raise EngineFailed(f"the voice {voice} did not load")
    return registered
