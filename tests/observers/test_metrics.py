"""The metrics: what each event adds, and that the series have an end."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from fakes import FakeClock, FakeModel, Recorder
from tandem.core.breaker import Outcome, Reason, State
from tandem.core.chain import Chain
from tandem.core.errors import Fault
from tandem.core.events import (
    AttemptFailed,
    AttemptSucceeded,
    BreakerChanged,
    CallStarted,
    EagerReplyEnded,
    FailedOver,
    FailoverEnded,
    FailoverOutcome,
    Hedged,
    PhraseBegun,
    SlotSpent,
    TurnCompleted,
)
from tandem.core.link import TurnMeasured
from tandem.core.ports import LanguageModel, Slot
from tandem.observers.metrics import Metrics

NAMED = [(Slot.LLM, "groq"), (Slot.LLM, "rulebook"), (Slot.TTS, "flite")]


def metrics_of(chain: Chain[LanguageModel] | None = None, calls: int = 2) -> Metrics:
    return Metrics(NAMED, chains=lambda: [chain] if chain else [], calls=lambda: calls, capacity=50)


def series(metrics: Metrics) -> dict[str, float]:
    """Return the value of each series, by its name and its labels in the order of the alphabet."""
    text = metrics.exposition().decode()
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def failed_over(previous: str = "groq", provider: str = "rulebook", *, after_output: bool = True) -> FailoverEnded:
    switch = FailedOver(Slot.LLM, previous, provider, Fault.CUT, after_output, gap_ms=0)
    return FailoverEnded(switch, FailoverOutcome.SERVED, gap_ms=120)


def test_times_are_in_seconds_and_in_the_buckets_of_a_voice() -> None:
    metrics = metrics_of()
    metrics(TurnCompleted("id", TurnMeasured(1, 480, 90, 120, 8, 60, turn_latency_ms=620)))
    metrics(TurnCompleted("id", TurnMeasured(2, None, None, None, None, None, turn_latency_ms=None)))
    metrics(AttemptSucceeded(Slot.LLM, "groq", 180))
    found = series(metrics)
    assert found["tandem_turn_latency_seconds_count"] == 1
    assert found["tandem_turn_latency_seconds_sum"] == 0.62
    prefix = "tandem_turn_latency_seconds_bucket le="
    bounds = [name.removeprefix(prefix) for name in found if name.startswith(prefix)]
    assert " ".join(bounds) == "0.05 0.1 0.15 0.2 0.3 0.4 0.5 0.7 0.9 1.2 1.6 2.5 5.0 10.0 +Inf"
    assert found[prefix + "0.5"] == 0
    assert found[prefix + "0.7"] == 1
    assert found["tandem_slot_first_output_seconds_bucket le=0.2 provider=groq slot=llm"] == 1


def test_a_recogniser_that_waited_for_the_caller_is_not_measured() -> None:
    metrics = Metrics([(Slot.STT, "deepgram")], chains=list, calls=lambda: 0, capacity=1)
    metrics(AttemptSucceeded(Slot.STT, "deepgram", 12_000))
    assert not any("first_output" in name for name in series(metrics))


def test_a_stall_and_the_audio_that_is_left_are_measured() -> None:
    metrics = metrics_of()
    stalled = replace(failed_over().failover, fault=Fault.STALLED)
    metrics(FailoverEnded(stalled, FailoverOutcome.SERVED, gap_ms=450))
    metrics(failed_over())
    metrics(PhraseBegun("id", 1_200))
    found = series(metrics)
    assert found["tandem_slot_stall_seconds_count slot=llm"] == 1
    assert found["tandem_slot_stall_seconds_sum slot=llm"] == 0.45
    assert found["tandem_audio_lead_seconds_sum"] == 1.2


def test_eager_replies_are_counted_by_what_became_of_them() -> None:
    metrics = metrics_of()
    for used in (True, True, False):
        metrics(EagerReplyEnded("id", used))
    found = series(metrics)
    assert (found["tandem_eager_replies_total result=used"], found["tandem_eager_replies_total result=wasted"]) == (
        2,
        1,
    )


def test_trouble_is_counted_by_where_and_why() -> None:
    metrics = metrics_of()
    metrics(failed_over())
    metrics(failed_over(after_output=False))
    metrics(replace(failed_over(), outcome=FailoverOutcome.ABANDONED))
    metrics(Hedged(Slot.LLM, "groq", "rulebook", won=True))
    metrics(Hedged(Slot.LLM, "groq", "rulebook", won=False))
    metrics(BreakerChanged(Slot.LLM, "groq", State.HALF_OPEN, Reason.COOLED_DOWN, 0))
    found = series(metrics)
    for phase in ("after_output", "before_output"):
        labels = f"fault=cut from=groq outcome=served phase={phase} slot=llm to=rulebook"
        assert found[f"tandem_failovers_total {labels}"] == 1
    assert (
        found["tandem_failovers_total fault=cut from=groq outcome=abandoned phase=after_output slot=llm to=rulebook"]
        == 1
    )
    assert found["tandem_failover_gap_seconds_count"] == 2
    assert found["tandem_failover_gap_seconds_sum"] == 0.24
    assert found["tandem_hedges_total result=won slot=llm"] == 1
    assert found["tandem_hedges_total result=lost slot=llm"] == 1
    assert found["tandem_breaker_transitions_total reason=cooled-down to=half-open"] == 1


def test_an_alarm_sees_the_first_refusal_because_its_series_began_at_zero() -> None:
    metrics = metrics_of()
    name = "tandem_breaker_transitions_total reason=permanent to=open"
    assert series(metrics)[name] == 0
    metrics(BreakerChanged(Slot.LLM, "groq", State.OPEN, Reason.PERMANENT, 300_000))
    assert series(metrics)[name] == 1


def test_what_is_read_at_the_time_of_reading_is_as_it_is_then() -> None:
    clock = FakeClock()
    chain: Chain[LanguageModel] = Chain(Slot.LLM, [FakeModel("groq")], clock=clock, notify=Recorder())
    metrics = metrics_of(chain, calls=2)
    name = "tandem_breaker_state provider=groq slot=llm"
    assert series(metrics)[name] == 0
    for _ in range(3):
        breaker = chain.members[0].breaker
        breaker.settle(breaker.force(), Outcome.FAILURE)
    assert series(metrics)[name] == 2
    clock.advance(5_000)
    assert series(metrics)[name] == 1
    assert series(metrics)["tandem_sessions"] == 2
    assert series(metrics)["tandem_sessions_capacity"] == 50


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_names_that_nobody_configured_make_no_series_of_their_own(names: list[str]) -> None:
    metrics = metrics_of()
    for name in names:
        metrics(failed_over(name, name))
        metrics(AttemptSucceeded(Slot.LLM, name, 100))
    strangers = [name for name in names if (Slot.LLM, name) not in NAMED]
    found = series(metrics)
    count = found.get("tandem_slot_first_output_seconds_count provider=other slot=llm", 0)
    assert count == len(strangers)
    assert sum(name.startswith("tandem_failovers_total") for name in found) <= 3


def test_what_has_no_metric_is_passed_over() -> None:
    metrics = metrics_of()
    before = series(metrics)
    metrics(CallStarted("abc"))
    metrics(AttemptFailed(Slot.LLM, "groq", Fault.CUT, "detail", after_output=False))
    metrics(SlotSpent(Slot.LLM, (Fault.CUT,)))
    metrics("no event at all")
    assert series(metrics) == before


@pytest.mark.looptime
async def test_the_loop_is_measured_every_250_ms_until_the_end() -> None:
    metrics = metrics_of()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.1):
            await metrics.watch_loop()
    found = series(metrics)
    assert found["tandem_event_loop_lag_seconds_count"] == 4
    assert found["tandem_event_loop_lag_seconds_bucket le=0.02"] == 4
