"""Eager replies: begun before their turn is certainly over, held back until it is, or thrown away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tandem.core.endpointing import same_words
from tandem.core.hedge import Budget
from tandem.core.ports import Message
from tandem.session.reply import Reply

_MOST_STARTS = 2  # a turn


@dataclass(frozen=True, slots=True)
class Prepared:
    """A reply that is held back, and what it answers."""

    reply: Reply
    task: "asyncio.Task[None]"
    messages: list[Message]

    def answers(self, messages: list[Message]) -> bool:
        """Tell whether these messages say the same, case and punctuation of the last one put aside."""
        return self.messages[:-1] == messages[:-1] and same_words(self.messages[-1].text, messages[-1].text)


class EagerReplies:
    """At most one prepared reply of a call. `notify` hears of each whether it was used.

    Each takes from the `budget`, and gives back if it was used; None: there are no eager replies.
    """

    def __init__(self, budget: Budget | None, notify: Callable[[bool], None]) -> None:
        self._budget = budget
        self._notify = notify
        self._prepared: Prepared | None = None
        self._starts = 0

    def prepare(self, messages: list[Message], begin: Callable[[], Prepared]) -> None:
        """Begin the reply to these messages, unless it is there, or the budget is spent."""
        if self._answers(messages):
            return
        self._throw_away()
        if self._budget and self._starts < _MOST_STARTS and self._budget.take():
            self._starts += 1
            self._prepared = begin()

    def keep_only(self, messages: list[Message] | None) -> None:
        """Throw away what was prepared for other messages than these; None: whatever there is."""
        if messages is None or not self._answers(messages):
            self._throw_away()

    def take(self, messages: list[Message]) -> Prepared | None:
        """The turn is over: return what was prepared for exactly this, if anything was."""
        self._starts = 0
        self.keep_only(messages)
        prepared, self._prepared = self._prepared, None
        if prepared:
            self._settle(used=True)
        return prepared

    def _answers(self, messages: list[Message]) -> bool:
        return self._prepared is not None and self._prepared.answers(messages)

    def _throw_away(self) -> None:
        if self._prepared:
            self._prepared.reply.end()
            self._prepared.task.cancel()
            self._prepared = None
            self._settle(used=False)

    def _settle(self, *, used: bool) -> None:
        if self._budget:
            self._budget.requested()
            if used:
                self._budget.returned()
        self._notify(used)
