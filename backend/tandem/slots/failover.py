"""The failover runner: the only loop over providers, for all three slots."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tandem.core.errors import ChainSpent, Fault, ProviderError
from tandem.core.events import AttemptFailed, AttemptSucceeded, FailedOver, SlotSpent
from tandem.core.ports import Clock, Notify, Slot


class Named(Protocol):
    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Named)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """An item of a provider's output, and whose it is."""

    item: T
    provider: str


@dataclass(slots=True)
class _Attempt:
    """One try of one provider."""

    provider: str
    began: float
    answered: bool = False
    latest: float = 0.0  # when it last gave output, or began


class Failover(Generic[P]):
    """Runs a request over a slot's chain: each provider in order, until one has given its first output.

    `first_output_ms` is how long an attempt may take to its first output; None waits for ever (a recogniser is
    rightly silent while the caller is). With `resumable` a provider that fails later is followed by the next one as
    well: whoever opens the streams then sees to it that nothing is lost or doubled.
    """

    def __init__(
        self,
        slot: Slot,
        chain: Sequence[P],
        *,
        notify: Notify,
        clock: Clock,
        first_output_ms: float | None,
        resumable: bool = False,
    ) -> None:
        self._slot = slot
        self._chain = chain
        self._notify = notify
        self._clock = clock
        self._first_output_ms = first_output_ms
        self._resumable = resumable

    async def run(self, open_stream: Callable[[P], AsyncGenerator[T, None]]) -> AsyncGenerator[Served[T], None]:
        """Yield the output of the first provider that gives any; raises ChainSpent when none can (go on)."""
        causes: list[ProviderError] = []
        failed: _Attempt | None = None
        for provider in self._chain:
            attempt = _Attempt(provider.name, began := self._clock(), latest=began)
            if failed:
                self._announce_switch(failed, attempt, causes[-1].fault)
            try:
                async with aclosing(self._attempt(attempt, open_stream(provider))) as output:
                    async for item in output:
                        attempt.latest = self._clock()
                        yield Served(item, provider.name)
            except ProviderError as error:
                _let_cancellation_pass(error)
                causes.append(error)
                failed = attempt
                self._notify(AttemptFailed(self._slot, attempt.provider, error.fault, error.detail, attempt.answered))
                if attempt.answered and not self._resumable:
                    break
            else:
                return
        self._notify(SlotSpent(self._slot, tuple(cause.fault for cause in causes)))
        raise ChainSpent(self._slot, tuple(causes))

    async def _attempt(self, attempt: _Attempt, stream: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        try:
            first = await self._first_output(attempt, stream)
            if first is None:
                return
            attempt.answered = True
            self._notify(AttemptSucceeded(self._slot, attempt.provider, self._clock() - attempt.began))
            yield first
            async for item in stream:
                yield item
        finally:
            # However the attempt came out, what goes wrong in its closing changes nothing any more.
            with suppress(ProviderError):
                await stream.aclose()

    async def _first_output(self, attempt: _Attempt, stream: AsyncGenerator[T, None]) -> T | None:
        try:
            # Only the wait for the provider is timed, never what the consumer does with the item.
            async with asyncio.timeout(_seconds(self._first_output_ms)) as deadline:
                return await anext(stream, None)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            detail = f"no output within {self._first_output_ms:.0f} ms"
            raise ProviderError(Fault.TIMEOUT, attempt.provider, detail) from error

    def _announce_switch(self, failed: _Attempt, attempt: _Attempt, fault: Fault) -> None:
        self._notify(
            FailedOver(
                self._slot,
                failed.provider,
                attempt.provider,
                fault,
                failed.answered,
                gap_ms=attempt.began - failed.latest,
            )
        )


def _let_cancellation_pass(error: ProviderError) -> None:
    """A provider that fails while it is being cancelled has not failed: the one who cancelled must hear of no error."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError from error


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000
