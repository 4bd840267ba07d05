"""The labelled turns are what their list says, and the evaluation finds what rules do that need no finding."""

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from audio.turns.evaluate import FIRST_SOUND_MS, CutOff, Outcome, judge, summed, wilson
from audio.turns.make_turns import (
    QUIET_AFTER_MS,
    RATE,
    VOICE_FLOOR,
    Segment,
    Span,
    SpokenTurn,
    Studio,
    Turn,
    bare,
    drawn_pauses,
    listed,
)
from audio.turns.rehearsal import Heard, Moment, Rehearsal, ScriptedRecogniser, hear
from needs import require
from tandem.audio.vad import SileroModel
from tandem.providers.local import espeak, flite

EVALUATE = Path(__file__).parent / "turns" / "evaluate.py"
TURNS = listed()
INNER = [segment for turn in TURNS for segment in turn.segments[:-1]]
SURELY_NOTICED_MS = 390  # the gate's 192, and the detector lets go of a voice up to 130 late; the rest is for windows
NEVER_NOTICED_MS = 160


@pytest.fixture(scope="module")
def spoken() -> list[SpokenTurn]:
    require(flite.missing() is None and espeak.missing() is None, "the turns are spoken by flite and espeak")

    async def speak() -> list[SpokenTurn]:
        async with Studio.open() as studio:
            return [await studio.speak(turn) for turn in TURNS]

    return asyncio.run(speak())


@pytest.fixture(scope="module")
def heard(spoken: list[SpokenTurn]) -> list[Heard]:
    """A third of the turns: every kind, with and without pauses."""
    model = SileroModel.load()
    return [hear(turn, model) for turn in spoken[::3]]


def gaps_ms(turn: SpokenTurn) -> list[float]:
    """Return the stretches of 180 ms or more below the voice, found in the audio alone, the one before the turn not."""
    samples, block = np.frombuffer(turn.pcm, "<i2").astype(float) / 32768, RATE // 200
    blocks = samples[: samples.size // block * block].reshape(-1, block)
    loud = np.flatnonzero(np.sqrt(np.mean(blocks**2, axis=1)) > VOICE_FLOOR)
    quiet = (np.diff(np.append(loud, len(blocks))) - 1) * 5
    return [float(ms) for ms in quiet if ms >= 180]


def made_up(*segments: Segment, spans: tuple[Span, ...]) -> SpokenTurn:
    return SpokenTurn(Turn(0, "made up", "tune", segments), b"", spans)


def test_the_list_is_as_it_was_meant_to_be() -> None:
    assert len(TURNS) >= 120
    assert [turn.number for turn in TURNS] == list(range(1, len(TURNS) + 1))
    assert {turn.part for turn in TURNS[::2]} == {"tune"}
    assert {turn.part for turn in TURNS[1::2]} == {"test"}
    assert 0.40 <= sum(len(turn.segments) > 1 for turn in TURNS) / len(TURNS) <= 0.50
    assert max(len(turn.segments) for turn in TURNS) == 3
    assert all(turn.segments[-1].pause_ms == 0 for turn in TURNS)
    places = {place: count / len(INNER) for place, count in Counter(segment.place for segment in INNER).items()}
    assert places == pytest.approx({"open": 0.70, "digits": 0.18, "complete": 0.12}, abs=0.02)


def test_the_pauses_are_those_drawn_and_not_chosen() -> None:
    assert [segment.pause_ms for segment in INNER] == drawn_pauses(len(INNER))


def test_a_sixth_of_the_unfinished_segments_have_a_wrong_full_stop_and_the_others_none() -> None:
    unfinished = [segment for segment in INNER if segment.place != "complete"]
    assert sum(segment.wrong_stop for segment in unfinished) / len(unfinished) == pytest.approx(0.15, abs=0.02)
    assert all(segment.text.endswith(".") == segment.wrong_stop for segment in unfinished)


def test_bare_writing_has_neither_case_nor_marks() -> None:
    for segment in (segment for turn in TURNS for segment in turn.segments):
        assert re.fullmatch(r"[a-z0-9']+( [a-z0-9']+)*", bare(segment.text))
    assert bare("At 7:30, twenty-five A-B, I'd say.") == "at 7 30 twenty five a b i'd say"


def test_the_gaps_in_the_audio_are_the_labelled_pauses(spoken: list[SpokenTurn]) -> None:
    for turn in spoken:
        labelled = [segment.pause_ms or QUIET_AFTER_MS for segment in turn.turn.segments]
        assert gaps_ms(turn) == pytest.approx(labelled, abs=40), turn.turn.text


def test_the_spans_are_where_the_voice_is(spoken: list[SpokenTurn]) -> None:
    for turn in spoken:
        samples = np.frombuffer(turn.pcm, "<i2").astype(float) / 32768
        edges = [round(ms * RATE / 1000) for span in turn.spans for ms in (span.start_ms, span.end_ms)]
        parts = np.split(samples, edges)
        assert [part.std() > VOICE_FLOOR for part in parts] == [False, True] * len(turn.spans) + [False]


def test_the_recogniser_shows_words_as_they_are_said_and_settles_them_later() -> None:
    spans = (Span(400, 1400), Span(2000, 3000))
    turn = made_up(Segment("Book it for", 600, "open"), Segment("The two of us."), spans=spans)
    recogniser = ScriptedRecogniser(turn, "punctuated")
    shown = {recogniser.interim(ms) for ms in range(400, 1700)}
    assert shown == {"", "Book", "Book it", "Book it for"}
    assert [recogniser.text(0, ms) for ms in (1699, 1700, 3299, 3300)] == [
        "",
        "Book it for",
        "Book it for",
        "Book it for The two of us.",
    ]
    assert recogniser.interim(3200) == "The two of us"
    assert recogniser.text(1, 3300) == "The two of us."
    assert [recogniser.settled(0, 1500, ms) for ms in (1699, 1700)] == [False, True]


def test_a_segment_settles_when_the_next_one_starts_at_the_latest() -> None:
    turn = made_up(Segment("It's", 200, "open"), Segment("Red."), spans=(Span(400, 700), Span(900, 1300)))
    assert ScriptedRecogniser(turn, "bare").finals_ms == [900, 1600]


def test_a_rule_that_waits_five_seconds_cuts_nobody_off(heard: list[Heard]) -> None:
    summary = summed([judge(each, lambda _: 5_000, "punctuated") for each in heard])
    assert (summary.cut_turns, summary.early_turns) == (0, 0)
    assert 4_900 <= summary.wait_median_ms <= summary.wait_max_ms <= 5_200


def test_a_rule_that_waits_150_ms_cuts_every_pause_that_can_be_noticed(heard: list[Heard]) -> None:
    for each in heard:
        pauses = dict(enumerate(segment.pause_ms for segment in each.spoken.turn.segments[:-1]))
        cut = {cut_off.after_segment for cut_off in judge(each, lambda _: 150, "punctuated").cut_offs}
        assert {at for at, ms in pauses.items() if ms > SURELY_NOTICED_MS} <= cut
        assert not cut & {at for at, ms in pauses.items() if ms < NEVER_NOTICED_MS}


def test_a_rule_that_waits_for_the_final_decides_with_it(heard: list[Heard]) -> None:
    outcomes = [judge(each, lambda moment: 0 if moment.settled else None, "bare") for each in heard]
    assert all(300 <= outcome.wait_ms <= 450 for outcome in outcomes)


def test_a_rule_that_never_decides_is_found_out(heard: list[Heard]) -> None:
    outcome = judge(heard[0], lambda _: None, "bare")
    assert (outcome.cut_offs, outcome.wait_ms) == ((), 10_000)


def test_after_a_cut_off_the_rest_is_a_turn_of_its_own_by_a_caller_who_is_known(heard: list[Heard]) -> None:
    each = next(each for each in heard if any(s.pause_ms > SURELY_NOTICED_MS for s in each.spoken.turn.segments))
    asked: list[Moment] = []

    def patient(moment: Moment) -> float | None:
        asked.append(moment)
        return 5_000

    Rehearsal(each, patient, "punctuated").decisions()
    assert asked[-1].text == " ".join(segment.text for segment in each.spoken.turn.segments)
    assert len(asked[-1].pauses_ms) >= 1
    asked.clear()

    def hasty(moment: Moment) -> float | None:
        asked.append(moment)
        return 0 if moment.settled else None

    assert len(Rehearsal(each, hasty, "punctuated").decisions()) >= 2
    assert asked[-1].text == each.spoken.turn.segments[-1].text


def test_the_figures_are_those_of_the_outcomes() -> None:
    heard = (CutOff(0, 0, "open", 900, 400.0), CutOff(0, 1, "open", 400, 20.0))
    unheard = (CutOff(0, 0, "open", FIRST_SOUND_MS, 300.0), CutOff(0, 1, "open", 900, 0.0))
    cut = Outcome(1, "", "a [900] b [400] c", heard, 600.0)
    summary = summed([cut, Outcome(2, "", "a", unheard, 200.0)])
    assert (summary.turns, summary.inner_pauses, summary.cut_turns, summary.cut_share) == (2, 2, 1, 0.5)
    assert summary.early_turns == 2
    assert (summary.wait_median_ms, summary.wait_p90_ms, summary.wait_max_ms) == (400, 560, 600)


def test_the_interval_is_wilsons() -> None:
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_the_script_prints_and_writes_its_figures(spoken: list[SpokenTurn], tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    options = ["--part", "test", "--writing", "bare", "--worst", "1", "--json"]
    command = [sys.executable, str(EVALUATE), *options, str(file)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    turns = [turn for turn in spoken if turn.turn.part == "test"]
    figures = json.loads(file.read_text())
    assert (figures["summary"]["turns"], len(figures["outcomes"])) == (len(turns), len(turns))
    assert f"{len(turns)}, with" in printed
