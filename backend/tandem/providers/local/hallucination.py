"""What a neural recogniser says although nobody did, and how it is told from speech.

moonshine's tiny model answers silence, white noise, hum and tones alike with "You", and may fall into a loop.
"""

import re

import numpy as np
import numpy.typing as npt

_WINDOW_MS = 20
_SILENCE_RMS = 0.0015  # -56 dBFS: quieter than any voice a caller sends, louder than a sound card's own noise
_STEADY_DB = 3.0  # white noise and hum stay within 1.5 dB from window to window, speech covers 10 dB and more
_STEADY_LONGER_THAN_WINDOWS = 20

_LONE = frozenset({"you"})
_FASTEST_WORDS_PER_S = 4.0
_LONGEST_LOOP_WORDS = 8
_LOOP_TURNS = 4

Samples = npt.NDArray[np.float32]


def may_be_speech(samples: Samples, rate: int) -> bool:
    """Say whether somebody may have spoken in `samples` (mono, full scale 1.0): neither silence nor a steady sound."""
    window = rate * _WINDOW_MS // 1000
    count = len(samples) // window
    if count == 0:
        return False
    energies = np.square(samples[: count * window]).reshape(count, window).mean(axis=1)
    loud, quiet = np.percentile(energies, [95, 10])
    if loud < _SILENCE_RMS**2:
        return False
    if count <= _STEADY_LONGER_THAN_WINDOWS:
        return True
    return bool(loud > quiet * 10 ** (_STEADY_DB / 10))


def believable(text: str, seconds: float) -> str:
    """Return what of `text`, heard in `seconds` of audio, can have been said; "" if nothing can."""
    words = text.split()
    bare = re.sub(r"[^\w\s]|_", "", text).casefold().strip()
    if not bare or bare in _LONE:
        return ""
    if len(words) <= seconds * _FASTEST_WORDS_PER_S:
        return text.strip()
    return " ".join(_without_loops(words))


def _without_loops(words: list[str]) -> list[str]:
    """Leave one turn of whatever is repeated four times and more in a row."""
    kept: list[str] = []
    at = 0
    while at < len(words):
        length, turns = _loop_at(words, at)
        kept += words[at : at + length]
        at += length * turns
    return kept


def _loop_at(words: list[str], at: int) -> tuple[int, int]:
    """Return the words and the turns of the loop that begins at `at`; (1, 1) if there is none."""
    plain = [word.strip(".,!?").casefold() for word in words[at:]]
    for length in range(1, _LONGEST_LOOP_WORDS + 1):
        turns = 1
        while plain[turns * length : (turns + 1) * length] == plain[:length]:
            turns += 1
        if turns >= _LOOP_TURNS:
            return length, turns
    return 1, 1
