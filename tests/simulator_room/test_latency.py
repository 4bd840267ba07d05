"""The laws of latency: the same seed gives the same times, and the typical profile is typical."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.simulator.latency import Fixed, HeavyTailed, Latency, Law, Lognormal, Normal, Pace, Slot

_MANY = 4_000


def test_the_same_seed_gives_the_same_times() -> None:
    one, two, other = (Latency("typical", seed) for seed in (5, 5, 6))
    times = [[latency.first_ms(Slot.LLM) for _ in range(20)] for latency in (one, two, other)]
    assert times[0] == times[1] != times[2]


@pytest.mark.parametrize("slot", list(Slot))
def test_the_profile_none_takes_no_time(slot: Slot) -> None:
    latency = Latency("none")
    assert (latency.first_ms(slot), latency.unit_ms(slot, audio_ms=100)) == (0, 0)


@pytest.mark.parametrize(
    ("slot", "low", "high", "share"),
    [(Slot.STT, 250, 330, 0.98), (Slot.LLM, 200, 700, 0.94), (Slot.TTS, 80, 250, 0.98)],
)
def test_typical_first_outputs_lie_where_the_vendors_lie(slot: Slot, low: float, high: float, share: float) -> None:
    latency = Latency("typical", 1)
    times = [latency.first_ms(slot) for _ in range(_MANY)]
    assert sum(low <= ms <= high for ms in times) >= share * _MANY


def test_a_typical_model_sometimes_keeps_one_waiting_for_seconds() -> None:
    latency = Latency("typical", 1)
    assert 0.01 < sum(latency.first_ms(Slot.LLM) > 2_000 for _ in range(_MANY)) / _MANY < 0.04


def test_audio_takes_its_real_time_factor() -> None:
    latency = Latency({Slot.TTS: Pace(unit=Fixed(5), real_time=Fixed(0.5))})
    assert latency.unit_ms(Slot.TTS, audio_ms=100) == 55
    uploaded = Latency({Slot.STT: Pace(first=Fixed(200), real_time=Fixed(0.1))})
    assert [uploaded.first_ms(Slot.STT), uploaded.first_ms(Slot.STT, audio_ms=3_000)] == [200, 500]


def test_the_laws_have_the_middles_they_promise() -> None:
    laws: dict[Law, float] = {
        Normal(100, 10): 100,
        Lognormal(200, 0.5): 200,
        HeavyTailed(Fixed(50), share=0.1, tail_ms=1_000): 50,
    }
    for law, middle in laws.items():
        latency = Latency({Slot.LLM: Pace(first=law)}, 2)
        drawn = [latency.first_ms(Slot.LLM) for _ in range(_MANY)]
        assert statistics.median(drawn) == pytest.approx(middle, rel=0.05)


@given(st.integers(), st.floats(0, 1_000), st.floats(0, 1_000))
def test_no_time_is_negative_and_no_tail_without_end(seed: int, mean: float, deviation: float) -> None:
    law = HeavyTailed(Normal(mean, deviation), share=0.5, tail_ms=5_000, alpha=0.2)
    latency = Latency({Slot.TTS: Pace(first=law)}, seed)
    assert all(0 <= latency.first_ms(Slot.TTS) <= 30_000 for _ in range(20))


def test_the_bench_takes_the_same_time_every_time() -> None:
    latency = Latency("bench")
    assert [latency.first_ms(slot) for slot in (Slot.LLM, Slot.TTS)] == [200, 100]
    assert latency.unit_ms(Slot.LLM) == 20
    assert latency.unit_ms(Slot.TTS, audio_ms=100) == 20


def test_a_final_transcript_counts_from_the_end_of_the_voice_only_where_the_profile_says_so() -> None:
    assert [Latency("bench").final_ms(quiet_ms) for quiet_ms in (0, 260, 800)] == [300, 40, 0]
    late = Latency({Slot.STT: Pace(first=Fixed(290))})
    assert [late.final_ms(quiet_ms) for quiet_ms in (0, 260)] == [290, 290]
