"""The failover runner: the only loop over providers, for all three slots."""

from collections.abc import AsyncGenerator
from typing import Any, Generic

from tandem.core.chain import Chain, P
from tandem.core.errors import Fault, ProviderError
from tandem.slots.request import Bench, Request, Served, T
from tandem.slots.run import Run
from tandem.slots.shadow import probe


class Failover(Generic[P]):
    """Runs the requests of one call over a slot's chain.

    A provider that fails, or is late, is followed by the next one, before its first output as well as after it: its
    successor is asked for what it has not given.
    """

    def __init__(self, chain: Chain[P], bench: Bench) -> None:
        self.chain = chain
        self._bench = bench
        self._incumbent = ""
        self._run: Run[P, Any] | None = None

    @property
    def busy(self) -> list[str]:
        """The names of those who work on the present request."""
        return self._run.names if self._run else []

    @property
    def attempts(self) -> int:
        """How many attempts the present request has had."""
        return self._run.attempts if self._run else 0

    def give_up(self, fault: Fault, detail: str) -> None:
        """Let the next provider go on: the serving one does not do what it should."""
        if self._run:
            self._run.give_up(fault, detail)

    @property
    def may_hand_back(self) -> bool:
        """Whether somebody who is preferred to the serving provider is well again."""
        return bool(self.busy) and self.chain.has_better_than(self.busy[0])

    def blame(self, error: ProviderError) -> None:
        """Somebody found out that what the serving provider gave was wrong; it goes on serving."""
        if self._run:
            self._run.blame(error)

    def new_turn(self) -> None:
        """From here on the preferred provider may serve again; within a turn nobody who failed comes back early."""
        self._incumbent = ""

    async def run(self, request: Request[P, T]) -> AsyncGenerator[Served[T], None]:
        """Yield the output, whoever gives it; raises ChainSpent when nobody can go on."""
        self.chain.hedges.requested()
        run = self._run = Run(self.chain, self._bench, request, self._incumbent)
        try:
            while (attempt := await run.begin()) is not None:
                self._incumbent = attempt.name
                while (item := await run.next(attempt)) is not None:
                    yield Served(item, attempt.name, run.attempts)
        finally:
            self._run = None
            await run.close()

    def shadow(self, request: Request[P, T]) -> None:
        """Try a provider that may be well again, if there is one; nobody waits for it or hears what it says."""
        if self.chain.on_trial:
            self._bench.spawn(probe(self.chain, request, self._bench))
