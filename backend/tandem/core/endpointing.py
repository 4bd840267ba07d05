"""Endpointing: how much silence ends a turn, by how finished its words are and how long this caller's pauses are."""

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum

_TAIL = 200  # characters; the rules look at the last words only


class Ending(Enum):
    """How finished the words of a turn are."""

    DONE = "done"  # a question, an answer of a word or two
    FINISHED = "finished"  # a sentence that may be followed by another one
    PLAIN = "plain"  # nothing tells
    DIGITS = "digits"  # a number or a spelling that may go on
    OPEN = "open"  # the words ask for more: "what is the"
    HESITANT = "hesitant"  # the caller thinks aloud: "um"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a silence (ms) ends a turn, by its ending.

    People leave some 200 ms between turns, and pause for up to a second and more within them.
    """

    done_ms: float = 300
    finished_ms: float = 350
    plain_ms: float = 600
    digits_ms: float = 1_000
    open_ms: float = 1_500
    hesitant_ms: float = 2_500

    def after(self, ending: Ending) -> float:
        """Return the silence that ends a turn with this ending."""
        return {
            Ending.DONE: self.done_ms,
            Ending.FINISHED: self.finished_ms,
            Ending.PLAIN: self.plain_ms,
            Ending.DIGITS: self.digits_ms,
            Ending.OPEN: self.open_ms,
            Ending.HESITANT: self.hesitant_ms,
        }[ending]


# English; words of other languages stand in none of these lists. What a punctuating recogniser puts behind a word does
# not count for the first three: it hears a pause, and often takes it for the end of a sentence.
_HESITATION = re.compile(
    r"(\b(um+|uh+|uhm|er+m?|hm+|let me (see|think|check)|let's see|hold on)[\s,.…-]*|…\s*|\.\.\.\s*)$", re.I
)
_OPEN_WORDS = re.compile(
    r"\b(a|an|and|any|as|at|because|before|between|but|by|can|could|did|does|every|for|from|had|has|have|he|his|i|i'd|"
    r"i'll|i'm|i've|if|in|into|is|it's|its|just|maybe|my|need|next|nor|of|on|onto|or|our|put|said|say|set|she|should|"
    r"since|some|than|that's|the|their|then|there's|they|to|under|until|very|want|was|we|we're|were|what|what's|when|"
    r"where|whether|which|while|who|whose|why|will|with|without|would|your|(is|was|think|said|know|so|sure|hope) that)"
    r"[\s,.…-]*$",
    re.I,
)
_DIGIT = (
    r"(\d+|zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|double|triple|hundred|thousand|[a-z])"
)
# Two in a row, three figures, or nothing else; one alone ("what is six times seven") is a number like any other.
_DIGITS = re.compile(rf"((^|[\s,.-]){_DIGIT}[\s,.-]+{_DIGIT}|^\W*{_DIGIT}|\d{{3}})[\s,.-]*$", re.I)
_GREETING = re.compile(r"^\W*(hello|hi|hey|good (morning|afternoon|evening))( there)?\W*$", re.I)
_QUESTION = re.compile(r"[?？]\s*$")
_NOT_LETTERS = re.compile(r"[\W_]+")
_SENTENCE = re.compile(r"[.!。！][\"')\]”’]*\s*$")
_ANSWER = re.compile(
    r"^\W*(yes|yeah|yep|no|nope|okay|ok|sure|right|correct|exactly|thanks|thank you|bye|goodbye|stop|"
    r"cancel|repeat|continue|next|never mind|nothing|of course|i do|i don't know|go ahead|not yet|that's (it|all))"
    r"(,? (please|thanks|thank you|it is|i (do|am|have|did)|that's (right|all|it)))?\W*$",
    re.I,
)


def ending_of(text: str) -> Ending:
    """Return how finished these words are: the whole of a turn as far as it is known, in any language."""
    tail = text[-_TAIL:]
    if _HESITATION.search(tail):
        return Ending.HESITANT
    if _QUESTION.search(tail) or (len(text) <= _TAIL and _ANSWER.search(tail)):
        return Ending.DONE
    if _OPEN_WORDS.search(tail):
        return Ending.OPEN
    if _DIGITS.search(tail):
        return Ending.DIGITS
    finished = _SENTENCE.search(tail) and not _GREETING.search(tail)  # behind a greeting comes what it is about
    return Ending.FINISHED if finished else Ending.PLAIN


def same_words(one: str, other: str) -> bool:
    """Tell whether two texts differ in case, punctuation and white space at most."""
    return _NOT_LETTERS.sub("", one).casefold() == _NOT_LETTERS.sub("", other).casefold()


_REMEMBERED = 8  # pauses
_ENOUGH = 3  # before they say something of the caller
_MARGIN = 1.2
_MOST_ADAPTED_MS = 1_200


class Endpointer:
    """Decides for one caller how much silence ends a turn; it remembers the pauses after which the caller went on."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._pauses: deque[float] = deque(maxlen=_REMEMBERED)

    def went_on(self, pause_ms: float) -> None:
        """The caller went on within a turn after a pause of this length."""
        self._pauses.append(pause_ms)

    @staticmethod
    def may_be_over(text: str) -> bool:
        """Tell whether a reply to these words is worth preparing."""
        return bool(text) and ending_of(text) not in (Ending.OPEN, Ending.HESITANT)

    def silence_ms(self, text: str) -> float:
        """Return the ms of silence after which a turn with these words is over.

        A caller whose pauses are long is given time, but not where the words are surely done.
        """
        ending = ending_of(text)
        wait_ms = self._patience.after(ending)
        if ending is Ending.DONE or len(self._pauses) < _ENOUGH:
            return wait_ms
        usual_ms = sorted(self._pauses)[len(self._pauses) // 2]
        return max(wait_ms, min(usual_ms * _MARGIN, _MOST_ADAPTED_MS))
