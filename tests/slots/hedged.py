"""A runner over a chain of late models, and what was heard of whom."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fakes import FakeModel, Recorder, Text, Wait, chain, loop_clock
from tandem.core.deadline import Deadline
from tandem.core.hedge import HedgeLimits
from tandem.core.ports import Completed, Delta, LlmOptions, ModelOutput, Slot
from tandem.slots.failover import Failover
from tandem.slots.request import Bench, Request, SlotLimits

LEAST_MS, MOST_MS = 350, 700
SLOW_MS, HARD_MS, GIVE_UP_MS = 700, 1_200, 6_000
LIMITS = SlotLimits(slow_ms=SLOW_MS, hard_ms=HARD_MS, give_up_ms=GIVE_UP_MS, hedge=HedgeLimits(LEAST_MS, MOST_MS))


def after(ms: float, name: str = "a") -> FakeModel:
    """Return a model whose answer, its own name, begins after `ms`."""
    return FakeModel(name, [Wait(ms), Text(name), Completed("stop")])


class Call:
    """A runner over a chain of models, what it announces, and what was heard of whom."""

    def __init__(
        self,
        *models: FakeModel,
        last_resorts: tuple[str, ...] = (),
        urgent: Callable[[], bool] = lambda: True,
        stall_ms: float | None = None,
        limits: SlotLimits = LIMITS,
    ) -> None:
        self.models = models
        self.told = Recorder()
        self.chain = chain(Slot.LLM, *models, told=self.told, last_resorts=last_resorts)
        self.spawned: list[asyncio.Task[None]] = []
        bench = Bench(limits, self.told, loop_clock, self.spawn)
        self.failover: Failover[FakeModel] = Failover(self.chain, bench)
        self.urgent = urgent
        self.stall_ms = stall_ms
        self.heard: list[tuple[str, float]] = []  # provider, and when

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.spawned.append(asyncio.ensure_future(work))
        return self.spawned[-1]

    async def read(self, deadline: Deadline | None = None) -> None:
        request: Request[FakeModel, ModelOutput] = Request(
            lambda model: model.complete([], LlmOptions()),
            stall_ms=lambda: self.stall_ms,
            may_be_empty=False,
            urgent=self.urgent,
            deadline=deadline,
        )
        began = loop_clock()
        async with aclosing(self.failover.run(request)) as output:
            async for served in output:
                if isinstance(served.item, Delta):
                    self.heard.append((served.provider, round(loop_clock() - began)))

    async def settled(self) -> None:
        """Wait for what goes on after the reply; then every stream that was opened is closed."""
        await asyncio.gather(*self.spawned)
        await asyncio.sleep(0.001)
        assert [model.streams.opened for model in self.models] == [model.streams.closed for model in self.models]

    def opened(self) -> list[int]:
        return [model.streams.opened for model in self.models]

    def usually(self, ms: float, name: str = "a") -> None:
        """Let it be known that the provider's first output takes so long."""
        for _ in range(20):
            self.chain.members[self.chain.names.index(name)].record.first_outputs.add(ms)
