"""The conversation: what was said and what was heard, in order, as the next model call reads it."""

from dataclasses import dataclass

from tandem.core.ports import Message, Role

MOST_ENTRIES = 200  # older ones are forgotten, so that a call of hours stays small


@dataclass(slots=True)
class Entry:
    """One contribution. A reply's `text` grows as its words are heard and may be corrected by the caller's player."""

    role: Role
    text: str = ""


class Conversation:
    """The history of one call. It holds the caller's words, and of each reply only those that were heard."""

    def __init__(self, instructions: str) -> None:
        self._instructions = Message(Role.SYSTEM, instructions)
        self._entries: list[Entry] = []
        self._dismissed = False

    def caller_said(self, text: str) -> None:
        """Add the caller's words."""
        self._dismissed = False
        self._add(Entry(Role.USER, text))

    def begin_reply(self) -> Entry:
        """Open the entry of a reply; nothing of it has been heard yet."""
        return self._add(Entry(Role.ASSISTANT))

    def dismiss(self) -> None:
        """The caller wants no answer to what was said until now."""
        self._dismissed = True

    @property
    def unanswered(self) -> bool:
        """Tell whether the caller said something, wants an answer, and has not heard a word of it."""
        if self._dismissed:
            return False
        heard = [entry for entry in self._entries if entry.text]
        return bool(heard) and heard[-1].role is Role.USER

    def messages(self, caller_says: str = "") -> list[Message]:
        """Return the history for a model: instructions first, unheard replies left out, neighbours of a role joined.

        What the caller is about to have said comes last.
        """
        messages = [self._instructions]
        for entry in [*self._entries, Entry(Role.USER, caller_says)]:
            if not entry.text:
                continue
            if messages[-1].role is entry.role:
                messages[-1] = Message(entry.role, f"{messages[-1].text} {entry.text}")
            else:
                messages.append(Message(entry.role, entry.text))
        return messages

    def _add(self, entry: Entry) -> Entry:
        self._entries.append(entry)
        del self._entries[:-MOST_ENTRIES]
        return entry
