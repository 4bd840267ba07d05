"""Barge-in: when a voice over a reply means "stop", and when it only means "go on", or is the reply's own echo."""

import re
from dataclasses import dataclass

_NOT_LETTERS = re.compile(r"[^\w' ]+")
_ECHO_WORDS = 2  # in a row; a single one that the reply also has may be chance
_TAIL = 4_000  # characters of a reply that its echo can be of

# What English listeners say to show that they follow. Behind a question these are answers.
_FOLLOWING = frozenset(
    (
        *("aha", "ah", "oh", "yeah", "yep", "yes", "okay", "ok", "right", "sure", "really", "wow", "nice", "great"),
        *("cool", "good", "exactly", "alright", "interesting", "uh huh", "i see", "got it", "of course", "all right"),
    )
)
_HUMMED = re.compile(r"[hm]*m[hm]*")
_MOST_FOLLOWING = 6  # words


@dataclass(frozen=True, slots=True)
class BargeInLimits:
    """When a reply is cut, and when it goes on; in ms.

    `voiced_ms` of unbroken voice interrupt: longer than a click or a breath, shorter than "stop". `echo_voiced_ms` is
    the same once the caller's microphone has picked up the reply. A cut reply goes on when the voice has been over for
    `wordless_ms` and no word of it is known.
    """

    voiced_ms: float = 160
    echo_voiced_ms: float = 480
    wordless_ms: float = 700


def interrupts(voiced_ms: float, limits: BargeInLimits, *, echoes: bool = False) -> bool:
    """Tell whether a caller who has spoken for `voiced_ms` over the reply wants the floor."""
    return voiced_ms >= (limits.echo_voiced_ms if echoes else limits.voiced_ms)


def is_backchannel(text: str, reply: str) -> bool:
    """Tell whether these words, said over `reply`, only mean that it may go on; behind a question they answer it."""
    if reply.rstrip(" \n\"')*").endswith(("?", "？")):
        return False
    left = _words(text.replace("-", " "))
    if not 0 < len(left) <= _MOST_FOLLOWING:
        return False
    while left and (count := _following(left)):
        left = left[count:]
    return not left


def _following(words: list[str]) -> int:
    """Return how many words at the beginning show that the listener follows: one, two, or none."""
    if words[0] in _FOLLOWING or _HUMMED.fullmatch(words[0]):
        return 1
    return 2 if " ".join(words[:2]) in _FOLLOWING else 0


def is_echo(text: str, reply: str) -> bool:
    """Tell whether these words are the reply's own, as a microphone near a loudspeaker hears them."""
    words, said = _words(text), _words(reply[-_TAIL:])
    if len(words) < _ECHO_WORDS:
        return False
    return any(said[at : at + len(words)] == words for at in range(len(said) - len(words) + 1))


def _words(text: str) -> list[str]:
    return _NOT_LETTERS.sub("", text).casefold().split()
