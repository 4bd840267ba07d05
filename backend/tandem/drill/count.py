"""Counts numbered words: which are missing, which came twice, which came in the wrong order."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Count:
    """How many words were lost, came again, came before one that they follow, and were asked for by nobody."""

    lost: int
    repeated: int
    disordered: int
    strays: int


def count(owed: Sequence[str], got: Sequence[str], *, optional: Collection[str] = ()) -> Count:
    """Compare what was to be said with what came. Of `optional` words, those after the last that came are no loss."""
    times = Counter(got)
    places = {word: place for place, word in enumerate(owed)}
    came = [places[word] for word in dict.fromkeys(got) if word in places]
    return Count(
        lost=sum(not times[word] for word in _due(owed, times, optional)),
        repeated=sum(times[word] - 1 for word in places if times[word] > 1),
        disordered=sum(later < earlier for earlier, later in pairwise(came)),
        strays=sum(times[word] for word in times if word not in places),
    )


def _due(owed: Sequence[str], times: Counter[str], optional: Collection[str]) -> list[str]:
    last = max((place for place, word in enumerate(owed) if word in optional and times[word]), default=-1)
    return [word for place, word in enumerate(owed) if word not in optional or place < last]
