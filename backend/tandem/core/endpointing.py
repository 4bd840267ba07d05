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
    DIGITS = "digits"  # a number, a spelling or a list that may go on
    OPEN = "open"  # the words ask for more: "what is the"
    HESITANT = "hesitant"  # the caller thinks aloud: "um"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a silence (ms) ends a turn, by its ending.

    People leave some 200 ms between turns, and pause for up to a second and more within them.
    """

    done_ms: float = 200
    finished_ms: float = 280
    plain_ms: float = 650
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
    r"where|whether|which|while|who|whose|why|will|with|without|would|your|(is|was|think|said|know|so|sure|hope) that|"
    r"(have|had|got|like|there's) this|(is|it's|was|i'm) (called|spelled|named))"
    r"[\s,.…-]*$",
    re.I,
)
_FIGURE = r"(\d|zero|oh|one|two|three|four|five|six|seven|eight|nine|[a-z])"
_DIGIT = rf"(\d+|{_FIGURE}|ten|eleven|twelve|double|triple|hundred|thousand)"
# Two in a row, three figures, or nothing else; one alone ("what is six times seven") is a number like any other.
_DIGITS = re.compile(rf"((^|[\s,.-]){_DIGIT}[\s,.-]+{_DIGIT}|^\W*{_DIGIT}|\d{{3}})[\s,.-]*$", re.I)
# A number that is called by its name has four figures at least.
_BEGUN_NUMBER = re.compile(
    r"\b(id|number|code|pin|account|card|phone|reference)\b( (is|was|ends in|starts with))?:?"
    rf"([\s,.-]+{_FIGURE}){{1,3}}[\s,.-]*$",
    re.I,
)
# Behind these comes what it is about.
_GREETING = re.compile(r"^\W*(hello|hi|hey|good (morning|afternoon|evening))( there)?\W*$", re.I)
_PRELUDE = re.compile(
    r"^\W*((hello|hi|hey|yes|okay|so|well)\W+)?(it's about|it is about|i'm calling|i am calling|my name is|this is|"
    r"i('ve got| have) an? (quick )?(question|problem|issue)|quick question)\b[^.!?]*[.!]?\s*$",
    re.I,
)
# A list needs its "and": "paper, ink cartridges." goes on.
_LIST = re.compile(
    r"\b(need|want|get|buy|order|add|bring|have|are|like|including|with)( (some|a|an|the|two|three))? "
    r"(?!.*\b(and|or|please|thanks)\b)[\w'-]+( [\w'-]+)?(, [\w'-]+( [\w'-]+)?)+[\s,.…]*$",
    re.I,
)
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
    if _OPEN_WORDS.search(tail) or _BEGUN_NUMBER.search(tail):
        return Ending.OPEN
    if _DIGITS.search(tail) or _LIST.search(tail):
        return Ending.DIGITS
    opens = len(text) <= _TAIL and (_GREETING.search(text) or _PRELUDE.search(text))
    return Ending.FINISHED if _SENTENCE.search(tail) and not opens else Ending.PLAIN


def same_words(one: str, other: str) -> bool:
    """Tell whether two texts differ in case, punctuation and white space at most."""
    return _NOT_LETTERS.sub("", one).casefold() == _NOT_LETTERS.sub("", other).casefold()


SURELY_QUIET_MS = 64  # no gap between two words of a sentence
_SURE = 0.8  # Flux itself would end the turn at 0.7 (the default of its eot_threshold)
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
    def may_be_over(text: str, quiet_ms: float) -> bool:
        """Tell whether a reply to these words is worth preparing, `quiet_ms` after the last sound."""
        ending = ending_of(text) if text else Ending.OPEN
        if ending in (Ending.DONE, Ending.FINISHED):
            return quiet_ms > 0
        return ending in (Ending.PLAIN, Ending.DIGITS) and quiet_ms >= SURELY_QUIET_MS

    def silence_ms(self, text: str, turn_over: float | None = None) -> float:
        """Return the ms of silence after which a turn with these words is over.

        `turn_over` is the recogniser's own confidence (0-1) of that, if it has one: it heard the melody, and decides
        where the words tell nothing. A caller whose pauses are long is given time, but not where the words are surely
        done.
        """
        ending = ending_of(text)
        if ending is Ending.PLAIN and turn_over is not None and turn_over >= _SURE:
            ending = Ending.FINISHED
        wait_ms = self._patience.after(ending)
        if ending is Ending.DONE or len(self._pauses) < _ENOUGH:
            return wait_ms
        usual_ms = sorted(self._pauses)[len(self._pauses) // 2]
        return max(wait_ms, min(usual_ms * _MARGIN, _MOST_ADAPTED_MS))
