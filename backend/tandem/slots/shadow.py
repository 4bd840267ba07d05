"""Attempts that nobody waits for: they tell how a provider is, and what they say is not heard."""

import asyncio

from tandem.core.chain import Lease, P
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Clock
from tandem.slots.attempt import Attempt, StreamEnded
from tandem.slots.request import Bench, Request, SlotLimits, T

_MOST_MS = 10_000  # how long a probe may take


def is_slow(attempt: Attempt[P, T], limits: SlotLimits) -> bool:
    """Tell whether the first output of an attempt was late."""
    return limits.slow_ms is not None and (attempt.first_output_ms or 0.0) > limits.slow_ms


async def outrun(attempt: Attempt[P, T], limits: SlotLimits, clock: Clock) -> None:
    """Find out whether an attempt that was outrun was late or dead."""
    try:
        passed = clock() - attempt.began
        left = max(0.0, (limits.hard_ms or passed) - passed)
        if await attempt.next(left) is None:
            attempt.lease.failed(ProviderError(Fault.TIMEOUT, attempt.name, "no output in time"))
        attempt.lease.succeeded(slow=is_slow(attempt, limits))
    except StreamEnded:
        attempt.lease.failed(ProviderError(Fault.EMPTY, attempt.name, "no output"))
    except ProviderError as error:
        attempt.lease.failed(error)
    finally:
        attempt.lease.released()
        await attempt.close()


async def probe(lease: Lease[P], request: Request[P, T], bench: Bench) -> None:
    """Let a provider answer a request to the end, and settle its lease with how it did."""
    stream = request.open_stream(lease.member.provider)
    attempt = Attempt(lease, stream, clock=bench.clock, news=asyncio.Event())
    try:
        within: float | None = bench.limits.hard_ms or _MOST_MS
        while await attempt.next(within) is not None:
            within = attempt.began + _MOST_MS - bench.clock()
        lease.failed(ProviderError(Fault.STALLED, attempt.name, "its output stopped"))
    except StreamEnded:
        if attempt.answered or request.may_be_empty:
            lease.succeeded(slow=is_slow(attempt, bench.limits))
        else:
            lease.failed(ProviderError(Fault.EMPTY, attempt.name, "no output"))
    except ProviderError as error:
        lease.failed(error)
    finally:
        lease.released()
        await attempt.close()
