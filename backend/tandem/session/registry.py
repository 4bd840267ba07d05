"""The registry: which calls are up, and whether there is room for another."""

from collections.abc import Iterator
from contextlib import contextmanager

from tandem.core.errors import CallRefused
from tandem.core.link import CallerLink, CallSettings
from tandem.session.equipment import Equipment
from tandem.session.session import Session


class Registry:
    """The calls of this process; at most `most_calls` at a time. It takes none before it is given its equipment."""

    def __init__(self, *, most_calls: int) -> None:
        self._equipment: Equipment | None = None
        self._most_calls = most_calls
        self._calls: set[str] = set()

    def equip(self, equipment: Equipment | None) -> None:
        """Calls can begin with this equipment; None: no more can begin."""
        self._equipment = equipment

    @property
    def reasons(self) -> list[str]:
        """Why no call can begin now; empty while one can."""
        if self._equipment is None:
            return ["the providers are not loaded"]
        return ["all lines are busy"] if len(self._calls) >= self._most_calls else []

    def __len__(self) -> int:
        return len(self._calls)

    @contextmanager
    def place(self, session_id: str) -> Iterator["Place"]:
        """Hold a place for a call under this id; raises CallRefused if it is taken or none is left."""
        if session_id in self._calls:
            raise CallRefused(409, "A call with this session id is already up.")
        if self._equipment is None or self.reasons:
            raise CallRefused(503, f"No call can begin: {self.reasons[0]}.", retry_after_s=5)
        self._calls.add(session_id)
        try:
            yield Place(session_id, self._equipment)
        finally:
            self._calls.discard(session_id)


class Place:
    """One call's place in the registry."""

    def __init__(self, session_id: str, equipment: Equipment) -> None:
        self.session_id = session_id
        self._equipment = equipment

    async def serve(self, link: CallerLink, settings: CallSettings) -> None:
        """Run the call to its end."""
        await Session(self.session_id, settings, link, self._equipment).run()
