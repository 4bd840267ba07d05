"""The circuit breaker: keeps a provider that fails from costing anybody time, and finds out when it is well again."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tandem.core.errors import Fault
from tandem.core.ports import Clock


class State(StrEnum):
    CLOSED = "closed"  # it serves
    HALF_OPEN = "half-open"  # it is tried, while another one serves
    OPEN = "open"  # it is left alone


class Outcome(StrEnum):
    """What an attempt says about its provider."""

    SUCCESS = "success"
    SLOW = "slow"  # it served, but late
    FAILURE = "failure"
    PERMANENT = "permanent"  # our key or our account is refused: only a change of the configuration helps
    NEUTRAL = "neutral"  # nothing: the caller left, spoke over it, or another one was faster


class Reason(StrEnum):
    """Why a breaker changed its state."""

    FAILURES = "failures"  # so many in a row
    FAILURE_RATE = "failure-rate"
    SLOW_RATE = "slow-rate"
    ASKED_TO_WAIT = "asked-to-wait"  # the provider said for how long (Retry-After)
    PERMANENT = "permanent"
    PROBE_FAILED = "probe-failed"
    COOLED_DOWN = "cooled-down"
    RECOVERED = "recovered"
    OPERATOR = "operator"


def outcome_of(fault: Fault) -> Outcome:
    """Return what a fault says about its provider."""
    match fault:
        case Fault.REJECTED:
            return Outcome.PERMANENT
        case Fault.INVALID:
            return Outcome.NEUTRAL
        case _:
            return Outcome.FAILURE


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a breaker trips and how it recovers; times in ms. Starting points, to be tuned on measured failures."""

    failures_in_row: int = 3
    window_ms: float = 20_000
    least_attempts: int = 10  # in the window, before a rate means anything
    failed_or_slow: float = 0.5
    slow: float = 0.6
    open_ms: float = 5_000
    open_growth: float = 4.0  # with each failed recovery: 3 failures and 2 probes in the first minute of an outage
    most_open_ms: float = 60_000
    permanent_ms: float = 300_000
    lease_ms: float = 3_000  # a probe that says nothing for so long is given up
    good_probes: int = 2
    ramp: tuple[float, ...] = (0.1, 0.5, 1.0)  # the share of new requests, step by step
    ramp_step_ms: float = 2_000


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to try the provider once; give it back with `Breaker.settle`. One of an older generation says nothing.

    `probe` numbers the probes; 0 is none.
    """

    generation: int
    probe: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker went into `state`; an open one stays so for `cool_down_ms` at least."""

    state: State
    reason: Reason
    cool_down_ms: float = 0.0


class Breaker:
    """The breaker of one provider in one slot, shared by all calls of a process.

    `jitter` gives a factor around 1 for each cool-down, so that many processes do not return at once. `changed` hears
    of every change of state.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        changed: Callable[[Change], None],
        jitter: Callable[[], float] = lambda: 1.0,
        limits: BreakerLimits | None = None,
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._jitter = jitter
        self._limits = limits or BreakerLimits()
        self._state, self._reason = State.CLOSED, Reason.OPERATOR
        self._generation = 0
        self._recent: deque[tuple[float, Outcome]] = deque()
        self._counts = Counter[Outcome]()  # of the recent ones
        self._in_row = 0
        self._open_until = 0.0
        self._openings = 0  # since it was last well
        self._held = False  # open until an operator says otherwise
        self._leased_until = 0.0  # the time until which a probe is out
        self._probes = 0
        self._good = 0
        self._ramp_began: float | None = None
        self._asked = 0  # requests since the ramp began

    @property
    def state(self) -> State:
        """The state now; an open breaker becomes half-open by the passing of time."""
        if self._state is State.OPEN and not self._held and self._clock() >= self._open_until:
            self._good, self._leased_until = 0, 0.0
            self._enter(State.HALF_OPEN, Reason.COOLED_DOWN)
        return self._state

    @property
    def cool_down_left_ms(self) -> float:
        """How long it stays open; infinite if an operator opened it, 0 if it is not open."""
        if self.state is not State.OPEN:
            return 0.0
        return float("inf") if self._held else self._open_until - self._clock()

    # --- leave to try ---

    def admit(self) -> Permit | None:
        """Return leave to serve a request, or None. A provider that has just recovered gets a share of the requests."""
        if self.state is not State.CLOSED:
            return None
        if (share := self._share()) is not None:
            self._asked += 1
            if int(self._asked * share) == int((self._asked - 1) * share):
                return None
        return Permit(self._generation)

    def _share(self) -> float | None:
        """Return the share of the requests that a provider gets which has just recovered; None: all, it is trusted."""
        if self._ramp_began is None:
            return None
        step = int((self._clock() - self._ramp_began) / self._limits.ramp_step_ms)
        if step >= len(self._limits.ramp):
            self._ramp_began, self._openings = None, 0
            return None
        return self._limits.ramp[step]

    @property
    def trusted(self) -> bool:
        """Whether it serves all requests."""
        return self.state is State.CLOSED and self._share() is None

    def probe(self) -> Permit | None:
        """Return leave to try a half-open provider with a request that nobody waits for; one at a time."""
        if self.state is not State.HALF_OPEN or self._clock() < self._leased_until:
            return None
        self._leased_until = self._clock() + self._limits.lease_ms
        self._probes += 1
        return Permit(self._generation, self._probes)

    def force(self) -> Permit:
        """Return leave in any state: nobody else is left to serve."""
        return Permit(self._generation)

    # --- what came of it ---

    def settle(self, permit: Permit, outcome: Outcome, *, retry_after_ms: float | None = None) -> None:
        """Take back a permit with what came of it. `retry_after_ms` is how long the provider asked to be left alone."""
        state = self.state
        if permit.generation != self._generation or (permit.probe and permit.probe != self._probes):
            return
        if permit.probe:
            self._leased_until = 0.0
        if outcome is Outcome.NEUTRAL or self._held:
            return
        if outcome is Outcome.PERMANENT:
            self._open(Reason.PERMANENT, self._limits.permanent_ms)
        elif outcome is Outcome.FAILURE and retry_after_ms is not None:
            self._open(Reason.ASKED_TO_WAIT, min(retry_after_ms, self._limits.most_open_ms))
        elif state is State.CLOSED:
            self._count(outcome)
        elif outcome is Outcome.SUCCESS:
            self._recover()
        elif state is State.HALF_OPEN:
            self._open(Reason.PROBE_FAILED)

    def _count(self, outcome: Outcome) -> None:
        now, limits = self._clock(), self._limits
        self._recent.append((now, outcome))
        self._counts[outcome] += 1
        while self._recent[0][0] < now - limits.window_ms:
            self._counts[self._recent.popleft()[1]] -= 1
        self._in_row = self._in_row + 1 if outcome is Outcome.FAILURE else 0
        if self._in_row and self._share() is not None:
            self._open(Reason.PROBE_FAILED)
            return
        if reason := self._tripped():
            self._open(reason)

    def _tripped(self) -> Reason | None:
        limits, total = self._limits, len(self._recent)
        if self._in_row >= limits.failures_in_row:
            return Reason.FAILURES
        if total < limits.least_attempts:
            return None
        slow, failed = self._counts[Outcome.SLOW], self._counts[Outcome.FAILURE]
        if slow >= limits.slow * total:
            return Reason.SLOW_RATE
        # Slowness alone has the higher limit above.
        return Reason.FAILURE_RATE if failed and failed + slow >= limits.failed_or_slow * total else None

    def _recover(self) -> None:
        """It did well while it was not trusted; one that asked to be left alone, or whose key is refused, stays so."""
        if self._state is State.OPEN and self._reason in (Reason.ASKED_TO_WAIT, Reason.PERMANENT):
            return
        self._good += 1
        if self._good >= self._limits.good_probes:
            self._ramp_began, self._asked = self._clock(), 0
            self._enter(State.CLOSED, Reason.RECOVERED)

    def _open(self, reason: Reason, cool_down_ms: float | None = None) -> None:
        if cool_down_ms is None:
            grown: float = self._limits.open_ms * self._limits.open_growth ** min(self._openings, 16)
            cool_down_ms = min(grown, self._limits.most_open_ms) * self._jitter()
        self._openings += 1
        self._open_until = self._clock() + cool_down_ms
        self._good, self._ramp_began = 0, None
        self._enter(State.OPEN, reason, cool_down_ms)

    def _enter(self, state: State, reason: Reason, cool_down_ms: float = 0.0) -> None:
        self._state, self._reason = state, reason
        self._generation += 1
        self._in_row = 0
        self._recent.clear()
        self._counts.clear()
        self._changed(Change(state, reason, cool_down_ms))

    # --- operators ---

    def hold_open(self) -> None:
        """Leave the provider alone until `close`."""
        self._held = True
        self._enter(State.OPEN, Reason.OPERATOR, float("inf"))

    def close(self) -> None:
        """Let the provider serve, as if it had never failed."""
        self._held, self._openings, self._ramp_began, self._good = False, 0, None, 0
        self._enter(State.CLOSED, Reason.OPERATOR)
