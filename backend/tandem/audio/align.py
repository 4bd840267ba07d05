"""Finds the place in one voice's audio up to which another one has said the same, by how both of them sound."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tandem.audio.sound import HOP_MS, cepstra, gaps, normal
from tandem.core.audio import duration_ms
from tandem.core.ports import SpokenAudio

# How much longer one voice takes than the other, for the whole of what was said. Between the local voices: 0.92-1.31.
_RATIOS = (0.75, 0.85, 0.95, 1.0, 1.05, 1.15, 1.25, 1.35)
_LEAST_MS = 100.0  # of what was said: with less there is nothing to compare, and nothing much was said
_SPOILT = 3  # frames at the end of what was said that hear the cut
_BEND = 2.0  # what a step off that ratio costs; frames of the same sound in two voices differ by 7 to 8 on average
_LEAD_IN = 15  # frames by which the two may begin apart
_BEYOND_MS = 250  # of audio behind the place, before it is believed: where there is none, every place seems too early
# A place is as good as its match. Two streams of one voice differ by less than 1 and their place is exact; two
# voices differ by 7 to 8, and half of their places are wrong by 30-50 ms or more.
_SURE_MS, _UNSURE_MS = 15.0, 60.0
_SURE, _UNSURE = 2.0, 7.0
_MOST_BACK_MS = 400.0  # to the pause before the place; if it is further back, the voice goes on in mid-sound

Run = Callable[[Callable[[], float | None]], Awaitable[float | None]]
_Floats = NDArray[np.float64]


async def in_a_thread(search: Callable[[], float | None]) -> float | None:
    """Let the event loop go on: a search takes 5-40 ms."""
    return await asyncio.to_thread(search)


async def at_once(search: Callable[[], float | None]) -> float | None:
    """Keep the event loop waiting: for a clock that would run away meanwhile."""
    return search()


class SpeechAligner:
    """An Aligner; `run` has the search done."""

    def __init__(self, run: Run = in_a_thread) -> None:
        self._run = run

    def quiet_bytes(self, pcm: bytes, sample_rate: int) -> int:
        """Return how many bytes of mono 16-bit PCM lie before the middle of its last pause; 0 for no pause."""
        found = gaps(pcm, sample_rate)
        return 2 * round(sum(found[-1]) / 2 * sample_rate / 1000) if found else 0

    async def place_ms(self, said: SpokenAudio, again: SpokenAudio, *, whole: bool) -> float | None:
        """Return the ms of `again` up to which it says what `said` does; None: not in it yet, unless it is `whole`.

        The place lies between two words where the times of `again` tell them, or in a pause if there is one near.
        """
        return await self._run(lambda: _place_ms(said, again, whole=whole))


def _place_ms(said: SpokenAudio, again: SpokenAudio, *, whole: bool) -> float | None:
    length_ms = duration_ms(len(again.pcm), again.sample_rate)
    found_ms, cost = aligned(said, again)
    if not whole and found_ms + _BEYOND_MS > length_ms:
        return None
    give_ms = float(np.interp(cost, (_SURE, _UNSURE), (_SURE_MS, _UNSURE_MS)))
    words = [(word.start_ms, word.end_ms) for word in again.words]
    if words and words[0][1] > 0 and all(before[1] <= after[1] for before, after in pairwise(words)):
        return min(length_ms, _between(words, found_ms, give_ms))
    edges = [0.0, *(edge for gap in gaps(again.pcm, again.sample_rate) for edge in gap), length_ms]
    sounding = list(zip(edges[::2], edges[1::2], strict=True))
    place_ms = _between(sounding, found_ms, give_ms)
    return place_ms if abs(place_ms - found_ms) <= _MOST_BACK_MS else found_ms


def _between(sounding: list[tuple[float, float]], place_ms: float, give_ms: float) -> float:
    """Return the place itself, or, if it lies within a word, the word's beginning; its end if it is all but said."""
    for start_ms, end_ms in sounding:
        if start_ms < place_ms < end_ms:
            return end_ms if end_ms - place_ms <= give_ms else start_ms
    return place_ms


def aligned(said: SpokenAudio, again: SpokenAudio) -> tuple[float, float]:
    """Return the ms of `again` where `said` ends in it, and how much a frame of the two differs on average.

    Dynamic time warping: the beginnings are one, and the end is where it costs least. A step that is not of the
    ratio of the two voices' pace costs something, and each of several ratios is tried.
    """
    length_ms = duration_ms(len(said.pcm), said.sample_rate)
    if length_ms < _LEAST_MS:
        return 0.0, np.inf
    first, first_db = cepstra(said.pcm, said.sample_rate)
    second, second_db = cepstra(again.pcm, again.sample_rate)
    wanted = normal(first, first_db, len(first) - _SPOILT)[:-_SPOILT]
    end, ratio, cost = len(second) - 1, 1.0, np.inf
    for ratios in (_RATIOS, None, None):
        found = normal(second, second_db, end + 1)
        tried = [(*_cheapest(_stretched(wanted, each), found), each) for each in ratios or (ratio,)]
        cost, end, ratio = min(tried)
    left_ms = length_ms - len(wanted) * HOP_MS
    return (end + 1) * HOP_MS + left_ms * ratio, cost


def _cheapest(said: _Floats, again: _Floats) -> tuple[float, int]:
    costs = _ends(said, again)
    end = int(np.argmin(costs))
    return float(costs[end]), end


def _ends(said: _Floats, again: _Floats) -> _Floats:
    """Return for each frame of `again` what it costs, per frame, that all of `said` was said by its end."""
    squares = np.square(said).sum(axis=1)[:, None] + np.square(again).sum(axis=1) - 2 * said @ again.T
    costs = np.sqrt(np.maximum(squares, 0))
    total = np.full(len(again) + 2, np.inf)
    total[2 : 2 + _LEAD_IN] = costs[0, :_LEAD_IN]
    for row in costs[1:]:
        # The voice stays in the frame, goes on by one, or by two.
        total[2:] = np.minimum(np.minimum(total[2:], total[:-2]) + _BEND, total[1:-1]) + row
    return total[2:] / len(said)


def _stretched(frames: _Floats, ratio: float) -> _Floats:
    places = np.arange(max(1, round(len(frames) * ratio))) / ratio
    below = np.minimum(places.astype(int), len(frames) - 1)
    above = np.minimum(below + 1, len(frames) - 1)
    share = np.minimum(places - below, 1)[:, None]
    stretched: _Floats = frames[below] * (1 - share) + frames[above] * share
    return stretched
