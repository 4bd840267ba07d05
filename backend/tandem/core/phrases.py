"""Phrases: cuts the stream of a model's text into pieces that a voice can speak well, the first one early."""

import re

# Quotation marks, brackets and marks of emphasis may stand between a stop and the white space behind it.
_SENTENCE_END = re.compile(r"[.!?…][\"')\]”’*_`]*(?=\s)|[。！？]|\n")
_CLAUSE_END = re.compile(r"[,;:][\"')\]”’*_`]*(?=\s)|\s[-–—](?=\s)|[，；：、]")
# A full stop after one of these does not end a sentence, nor after a single capital ("J. Smith"), nor after a number
# that stands alone at the beginning or behind a colon ("1. Open the door").
_ABBREVIATION = re.compile(r"(?i:\b(?:mr|mrs|ms|dr|prof|st|vs|e\.g|i\.e|approx))\.\Z|\b[A-Z]\.\Z|(?:^\s*|:\s+)\d+\.\Z")
# These end a sentence or not, which what follows tells: a digit ("No. 5"), a small letter ("at 5 p.m. on Monday").
# As long as nothing does, it is not known.
_GOES_ON = (
    (re.compile(r"(?i:\bno)\.\Z"), re.compile(r"\s*(?:\d|\Z)")),
    (re.compile(r"(?i:\b(?:etc|[ap]\.m))\.\Z"), re.compile(r"\s*(?:[a-z]|\Z)")),
)


def split_after(text: str, letters: int) -> tuple[str, str]:
    """Return `text`, its white space folded, in two: its first `letters` characters that are no space, and the rest.

    Phrases hold the text's characters but not its spaces, so a text and its phrases are compared by characters.
    """
    folded = " ".join(text.split())
    end, left = 0, letters
    while left > 0 and end < len(folded):
        left -= folded[end] != " "
        end += 1
    return folded[:end].rstrip(), folded[end:].lstrip()


def count_letters(text: str) -> int:
    """Return how many characters of `text` are no white space."""
    return sum(len(word) for word in text.split())


class PhraseCutter:
    """Feed it pieces of text; collect phrases.

    A sentence is a phrase. A long sentence is cut at a clause: after `first_chars` for the reply's first phrase
    (so that the voice starts early), after `clause_chars` for the others. No phrase is longer than `most_chars`.
    The phrases hold every character of the text in order, white space folded.
    """

    def __init__(self, *, first_chars: int = 24, clause_chars: int = 80, most_chars: int = 240) -> None:
        self._first_chars = first_chars
        self._clause_chars = clause_chars
        self._most_chars = most_chars
        self._text = ""
        self._any = False

    def push(self, piece: str) -> list[str]:
        """Take the next piece of text; return the phrases that it completed."""
        self._text += piece
        phrases = []
        while (end := self._boundary()) is not None:
            phrases += self._take(end)
        return phrases

    def flush(self) -> list[str]:
        """Return what is left; the text is complete."""
        return [*self.push(""), *self._take(len(self._text))]

    def _take(self, end: int) -> list[str]:
        phrase = " ".join(self._text[:end].split())
        self._text = self._text[end:]
        self._any = self._any or bool(phrase)
        return [phrase] if phrase else []

    def _boundary(self) -> int | None:
        window = self._text[: self._most_chars]
        sentence = self._sentence_end(window)
        clause = self._clause_end(window)
        ends = [end for end in (sentence, clause) if end is not None]
        if ends:
            return min(ends)
        if len(self._text) <= self._most_chars:
            return None
        # Neither sentence nor clause ends in time: cut between words, or through a word that is longer than a phrase.
        space = window.rfind(" ", 1)
        return space if space > 0 else self._most_chars

    @staticmethod
    def _sentence_end(window: str) -> int | None:
        for match in _SENTENCE_END.finditer(window):
            if not _goes_on(window, match):
                return match.end()
        return None

    def _clause_end(self, window: str) -> int | None:
        least = self._clause_chars if self._any else self._first_chars
        for match in _CLAUSE_END.finditer(window):
            if match.end() >= least:
                return match.end()
        return None


def _goes_on(window: str, stop: re.Match[str]) -> bool:
    """Tell whether the sentence goes on behind what looks like its end."""
    if stop.group() == "\n":
        return False
    end = stop.start() + 1
    if _ABBREVIATION.search(window, 0, end):
        return True
    return any(before.search(window, 0, end) and after.match(window, stop.end()) for before, after in _GOES_ON)
