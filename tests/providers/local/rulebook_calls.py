"""A call with the rulebook, as text."""

from datetime import UTC, datetime

from tandem.core.ports import Message, Role
from tandem.providers.local.rulebook import Rulebook

NOW = datetime(2026, 11, 20, 15, 5, tzinfo=UTC)  # a Friday


def ask(*turns: str, now: datetime = NOW, model_configured: bool = False) -> str:
    """Say `turns` one after the other in one call; return the reply to the last."""
    rulebook = Rulebook(lambda: now, model_configured=model_configured)
    messages: list[Message] = []
    for turn in turns:
        messages.append(Message(Role.USER, turn))
        messages.append(Message(Role.ASSISTANT, rulebook.reply(messages)))
    return messages[-1].text
