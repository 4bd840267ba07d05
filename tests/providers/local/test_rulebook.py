"""The rulebook as a whole: streaming, going on, what it cannot answer, and any text at all."""

import re
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.local.rulebook_calls import NOW, ask
from tandem.core.ports import Completed, Delta, LlmOptions, Message, ModelOutput, Role
from tandem.providers.local.rulebook import Rulebook

MODEL = Rulebook(lambda: NOW, model_configured=False)
QUESTION = Message(Role.USER, "what is six times seven")


async def stream(*messages: Message) -> list[ModelOutput]:
    async with aclosing(MODEL.complete(messages, LlmOptions())) as reply:
        return [piece async for piece in reply]


async def rest(begun: str) -> str:
    pieces = await stream(QUESTION, Message(Role.ASSISTANT, begun))
    return "".join(piece.text for piece in pieces if isinstance(piece, Delta))


async def test_a_reply_comes_word_by_word() -> None:
    words = ["Six ", "times ", "seven ", "is ", "forty ", "two."]
    assert await stream(QUESTION) == [*map(Delta, words), Completed("stop")]


async def test_the_rulebook_lacks_nothing_on_any_machine() -> None:
    async with Rulebook.open(now=lambda: NOW, model_configured=True) as model:
        assert model.missing() is None
        assert model.name == "rulebook"


@pytest.mark.parametrize(
    ("begun", "expected"),
    [
        ("", "Six times seven is forty two."),
        ("Six times", " seven is forty two."),
        ("Six times ", "seven is forty two."),
        ("six  TIMES, seven", " is forty two."),
        ("Six times seven is forty two.", ""),
        ("The answer", " — Six times seven is forty two."),
        ("Let me see. ", "Six times seven is forty two."),
    ],
)
async def test_a_begun_reply_is_continued_so_that_both_parts_join(begun: str, expected: str) -> None:
    assert await rest(begun) == expected


async def test_only_what_was_said_before_a_begun_reply_counts() -> None:
    pieces = await stream(
        Message(Role.USER, "my name is Ada"),
        Message(Role.ASSISTANT, "Nice to meet you, Ada."),
        Message(Role.USER, "what is my name"),
        Message(Role.ASSISTANT, "Your name"),
    )
    assert pieces == [Delta(" is "), Delta("Ada."), Completed("stop")]


def test_without_a_model_it_says_so_and_how_to_add_one() -> None:
    assert ask("Tell me about France!") == (
        "I heard: Tell me about France. But no language model is configured. Set OPENAI_COMPATIBLE_URL to add one."
    )


def test_with_a_model_it_says_that_it_cannot_be_reached() -> None:
    assert ask("Tell me about France", model_configured=True) == (
        "I heard: Tell me about France. But the language model can't be reached right now."
    )


def test_a_long_question_is_said_back_in_part() -> None:
    assert ask("why " * 30).startswith("I heard: " + "why " * 12 + "and so on.")


@pytest.mark.parametrize(
    "noise", ["", "  \n", "...", "?!", "[noise]", "[BLANK_AUDIO]", "(music)", "*cough*", "um", "Hmm.", "uh"]
)
def test_noise_is_asked_to_be_said_again(noise: str) -> None:
    assert ask(noise) == "Sorry, I did not catch that. Could you say it again?"


def test_a_conversation_without_the_caller_is_asked_to_say_it_again() -> None:
    assert "say it again" in MODEL.reply([])
    assert "say it again" in MODEL.reply([Message(Role.SYSTEM, "be brief")])


@pytest.mark.parametrize(
    "politely",
    [
        "six times seven",
        "what's six times seven?",
        "Whats six times seven",
        "wats six times seven",
        "Hey Tandem, what is six times seven?",
        "please tell me what is six times seven",
        "um could you please tell me what's six times seven",
        "hello, what is six times seven, please",
        "What is six times seven? Thank you.",
        "What\u2019s 6\u00d77?",
    ],
)
def test_politeness_and_slips_of_recognition_do_not_matter(politely: str) -> None:
    assert "Six times seven is forty two." in ask(politely)


def test_two_requests_in_one_breath_are_both_answered() -> None:
    assert (
        ask("what is two plus two and what time is it") == "Two plus two is four. It is three oh five in the afternoon."
    )
    assert ask("My name is Ada. What's my name?") == "Nice to meet you, Ada. Your name is Ada."


def test_a_clause_without_an_answer_does_not_hide_the_others() -> None:
    assert ask("I was wondering. What time is it?") == "It is three oh five in the afternoon."


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("hello", "Hello, I am listening."),
        ("Hi there!", "Hello, I am listening."),
        ("good morning", "Good morning to you."),
        ("how are you today", "I am well, thank you. What can I do for you?"),
        ("thank you very much", "You are welcome."),
        ("thanks", "You are welcome."),
        ("okay bye bye", "Goodbye, and thank you for calling."),
        ("Stop, please wait a moment.", "All right."),
        ("can you hear me", "Yes, I hear you."),
        ("who are you", "I am Tandem, a voice gateway. I answer from a small book of rules."),
    ],
)
def test_courtesies_are_returned(said: str, reply: str) -> None:
    assert ask(said) == reply


def test_another_joke_is_another_one() -> None:
    assert ask("tell me a joke") != ask("tell me a joke", "tell me another joke")


@pytest.mark.parametrize("said", ["help", "what can you do", "What can I ask you?", "how can you help me"])
def test_help_lists_what_there_is(said: str) -> None:
    assert "do sums, convert units" in ask(said)


SPEAKABLE = re.compile(r"[^\x00-\x1f\x7f*#`\[\]{}|<>~\\]+")
SPOKEN = (
    "what is are how many much in to a my i name live remember that forget repeat after me spell say and six 7 two "
    "plus minus times divided by percent of squared power root miles feet celsius until christmas time day hour ( ) . "
    ", ? - + zero million hundred point half please tandem you your"
)
SPOKEN_WORDS = st.sampled_from(SPOKEN.split())


@given(st.text() | st.lists(SPOKEN_WORDS, max_size=25).map(" ".join), st.booleans())
def test_any_text_gets_a_reply_that_can_be_spoken(text: str, configured: bool) -> None:
    reply = ask("my name is Ada", text, model_configured=configured)
    assert any(map(str.isalnum, reply))
    assert len(reply) < 3_000
    assert SPEAKABLE.fullmatch(reply)


@pytest.mark.parametrize(
    "part",
    [
        "(",
        "a ",
        "please ",
        "thank you ",
        "my is ",
        "1 plus ",
        "one hundred ",
        "how many ",
        "square root of ",
        "1,",
        "\n",
        "' ",
    ],
)
@pytest.mark.parametrize("end", ["", "x", "?"])
def test_64_kib_of_anything_is_answered(part: str, end: str) -> None:
    assert ask((part * 65_536)[: 65_536 - len(end)] + end)
