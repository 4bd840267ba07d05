"""The seam of a reply that two models write: nothing is said twice, and no word is half of one, half of the other."""

import re
import unicodedata

# Chinese and Japanese put no space between words: there, each character is one.
_UNSPACED = re.compile(r"[\u3000-\u9fff\uf900-\ufaff\uff00-\uffef]")
_WORD = re.compile(rf"{_UNSPACED.pattern}|(?:(?!{_UNSPACED.pattern})\S)+")
_CLOSING = tuple(".,;:!?…)]}»”’。，、！？")
_MOST_HELD_WORDS = 400  # a model that says more than this over again is not held back any longer


class WholeWords:
    """Holds back the last word of a text that comes in pieces, until it is known to be whole."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; return what is whole by now, with the white space that follows it."""
        text = self._held + piece
        end = 1 + max((at for at, char in enumerate(text) if char.isspace() or _UNSPACED.match(char)), default=-1)
        self._held = text[end:]
        return text[:end]

    def flush(self) -> str:
        """Return the last word; the text is complete."""
        held, self._held = self._held, ""
        return held


class Seam:
    """Joins what a model writes to what was `begun`: it may go on, or say some or all of it again first.

    Words are compared without case and punctuation. A repetition is held back until it is known how far it goes.
    """

    def __init__(self, begun: str) -> None:
        self._begun = [plain(word) for word in _WORD.findall(begun)]
        self._open_end = any(_is_letter(char) for char in begun.rstrip()[-1:])
        self._spaced = bool(begun) and not begun[-1].isspace() and not _UNSPACED.match(begun[-1])
        self._held = ""
        self._joined = False

    def feed(self, text: str) -> str:
        """Take the next whole words; return what of them and of those held back is new."""
        if self._joined:
            return text
        self._held += text
        words = [plain(word) for word in _WORD.findall(self._held)]
        if not words or (len(words) < _MOST_HELD_WORDS and self._may_still_repeat(words)):
            return ""
        return self.flush()

    def flush(self) -> str:
        """Return what is new in the words held back; the model has ended, or what comes is new."""
        if self._joined:
            return ""
        words = list(_WORD.finditer(self._held))
        repeated = self._repeated([plain(word.group()) for word in words])
        self._joined = True
        after = self._held[_end_of(words[repeated - 1], self._open_end) if repeated else 0 :]
        rest = after.lstrip()
        apart = self._spaced and after and not (rest.startswith(_CLOSING) or _UNSPACED.match(rest))
        return f" {rest}" if apart else rest

    def _may_still_repeat(self, words: list[str]) -> bool:
        """Tell whether `words` are the start of a repetition that reaches the end of what was begun, but do not yet."""
        begun = self._begun
        return any(begun[start : start + len(words)] == words for start in range(len(begun) - len(words)))

    def _repeated(self, words: list[str]) -> int:
        """Return how many of `words` repeat the end of what was begun: as many as possible."""
        begun = self._begun
        for count in range(min(len(begun), len(words)), 0, -1):
            if begun[-count:] == words[:count]:
                return count
        return 0


def plain(word: str) -> str:
    """Return a word without case and punctuation, for comparisons; one of punctuation only stays as it is."""
    return "".join(char for char in word if _is_letter(char)).casefold() or word


def _end_of(word: re.Match[str], open_end: bool) -> int:
    """Return where a repeated word ends; the punctuation behind it is new if what was begun has none there."""
    ends = [at for at, char in enumerate(word.group(), 1) if _is_letter(char)]
    return word.start() + ends[-1] if open_end and ends else word.end()


def _is_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"
