"""Transcript merge: joins the pieces that recognisers give into the words of one turn, each word once."""

import re
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from tandem.core.ports import Transcript

_NOT_LETTERS = re.compile(r"[^\w']+")
_LEAST_OVERLAP_MS = 100  # no word is shorter, so a shorter overlap repeats none
_UNEVEN_PACE = 2  # words in one part of a stretch may come this much faster than on average
_LEAST_SAME_WORDS = 2  # in a row; a single one that is the same may be chance


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """One segment of a turn as a screen shows it; a higher revision replaces a lower one.

    `changed` is False for interim words that are shown already.
    """

    segment: int
    revision: int
    transcript: Transcript
    changed: bool


@dataclass(slots=True)
class TurnTranscript:
    """The caller's words of the current turn, from any number of transcripts by any number of recognisers."""

    _finals: list[Transcript] = field(default_factory=list)
    _answered: int = 0  # this many finals belong to utterances that are answered: their audio is never heard again
    _segment: int = 0
    _revision: int = 0
    _awaited: int = 0
    _interim: str = ""
    turn_over: float | None = None  # as in Transcript, of all words so far

    def stopped(self) -> None:
        """The caller paused: one more final transcript is due."""
        self._awaited += 1

    def forget_awaited(self) -> None:
        """No recogniser will answer any more: what is here is all there is."""
        self._awaited = 0

    @property
    def settled(self) -> bool:
        """Tell whether every pause has been answered by its final transcript."""
        return self._awaited == 0

    @property
    def text(self) -> str:
        return " ".join(final.text for final in self._finals if final.text)

    @property
    def so_far(self) -> str:
        """The text, and behind it what a recogniser may still change."""
        return f"{self.text} {self._interim}".strip()

    def receive(self, transcript: Transcript) -> CaptionLine:
        """Take a recogniser's transcript; return the caption that it changes."""
        if transcript.ends_utterance:
            self._awaited = max(0, self._awaited - 1)
        self._revision += 1
        segment, revision = self._segment, self._revision
        fresh = self._fresh(transcript)
        changed = transcript.final or fresh.text != self._interim
        if fresh.text:
            self.turn_over = transcript.turn_over
        self._interim = "" if transcript.final else fresh.text
        if transcript.final:
            if fresh.text:
                self._finals.append(fresh)
            self._segment, self._revision = segment + 1, 0
        if transcript.ends_utterance:
            self._answered = len(self._finals)
        return CaptionLine(segment, revision, fresh, changed)

    def _fresh(self, transcript: Transcript) -> Transcript:
        again = [
            final for final in self._finals[self._answered :] if final.end_ms - transcript.start_ms > _LEAST_OVERLAP_MS
        ]
        if not again:
            return transcript
        text = " ".join(final.text for final in again)
        settled = Transcript(text, True, again[0].start_ms, max(final.end_ms for final in again))
        return without_overlap(settled, transcript)

    def typed(self) -> int:
        """Return the number of a segment that was typed instead of spoken."""
        number = self._segment + 1 if self._revision else self._segment
        self._segment, self._revision = number + 1, 0
        return number

    def clear(self) -> None:
        """The turn is answered; the next one begins. Segments go on counting, so that captions stay apart."""
        self._finals.clear()
        self._interim = ""
        self.turn_over = None
        self._answered = 0


def without_overlap(settled: Transcript, later: Transcript) -> Transcript:
    """Return `later` without the words that `settled` has already given for the same audio.

    There are four cases. The stretches of audio hardly overlap: all of it is new. Words come with times: those whose
    middle lies in settled audio are dropped. No times, and all of it lies in settled audio: nothing is new. No times
    otherwise: audio that was heard twice gives (nearly) the same words, so what stands at the seam of both is dropped,
    though not many more words than the overlap has room for.
    """
    if settled.end_ms - later.start_ms <= _LEAST_OVERLAP_MS:
        return later
    texts = later.text.split()
    if later.words and len(later.words) == len(texts):
        kept = [i for i, word in enumerate(later.words) if (word.start_ms + word.end_ms) / 2 >= settled.end_ms]
    elif later.end_ms <= settled.end_ms:
        kept = []
    else:
        share = (settled.end_ms - later.start_ms) / (later.end_ms - later.start_ms)
        most = round(_UNEVEN_PACE * share * len(texts))
        kept = list(range(_seam(settled.text.split(), texts, most), len(texts)))
    return replace(
        later,
        text=" ".join(texts[i] for i in kept),
        words=tuple(later.words[i] for i in kept) if len(later.words) == len(texts) else (),
        start_ms=min(settled.end_ms, later.end_ms),
    )


def _seam(before: list[str], after: list[str], most: int) -> int:
    """Return how many words at the beginning of `after` (0-`most`) say again what ends `before`.

    Case and punctuation are put aside.
    The longest run that is the same counts; if there is none, the recognisers spelled something differently, and the
    words on both sides of what is the same are taken for each other.
    """
    ending = [_NOT_LETTERS.sub("", word).lower() for word in before]
    beginning = [_NOT_LETTERS.sub("", word).lower() for word in after]
    for length in range(min(len(ending), len(beginning), most), 0, -1):
        if ending[-length:] == beginning[:length]:
            return length
    same = SequenceMatcher(None, ending, beginning, autojunk=False).find_longest_match()
    if same.size < _LEAST_SAME_WORDS:
        return 0
    length = same.b + len(ending) - same.a
    return length if length <= most else 0
