"""Transcript merge: each of the caller's words once, whoever heard it how often."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import Word
from tandem.core.ports import Transcript
from tandem.core.transcript import TurnTranscript, without_overlap

EACH_MS = 300
NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905


def heard(
    said: list[str], first: int = 0, last: int | None = None, *, times: bool = False, ends: bool = False
) -> Transcript:
    """Return the final transcript of the words from `first` to before `last`, of which each takes 300 ms."""
    last = len(said) if last is None else last
    words = tuple(Word(said[i], i * EACH_MS, (i + 1) * EACH_MS) for i in range(first, last))
    text = " ".join(word.text for word in words)
    return Transcript(text, True, first * EACH_MS, last * EACH_MS, ends, words if times else ())


def merged(*transcripts: Transcript) -> str:
    turn = TurnTranscript()
    for transcript in transcripts:
        turn.receive(transcript)
    return turn.text


def stretches(said: list[str], places: list[int], *, times: bool) -> list[Transcript]:
    """Return the transcripts of a recogniser that gives a final one at each of the places."""
    edges = sorted({0, *places})
    return [heard(said, first, last, times=times) for first, last in pairwise(edges)]


# --- who heard what ---


def test_stretches_that_do_not_overlap_are_joined() -> None:
    assert merged(heard(NUMBERS, 0, 3), heard(NUMBERS, 3, 5)) == "one two three four five"


@pytest.mark.parametrize("times", [True, False])
def test_words_that_were_heard_twice_are_given_once(times: bool) -> None:
    assert merged(heard(NUMBERS, 0, 5, times=times), heard(NUMBERS, 2, 8, times=times)) == " ".join(NUMBERS[:8])


def test_case_and_punctuation_do_not_make_another_word() -> None:
    first = replace(heard(NUMBERS, 0, 4), text="One, two. Three four")
    later = replace(heard(NUMBERS, 2, 6), text="three Four? five six.")
    assert merged(first, later) == "One, two. Three four five six."


def test_a_word_that_was_said_twice_stays_twice() -> None:
    said = ["no", "no", "no", "way"]
    assert merged(heard(said, 0, 2, times=True), heard(said, 1, 4, times=True)) == "no no no way"
    assert merged(heard(said, 0, 2), heard(said, 2, 4)) == "no no no way"


def test_an_overlap_too_short_for_any_word_costs_no_word() -> None:
    settled = Transcript("no no", True, 0, 600.0)
    later = Transcript("no way", True, 595.0, 1200.0)
    assert merged(settled, later) == "no no no way"


def test_a_word_belongs_to_the_stretch_that_holds_its_middle() -> None:
    settled = Transcript("one two", True, 0, 700)
    later = Transcript("two three", True, 400, 1200, words=(Word("two", 400, 690), Word("three", 650, 1200)))
    assert without_overlap(settled, later).text == "three"


@given(st.integers(1, 12), st.lists(st.integers(1, 12), max_size=3), st.lists(st.integers(1, 12), max_size=3))
def test_a_successor_with_word_times_that_hears_the_utterance_again_adds_only_what_is_new(
    died_at: int, first_places: list[int], second_places: list[int]
) -> None:
    first = stretches(NUMBERS, [place for place in first_places if place <= died_at], times=True)
    second = stretches(NUMBERS, [*second_places, len(NUMBERS)], times=True)
    assert merged(*first, *second) == " ".join(NUMBERS)


@given(st.lists(st.integers(1, 12), max_size=3), st.lists(st.integers(1, 12), max_size=3))
def test_a_successor_without_word_times_that_hears_the_utterance_again_adds_only_what_is_new(
    first_places: list[int], second_places: list[int]
) -> None:
    first = stretches(NUMBERS, first_places, times=False)
    second = stretches(NUMBERS, [*second_places, len(NUMBERS)], times=False)
    assert merged(*first, *second) == " ".join(NUMBERS)


def test_two_settled_stretches_that_are_heard_again_are_given_once() -> None:
    again = heard(NUMBERS, 0, 6)
    assert merged(heard(NUMBERS, 0, 2), heard(NUMBERS, 2, 4), again) == "one two three four five six"


def test_a_stretch_that_is_heard_again_in_part_adds_nothing() -> None:
    assert merged(heard(NUMBERS, 0, 4), heard(NUMBERS, 0, 2)) == "one two three four"


def test_a_successor_that_spells_a_word_otherwise_does_not_double_the_others() -> None:
    settled = Transcript("okay my name is ann", True, 0, 2000)
    again = Transcript("OK, my name is Ann Lee.", True, 0, 2600, ends_utterance=True)
    assert merged(settled, again) in {"okay my name is ann Lee.", "OK, my name is Ann Lee."}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("call me tomorrow", "tomorrow at nine"),
        ("I think that we should go", "you know what I think that it is"),
    ],
)
@pytest.mark.parametrize("ends", [True, False])
def test_a_short_overlap_costs_no_word_because_others_are_like_it(before: str, after: str, ends: bool) -> None:
    # A recogniser may let a stretch begin up to 300 ms before the last one ended, in the quiet between them.
    settled = Transcript(before, True, 0, 3000, ends_utterance=ends)
    later = Transcript(after, True, 2800, 6000, ends_utterance=ends)
    assert merged(settled, later) == f"{before} {after}"


@given(st.lists(st.sampled_from(["no", "yes", "so"]), min_size=1, max_size=12), st.data())
def test_word_times_keep_repeated_words_apart(said: list[str], data: st.DataObject) -> None:
    settled = data.draw(st.integers(0, len(said)))
    again_from = data.draw(st.integers(0, settled))
    first = heard(said, 0, settled, times=True)
    assert merged(first, heard(said, again_from, times=True)).split() == said


@given(st.floats(0, 5000), st.floats(0, 5000), st.floats(0, 5000), st.floats(0, 5000), st.booleans())
def test_no_stretch_ends_before_it_begins(a: float, b: float, c: float, d: float, times: bool) -> None:
    settled = Transcript("one two", True, min(a, b), max(a, b))
    words = (Word("two", min(c, d), (c + d) / 2), Word("three", (c + d) / 2, max(c, d)))
    later = Transcript("two three", True, min(c, d), max(c, d), words=words if times else ())
    fresh = without_overlap(settled, later)
    assert fresh.start_ms <= fresh.end_ms
    assert set(fresh.text.split()) <= {"two", "three"}


def test_words_and_text_stay_together() -> None:
    fresh = without_overlap(heard(NUMBERS, 0, 3, times=True), heard(NUMBERS, 1, 6, times=True))
    assert [word.text for word in fresh.words] == fresh.text.split() == ["four", "five", "six"]


def test_a_transcript_that_counts_its_words_otherwise_is_joined_by_their_spelling() -> None:
    later = Transcript("two three four", True, 300, 1200, words=(Word("two three", 300, 900), Word("four", 900, 1200)))
    assert without_overlap(heard(NUMBERS, 0, 2), later).text == "three four"


@given(st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_any_two_texts_can_be_joined(before: str, after: str, final: bool) -> None:
    turn = TurnTranscript()
    turn.receive(Transcript(before, True, 0, 1000))
    line = turn.receive(Transcript(after, final, 500, 2000))
    given_words = after.split()
    assert line.transcript.text.split() == given_words[len(given_words) - len(line.transcript.text.split()) :]


# --- what the screen shows ---


def test_revisions_count_up_within_a_segment_and_segments_with_each_final() -> None:
    turn = TurnTranscript()
    interim, final = replace(heard(NUMBERS, 0, 1), final=False), heard(NUMBERS, 0, 1)
    lines = [turn.receive(each) for each in (interim, interim, final, interim, final)]
    assert [(line.segment, line.revision) for line in lines] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]


def test_an_interim_transcript_is_shown_without_what_is_settled_and_is_no_word_of_the_turn() -> None:
    turn = TurnTranscript()
    turn.receive(heard(NUMBERS, 0, 2))
    line = turn.receive(replace(heard(NUMBERS, 1, 4), final=False))
    assert line.transcript.text == "three four"
    assert turn.text == "one two"


def test_what_is_said_after_a_typed_line_is_a_segment_of_its_own() -> None:
    turn = TurnTranscript()
    turn.receive(heard(NUMBERS, 0, 1))
    typed = turn.typed()
    line = turn.receive(replace(heard(NUMBERS, 1, 2), final=False))
    assert (typed, line.segment, line.revision) == (1, 2, 1)


@given(st.lists(st.sampled_from(["interim", "final", "typed", "clear"]), max_size=40))
def test_no_caption_is_ever_shown_twice_under_the_same_number(events: list[str]) -> None:
    turn, shown = TurnTranscript(), []
    for event in events:
        if event == "typed":
            shown.append((turn.typed(), 0))
        elif event == "clear":
            turn.clear()
        else:
            line = turn.receive(Transcript("word", event == "final", 0, 0))
            shown.append((line.segment, line.revision))
    assert shown == sorted(set(shown))


def test_the_next_turn_begins_without_words_and_its_segments_count_on() -> None:
    turn = TurnTranscript()
    turn.receive(heard(NUMBERS, 0, 2))
    turn.clear()
    assert turn.text == ""
    assert turn.receive(heard(NUMBERS, 2, 3)).segment == 1
    assert turn.text == "three"


def test_a_final_without_words_adds_nothing() -> None:
    assert merged(heard(NUMBERS, 0, 2), Transcript("", True, 900, 1200, ends_utterance=True)) == "one two"


# --- is every word known? ---


def test_a_pause_is_settled_by_its_own_final_only() -> None:
    turn = TurnTranscript()
    told = [turn.settled]
    turn.stopped()
    for transcript in (
        replace(heard(NUMBERS, 0, 1), final=False),
        heard(NUMBERS, 0, 1),
        heard(NUMBERS, 1, 2, ends=True),
    ):
        told.append(turn.settled)
        turn.receive(transcript)
    assert [*told, turn.settled] == [True, False, False, False, True]


@given(st.lists(st.booleans(), max_size=30))
def test_a_turn_is_settled_when_each_pause_has_its_answer(events: list[bool]) -> None:
    turn, due = TurnTranscript(), 0
    for is_pause in events:
        if is_pause:
            turn.stopped()
        else:
            turn.receive(Transcript("", True, 0, 0, ends_utterance=True))
        due = due + 1 if is_pause else max(0, due - 1)
        assert turn.settled is (due == 0)


def test_pauses_that_nobody_will_answer_can_be_forgotten() -> None:
    turn = TurnTranscript()
    turn.stopped()
    turn.stopped()
    turn.forget_awaited()
    assert turn.settled


def test_what_a_recogniser_thinks_of_the_turns_end_is_that_of_the_newest_words() -> None:
    turn = TurnTranscript()
    changed = [
        turn.receive(Transcript("tell me", False, 0, 400, turn_over=0.1)).changed,
        turn.receive(Transcript("tell me", False, 0, 400, turn_over=0.9)).changed,
    ]
    assert (changed, turn.turn_over) == ([True, False], 0.9)
    turn.receive(Transcript("", True, 400, 400, ends_utterance=True))
    assert turn.turn_over == 0.9
    turn.receive(Transcript("more", True, 500, 700))
    assert turn.turn_over is None


def test_a_new_turn_knows_nothing_of_the_end_of_the_one_before() -> None:
    turn = TurnTranscript()
    turn.receive(Transcript("stop", True, 0, 400, turn_over=0.9))
    turn.clear()
    assert turn.turn_over is None
