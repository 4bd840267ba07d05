"""Transcript merge: joins the pieces that recognisers give into the words of one turn, each word once."""

import re
from dataclasses import dataclass, field, replace

from tandem.core.ports import Transcript

_NOT_LETTERS = re.compile(r"[^\w']+")


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """One segment of a turn as a screen shows it; a higher revision replaces a lower one."""

    segment: int
    revision: int
    transcript: Transcript


@dataclass(slots=True)
class TurnTranscript:
    """The caller's words of the current turn, from any number of transcripts by any number of recognisers."""

    _finals: list[Transcript] = field(default_factory=list)
    _segment: int = 0
    _revision: int = 0
    _awaited: int = 0

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

    def receive(self, transcript: Transcript) -> CaptionLine:
        """Take a recogniser's transcript; return the caption that it changes."""
        if transcript.ends_utterance:
            self._awaited = max(0, self._awaited - 1)
        self._revision += 1
        segment, revision = self._segment, self._revision
        fresh = without_overlap(self._finals[-1], transcript) if self._finals else transcript
        if transcript.final:
            if fresh.text:
                self._finals.append(fresh)
            self._segment, self._revision = segment + 1, 0
        return CaptionLine(segment, revision, fresh)

    def typed(self) -> int:
        """Return the number of a segment that was typed instead of spoken."""
        self._segment, self._revision = self._segment + 1, 0
        return self._segment - 1

    def clear(self) -> None:
        """The turn is answered; the next one begins. Segments go on counting, so that captions stay apart."""
        self._finals.clear()


def without_overlap(settled: Transcript, later: Transcript) -> Transcript:
    """Return `later` without the words that `settled` has already given for the same audio.

    There are three cases. The stretches of audio do not overlap: all of it is new. Words come with times: those whose
    middle lies in settled audio are dropped. No times: the longest run of words that ends the one and begins the
    other is dropped, as audio that was heard twice gives the same words at the seam.
    """
    if later.start_ms >= settled.end_ms:
        return later
    if later.words and len(later.words) == len(later.text.split()):
        kept = [i for i, word in enumerate(later.words) if (word.start_ms + word.end_ms) / 2 >= settled.end_ms]
        texts = later.text.split()
        return replace(
            later,
            text=" ".join(texts[i] for i in kept),
            words=tuple(later.words[i] for i in kept),
            start_ms=settled.end_ms,
        )
    texts = later.text.split()
    return replace(later, text=" ".join(texts[_seam(settled.text.split(), texts) :]), start_ms=settled.end_ms)


def _seam(before: list[str], after: list[str]) -> int:
    """Length of the longest run of words that ends `before` and begins `after`, case and punctuation aside."""
    ending = [_NOT_LETTERS.sub("", word).lower() for word in before]
    beginning = [_NOT_LETTERS.sub("", word).lower() for word in after]
    for length in range(min(len(ending), len(beginning)), 0, -1):
        if ending[-length:] == beginning[:length]:
            return length
    return 0
