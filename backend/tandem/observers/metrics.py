"""Counts and measures what happened, for Prometheus: names of providers and figures, no callers, words or keys."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from tandem.core.breaker import Reason, State
from tandem.core.chain import Chain
from tandem.core.errors import Fault
from tandem.core.events import (
    AttemptSucceeded,
    BreakerChanged,
    EagerReplyEnded,
    FailoverEnded,
    FailoverOutcome,
    Hedged,
    PhraseBegun,
    TurnCompleted,
    TurnHeard,
)
from tandem.core.ports import Slot

_VOICE_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.2, 1.6, 2.5, 5, 10)
# A loop that is 20 ms late is in trouble: the first of the buckets above would not show it.
_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1)
_LAG_EVERY_S = 0.25
_MOST_LAG_S = 0.02  # calls begin to notice
_LEVELS = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class Metrics:
    """A Notify that keeps the metrics of one app, in a registry of its own.

    `named` are slot and name of the providers that may stand in a label; any other name is "other", so that there is an
    end to the series. `chains` and `calls` are read when the metrics are.
    """

    def __init__(
        self,
        named: Collection[tuple[Slot, str]],
        *,
        chains: Callable[[], Sequence[Chain[Any]]],
        calls: Callable[[], int],
        capacity: int,
    ) -> None:
        # Else each series has a second one, of when it began. The package has no types for this.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._named = frozenset(named)
        self._chains = chains
        self.lags = False  # whether the event loop was late when it was last looked at
        self._registry = CollectorRegistry()
        self._measure_time()
        self._count_trouble()
        sessions = Gauge("tandem_sessions", "Calls that are up.", registry=self._registry)
        sessions.set_function(calls)
        most = Gauge("tandem_sessions_capacity", "Calls that may be up at a time.", registry=self._registry)
        most.set(capacity)

    def _measure_time(self) -> None:
        self._turn_latency = self._histogram(
            "tandem_turn_latency_seconds", "From the end of the caller's voice to the first audio of the reply."
        )
        self._player_delay = self._histogram(
            "tandem_player_delay_seconds", "From the first audio of a reply sent to its sound, as players report it."
        )
        self._first_output = self._histogram(
            "tandem_slot_first_output_seconds", "From a request to its first output.", ("slot", "provider")
        )
        self._failover_gap = self._histogram(
            "tandem_failover_gap_seconds",
            "From the last output before a failure (or the start) to the first of the provider that goes on.",
        )
        self._stall = self._histogram(
            "tandem_slot_stall_seconds", "How long a slot's output stood still when a provider stalled.", ("slot",)
        )
        self._lead = self._histogram(
            "tandem_audio_lead_seconds", "Audio that the caller still had when a further phrase began to come."
        )
        self._lag = self._histogram(
            "tandem_event_loop_lag_seconds", "How late the event loop was, every 250 ms.", buckets=_LAG_BUCKETS
        )

    def _count_trouble(self) -> None:
        self._breaker_state = Gauge(
            "tandem_breaker_state", "0 closed, 1 half-open, 2 open.", ("slot", "provider"), registry=self._registry
        )
        self._transitions = Counter(
            "tandem_breaker_transitions_total", "Changes of breakers.", ("to", "reason"), registry=self._registry
        )
        self._failovers = Counter(
            "tandem_failovers_total",
            "Requests that went on to the next provider.",
            ("slot", "from", "to", "fault", "phase", "outcome"),
            registry=self._registry,
        )
        self._hedges = Counter(
            "tandem_hedges_total", "Second providers that were asked.", ("slot", "result"), registry=self._registry
        )
        self._eager = Counter(
            "tandem_eager_replies_total",
            "Replies that began before their turn was certainly over.",
            ("result",),
            registry=self._registry,
        )
        # Prometheus sees no increase in a series that begins with 1.
        for state, reason in product(State, Reason):
            self._transitions.labels(state, reason)
        for slot, result in product(Slot, ("won", "lost")):
            self._hedges.labels(slot, result)
        for result in ("used", "wasted"):
            self._eager.labels(result)

    def _histogram(
        self, name: str, what: str, labels: Sequence[str] = (), buckets: Sequence[float] = _VOICE_BUCKETS
    ) -> Histogram:
        return Histogram(name, what, labels, buckets=buckets, registry=self._registry)

    # --- what happened ---

    def __call__(self, event: object) -> None:
        match event:
            case TurnCompleted(measured=measured) if measured.turn_latency_ms is not None:
                self._turn_latency.observe(measured.turn_latency_ms / 1000)
            case TurnHeard(measured=measured) if measured.heard_ms is not None:
                self._player_delay.observe(measured.heard_ms / 1000)
            case AttemptSucceeded(slot=slot, provider=provider) if slot is not Slot.STT:
                # A recogniser's first output waits for the caller: it says nothing about the recogniser.
                self._first_output.labels(slot, self._label(slot, provider)).observe(event.first_output_ms / 1000)
            case FailoverEnded():
                self._count_failover(event)
            case PhraseBegun(lead_ms=lead_ms):
                self._lead.observe(lead_ms / 1000)
            case Hedged(slot=slot, won=won):
                self._hedges.labels(slot, "won" if won else "lost").inc()
            case EagerReplyEnded(used=used):
                self._eager.labels("used" if used else "wasted").inc()
            case BreakerChanged(state=state, reason=reason):
                self._transitions.labels(state, reason).inc()

    def _count_failover(self, event: FailoverEnded) -> None:
        switch = event.failover
        self._failovers.labels(
            switch.slot,
            self._label(switch.slot, switch.previous),
            self._label(switch.slot, switch.provider),
            switch.fault,
            "after_output" if switch.after_output else "before_output",
            event.outcome,
        ).inc()
        if event.outcome is FailoverOutcome.SERVED:
            self._failover_gap.observe(event.gap_ms / 1000)
            if switch.fault is Fault.STALLED and switch.after_output:
                self._stall.labels(switch.slot).observe(event.gap_ms / 1000)

    def _label(self, slot: Slot, provider: str) -> str:
        return provider if (slot, provider) in self._named else "other"

    async def watch_loop(self) -> None:
        """Measure how late the running event loop is, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + _LAG_EVERY_S
            await asyncio.sleep(_LAG_EVERY_S)
            lag_s = max(0.0, clock() - due)
            self.lags = lag_s > _MOST_LAG_S
            self._lag.observe(lag_s)

    # --- reading ---

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format, version 0.0.4."""
        for chain in self._chains():
            for member in chain.members:
                level = _LEVELS[member.breaker.state]
                self._breaker_state.labels(chain.slot, self._label(chain.slot, member.name)).set(level)
        return generate_latest(self._registry)
