"""What the simulated language models answer: an echo, numbered words, a scripted conversation, or a tool call."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

Message = Mapping[str, Any]
_MOST_COUNTED = 999
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_COUNT = re.compile(r"\bcount (?:up )?to ([a-z0-9-]+)")
_SEARCH = re.compile(r"\b(?:what(?:'|’)?s new (?:about|with|in)|look up|search (?:the web )?for)\s+(.+?)\s*[.?!]*$")
_SEARCH_TOOL = "web_search"


class UnreadableScript(ValueError):
    """A conversation's file is not of the promised form; the message says what is."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a model asks for."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer: text, or a tool call, or both."""

    text: str = ""
    call: Call | None = None

    @property
    def tokens(self) -> list[str]:
        """The text in pieces as a model gives them: words, each with the white space before it."""
        return re.findall(r"\s*\S+|\s+$", self.text)


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of a scripted conversation: `answer` is for a caller who says `when`, or for the next turn if None."""

    answer: Answer
    when: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Decides what a model answers; keeps no conversation, as the models' APIs keep none."""

    turns: Sequence[Turn] = field(default=())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a scripted conversation; raises OSError and UnreadableScript.

        The file is `{"turns": [{"say": "Hello."}, {"when": "weather", "call": {"name": "web_search", "arguments":
        {"query": "weather"}}}]}`. A turn with `when` answers whoever says these words; the others follow each other.
        """
        try:
            turns = json.loads(path.read_text("utf-8"))["turns"]
            return cls(tuple(_turn(turn) for turn in turns))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableScript('write {"turns": [{"say": "..."}, {"when": "...", "call": {...}}]}') from error

    def answer(self, messages: Sequence[Message], tools: Sequence[str] = ()) -> Answer:
        """Return the answer to `messages` (role, content) when the tools named `tools` are offered.

        A conversation that ends with the model's own words gets the rest of that answer.
        """
        last = messages[-1] if messages else {}
        if last.get("role") == "assistant":
            whole, begun = self.answer(messages[:-1], tools), text_of(last).strip()
            return Answer(whole.text[len(begun) :]) if begun and whole.text.startswith(begun) else whole
        if last.get("role") == "tool":
            return Answer(text_of(last))
        asked = [text_of(message) for message in messages if message.get("role") == "user"]
        words = asked[-1] if asked else ""
        return self._scripted(words, len(asked), tools) or _unscripted(words, tools)

    def _scripted(self, words: str, number: int, tools: Sequence[str]) -> Answer | None:
        free = [turn for turn in self.turns if turn.when is None]
        turn = next((turn for turn in self.turns if turn.when and turn.when.lower() in words.lower()), None)
        if turn is None and 0 < number <= len(free):
            turn = free[number - 1]
        if turn is None or (turn.answer.call and turn.answer.call.name not in tools):
            return None
        return turn.answer


def _turn(turn: Mapping[str, Any]) -> Turn:
    call = Call(turn["call"]["name"], dict(turn["call"].get("arguments", {}))) if "call" in turn else None
    if call is None and not isinstance(turn.get("say"), str):
        raise UnreadableScript("a turn says or calls something")
    return Turn(Answer(turn.get("say", ""), call), turn.get("when"))


def _unscripted(words: str, tools: Sequence[str]) -> Answer:
    plain = words.strip().lower()
    if (wanted := _COUNT.search(plain)) and (count := _number(wanted[1])):
        return Answer(numbered(count))
    if _SEARCH_TOOL in tools and (wanted := _SEARCH.search(plain)):
        query = words.strip()[wanted.start(1) : wanted.end(1)]
        return Answer(call=Call(_SEARCH_TOOL, {"query": query}))
    return Answer(words)


def numbered(count: int) -> str:
    """Return "one two three ..." up to `count`, at most 999; each number is one word ("twenty-one")."""
    return " ".join(_named(number) for number in range(1, min(count, _MOST_COUNTED) + 1))


def _named(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if hundreds:
        return f"{_ONES[hundreds]}-hundred" + (f"-{_named(rest)}" if rest else "")
    if rest < 20:
        return _ONES[rest]
    tens, ones = divmod(rest, 10)
    return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")


_NUMBERS = {_named(number): number for number in range(1, _MOST_COUNTED + 1)}


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) < 6 else _NUMBERS.get(word)


def text_of(message: Message) -> str:
    """Return a message's words; its content may be a string, a list of parts, or missing."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""
