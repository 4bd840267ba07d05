"""The splice of a phrase that two voices speak: which of its words went out, and what the next one has to say."""

from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from tandem.core.audio import Word, duration_ms
from tandem.core.ports import SpokenAudio
from tandem.core.seam import plain

_ROUNDING_MS = 0.5


@dataclass(slots=True)
class Splice:
    """The account of one phrase. Times are in ms of the phrase as it is sent, whoever speaks.

    Audio that goes beyond the last whole word is held back while that costs nobody time, so that a voice that is
    lost in mid-word leaves no half word behind: the next one says that word from its beginning.
    """

    phrase: str
    rest: str = field(init=False)  # what the present voice was asked to say
    _base_ms: float = 0.0  # what earlier voices have sent
    _rate: int = 0
    _held: bytearray = field(default_factory=bytearray)
    _sent_bytes: int = 0  # of the present voice
    _words: list[Word] = field(default_factory=list)  # of the present voice, from its own start
    _told: int = 0  # how many of them have been passed on

    def __post_init__(self) -> None:
        self.rest = self.phrase

    def feed(self, audio: SpokenAudio, *, urgent: bool) -> SpokenAudio:
        """Take a piece of the present voice; return what of it can go out. If `urgent`, all of it can."""
        self._rate = audio.sample_rate
        self._held += audio.pcm
        self._words += audio.words
        return self._release(len(self._held) if urgent or not self._timed() else self._up_to_a_word())

    def finish(self) -> SpokenAudio:
        """The present voice has said all that it was asked to; return what was held back."""
        # The last word may end a little behind the last sample.
        end_ms = duration_ms(self._sent_bytes + len(self._held), self._rate) if self._rate else 0.0
        late = self._words[self._told :]
        self._words[self._told :] = [Word(word.text, word.start_ms, min(end_ms, word.end_ms)) for word in late]
        released = self._release(len(self._held))
        self.rest = ""
        return released

    def take_over(self) -> str:
        """Return what is left to say: the present voice, if any, is lost, and what was held back is dropped."""
        words = self.rest.split()
        self.rest = " ".join(words[self._said(words) :]) if self._sent_bytes else self.rest
        self._base_ms += duration_ms(self._sent_bytes, self._rate) if self._rate else 0.0
        self._held.clear()
        self._words.clear()
        self._sent_bytes = self._told = 0
        return self.rest

    def _timed(self) -> bool:
        ends = [word.end_ms for word in self._words]
        return bool(ends) and all(before <= after for before, after in pairwise(ends)) and ends[0] > 0

    def _up_to_a_word(self) -> int:
        """Return how many of the bytes held back lie before the end of the last word that is whole in them."""
        whole_ms = duration_ms(self._sent_bytes + len(self._held), self._rate)
        end_ms = max((word.end_ms for word in self._words if word.end_ms <= whole_ms + _ROUNDING_MS), default=0.0)
        end = 2 * round(end_ms * self._rate / 1000)
        return min(max(0, end - self._sent_bytes), len(self._held))

    def _release(self, count: int) -> SpokenAudio:
        count -= count % 2
        pcm = bytes(self._held[:count])
        del self._held[:count]
        self._sent_bytes += count
        sent_ms = duration_ms(self._sent_bytes, self._rate) if self._rate else 0.0
        known = list(takewhile(lambda word: word.end_ms <= sent_ms + _ROUNDING_MS, self._words[self._told :]))
        self._told += len(known)
        base = self._base_ms
        words = tuple(Word(word.text, base + word.start_ms, base + word.end_ms) for word in known)
        return SpokenAudio(pcm, self._rate, words)

    def _said(self, asked: list[str]) -> int:
        """Return how many of the words asked for were sent whole, as far as they are those that the voice tells of."""
        if not self._timed():
            return 0
        sent_ms = duration_ms(self._sent_bytes, self._rate)
        said = [plain(word.text) for word in takewhile(lambda each: each.end_ms <= sent_ms + _ROUNDING_MS, self._words)]
        count = 0
        for place, word in enumerate(asked, 1):
            if not any(char.isalnum() for char in word):  # a dash: nobody tells of it
                continue
            if not said or said.pop(0) != plain(word):
                break
            count = place
        return count
