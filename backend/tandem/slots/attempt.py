"""One try of one provider."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Generic

from tandem.core.chain import Lease, P
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Clock
from tandem.slots.pump import Pump, StreamBroken, T


class Attempt(Pump[T], Generic[P, T]):
    """The output of a provider's stream, and when it came; times are of the clock, in ms."""

    def __init__(
        self,
        lease: Lease[P],
        stream: AsyncGenerator[T, None],
        *,
        clock: Clock,
        news: asyncio.Event,
        hedge: bool = False,
    ) -> None:
        self.lease = lease
        self.hedge = hedge
        self.began = self.latest = clock()
        self.first_output_ms: float | None = None
        self._clock = clock
        super().__init__(stream, news)

    @property
    def name(self) -> str:
        return self.lease.member.name

    @property
    def answered(self) -> bool:
        """Whether it has given any output."""
        return self.first_output_ms is not None

    def _came(self, item: T) -> None:
        if self.first_output_ms is None:
            self.first_output_ms = self._clock() - self.began
        super()._came(item)

    def take(self) -> T | None:
        try:
            item = super().take()
        except StreamBroken as error:
            raise ProviderError(Fault.CUT, self.name, "it was cancelled from within") from error
        if item is not None:
            self.latest = self._clock()
        return item
