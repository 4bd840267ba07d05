"""What a rule is asked: one clause of the caller's message, cleaned of what recognisers and politeness add."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tandem.core.ports import Message

MAX_CHARACTERS = 1_000  # about a minute of speech; what comes after is not looked at
MAX_CLAUSES = 6


@dataclass(frozen=True, slots=True)
class Request:
    """One clause to answer.

    `said` holds the caller's words without punctuation, `text` the same in lower case, `earlier` all messages before
    this clause (oldest first), and `now` the local time.
    """

    said: str
    earlier: Sequence[Message]
    now: datetime

    @property
    def text(self) -> str:
        return self.said.lower()


# A full stop, question mark or line break ends a clause; so does an "and" with a new request behind it.
_CLAUSE_END = re.compile(
    r"(?<=[.!?;])(?<!\bDr\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bSt\.)\s+|\n+"
    r"|,?\s(?:and then|and also|and|then)\s"
    r"(?=(?:what|whats|what's|how|who|where|when|tell me|convert|calculate|spell|my|i|repeat that|say that)\s)",
    re.IGNORECASE,
)
# These take all that follows them, however many sentences it has.
_TAKES_ALL = re.compile(
    r"\W{0,3}(?:\w{1,9}[ ,]{1,2}){0,4}?(?<!you )(?:remember|repeat after me[,:]?|say(?! that| it| this| again))\s",
    re.IGNORECASE,
)

_SYMBOLS = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "×": "*", "÷": "/", "−": "-", "–": "-", "—": " "})
_MARKUP = re.compile(r"[*^]")
_NOISE = re.compile(r"[^\w\s'.,:;!?%+\-*/^=()°√$€£]|_")
_LOOSE_PUNCTUATION = re.compile(r"[;!?]|[,:](?!\d)|(?<!\d)[,:]|\.(?!\d)|(?<!\w)'|'(?!\w)")
_THOUSANDS_COMMA = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CONTRACTIONS = (
    (re.compile(r"\bwat(?=s\b|'s\b|\b)", re.IGNORECASE), "what"),
    (re.compile(r"\b(what|who|how|where|when)'?s\b", re.IGNORECASE), r"\1 is"),
    (re.compile(r"\b(that|it|there)'s\b", re.IGNORECASE), r"\1 is"),
    (re.compile(r"\bi'?m\b", re.IGNORECASE), "I am"),
)
# "[noise]", "(music)" and the like stand where a recogniser heard no words; the rest is not worth an answer.
_NO_WORDS = re.compile(r"[\[(*][^\[\]()*\d]{0,60}[\])*]|(?:u+[hm]+|h+m+|m+|e+r+m?|a+h+|huh|mhm)[.,!? ]*", re.IGNORECASE)
_POLITE_START = re.compile(
    r"^(?:(?:(?:hey|hi|hello|ok|okay) tandem|tandem|please|kindly|um+|uh+|er+|so|well|ok|okay|and|now|then|just|alright"
    r"|actually|no|yes|oh|also"
    r"|(?:can|could|would|will) you(?: please)?|(?:please )?tell me|let me know|do you know|give me"
    r"|i (?:want|would like|need) (?:you )?to(?: know)?"
    r"|(?:hi|hello|hey)(?: there)?(?= (?:what|how|who|where|when|can|could|tell|please|my|i|is|do)\b)) (?=\S)){1,8}",
    re.IGNORECASE,
)
_POLITE_END = re.compile(r"(?<=\S)(?: (?:please|tandem|for me|thanks|thank you)){1,3}$", re.IGNORECASE)


def clauses(text: str) -> list[str]:
    """Split a message into at most MAX_CLAUSES cleaned clauses; a message without a word yields none."""
    text = text[:MAX_CHARACTERS].strip()
    if _NO_WORDS.fullmatch(text):
        return []
    if _TAKES_ALL.match(text):
        pieces = [_clean(text)]
    else:
        split = _CLAUSE_END.split(text, MAX_CLAUSES)[:MAX_CLAUSES]
        pieces = [_POLITE_END.sub("", _clean(piece)) for piece in split]
    return [piece for piece in pieces if any(map(str.isalnum, piece))]


def _clean(text: str) -> str:
    """Return `text` on one line, its contractions opened, without punctuation and opening politeness."""
    text = _plain(text)
    text = _LOOSE_PUNCTUATION.sub(" ", _THOUSANDS_COMMA.sub("", text))
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    text = " ".join(text.split())
    return _POLITE_START.sub("", text)


def speakable(text: str) -> str:
    """Return `text` on one line, with nothing in it that a voice would stumble over."""
    return " ".join(_MARKUP.sub(" ", _plain(text)).split())


def _plain(text: str) -> str:
    return _NOISE.sub(" ", unicodedata.normalize("NFC", text).translate(_SYMBOLS))
