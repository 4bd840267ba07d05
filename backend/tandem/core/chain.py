"""The chain: a slot's providers in order of preference, each behind its breaker, shared by all calls of a process."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tandem.core.breaker import Breaker, Change, Outcome, Permit, State, outcome_of
from tandem.core.errors import Fault, ProviderError
from tandem.core.events import BreakerChanged
from tandem.core.hedge import Budget
from tandem.core.ports import Clock, Notify, Slot
from tandem.core.recent import Recent


class Named(Protocol):
    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Named)


@dataclass(slots=True)
class Record:
    """What is known of a provider since the start of the process."""

    attempts: int = 0
    failures: int = 0
    took_over: int = 0  # how often it went on where another one had failed
    last_fault: Fault | None = None
    gives_interim: bool = False  # a recogniser that gives interim transcripts
    first_outputs: Recent = field(default_factory=Recent)  # in ms


@dataclass(slots=True)
class Member(Generic[P]):
    """A provider's place in the chain."""

    provider: P
    breaker: Breaker
    last_resort: bool = False  # it serves only when the others cannot, however slow they are
    record: Record = field(default_factory=Record)

    @property
    def name(self) -> str:
        return self.provider.name


@dataclass(slots=True)
class Lease(Generic[P]):
    """Leave to try a provider once; it ends with one of the verbs, and what comes after the first does not count."""

    member: Member[P]
    permit: Permit
    _settled: bool = False

    def succeeded(self, *, slow: bool) -> None:
        self._settle(Outcome.SLOW if slow else Outcome.SUCCESS)

    def failed(self, error: ProviderError) -> None:
        outcome = outcome_of(error.fault)
        if not self._settled and outcome is not Outcome.NEUTRAL:
            self.member.record.failures += 1
            self.member.record.last_fault = error.fault
        self._settle(outcome, error.retry_after_ms)

    def released(self) -> None:
        """It came to nothing, by nobody's fault."""
        self._settle(Outcome.NEUTRAL)

    def renewed(self) -> "Lease[P]":
        """Return leave to go on with the same provider."""
        return Lease(self.member, self.member.breaker.force())

    def _settle(self, outcome: Outcome, retry_after_ms: float | None = None) -> None:
        if not self._settled:
            self._settled = True
            self.member.breaker.settle(self.permit, outcome, retry_after_ms=retry_after_ms)


class Chain(Generic[P]):
    """Says whom to try next. `jitter` gives a factor around 1 for each cool-down."""

    def __init__(
        self,
        slot: Slot,
        providers: Sequence[P],
        *,
        clock: Clock,
        notify: Notify,
        jitter: Callable[[], float] = lambda: 1.0,
        last_resorts: Collection[str] = (),
    ) -> None:
        self.slot = slot
        self.hedges = Budget(clock)
        self._notify = notify
        self.members = [
            Member(
                provider,
                Breaker(clock, changed=self._announcer(provider.name), jitter=jitter),
                last_resort=provider.name in last_resorts,
            )
            for provider in providers
        ]

    def _announcer(self, provider: str) -> Callable[[Change], None]:
        return lambda change: self._notify(
            BreakerChanged(self.slot, provider, change.state, change.reason, change.cool_down_ms)
        )

    @property
    def names(self) -> list[str]:
        return [member.name for member in self.members]

    def member(self, name: str) -> Member[P]:
        """Return the provider of this name, with what is known of it."""
        return self.members[self.names.index(name)]

    @property
    def calm(self) -> bool:
        """Whether every breaker is closed."""
        return all(member.breaker.state is State.CLOSED for member in self.members)

    def next(self, tried: Collection[str] = (), *, incumbent: str = "") -> Lease[P] | None:
        """Return leave to try the next provider that was not `tried`: the incumbent, then the others in order.

        When the breakers leave none, they are ignored: a call is never refused for what happened to others.
        """
        left = [member for member in self.members if member.name not in tried]
        left.sort(key=lambda member: member.name != incumbent)
        for member in left:
            if permit := member.breaker.admit():
                return Lease(member, permit)
        return Lease(left[0], left[0].breaker.force()) if left else None

    def rival(self, tried: Collection[str]) -> Lease[P] | None:
        """Return leave for a hedge, if the slot is calm, the budget allows it and there is an equal to ask."""
        equals = self._equals(tried)
        if not equals or not self.calm:
            return None
        permit = equals[0].breaker.admit()
        return Lease(equals[0], permit) if permit and self.hedges.take() else None

    def has_equal(self, tried: Collection[str]) -> bool:
        """Whether a provider that is no last resort was not tried yet."""
        return bool(self._equals(tried))

    def _equals(self, tried: Collection[str]) -> list[Member[P]]:
        return [member for member in self.members if member.name not in tried and not member.last_resort]

    def successor(self, serving: Collection[str]) -> P | None:
        """Return the provider that would go on where those that serve now fail, if one is well."""
        well = (each for each in self.members if each.name not in serving and each.breaker.state is State.CLOSED)
        return next((member.provider for member in well), None)

    def probe(self) -> Lease[P] | None:
        """Return leave for a shadow attempt on a provider that may be well again."""
        for member in self.members:
            if permit := member.breaker.probe():
                return Lease(member, permit)
        return None

    @property
    def on_trial(self) -> bool:
        """Whether a provider waits to be probed."""
        return any(member.breaker.state is State.HALF_OPEN for member in self.members)

    def has_better_than(self, serving: str) -> bool:
        """Whether a provider that is preferred to the serving one is well."""
        before = self.members[: self.names.index(serving)]
        return any(member.breaker.trusted for member in before)
