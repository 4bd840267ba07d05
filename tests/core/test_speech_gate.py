"""The speech gate: the edges of speech."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.ports import SpeechMark
from tandem.core.speech_gate import GateLimits, SpeechEdge, SpeechGate

WINDOW_MS = 32
LIMITS = GateLimits()
STARTS, STOPS = round(LIMITS.start_ms / WINDOW_MS), round(LIMITS.stop_ms / WINDOW_MS)  # windows
VOICE, UNSURE, QUIET = 0.9, 0.4, 0.1

PROBABILITY = st.sampled_from([0.0, 0.34, 0.35, 0.42, 0.499, 0.5, 0.51, 1.0])
# Runs, because a sequence of independent probabilities seldom holds a level long enough to be an edge.
PROBABILITIES = st.lists(st.tuples(PROBABILITY, st.integers(1, 12)), max_size=40).map(
    lambda runs: [probability for probability, length in runs for _ in range(length)]
)


def edges_of(probabilities: list[float]) -> list[SpeechEdge]:
    return SpeechGate(WINDOW_MS).feed(probabilities)


# --- the gate ---


def test_speech_begins_where_the_voice_did_and_ends_where_it_fell_silent() -> None:
    assert edges_of([QUIET] * 3 + [VOICE] * 10 + [QUIET] * 8) == [
        SpeechEdge(SpeechMark.STARTED, 3 * WINDOW_MS),
        SpeechEdge(SpeechMark.STOPPED, 13 * WINDOW_MS),
    ]


def test_a_click_of_one_window_is_no_speech() -> None:
    assert edges_of([QUIET, VOICE, QUIET, VOICE, QUIET]) == []


def test_the_closure_of_a_plosive_does_not_end_speech() -> None:
    edges = edges_of([VOICE] * 5 + [QUIET] * (STOPS - 1) + [VOICE] * 5)
    assert [edge.mark for edge in edges] == [SpeechMark.STARTED]


def test_between_the_thresholds_nothing_changes() -> None:
    assert edges_of([UNSURE] * 50) == []
    assert len(edges_of([VOICE] * 2 + [UNSURE] * 50)) == 1


@pytest.mark.parametrize(("probability", "starts"), [(0.5, True), (0.499, False)])
def test_the_starting_threshold_is_inclusive(probability: float, starts: bool) -> None:
    assert bool(edges_of([probability] * 2)) is starts


@pytest.mark.parametrize(("probability", "stops"), [(0.35, False), (0.349, True)])
def test_the_stopping_threshold_is_exclusive(probability: float, stops: bool) -> None:
    assert (len(edges_of([VOICE] * 2 + [probability] * 8)) == 2) is stops


@given(PROBABILITIES)
def test_edges_alternate_and_their_times_never_go_back(probabilities: list[float]) -> None:
    edges = edges_of(probabilities)
    expected = [SpeechMark.STARTED, SpeechMark.STOPPED]
    assert [edge.mark for edge in edges] == [expected[i % 2] for i in range(len(edges))]
    assert all(before.at_ms < after.at_ms for before, after in pairwise(edges))
    assert all(0 <= edge.at_ms <= len(probabilities) * WINDOW_MS for edge in edges)


@given(PROBABILITIES)
def test_every_edge_stands_at_the_first_window_of_the_run_that_proves_it(probabilities: list[float]) -> None:
    for edge in edges_of(probabilities):
        first = round(edge.at_ms / WINDOW_MS)
        if edge.mark is SpeechMark.STARTED:
            run = probabilities[first : first + STARTS]
            assert len(run) == STARTS
            assert all(probability >= LIMITS.start_probability for probability in run)
        else:
            run = probabilities[first : first + STOPS]
            assert len(run) == STOPS
            assert all(probability < LIMITS.stop_probability for probability in run)
            assert probabilities[first - 1] >= LIMITS.stop_probability


@given(PROBABILITIES)
def test_no_run_that_is_long_enough_is_missed(probabilities: list[float]) -> None:
    gate = SpeechGate(WINDOW_MS)
    run = 0
    for probability in probabilities:
        was_speaking = gate.speaking
        against = probability < LIMITS.stop_probability if was_speaking else probability >= LIMITS.start_probability
        run = run + 1 if against else 0
        turned = bool(gate.feed([probability]))
        assert turned == (run == (STOPS if was_speaking else STARTS))
        assert gate.speaking == (was_speaking != turned)
        run = 0 if turned else run


@given(PROBABILITIES, st.data())
def test_edges_do_not_depend_on_how_the_windows_arrive(probabilities: list[float], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(probabilities)))
    gate = SpeechGate(WINDOW_MS)
    assert gate.feed(probabilities[:cut]) + gate.feed(probabilities[cut:]) == edges_of(probabilities)


def test_no_windows_give_no_edges() -> None:
    assert edges_of([]) == []


def test_the_last_probability_can_be_shown() -> None:
    gate = SpeechGate(WINDOW_MS)
    gate.feed([0.2, 0.7])
    assert gate.probability == 0.7


@given(PROBABILITIES)
def test_voiced_ms_is_nothing_while_silent_and_never_more_than_the_time_since_the_start(
    probabilities: list[float],
) -> None:
    gate = SpeechGate(WINDOW_MS)
    started = 0.0
    for i, probability in enumerate(probabilities):
        for edge in gate.feed([probability]):
            started = edge.at_ms
        if not gate.speaking:
            assert gate.voiced_ms == 0
        else:
            assert 64 <= gate.voiced_ms <= (i + 1) * WINDOW_MS - started


def test_the_quiet_after_a_word_is_not_voice() -> None:
    gate = SpeechGate(WINDOW_MS)
    gate.feed([VOICE] * 3 + [QUIET] * 4)
    assert gate.speaking
    assert gate.voiced_ms == 3 * WINDOW_MS


def test_a_voice_that_comes_back_before_the_stop_counts_from_its_start() -> None:
    gate = SpeechGate(WINDOW_MS)
    gate.feed([VOICE] * 3 + [QUIET] * 2 + [VOICE] * 3)
    assert gate.voiced_ms == 8 * WINDOW_MS


# --- closing the gate ---


def test_closing_ends_speech_where_the_audio_ended() -> None:
    gate = SpeechGate(WINDOW_MS)
    gate.feed([VOICE] * 10)
    assert gate.close() == [SpeechEdge(SpeechMark.STOPPED, 10 * WINDOW_MS)]
    assert not gate.speaking
    assert gate.voiced_ms == 0


def test_closing_a_silent_gate_says_nothing_and_forgets_a_voice_that_was_too_short() -> None:
    gate = SpeechGate(WINDOW_MS)
    gate.feed([VOICE])
    assert gate.close() == []
    assert gate.feed([VOICE]) == []


def test_what_a_detector_hears_of_a_voice_that_has_ended_is_no_part_of_it() -> None:
    gate = SpeechGate(WINDOW_MS, tail_ms=48)
    assert gate.feed([VOICE] * 10 + [QUIET] * 8)[1] == SpeechEdge(SpeechMark.STOPPED, 10 * WINDOW_MS - 48)


def test_speech_that_is_shorter_than_the_detectors_tail_ends_where_it_began() -> None:
    gate = SpeechGate(WINDOW_MS, tail_ms=100)
    started, stopped = gate.feed([QUIET] * 2 + [VOICE] * 2 + [QUIET] * 8)
    assert started.at_ms == stopped.at_ms == 2 * WINDOW_MS


def test_a_gate_is_closed_once() -> None:
    gate = SpeechGate(WINDOW_MS)
    gate.feed([VOICE] * 3)
    assert len(gate.close()) == 1
    assert gate.close() == []


@given(st.lists(st.one_of(PROBABILITY, st.none()), max_size=120))
def test_edges_alternate_and_their_times_never_go_back_whenever_the_gate_is_closed(
    windows: list[float | None],
) -> None:
    gate = SpeechGate(WINDOW_MS)
    edges: list[SpeechEdge] = []
    for window in windows:
        edges += gate.close() if window is None else gate.feed([window])
    assert all(before.mark is not after.mark for before, after in pairwise(edges))
    assert all(before.at_ms <= after.at_ms for before, after in pairwise(edges))
