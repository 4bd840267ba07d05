"""The splice of a phrase that two voices speak: which of its words went out, and what the next one has to say."""

from collections.abc import Callable
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
    lost in mid-word leaves no half word behind: the next one says that word from its beginning. For a voice that tells
    no times a pause stands for the end of a word: `quiet` says how many bytes of PCM at a rate lie before the last one.

    Where such a voice is lost, `said` is what went out of `rest`: the next one says `rest` again, and begins to be
    sent, by `feed_from`, where that ends in it.
    """

    phrase: str
    quiet: Callable[[bytes, int], int] = lambda pcm, _: len(pcm)
    rest: str = field(init=False)  # what the present voice was asked to say
    said: SpokenAudio | None = None
    _base_ms: float = 0.0  # what earlier voices have sent
    _rest_ms: float = 0.0  # where in it `rest` begins
    _rate: int = 0
    _held: bytearray = field(default_factory=bytearray)
    _heard: bytearray = field(default_factory=bytearray)  # of the present voice, from its own start
    _skipped_bytes: int = 0  # of these: an earlier voice has sent the same
    _words: list[Word] = field(default_factory=list)  # of the present voice, from its own start
    _told: int = 0  # how many of them have been passed on

    def __post_init__(self) -> None:
        self.rest = self.phrase

    def feed(self, audio: SpokenAudio, *, urgent: bool) -> SpokenAudio:
        """Take a piece of the present voice; return what of it can go out. If `urgent`, all of it can."""
        self._rate = audio.sample_rate
        self._held += audio.pcm
        self._words += audio.words
        return self._release(len(self._held) if urgent else self._up_to_a_word())

    def feed_from(self, place_ms: float, audio: SpokenAudio, *, urgent: bool) -> SpokenAudio:
        """Take the beginning of the present voice, of which an earlier one has sent up to `place_ms`; as `feed`.

        The words before the place are told of as well, with their times as they must have been in that one's audio.
        """
        self._rate = audio.sample_rate
        skipped = min(2 * round(place_ms * audio.sample_rate / 1000), len(audio.pcm))
        self._heard += audio.pcm[:skipped]
        self._skipped_bytes = skipped
        before = list(takewhile(lambda word: word.end_ms <= place_ms + _ROUNDING_MS, audio.words))
        self._told = len(before)
        pace = (self._base_ms - self._rest_ms) / place_ms if place_ms else 0.0
        released = self.feed(SpokenAudio(audio.pcm[skipped:], audio.sample_rate, audio.words), urgent=urgent)
        told = [
            Word(word.text, self._rest_ms + word.start_ms * pace, self._rest_ms + word.end_ms * pace) for word in before
        ]
        return SpokenAudio(released.pcm, released.sample_rate, (*told, *released.words))

    def finish(self) -> SpokenAudio:
        """The present voice has said all that it was asked to; return what was held back."""
        # The last word may end a little behind the last sample.
        end_ms = self._ms(len(self._heard) + len(self._held))
        late = self._words[self._told :]
        self._words[self._told :] = [Word(word.text, word.start_ms, min(end_ms, word.end_ms)) for word in late]
        released = self._release(len(self._held))
        if not self._words and self.rest != self.phrase:  # of the words before times were told, so of all
            released = SpokenAudio(released.pcm, released.sample_rate, self._shared_out())
        self.rest, self.said = "", None
        return released

    def take_over(self) -> str:
        """Return what is left to say: the present voice, if any, is lost, and what was held back is dropped."""
        if self._heard:
            words = self.rest.split()
            count = self._said(words)
            self._base_ms = self.sent_ms
            self.rest = " ".join(words[count:])
            if count or self._timed():
                self.said, self._rest_ms = None, self._base_ms
            elif len(self._heard) > self._skipped_bytes:
                self.said = SpokenAudio(bytes(self._heard), self._rate)
        self._held.clear()
        self._heard.clear()
        self._words.clear()
        self._skipped_bytes = self._told = 0
        return self.rest

    @property
    def sent_ms(self) -> float:
        """How much audio has gone out."""
        return self._base_ms + self._ms(len(self._heard) - self._skipped_bytes)

    def _ms(self, byte_count: int) -> float:
        return duration_ms(byte_count, self._rate) if self._rate else 0.0

    def _timed(self) -> bool:
        ends = [word.end_ms for word in self._words]
        return bool(ends) and all(before <= after for before, after in pairwise(ends)) and ends[0] > 0

    def _up_to_a_word(self) -> int:
        """Return how many of the bytes held back lie before the end of the last word that is whole in them."""
        if not self._timed():
            return self.quiet(bytes(self._held), self._rate)
        whole_ms = self._ms(len(self._heard) + len(self._held))
        end_ms = max((word.end_ms for word in self._words if word.end_ms <= whole_ms + _ROUNDING_MS), default=0.0)
        end = 2 * round(end_ms * self._rate / 1000)
        return min(max(0, end - len(self._heard)), len(self._held))

    def _release(self, count: int) -> SpokenAudio:
        count -= count % 2
        pcm = bytes(self._held[:count])
        del self._held[:count]
        self._heard += pcm
        heard_ms = self._ms(len(self._heard))
        known = list(takewhile(lambda word: word.end_ms <= heard_ms + _ROUNDING_MS, self._words[self._told :]))
        self._told += len(known)
        base = self._base_ms - self._ms(self._skipped_bytes)
        words = tuple(Word(word.text, base + word.start_ms, base + word.end_ms) for word in known)
        return SpokenAudio(pcm, self._rate, words)

    def _shared_out(self) -> tuple[Word, ...]:
        """Return the words of `rest`, over the time in which they were said, by their letters."""
        texts = self.rest.split()
        letters = sum(len(text) + 1 for text in texts)
        length_ms = self.sent_ms - self._rest_ms
        words, at_ms = [], self._rest_ms
        for text in texts:
            end_ms = at_ms + length_ms * (len(text) + 1) / letters
            words.append(Word(text, at_ms, end_ms))
            at_ms = end_ms
        return tuple(words)

    def _said(self, asked: list[str]) -> int:
        """Return how many of the words asked for were sent whole, as far as they are those that the voice tells of."""
        if not self._timed():
            return 0
        heard_ms = self._ms(len(self._heard))
        said = [
            plain(word.text) for word in takewhile(lambda each: each.end_ms <= heard_ms + _ROUNDING_MS, self._words)
        ]
        count = 0
        for place, word in enumerate(asked, 1):
            if not any(char.isalnum() for char in word):  # a dash: nobody tells of it
                continue
            if not said or said.pop(0) != plain(word):
                break
            count = place
        return count
