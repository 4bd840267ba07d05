"""The playback ledger: which words of a reply were sent, and which of them the caller has heard."""

from dataclasses import dataclass, field

from tandem.core.audio import Word

# A voice speaks about 15 characters a second (150 words of 6 characters a minute); used only for a phrase whose
# audio is not complete yet, and the longer of this and what was sent counts, so that no word counts as heard early.
_CHARS_PER_MS = 0.015


@dataclass(slots=True)
class _Phrase:
    text: str
    start_ms: float
    sent_ms: float = 0.0
    complete: bool = False
    words: tuple[Word, ...] = ()

    def timed(self) -> list[tuple[str, float]]:
        """Return each word with its end in ms of the reply."""
        return list(zip(self.text.split(), self._word_ends(), strict=True))

    def _word_ends(self) -> list[float]:
        """As the voice says, else in proportion to the letters before."""
        texts = self.text.split()
        if len(self.words) == len(texts):
            most = self.sent_ms if self.complete else float("inf")
            return [self.start_ms + min(word.end_ms, most) for word in self.words]
        length = self.sent_ms if self.complete else max(self.sent_ms, len(self.text) / _CHARS_PER_MS)
        total = sum(len(text) + 1 for text in texts)
        ends, so_far = [], 0
        for text in texts:
            so_far += len(text) + 1
            ends.append(self.start_ms + length * so_far / total)
        return ends


@dataclass(slots=True)
class PlaybackLedger:
    """The account of one reply. All times are in ms; `now` is the clock's, the rest counts from the reply's start."""

    _phrases: list[_Phrase] = field(default_factory=list)
    _sent_ms: float = 0.0
    _plays_until: float = 0.0  # clock time at which the audio sent so far will have sounded
    _reported_ms: float | None = None
    _reported_at: float = 0.0
    _stopped: bool = False

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
        if self._phrases and not self._phrases[-1].complete:
            phrase = self._phrases[-1]
            said = [word for word, end in phrase.timed() if end <= self._sent_ms]
            phrase.text, phrase.words, phrase.complete = " ".join(said), phrase.words[: len(said)], True

    def reported(self, played_ms: float, now: float) -> None:
        """The caller's player says how much has sounded. Never believed beyond what was sent, or backwards."""
        played = min(max(played_ms, self._reported_ms or 0.0), self._sent_ms)
        self._reported_ms, self._reported_at = played, now

    def stop(self, now: float) -> None:
        """Playback was cleared: nothing more sounds. A report that is still on its way corrects the estimate."""
        estimate = self.heard_ms(now)
        self._stopped = True
        self._reported_ms, self._reported_at = estimate, now

    def settle(self, played_ms: float) -> None:
        """The player's own word on what had sounded when it was cleared."""
        self._reported_ms = min(max(played_ms, 0.0), self._sent_ms)

    @property
    def sent_ms(self) -> float:
        return self._sent_ms

    @property
    def text(self) -> str:
        """The words of all phrases that were begun."""
        return " ".join(phrase.text for phrase in self._phrases if phrase.text)

    def heard_ms(self, now: float) -> float:
        """How much of the reply has sounded: from the player's last report, else as if it played without a gap."""
        if self._stopped and self._reported_ms is not None:
            return self._reported_ms
        if self._reported_ms is not None:
            return min(self._sent_ms, self._reported_ms + max(0.0, now - self._reported_at))
        return max(0.0, self._sent_ms - max(0.0, self._plays_until - now))

    def lead_ms(self, now: float) -> float:
        """How much audio is sent but not yet heard."""
        return self._sent_ms - self.heard_ms(now)

    def split(self, now: float) -> tuple[str, str]:
        """Return the reply's words as (heard, unheard). A word is heard once all of it has sounded."""
        heard_ms = self.heard_ms(now)
        heard: list[str] = []
        unheard: list[str] = []
        for phrase in self._phrases:
            for text, end in phrase.timed():
                # Once a word is unheard, all that follow are: what was heard is a prefix of the reply.
                (heard if end <= heard_ms + 0.5 and not unheard else unheard).append(text)
        return " ".join(heard), " ".join(unheard)
