"""The playback ledger: which words of a reply were sent, and which of them the caller has heard."""

from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from tandem.core.audio import Word

# A voice speaks about 15 characters a second (150 words of 6 characters a minute); used only for a phrase whose
# audio is not complete yet, and the longer of this and what was sent counts, so that no word counts as heard early.
_CHARS_PER_MS = 0.015
_NEVER = float("inf")
_ROUNDING_MS = 0.5  # a word that ends within this of what has sounded was heard


@dataclass(slots=True)
class _Phrase:
    text: str
    start_ms: float
    sent_ms: float = 0.0
    complete: bool = False
    words: tuple[Word, ...] = ()

    def timed(self) -> list[tuple[str, float]]:
        """Return each word with its end in ms of the reply.

        There are three cases. The voice gives the times of all words: those count. It gives those of the first words,
        and the phrase is not complete: the others have no end yet. It gives none, or such as cannot be: the audio is
        shared out among the words by their letters, and the last one has no end before the phrase is complete.
        """
        texts = self.text.split()
        ends = [word.end_ms for word in self.words]
        if not _possible(ends, len(texts), complete=self.complete):
            ends = self._shared_out(texts)
        most = self.sent_ms if self.complete else _NEVER
        ends = [min(end, most) for end in ends] + [_NEVER] * (len(texts) - len(ends))
        return [(text, self.start_ms + end) for text, end in zip(texts, ends, strict=True)]

    def _shared_out(self, texts: list[str]) -> list[float]:
        length = self.sent_ms if self.complete else max(self.sent_ms, len(self.text) / _CHARS_PER_MS)
        total = sum(len(text) + 1 for text in texts)
        ends, so_far = [], 0
        for text in texts:
            so_far += len(text) + 1
            ends.append(length * so_far / total)
        return ends if self.complete else ends[:-1]


def _possible(ends: list[float], count: int, *, complete: bool) -> bool:
    """Tell whether a voice's word times can be those of a phrase of `count` words."""
    enough = len(ends) == count if complete else 0 < len(ends) <= count
    return enough and ends[:1] > [0.0] and all(earlier <= later for earlier, later in pairwise(ends))


@dataclass(slots=True)
class PlaybackLedger:
    """The account of one reply. All times are in ms; `now` is the clock's, the rest counts from the reply's start."""

    _phrases: list[_Phrase] = field(default_factory=list)
    _sent_ms: float = 0.0
    _plays_until: float = 0.0  # clock time at which the audio sent so far will have sounded
    _reported_ms: float = 0.0  # the most that the player ever said
    _stopped_ms: float | None = None  # what had sounded when playback was cleared

    def begin(self, phrase: str) -> None:
        """A phrase is next; what `sent` says from here on is its audio."""
        self._phrases.append(_Phrase(phrase, self._sent_ms))

    def sent(self, length_ms: float, words: tuple[Word, ...], now: float) -> None:
        """`length_ms` of the current phrase's audio went to the caller, with the word times known by now."""
        phrase = self._phrases[-1]
        phrase.sent_ms += length_ms
        phrase.words = (*phrase.words, *words)
        self._sent_ms += length_ms
        self._plays_until = max(self._plays_until, now) + length_ms

    def complete(self) -> None:
        """The current phrase's audio has all been sent."""
        self._phrases[-1].complete = True

    def abandon(self) -> None:
        """The current phrase will not be completed: only the words that its audio covers were said."""
        if not self._phrases or self._phrases[-1].complete:
            return
        phrase = self._phrases[-1]
        said = list(takewhile(lambda word: word[1] <= self._sent_ms, phrase.timed()))
        phrase.text = " ".join(text for text, _ in said)
        # The ends stay what they were, so that no word that was heard becomes unheard.
        phrase.words = tuple(Word(text, 0.0, end - phrase.start_ms) for text, end in said)
        phrase.complete = True

    def reported(self, played_ms: float, now: float) -> None:
        """The caller's player says how much has sounded. Never believed beyond what was sent, or backwards."""
        self._reported_ms = min(max(played_ms, self._reported_ms), self._sent_ms)
        self._plays_until = now + self._sent_ms - self._reported_ms

    def stop(self, now: float) -> None:
        """Playback was cleared: nothing more sounds. A report that is still on its way corrects the estimate."""
        self._stopped_ms = self.heard_ms(now)

    def settle(self, played_ms: float) -> None:
        """The player's own word on what had sounded when it was cleared."""
        self._stopped_ms = min(max(played_ms, 0.0), self._sent_ms)

    @property
    def sent_ms(self) -> float:
        return self._sent_ms

    @property
    def text(self) -> str:
        """The words of all phrases that were begun."""
        return " ".join(phrase.text for phrase in self._phrases if phrase.text)

    def heard_ms(self, now: float) -> float:
        """How much of the reply has sounded: it plays as long as there is audio, unless the player says otherwise."""
        if self._stopped_ms is not None:
            return self._stopped_ms
        return max(0.0, self._sent_ms - max(0.0, self._plays_until - now))

    def lead_ms(self, now: float) -> float:
        """How much audio is sent but not yet heard."""
        return self._sent_ms - self.heard_ms(now)

    def split(self, now: float) -> tuple[str, str]:
        """Return the reply's words as (heard, unheard). A word is heard once all of it has sounded."""
        heard_ms = self.heard_ms(now)
        timed = [word for phrase in self._phrases for word in phrase.timed()]
        # Once a word is unheard, all that follow are: what was heard is a prefix of the reply.
        heard = list(takewhile(lambda word: word[1] <= heard_ms + _ROUNDING_MS, timed))
        return " ".join(text for text, _ in heard), " ".join(text for text, _ in timed[len(heard) :])
