"""The numbered voice: speech made of tones, from which every word can be read back.

What a listener got is counted from the audio itself, so a word must be readable anywhere, in any order, after a change
of rate, loudness or encoding, and must never be taken for another one. Each word is therefore spelled on its own:

    START, one chord for each byte of its UTF-8 text, two chords of CRC-16, END, then silence

Each of these takes 30 ms: a word of five letters takes 300 ms, and the audio of two texts one after the other is the
audio of both. A chord is two of 32 tones, 400 Hz + 90 Hz * n: one of n = 0..15 for a byte's low four bits and one of
n = 16..31 for its high four. START is two of the low tones and END two of the high ones, which no byte has.

Slower speech has longer silences and the same chords, at any speed. Faster speech has chords of 24 ms, which another
START announces, and is at most 1.25 times as fast: shorter chords would be shorter than what they are read through.

Where the numbers come from. 400-3190 Hz passes a telephone line and every filter for 8 kHz. The chords are read through
a Hann window of 22.2 ms, whose first zeros lie 90 Hz from its centre, so that tones do not disturb each other; 30 ms
leave 4 ms on each side for errors of time, and 24 ms, where the window is all but zero, were read with errors of 5 ms.
Noise 20 dB below the voice, over 4 kHz, is 34 dB below a tone in that window. CRC-16 lets one damaged word in 65,536
pass; START and END must stand in their places as well. What is too short to spoil a chord, some 15 ms, a word survives
whole, as it does in an ear.

It is no speech to a neural voice detector: whoever calls in this voice needs one that goes by energy, or a button.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

SYMBOL_MS = 30
_WINDOW_MS = 1000 / 45
_HOP_MS = 2.5
_RAMP_MS = 3.0  # chords fade in and out, so that their edges do not click
_TONES_HZ = 400 + 90 * np.arange(32)
_END = (19, 28)
_TONE_LEVEL = 0.3  # of full scale, per tone
_FAINTEST = (0.002 * 32_768) ** 2  # power of a frame that may be voice: 0.05 times the voice is 17 dB above it
_PURE = 0.5  # a chord holds this share of its frame's power; at its edge just half of the window is filled
_CLEAR = 0.75  # the same for START, against frames that lie across two chords
_UNCLEAR_MS = 10  # how much of a START fails that test
_MOST_BLOCK = 400  # frames analysed at once: a bound on memory
# Multiplications in one matrix product. Above 2**18 OpenBLAS divides it among threads, which wait for each other in
# busy loops: on cores that have other work that takes many times as long as one thread alone.
_MOST_PRODUCT = 2**18
_SHORTEST_PIECE_MS = 12

_Floats = npt.NDArray[np.float32]
Timed = list[tuple[str, float, float]]  # (word, start_ms, end_ms) from the first sample


@dataclass(frozen=True, slots=True)
class Said:
    """Speech, mono s16le, and when each of its words is spoken."""

    pcm: bytes
    words: Timed


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long a chord lasts, and the START that says so."""

    symbol_ms: float
    start: tuple[int, int]


_USUAL, _FAST = _Pace(SYMBOL_MS, (3, 12)), _Pace(24, (6, 15))


@dataclass(frozen=True, slots=True)
class Heard:
    """A word, or a piece of one, and when it was heard, in ms from the first sample.

    `whole` is False for a piece; its `text` is empty, because what is missing is not guessed.
    """

    text: str
    start_ms: float
    end_ms: float
    whole: bool = True


@dataclass(frozen=True, slots=True)
class _Frames:
    """The audio every 2.5 ms: power of each tone, strongest two tones, and their share of all power."""

    tones: _Floats  # (frames, 32)
    best: npt.NDArray[np.intp]  # (frames, 2), ascending
    share: _Floats  # (frames,); 0 where all is quiet

    def at(self, ms: float) -> int:
        """Return the number of the frame whose centre is nearest to `ms`."""
        return round(ms / _HOP_MS)


class Voice:
    """Speaks and reads the numbered voice; has no state. Audio is mono s16le, 8,000-48,000 Hz."""

    def say(self, text: str, rate: int, speed: float = 1.0) -> bytes:
        """Return `text` as audio; words are what white space separates."""
        codes: list[tuple[int, int] | None] = []
        lengths_ms: list[float] = [0.0]
        for word in text.split():
            pace, gap_ms = _tempo(word, speed)
            spelled = _spelled(word, pace)
            codes += [*spelled, None]
            lengths_ms += [pace.symbol_ms] * len(spelled) + [gap_ms]
        edges = np.round(np.cumsum(lengths_ms) * rate / 1000).astype(int)
        sound = np.zeros(edges[-1], np.float64)
        for code, start, end in zip(codes, edges, edges[1:], strict=False):
            if code is not None:
                sound[start:end] = _chord(code, int(end - start), rate)
        return (sound * 32_767).astype("<i2").tobytes()

    def timed(self, text: str, speed: float = 1.0) -> Timed:
        """Return (word, start_ms, end_ms) of each word as `say` speaks it; the silence after a word is not in it."""
        timed, at = [], 0.0
        for word in text.split():
            pace, gap_ms = _tempo(word, speed)
            end = at + pace.symbol_ms * len(_spelled(word, pace))
            timed.append((word, at, end))
            at = end + gap_ms
        return timed

    async def speak(self, text: str, rate: int, speed: float = 1.0) -> Said:
        """Return what `say` and `timed` do, as a Speaker."""
        return Said(self.say(text, rate, speed), self.timed(text, speed))

    def hear(self, pcm: bytes, rate: int) -> list[Heard]:
        """Return the words, and pieces of words, that are in `pcm`, in order of time."""
        frames = _analysed(np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32), rate)
        starts = [(start, pace) for pace in (_USUAL, _FAST) for start in _starts(frames, pace)]
        words = [word for start, pace in starts if (word := _read(frames, start, pace))]
        edges = [start - pace.symbol_ms / 2 for start, pace in starts]
        return sorted([*words, *_pieces(frames, words, edges)], key=lambda heard: heard.start_ms)


def _tempo(word: str, speed: float) -> tuple[_Pace, float]:
    """Return how a word is spoken, and how long the silence after it is, in ms."""
    pace = _FAST if speed > 1 else _USUAL
    symbols = len(_spelled(word, pace))
    return pace, max(pace.symbol_ms, SYMBOL_MS * (symbols + 1) / speed - pace.symbol_ms * symbols)


def _spelled(word: str, pace: _Pace) -> list[tuple[int, int]]:
    data = word.encode("utf-8", "replace")
    checked = data + binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")
    return [pace.start, *((byte & 15, 16 + (byte >> 4)) for byte in checked), _END]


@lru_cache(maxsize=1_024)
def _chord(code: tuple[int, int], samples: int, rate: int) -> npt.NDArray[np.float64]:
    times = np.arange(samples) / rate
    sound = sum(np.sin(2 * np.pi * _TONES_HZ[tone] * times) for tone in code) * _TONE_LEVEL
    ramp = np.minimum(1, np.minimum(times, times[::-1]) * 1000 / _RAMP_MS)
    return np.asarray(sound * np.sin(np.pi / 2 * ramp) ** 2)


@lru_cache(maxsize=16)
def _waves(rate: int) -> tuple[_Floats, _Floats]:
    """Return the window, and the tones' cosines and sines under it: (samples,) and (samples, 64)."""
    size = round(_WINDOW_MS * rate / 1000)
    window = np.hanning(size + 1)[:-1]
    window /= window.sum()
    turns = 2 * np.pi * np.outer(np.arange(size), _TONES_HZ) / rate
    waves = np.concatenate([window[:, None] * np.cos(turns), window[:, None] * np.sin(turns)], axis=1)
    return window.astype(np.float32), waves.astype(np.float32)


def _analysed(samples: _Floats, rate: int) -> _Frames:
    window, waves = _waves(rate)
    size = len(window)
    padded = np.pad(samples, size // 2 + 1, mode="constant")
    centres = np.round(np.arange(0, len(samples), _HOP_MS * rate / 1000)).astype(int)
    rows = max(1, _MOST_PRODUCT // waves.size)
    stacked = np.pad(centres, (0, -len(centres) % rows)).reshape(-1, rows)
    tones, powers = [np.empty((0, 32), np.float32)], [np.empty(0, np.float32)]
    for first in range(0, len(stacked), _MOST_BLOCK // rows):
        frames = padded[stacked[first : first + _MOST_BLOCK // rows, :, None] + np.arange(size)]
        parts = (frames @ waves).reshape(-1, 64)
        tones.append(2 * (parts[:, :32] ** 2 + parts[:, 32:] ** 2))
        powers.append((frames**2 @ window).reshape(-1))
    return _frames(np.concatenate(tones)[: len(centres)], np.concatenate(powers)[: len(centres)])


def _frames(tones: _Floats, powers: _Floats) -> _Frames:
    best = np.sort(np.argpartition(tones, -2, axis=1)[:, -2:], axis=1)
    strongest = np.take_along_axis(tones, best, axis=1).sum(axis=1)
    share = np.where(powers > _FAINTEST, strongest / np.maximum(powers, 1e-9), 0).astype(np.float32)
    return _Frames(tones, best, share)


def _runs(flags: npt.NDArray[np.bool_], bridged: int) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of set flags; gaps of up to `bridged` flags are passed over."""
    places = np.flatnonzero(flags)
    if not len(places):
        return
    breaks = np.flatnonzero(np.diff(places) > bridged + 1)
    yield from zip(places[np.r_[0, breaks + 1]].tolist(), places[np.r_[breaks, len(places) - 1]].tolist(), strict=True)


def _starts(frames: _Frames, pace: _Pace) -> Iterator[float]:
    """Yield the centre, in ms, of each START of `pace`."""
    clear = (frames.best == pace.start).all(axis=1) & (frames.share > _CLEAR)
    for first, last in _runs(clear, bridged=1):
        # Clear for longer than one START can be: it was begun twice, and the word follows the end of the last.
        middle = (first + last) / 2 * _HOP_MS
        yield max(middle, last * _HOP_MS - (pace.symbol_ms - _UNCLEAR_MS) / 2 - _HOP_MS)


def _read(frames: _Frames, start: float, pace: _Pace) -> Heard | None:
    """Return the word whose START has its centre at `start` ms, if it is whole."""
    data = bytearray()
    while (frame := frames.at(start + pace.symbol_ms * (len(data) + 1))) < len(frames.share):
        low, high = frames.best[frame].tolist()
        if frames.share[frame] < _PURE:
            return None
        if (low, high) == _END:
            break
        if not low < 16 <= high:
            return None
        data.append(low | (high - 16) << 4)
    else:
        return None
    if len(data) < 3 or binascii.crc_hqx(bytes(data[:-2]), 0xFFFF) != int.from_bytes(data[-2:], "big"):
        return None
    begin = max(0.0, start - pace.symbol_ms / 2)
    return Heard(data[:-2].decode("utf-8", "replace"), begin, begin + pace.symbol_ms * (len(data) + 2))


def _pieces(frames: _Frames, words: list[Heard], edges: list[float]) -> Iterator[Heard]:
    """Yield the stretches of chords that belong to no whole word, divided where a word starts."""
    chords = frames.share > _PURE
    slack = _SHORTEST_PIECE_MS
    for word in words:
        chords[max(0, frames.at(word.start_ms - slack)) : frames.at(word.end_ms + slack) + 1] = False
    for edge in map(frames.at, edges):
        chords[max(0, edge - 4) : max(0, edge)] = False
    for first, last in _runs(chords, bridged=3):
        if (last - first) * _HOP_MS >= _SHORTEST_PIECE_MS:
            yield Heard("", first * _HOP_MS, last * _HOP_MS, whole=False)
