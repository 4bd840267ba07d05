"""Attempts that nobody waits for: they tell how a provider is, and what they say is not heard."""

import asyncio

from tandem.core.chain import Chain, P
from tandem.core.errors import Fault, ProviderError
from tandem.core.events import AttemptFailed
from tandem.core.ports import Slot
from tandem.slots.attempt import Attempt
from tandem.slots.pump import StreamEnded
from tandem.slots.request import Bench, Request, SlotLimits, T

_MOST_MS = 2_500  # how long a probe may take; less than its lease


def is_slow(attempt: Attempt[P, T], limits: SlotLimits) -> bool:
    """Tell whether the first output of an attempt was late."""
    return limits.slow_ms is not None and (attempt.first_output_ms or 0.0) > limits.slow_ms


async def outrun(attempt: Attempt[P, T], slot: Slot, bench: Bench) -> None:
    """Find out whether an attempt that was outrun was late or dead."""
    try:
        passed = bench.clock() - attempt.began
        if await attempt.next(max(0.0, (bench.limits.hard_ms or passed) - passed)) is None:
            _failed(attempt, ProviderError(Fault.TIMEOUT, attempt.name, "no output in time"), slot, bench)
        attempt.lease.succeeded(slow=is_slow(attempt, bench.limits))
    except StreamEnded:
        _failed(attempt, ProviderError(Fault.EMPTY, attempt.name, "no output"), slot, bench)
    except ProviderError as error:
        _failed(attempt, error, slot, bench)
    finally:
        attempt.lease.released()
        await attempt.close()


def _failed(attempt: Attempt[P, T], error: ProviderError, slot: Slot, bench: Bench) -> None:
    attempt.lease.failed(error)
    bench.notify(AttemptFailed(slot, attempt.name, error.fault, error.detail, after_output=False))


async def probe(chain: Chain[P], request: Request[P, T], bench: Bench) -> None:
    """Let a provider that may be well again answer a request, if there is one, and settle its lease with how it did."""
    if (lease := chain.probe()) is None:
        return
    stream = request.open_stream(lease.member.provider)
    attempt = Attempt(lease, stream, clock=bench.clock, news=asyncio.Event())
    patience = bench.limits.hard_ms or _MOST_MS
    try:
        while (left := attempt.began + _MOST_MS - bench.clock()) > 0:
            if (await attempt.next(min(left, patience))) is None:
                break
        if attempt.answered and bench.clock() - attempt.latest < patience:
            lease.succeeded(slow=is_slow(attempt, bench.limits))  # it is still at it
        if bench.limits.hard_ms is not None or not attempt.answered:  # else it works on a long utterance
            lease.failed(ProviderError(Fault.STALLED, attempt.name, "no output in time"))
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
