"""What the caller told in this call, read again from the conversation each time it is asked for."""

import re
from collections.abc import Sequence

from tandem.core.ports import Message, Role
from tandem.providers.local.rules.request import Request, clauses

_MAX_TOLD = 8  # facts in one answer; the latest are told

_WORD = r"[^\W\d][\w'-]{0,30}"
_NAME = re.compile(
    rf"(?:my name is|i am called|i am named|call me) (?P<name>{_WORD}(?: {_WORD}){{0,3}})", re.IGNORECASE
)
_MINE = re.compile(
    r"my (?P<topic>(?:\S{1,30} ){1,5}?)(?:is|are|was) (?!what\b|who\b|not\b)(?P<rest>\S.*)", re.IGNORECASE
)
_I_DO = re.compile(
    r"i (?:(?P<topic>live|work|study|come) |am )(?P<rest>(?:in|at|for|as|from|near|on) \S.*)", re.IGNORECASE
)
_AGE = re.compile(r"i am (?P<years>\S{1,20}(?: \S{1,20})?) years old", re.IGNORECASE)
_REMEMBER = re.compile(r"remember(?: that)? (?P<rest>\S.*)", re.IGNORECASE)
_FORGET = re.compile(
    r"forget (?:(?P<last>that|it|this|about it|about that)|my (?P<topic>\S.*)"
    r"|(?P<all>everything|all|all of it|all of that|about me|what i (?:said|told you)|everything i (?:said|told you)))",
    re.IGNORECASE,
)
_MAY_TELL = re.compile(r"\b(?:my|i|i'?m|me|remember|forget)\b", re.IGNORECASE)

_ASKS_MINE = re.compile(
    r"(?:(?:what|who|when|where)(?: is| are| was| were)|do you remember|do you know|what did i say"
    r"|remember|what about)? ?my (?P<topic>\S{1,30}(?: \S{1,30}){0,4}?)(?: is| was| are| were| called| again)*"
)
_ASKS_NAME = re.compile(r"who am i|what am i called|what do you call me|what is the name i told you")
_ASKS_I_DO = re.compile(
    r"(?:where|what|who) (?:do i (?P<topic>live|work|study|come)|am i)(?: (?:in|at|for|as|from|on))?"
)
_ASKS_AGE = re.compile(r"how old am i|what is my age")
_ASKS_ALL = re.compile(
    r"(?:do you (?:remember|know) )?what (?:(?:did|have|do|should) )?(?:i|you) (?:just )?"
    r"(?:tell|told|ask|asked|say|said|remember|know)(?: you)?(?: to remember| about me| so far| from me)*"
)
_SECOND_PERSON = {
    "i": "you",
    "am": "are",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "i've": "you've",
    "i'll": "you'll",
    "i'd": "you'd",
    "you": "me",
    "your": "my",
}
_SPELLINGS = {"favorite": "favourite", "color": "colour", "neighbor": "neighbour"}


def answer(request: Request) -> str | None:
    if match := _FORGET.fullmatch(request.said):
        known = told(request.earlier)
        return "Okay, I have forgotten it." if _forget(known, match) else "I know nothing of that."
    if match := _NAME.fullmatch(request.said):
        return f"Nice to meet you, {_capitals(match['name'])}."
    if fact := _fact(request.said):
        return f"Okay, I will remember: {fact[1]}."
    return _recall(request)


def told(messages: Sequence[Message]) -> dict[str, str]:
    """Return the facts that the caller's `messages` hold, oldest first: what about, and a sentence for the caller."""
    known: dict[str, str] = {}
    for message in messages:
        if message.role is not Role.USER or not _MAY_TELL.search(message.text):
            continue
        for clause in clauses(message.text):
            if match := _FORGET.fullmatch(clause):
                _forget(known, match)
            elif fact := _fact(clause):
                known.pop(fact[0], None)
                known[fact[0]] = fact[1]
    return known


def _fact(said: str) -> tuple[str, str] | None:
    """Return what `said` tells about, and a sentence that tells it back; None if it tells nothing."""
    if match := _NAME.fullmatch(said):
        return "name", f"your name is {_capitals(match['name'])}"
    if match := _AGE.fullmatch(said):
        return "age", _to_caller(said)
    if match := _MINE.fullmatch(said):
        return _topic(match["topic"]), _to_caller(said)
    if match := _I_DO.fullmatch(said):
        return (match["topic"] or "be").lower(), _to_caller(said)
    if match := _REMEMBER.fullmatch(said):
        return _fact(match["rest"]) or (f"note: {match['rest'].lower()}", _to_caller(match["rest"]))
    return None


def _forget(known: dict[str, str], match: re.Match[str]) -> bool:
    """Take out of `known` what the caller wants forgotten; return whether there was anything."""
    if not known:
        return False
    if match["all"]:
        known.clear()
        return True
    topic = _topic(match["topic"]) if match["topic"] else next(reversed(known))
    return known.pop(topic, None) is not None


def _recall(request: Request) -> str | None:
    text = request.text
    if _ASKS_ALL.fullmatch(text):
        return _tell(list(told(request.earlier).values())[-_MAX_TOLD:])
    if _ASKS_NAME.fullmatch(text):
        topic, unknown = "name", "your name"
    elif _ASKS_AGE.fullmatch(text):
        topic, unknown = "age", "your age"
    elif match := _ASKS_I_DO.fullmatch(text):
        topic, unknown = match["topic"] or "be", "that"
    elif match := _ASKS_MINE.fullmatch(text):
        topic, unknown = _topic(match["topic"]), f"your {match['topic']}"
    else:
        return None
    known = told(request.earlier)
    sentence = known.get(topic) or (known.get({"be": "come", "come": "be"}.get(topic, topic)))
    return f"{_opened(sentence)}." if sentence else f"You have not told me {unknown} yet."


def _tell(sentences: list[str]) -> str:
    if not sentences:
        return "You have not told me anything to remember yet."
    *others, last = sentences
    return f"You told me: {', '.join(others)}{', and ' if others else ''}{last}."


def _topic(words: str) -> str:
    return " ".join(_SPELLINGS.get(word, word) for word in words.lower().split())


def _to_caller(said: str) -> str:
    words = [_SECOND_PERSON.get(word.lower(), word) for word in said.split()]
    return " ".join(words).replace("you was ", "you were ")


def _capitals(name: str) -> str:
    return " ".join(_opened(word) for word in name.split())


def _opened(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
