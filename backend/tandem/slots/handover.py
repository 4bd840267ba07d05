"""The handover of a phrase from one voice to the next, where the one that was lost told no times of its words."""

from dataclasses import dataclass

from tandem.core.audio import Word, duration_ms
from tandem.core.ports import Aligner, Clock, SpokenAudio
from tandem.core.splice import Splice
from tandem.slots.request import Served

_FIRST_SHARE, _BEYOND_MS = 0.75, 250  # of the length of what was said, and so much more: it may be in it by now
_AGAIN_AFTER_MS = 200  # of further audio
_MOST_TIMES, _MOST_MORE_MS = 2, 1_000  # no voice takes longer than that for the same
_MOST_WAIT_MS = 1_500  # from the first audio on; then the best place is good enough


class Handover:
    """Feeds a splice with the audio of one voice after another.

    Where an earlier voice has sent part of what the present one was asked for, nothing of that goes out before it is
    known where to begin.
    """

    def __init__(self, splice: Splice, aligner: Aligner, clock: Clock) -> None:
        self._splice = splice
        self._aligner = aligner
        self._clock = clock
        self._attempt = 0
        self._search: _Search | None = None

    async def feed(self, served: Served[SpokenAudio], *, urgent: bool) -> SpokenAudio:
        """Take a piece of the voice that serves now; return what can go out, be it nothing."""
        audio = served.item
        if served.attempt != self._attempt:
            self._attempt = served.attempt
            said = self._splice.said
            self._search = _Search(said, self._clock(), audio.sample_rate) if said else None
        if self._search is None:
            return self._splice.feed(audio, urgent=urgent)
        self._search.take(audio)
        if not (late := self._search.late(self._clock())) and not self._search.due:
            return SpokenAudio(b"", audio.sample_rate)
        return await self._begin(self._search, urgent=urgent, whole=late)

    async def finish(self) -> SpokenAudio:
        """The last voice has ended; return what was held back."""
        if self._search is None:
            return self._splice.finish()
        begun = await self._begin(self._search, urgent=True, whole=True)
        ended = self._splice.finish()
        return SpokenAudio(begun.pcm + ended.pcm, begun.sample_rate, begun.words + ended.words)

    async def _begin(self, search: "_Search", *, urgent: bool, whole: bool) -> SpokenAudio:
        again = search.again()
        place_ms = await self._aligner.place_ms(search.said, again, whole=whole)
        if place_ms is None:
            return SpokenAudio(b"", again.sample_rate)
        self._search = None
        return self._splice.feed_from(place_ms, again, urgent=urgent)


@dataclass(slots=True)
class _Search:
    """A voice's audio, until it is known from where on it is new."""

    said: SpokenAudio
    began: float
    rate: int
    pcm: bytes = b""
    words: tuple[Word, ...] = ()
    next_ms: float = 0.0  # of audio, for the next try

    def __post_init__(self) -> None:
        self.next_ms = _FIRST_SHARE * self._said_ms + _BEYOND_MS

    @property
    def _said_ms(self) -> float:
        return duration_ms(len(self.said.pcm), self.said.sample_rate)

    @property
    def _length_ms(self) -> float:
        return duration_ms(len(self.pcm), self.rate)

    @property
    def due(self) -> bool:
        """Whether there is so much more audio that it is worth a try."""
        return self._length_ms >= self.next_ms

    def late(self, now: float) -> bool:
        """Tell whether it has been sought for long enough."""
        return now - self.began > _MOST_WAIT_MS or self._length_ms > _MOST_TIMES * self._said_ms + _MOST_MORE_MS

    def take(self, audio: SpokenAudio) -> None:
        self.pcm += audio.pcm
        self.words += audio.words

    def again(self) -> SpokenAudio:
        self.next_ms = self._length_ms + _AGAIN_AFTER_MS
        return SpokenAudio(self.pcm, self.rate, self.words)
