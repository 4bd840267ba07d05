"""What of a phrase can be pronounced, cut into the pieces that an engine is given one at a time."""

import re
import unicodedata

PIECE_CHARS = 200
_WORD_CHARS = 60  # longer runs without a space are not words; some engines hold a word in a fixed buffer

_ASCII = str.maketrans(
    {
        "‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": ", ", "…": ". ", "€": " euro ", "£": " pound ",
        "°": " degree ", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l",
    }
)  # fmt: skip
_SENTENCE_END = re.compile(r"[.!?;:。！？](?=\s)")
_CLAUSE_END = re.compile(r"[,)、，](?=\s)")


def clean(phrase: str) -> str:
    """Return `phrase` on one line without control characters, emoji and other signs that nobody says."""
    kept = "".join(char if _is_said(char) else " " for char in phrase)
    words = (word[at : at + _WORD_CHARS] for word in kept.split() for at in range(0, len(word), _WORD_CHARS))
    return " ".join(words)


def to_ascii(text: str) -> str:
    """Return `text` in the 95 printable ASCII characters: accents dropped, other scripts left out."""
    plain = unicodedata.normalize("NFKD", text.translate(_ASCII))
    return "".join(char for char in plain if " " <= char <= "~")


def pieces(text: str) -> list[str]:
    """Cut clean `text` into pieces of at most PIECE_CHARS, at the end of a sentence, a clause or a word.

    Each has something to pronounce: a text without a letter or a digit gives none.
    """
    found: list[str] = []
    while len(text) > PIECE_CHARS:
        cut = _cut(text[: PIECE_CHARS + 1])
        found.append(text[:cut].strip())
        text = text[cut:].strip()
    found.append(text)
    return [piece for piece in found if any(char.isalnum() for char in piece)]


def _cut(window: str) -> int:
    for pattern in (_SENTENCE_END, _CLAUSE_END):
        ends = [match.end() for match in pattern.finditer(window)]
        if ends:
            return ends[-1]
    space = window.rfind(" ")
    return space if space > 0 else len(window) - 1


def _is_said(char: str) -> bool:
    category = unicodedata.category(char)
    return (category[0] in "LNPM" and not _is_variation(char)) or category in ("Sc", "Sm") or char == "°"


def _is_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or char == "\u20e3"
