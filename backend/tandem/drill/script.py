"""What is said in a drill's call: numbered words, so that each can be told from every other one, and counted."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Each ends in a letter: after a digit the gateway waits longer, because a number may go on.
_CALLER_WORD = re.compile(r"\bc(\d)\d\dw\b")
_REPLY_WORD = re.compile(r"\bm(\d)\d\dw\b")
_NOT_LETTERS = re.compile(r"[^\w ]")

# What the gateway says of its own accord, each beginning with a word of its own.
APOLOGY, FILLER, VOICELESS = "sorry1w sorry2w sorry3w.", "wait1w wait2w.", "hush1w hush2w."
_OWN_WORD = re.compile(r"(sorry|wait|hush)\dw")
TOOL = "look_up"
TOOL_RESULT = "found"


@dataclass(frozen=True, slots=True)
class TurnScript:
    """A turn: the caller's words, after how many of them the caller takes a breath (0: never), and the answer."""

    said: tuple[str, ...]
    breath_after: int
    reply: str

    @property
    def owed(self) -> tuple[str, ...]:
        """The words of the answer, without punctuation."""
        return tuple(words_of(self.reply))


@lru_cache(maxsize=4_096)
def turn_script(seed: int, turn: int, *, long: bool) -> TurnScript:
    """Return turn `turn` (1-9) of the calls with this seed; a `long` one has 20 words of reply, a short one 6."""
    rng = random.Random(f"script/{seed}/{turn}")  # noqa: S311 a drill has to be repeatable, not secret
    count = rng.randint(8, 12) if long else rng.randint(3, 5)
    said = tuple(f"c{turn}{number:02d}w" for number in range(1, count + 1))
    breath_after = rng.choice((0, count // 2)) if long else 0
    return TurnScript(said, breath_after, _sentences(turn, 20 if long else 6, rng))


def _sentences(turn: int, count: int, rng: random.Random) -> str:
    words = [f"m{turn}{number:02d}w" for number in range(1, count + 1)]
    at = rng.randint(4, 5)  # as people begin, with something short
    while at < count:
        words[at - 1] += "." if rng.random() < 0.6 else ","
        at += rng.randint(3, 7)
    words[-1] += "."
    return " ".join(words)


def words_of(text: str) -> list[str]:
    """Return the words of a text without punctuation and case, so that texts and recordings can be compared."""
    return _NOT_LETTERS.sub("", text).casefold().split()


def caller_words(text: str) -> list[str]:
    """Return the numbered words of the caller that are in a text."""
    return [match.group() for match in _CALLER_WORD.finditer(text)]


def reply_words(words: Sequence[str]) -> list[str]:
    """Return those of `words` that a model wrote."""
    return [word for word in words if _REPLY_WORD.fullmatch(word)]


def own_words(words: Sequence[str]) -> list[str]:
    """Return those of `words` that the gateway says of its own accord: a filler, an apology."""
    return [word for word in words if _OWN_WORD.fullmatch(word)]


def others_words(words: Sequence[str]) -> list[str]:
    """Return the rest of `words`."""
    return [word for word in words if not _OWN_WORD.fullmatch(word)]


def turn_of(word: str) -> int:
    """Return the turn that a numbered word belongs to."""
    return int(word[1])


def turn_asked(text: str) -> int:
    """Return the turn that a user's message asks about, by its last words; 0 if it has none."""
    words = caller_words(text)
    return turn_of(words[-1]) if words else 0
