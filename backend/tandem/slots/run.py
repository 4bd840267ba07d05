"""One request over a chain: whom it is asked next, when, and what becomes of it."""

import asyncio
from functools import partial
from typing import Any, Generic

from tandem.core.chain import Chain, Lease, P
from tandem.core.deadline import LEAST_MS, Deadline
from tandem.core.errors import ChainSpent, Fault, ProviderError
from tandem.core.events import SlotSpent
from tandem.slots.attempt import Attempt
from tandem.slots.news import Announcer
from tandem.slots.pump import StreamEnded
from tandem.slots.request import Bench, Request, T
from tandem.slots.shadow import is_slow, outrun

_LAST_STALL_MS = 3_000  # the least patience with a provider that nobody can follow
# A provider is tried again once another one has made progress, which the length of a reply bounds; this does as well.
_MOST_ATTEMPTS = 12
_LOOK_AGAIN_MS = 50  # what is not urgent now may soon be
_ROUNDING_MS = 0.5  # a moment that is nearer than this has come


class Run(Generic[P, T]):
    """One request: the attempts that run now (two while one is hedged), and what has become of the others."""

    def __init__(self, chain: Chain[P], bench: Bench, request: Request[P, T], incumbent: str) -> None:
        self.attempts = 0
        self._chain = chain
        self._bench = bench
        self._limits = bench.limits
        self._announce = Announcer(chain.slot, bench.notify)
        self._request = request
        self._incumbent = incumbent
        self._deadline = request.deadline or self._fresh_deadline()
        self._running: list[Attempt[P, T]] = []
        self._tried: set[str] = set()  # since anybody made progress
        self._left: set[str] = set()  # whom this request has left, whenever that was
        self._causes: list[ProviderError] = []
        self._failed: Attempt[P, T] | None = None  # whose work the next one takes up
        self._hedged = False
        self._over = False
        self._items = 0
        self._given = self._progress()
        self._news = asyncio.Event()

    @property
    def names(self) -> list[str]:
        return [attempt.name for attempt in self._running]

    def blame(self, error: ProviderError) -> None:
        """Count a fault of the provider, which goes on."""
        for attempt in self._running:
            if attempt.name == error.provider:
                attempt.lease.failed(error)
                attempt.lease = attempt.lease.renewed()
                self._announce.failed(attempt, error)

    def give_up(self, fault: Fault, detail: str) -> None:
        """Have those who run now fail."""
        for attempt in self._running:
            attempt.break_off(ProviderError(fault, attempt.name, detail))

    # --- until somebody answers ---

    async def begin(self) -> Attempt[P, T] | None:
        """Return an attempt that has given output, or None when nothing is missing any more; raises ChainSpent."""
        while not self._over and not (self._failed and self._request.done()):
            if not self._running:
                self._start()
            if winner := self._look():
                self._won(winner)
                return winner
            await self._wait()
        return None

    def _start(self) -> None:
        in_time = self._deadline is None or not self.attempts or self._deadline.left_ms >= LEAST_MS
        possible = in_time and self.attempts < _MOST_ATTEMPTS
        lease = self._chain.next(self._tried, incumbent=self._incumbent) if possible else None
        if lease is None:
            self._announce.spent(self._bench.clock())
            self._bench.notify(SlotSpent(self._chain.slot, tuple(cause.fault for cause in self._causes)))
            raise ChainSpent(self._chain.slot, tuple(self._causes))
        attempt = self._try(lease)
        if self._failed:
            self._announce.switched(self._failed, attempt, self._causes[-1].fault, self._bench.clock())

    def _fresh_deadline(self) -> Deadline | None:
        give_up, clock = self._limits.give_up_ms, self._bench.clock
        return None if give_up is None else Deadline(clock() + give_up, clock)

    def _try(self, lease: Lease[P], *, hedge: bool = False) -> Attempt[P, T]:
        self.attempts += 1
        self._tried.add(lease.member.name)
        lease.member.record.attempts += 1
        stream = self._request.open_stream(lease.member.provider)
        attempt = Attempt(lease, stream, clock=self._bench.clock, news=self._news, hedge=hedge)
        self._running.append(attempt)
        return attempt

    def _look(self) -> Attempt[P, T] | None:
        """Return the first attempt that has answered; see to those that have failed, or are too late."""
        for attempt in list(self._running):
            if attempt.answered:
                return attempt
            try:
                attempt.take()
            except StreamEnded:
                self._ended_empty(attempt)
            except ProviderError as error:
                self._fail(attempt, error)
            else:
                self._give_up_if_late(attempt)
        return None

    def _give_up_if_late(self, attempt: Attempt[P, T]) -> None:
        left_ms, passed = self._left_ms(attempt), self._bench.clock() - attempt.began
        if left_ms is None or left_ms >= _ROUNDING_MS:
            return
        if self._limits.hard_ms is not None and passed < self._limits.hard_ms - _ROUNDING_MS:
            attempt.lease.released()  # it is the turn's time that is over
        self._fail(attempt, ProviderError(Fault.TIMEOUT, attempt.name, f"no output within {passed:.0f} ms"))

    def _ended_empty(self, attempt: Attempt[P, T]) -> None:
        if self._request.may_be_empty:
            self._over = True
        else:
            self._fail(attempt, ProviderError(Fault.EMPTY, attempt.name, "no output"))

    async def _wait(self) -> None:
        """Wait until there is news of an attempt, or it is time for a hedge."""
        if self._over or not self._running:
            return
        self._news.clear()
        hedge_ms = self._until_hedge()
        waits = [wait for attempt in self._running if (wait := self._left_ms(attempt)) is not None]
        waits += [hedge_ms] if hedge_ms is not None else []
        try:
            async with asyncio.timeout(max(min(waits), _ROUNDING_MS) / 1000 if waits else None) as moment:
                await self._news.wait()
        except TimeoutError:
            if not moment.expired():
                raise
        if not self._news.is_set():
            self._hedge_if_due()

    def _hedge_if_due(self) -> None:
        left_ms = self._until_hedge()
        if left_ms is not None and left_ms < _ROUNDING_MS:
            self._hedged = True
            if lease := self._chain.rival(self._tried):
                self._try(lease, hedge=True)

    def _until_hedge(self) -> float | None:
        limits = self._limits.hedge
        if limits is None or self._hedged or len(self._running) != 1:
            return None
        attempt = self._running[0]
        delay = limits.delay_ms(attempt.lease.member.record.first_outputs)
        left_ms = max(0.0, attempt.began + delay - self._bench.clock())
        return left_ms if self._request.urgent() else max(left_ms, _LOOK_AGAIN_MS)

    def _left_ms(self, attempt: Attempt[P, T]) -> float | None:
        """Return how long an attempt still has for its first output."""
        passed = self._bench.clock() - attempt.began
        hard_ms = self._hard_ms()
        limits = [] if hard_ms is None else [hard_ms - passed]
        limits += [] if self._deadline is None else [self._deadline.left_ms]
        return max(0.0, min(limits)) if limits else None

    def _hard_ms(self) -> float | None:
        if self._tried.issuperset(self._chain.names):
            return None
        return (self._only_last_resorts() and self._limits.last_resort_ms) or self._limits.hard_ms

    def _only_last_resorts(self) -> bool:
        return not self._chain.has_equal(self._tried)

    def _won(self, winner: Attempt[P, T]) -> None:
        losers = [attempt for attempt in self._running if attempt is not winner]
        self._running = [winner]
        for loser in losers:
            late, rival = (loser, winner) if winner.hedge else (winner, loser)
            self._announce.hedged(late, rival, won=winner.hedge)
            if winner.hedge:
                # Late or dead? It may show until its own time is over; meanwhile nobody waits for it.
                judging = self._bench.spawn(outrun(loser, self._chain.slot, self._bench))
                judging.add_done_callback(partial(_end, loser))  # even where it never began
            else:
                loser.lease.released()
                loser.cancel()
        self._note_success(winner, took_over=bool(self._failed or winner.hedge))
        self._failed = None

    def _note_success(self, winner: Attempt[P, T], *, took_over: bool) -> None:
        record = winner.lease.member.record
        if self._limits.slow_ms is not None:
            record.first_outputs.add(winner.first_output_ms or 0.0)
        record.took_over += took_over
        self._announce.succeeded(winner)

    # --- from there on ---

    async def next(self, attempt: Attempt[P, T]) -> T | None:
        """Return the next item, or None when the attempt is over: it has ended, or somebody else has to go on."""
        self._note_progress(attempt)
        if self._request.too_slow() and self._chain.has_equal(self._left | self._tried):
            attempt.lease.succeeded(slow=True)
            self._fail(attempt, ProviderError(Fault.STALLED, attempt.name, "its output comes too slowly"))
            return None
        try:
            item = await attempt.next(self._stall_ms())
        except StreamEnded:
            attempt.lease.succeeded(slow=is_slow(attempt, self._limits))
            self._over = True
            return None
        except ProviderError as error:
            self._fail(attempt, error)
        else:
            if item is not None:
                self._items += 1
                if self._request.milestone(item):
                    attempt.lease.succeeded(slow=False)
                    attempt.lease = attempt.lease.renewed()
                return item
            self._fail(attempt, ProviderError(Fault.STALLED, attempt.name, "its output stopped"))
        return None

    def _note_progress(self, attempt: Attempt[P, T]) -> None:
        """Who failed before may go on again after an attempt that has given more than there was."""
        if (given := self._progress()) > self._given:
            self._given, self._tried = given, {attempt.name}

    def _progress(self) -> float:
        return self._items if self._request.given is None else self._request.given()

    def _stall_ms(self) -> float | None:
        stall_ms = self._request.stall_ms()
        nobody = self._tried.issuperset(self._chain.names)
        if stall_ms is not None and (nobody or (self._limits.last_resort_ms and self._only_last_resorts())):
            return max(stall_ms, _LAST_STALL_MS)
        return stall_ms

    def _fail(self, attempt: Attempt[P, T], error: ProviderError) -> None:
        self._causes.append(error)
        self._left.add(attempt.name)
        self._running.remove(attempt)
        attempt.lease.failed(error)
        if attempt.answered:
            self._deadline = self._fresh_deadline()
        if not attempt.hedge:
            self._failed = attempt
            for rival in self._running:  # its hedge has become its successor
                rival.hedge = False
                self._announce.switched(attempt, rival, error.fault, self._bench.clock())
        # The next one is asked at once: it does not wait until this one's connection is closed.
        attempt.cancel()
        self._announce.failed(attempt, error)

    async def close(self) -> None:
        """End what still runs, by nobody's fault."""
        self._announce.closed(self._bench.clock(), whole=self._over)
        for attempt in self._running:
            attempt.lease.released()
            attempt.cancel()
        for attempt in self._running:
            await attempt.close()


def _end(attempt: Attempt[Any, Any], _: object) -> None:
    attempt.lease.released()
    attempt.cancel()
