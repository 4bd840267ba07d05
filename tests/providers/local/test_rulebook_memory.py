"""What the rulebook remembers, repeats and spells, read from the conversation alone."""

import pytest

from providers.local.rulebook_calls import ask


@pytest.mark.parametrize(
    ("told", "asked", "reply"),
    [
        ("my name is ada lovelace", "what's my name?", "Your name is Ada Lovelace."),
        ("My name is Alice.", "do you remember my name", "Your name is Alice."),
        ("call me Al", "who am I", "Your name is Al."),
        ("I live in Boston.", "Where do I live?", "You live in Boston."),
        ("I am from Spain", "where am I from", "You are from Spain."),
        ("i work at the zoo", "where do i work", "You work at the zoo."),
        ("i'm 42 years old", "how old am i", "You are 42 years old."),
        ("my favorite color is blue", "what's my favourite colour", "Your favorite color is blue."),
        ("remember that my car is in lot seven", "where is my car", "Your car is in lot seven."),
        ("my dog is called Rex", "what is my dog called", "Your dog is called Rex."),
        ("remember that the keys are under the mat", "what did I tell you", "You told me: the keys are under the mat."),
        ("please remember to buy milk", "what do you remember?", "You told me: to buy milk."),
        ("Hi. My name is Ada. I live in Berlin.", "where do I live", "You live in Berlin."),
        (
            "my name is ada and i live in rome",
            "what is my name and where do i live",
            "Your name is Ada. You live in rome.",
        ),
    ],
)
def test_what_was_told_is_told_back(told: str, asked: str, reply: str) -> None:
    assert ask(told, "what time is it", asked) == reply


def test_a_name_is_greeted_and_a_fact_is_confirmed() -> None:
    assert ask("my name is ada") == "Nice to meet you, Ada."
    assert ask("my favourite colour is blue") == "Okay, I will remember: your favourite colour is blue."


def test_the_latest_word_counts() -> None:
    assert ask("my name is Ada", "no, my name is Bob", "what is my name") == "Your name is Bob."


def test_all_that_was_told_is_told_in_order() -> None:
    assert ask("my name is Ada", "i live in Rome", "remember that i like tea", "what do you remember about me") == (
        "You told me: your name is Ada, you live in Rome, and you like tea."
    )


@pytest.mark.parametrize(
    "asked", ["what is my name", "what did i tell you", "where do i live", "how old am i", "spell my name"]
)
def test_what_was_not_told_is_not_made_up(asked: str) -> None:
    assert ask(asked).startswith("You have not told me ")


def test_only_the_caller_tells_facts() -> None:
    assert ask("repeat after me my name is Ada", "what is my name") == "You have not told me your name yet."


def test_the_last_fact_is_forgotten_on_request() -> None:
    told = ("my name is Ada", "i live in Rome", "forget that")
    assert ask(*told) == "Okay, I have forgotten it."
    assert ask(*told, "what do you remember") == "You told me: your name is Ada."


def test_one_thing_or_everything_is_forgotten_on_request() -> None:
    told = ("my name is Ada", "i live in Rome")
    assert ask(*told, "forget my name", "what is my name") == "You have not told me your name yet."
    assert ask(*told, "forget everything", "what do you remember") == "You have not told me anything to remember yet."
    assert ask("forget that") == "I know nothing of that."


@pytest.mark.parametrize(
    "asked", ["repeat that", "Say that again, please.", "what did you say", "pardon?", "can you repeat that?"]
)
def test_the_last_reply_is_said_again(asked: str) -> None:
    assert ask("what is two plus two", asked) == "Two plus two is four."


def test_before_any_reply_there_is_nothing_to_repeat() -> None:
    assert ask("repeat that") == "I have not said anything yet."


def test_the_caller_s_words_are_repeated() -> None:
    assert ask("repeat after me: hello there! How are you?") == "Hello there How are you."
    assert ask("say good morning please") == "Good morning please."


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Can you spell the word necessary?", "Necessary is spelled N, E, C, E, S, S, A, R, Y."),
        ("how do you spell cat", "Cat is spelled C, A, T."),
        ("how is façade spelled", "Façade is spelled F, A, Ç, A, D, E."),
        ("spell b2b", "B2b is spelled B, two, B."),
        ("spell your name", "Tandem is spelled T, A, N, D, E, M."),
        ("spell " + "a" * 46, "That is too long for me to spell."),
    ],
)
def test_words_are_spelled(said: str, reply: str) -> None:
    assert ask(said) == reply


def test_the_callers_own_name_is_spelled() -> None:
    assert ask("my name is bo", "spell my name") == "Bo is spelled B, O."
