"""A language model without a model: rules that tell the time, calculate, convert and remember, in spoken English."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self

from tandem.core.ports import Completed, Delta, LlmOptions, Message, ModelOutput, Role, ToolCall
from tandem.providers.local.rules import abilities, arithmetic, clock, lookup, memory, smalltalk, speech, units
from tandem.providers.local.rules.request import MAX_CHARACTERS, Request, clauses, speakable

_RULES: tuple[Callable[[Request], str | None], ...] = (
    clock.answer,
    arithmetic.answer,
    units.answer,
    speech.answer,
    abilities.answer,
    smalltalk.answer,
    memory.answer,
)
_SAY_AGAIN = "Sorry, I did not catch that. Could you say it again?"
_NO_MODEL = "no language model is configured. Set OPENAI_COMPATIBLE_URL to add one."
_NO_ANSWER_NOW = "the language model can't be reached right now."
_ECHOED_WORDS = 12
_ECHOED_LETTERS = 40
_AROUND_WORDS = ".,:;!?()'*-+/=^%"
_WORD = re.compile(r"\s*\S+\s*")


class Rulebook:
    """Answers what its rules know, and says honestly what it cannot do."""

    name = "rulebook"

    def __init__(self, now: Callable[[], datetime], *, model_configured: bool) -> None:
        self._now = now
        self._apology = _NO_ANSWER_NOW if model_configured else _NO_MODEL

    @staticmethod
    def missing() -> str | None:
        """Return what this provider lacks to work on this machine: nothing."""
        return None

    @classmethod
    @asynccontextmanager
    async def open(cls, *, now: Callable[[], datetime], model_configured: bool) -> AsyncIterator[Self]:
        """`now` gives the local time; `model_configured` says whether a model should have answered instead."""
        yield cls(now, model_configured=model_configured)

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        """Yield the reply word by word; the rules speak English whatever `options` say."""
        if call := _call(messages, options):
            yield call
            yield Completed("tool_calls")
            return
        begun = bool(messages) and messages[-1].role is Role.ASSISTANT
        reply = self.reply(messages[:-1] if begun else messages)
        for word in _WORD.findall(_rest(reply, messages[-1].text) if begun else reply):
            yield Delta(word)
            await asyncio.sleep(0)
        yield Completed("stop")

    def reply(self, messages: Sequence[Message]) -> str:
        """Return the whole reply to the last message of the caller, or to what a tool found for it."""
        if messages and messages[-1].role is Role.TOOL:
            return speakable(lookup.told(messages[-1].text))
        at = max((index for index, message in enumerate(messages) if message.role is Role.USER), default=-1)
        said = clauses(messages[at].text) if at >= 0 else []
        if not said:
            return _SAY_AGAIN
        now = self._now()
        earlier = list(messages[:at])
        answers = []
        for clause in said:
            answers.append(_answer(Request(clause, earlier, now)))
            earlier.append(Message(Role.USER, clause))
        return speakable(" ".join(filter(None, answers))) or self._regret(messages[at].text[:MAX_CHARACTERS])

    def _regret(self, said: str) -> str:
        words = [bare for word in speakable(said).split() if (bare := word.strip(_AROUND_WORDS))]
        heard = " ".join(word[:_ECHOED_LETTERS] for word in words[:_ECHOED_WORDS])
        return f"I heard: {heard}{' and so on' if len(words) > _ECHOED_WORDS else ''}. But {self._apology}"


def _call(messages: Sequence[Message], options: LlmOptions) -> ToolCall | None:
    """Return the tool call that the caller's last message asks for, if that tool is offered."""
    if not messages or messages[-1].role is not Role.USER or lookup.TOOL not in {tool.name for tool in options.tools}:
        return None
    return next(
        (call for clause in clauses(messages[-1].text) if (call := lookup.call_for(clause, f"call-{len(messages)}"))),
        None,
    )


def _answer(request: Request) -> str | None:
    for rule in _RULES:
        if answer := rule(request):
            return answer
    return None


def _rest(reply: str, begun: str) -> str:
    """Return what of `reply` follows `begun`, so that the two can be joined as they stand."""
    had, words = begun.split(), reply.split()
    if [_bare(word) for word in had] == [_bare(word) for word in words[: len(had)]]:
        rest = " ".join(words[len(had) :])
    else:  # another model began it, or its minute has passed: leave that sentence, and answer in a new one
        rest = reply if had[-1].endswith((".", "!", "?")) else f"— {reply}"
    return f" {rest}" if rest and had and not begun[-1].isspace() else rest


def _bare(word: str) -> str:
    return word.strip(_AROUND_WORDS).casefold()
