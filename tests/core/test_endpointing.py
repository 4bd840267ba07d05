"""Endpointing: how finished words are, and how much silence after them ends a turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.endpointing import Ending, Endpointer, Patience, ending_of

PATIENCE = Patience()


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        ("What time is it?", Ending.DONE),
        ("Who is that for?", Ending.DONE),
        ("Is my code 42?", Ending.DONE),
        ("今何時ですか？", Ending.DONE),
        ("Stop!", Ending.DONE),
        ("Yes.", Ending.DONE),
        ("yes please", Ending.DONE),
        ("No, thank you.", Ending.DONE),
        ("I live alone.", Ending.FINISHED),
        ("分かりました。", Ending.FINISHED),
        ('He said "no."', Ending.FINISHED),
        ("what time is it", Ending.PLAIN),
        ("tell me a joke", Ending.PLAIN),
        ("the theatre", Ending.PLAIN),
        ("", Ending.PLAIN),
        (" \n ", Ending.PLAIN),
        ("my street is five five", Ending.DIGITS),
        ("It is 4, 2.", Ending.DIGITS),
        ("Two.", Ending.DIGITS),
        ("what is six times seven", Ending.PLAIN),
        ("A table for two.", Ending.FINISHED),
        ("My number is 5551234", Ending.DIGITS),
        ("My code is 555-", Ending.DIGITS),
        ("it is spelled j a", Ending.OPEN),
        ("it is spelled j o", Ending.DIGITS),
        ("I would like to", Ending.OPEN),
        ("A table for.", Ending.OPEN),
        ("Milk, eggs and,", Ending.OPEN),
        ("What is THE", Ending.OPEN),
        ("Because.", Ending.OPEN),
        ("The problem is that", Ending.OPEN),
        ("I like that.", Ending.FINISHED),
        ("Hello.", Ending.PLAIN),
        ("It's about my order.", Ending.PLAIN),
        ("Hi, I have a quick question.", Ending.PLAIN),
        ("I'm calling because my bill is wrong. Can you help?", Ending.DONE),
        ("I'm calling because my bill is wrong. Please send it again.", Ending.FINISHED),
        ("We need paper, ink cartridges.", Ending.DIGITS),
        ("We need paper, ink cartridges, and envelopes.", Ending.FINISHED),
        ("I need help, please.", Ending.FINISHED),
        ("So I have this.", Ending.OPEN),
        ("My member ID is 3 0 9", Ending.OPEN),
        ("my number is five five", Ending.OPEN),
        ("The code: 4, 7, 1, 9.", Ending.DIGITS),
        ("it's called", Ending.OPEN),
        ("I would like to...", Ending.HESITANT),
        ("Um…", Ending.HESITANT),
        ("I want a, uh,", Ending.HESITANT),
        ("let me see", Ending.HESITANT),
    ],
)
def test_words_tell_how_finished_a_turn_is(said: str, ending: Ending) -> None:
    assert ending_of(said) is ending


@given(st.text())
def test_any_text_has_an_ending_and_a_silence_between_the_least_and_the_most(text: str) -> None:
    assert PATIENCE.done_ms <= Endpointer(PATIENCE).silence_ms(text) <= PATIENCE.hesitant_ms


@given(st.sampled_from(["Yes.", "and", "my code is two", "hello"]), st.text(" \n\t", max_size=20))
def test_white_space_after_the_words_makes_no_difference(said: str, space: str) -> None:
    assert ending_of(said + space) is ending_of(said)


@pytest.mark.parametrize("repeated", ["the, ", "the ", ". ", " ", "a", "…", "-", "one, ", "0", "the.…-, \t", "yes, "])
def test_a_text_of_64_kib_is_judged_by_its_end_alone(repeated: str) -> None:
    text = "x" + repeated * (65_536 // len(repeated))
    assert ending_of(text) is ending_of("x" + text[-200:])


def test_a_caller_with_long_pauses_is_given_time_once_there_were_three() -> None:
    ends = Endpointer(PATIENCE)
    for _ in range(2):
        ends.went_on(800)
    assert ends.silence_ms("I live alone.") == PATIENCE.finished_ms
    ends.went_on(800)
    assert ends.silence_ms("I live alone.") == 960
    assert ends.silence_ms("What time is it?") == PATIENCE.done_ms


@given(st.lists(st.floats(0, 1e6), max_size=20), st.text(max_size=40))
def test_pauses_never_make_it_less_patient_nor_wait_for_ever(pauses: list[float], text: str) -> None:
    ends = Endpointer(PATIENCE)
    before = ends.silence_ms(text)
    for pause in pauses:
        ends.went_on(pause)
    assert before <= ends.silence_ms(text) <= max(before, 1_200)


@pytest.mark.parametrize(
    ("said", "least_ms"), [("Yes.", 1), ("I live alone.", 1), ("tell me a joke", 64), ("Two.", 64)]
)
def test_a_reply_is_prepared_the_sooner_the_more_finished_the_words_are(said: str, least_ms: float) -> None:
    assert not Endpointer.may_be_over(said, least_ms - 1)
    assert Endpointer.may_be_over(said, least_ms)


@pytest.mark.parametrize("said", ["", "what is the", "um"])
def test_no_reply_is_prepared_to_words_that_ask_for_more(said: str) -> None:
    assert not Endpointer.may_be_over(said, 10_000)


def test_where_the_words_tell_nothing_a_recogniser_that_is_sure_decides() -> None:
    ends = Endpointer(PATIENCE)
    assert ends.silence_ms("tell me a joke", 0.79) == ends.silence_ms("tell me a joke") == PATIENCE.plain_ms
    assert ends.silence_ms("tell me a joke", 0.8) == PATIENCE.finished_ms


@pytest.mark.parametrize("said", ["what is the", "um", "my code is two three", "Yes.", "I live alone."])
def test_words_that_tell_something_count_more_than_a_sure_recogniser(said: str) -> None:
    ends = Endpointer(PATIENCE)
    assert ends.silence_ms(said, 1.0) == ends.silence_ms(said)
