"""What simulated models answer."""

import json
from pathlib import Path

import pytest

from tandem.simulator.scripts import Answer, Answers, Call, UnreadableScript, numbered


def _user(*said: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in said]


def test_words_are_echoed() -> None:
    messages = [{"role": "system", "content": "Be brief."}, *_user("first", "hello there")]
    assert Answers().answer(messages) == Answer("hello there")


def test_tokens_are_words_with_the_space_before_them_and_lose_nothing() -> None:
    answer = Answer(" one  two\nthree ")
    assert answer.tokens == [" one", "  two", "\nthree", " "]


@pytest.mark.parametrize("asked", ["Count to 21.", "please count up to twenty-one"])
def test_numbers_are_counted_and_each_is_one_word(asked: str) -> None:
    words = Answers().answer(_user(asked)).text.split()
    assert len(set(words)) == 21
    assert words[-2:] == ["twenty", "twenty-one"]


def test_as_many_different_words_as_anybody_wants() -> None:
    assert len(set(numbered(2_000).split())) == 999


@pytest.mark.parametrize(
    ("asked", "query"),
    [("What's new about Mars rovers?", "Mars rovers"), ("look up the tide", "the tide"), ("Search for X.", "X")],
)
def test_a_search_is_called_for_if_the_tool_is_offered(asked: str, query: str) -> None:
    assert Answers().answer(_user(asked), ["web_search"]) == Answer(call=Call("web_search", {"query": query}))
    assert Answers().answer(_user(asked)) == Answer(asked)


def test_a_tools_result_is_spoken() -> None:
    messages = [*_user("look up the tide"), {"role": "tool", "content": "It is high."}]
    assert Answers().answer(messages, ["web_search"]) == Answer("It is high.")


def test_an_interrupted_answer_goes_on_where_it_stopped() -> None:
    messages = [*_user("count to 5"), {"role": "assistant", "content": "one two"}]
    assert Answers().answer(messages).text == " three four five"


def test_a_foreign_beginning_is_not_gone_on_with() -> None:
    messages = [*_user("count to 3"), {"role": "assistant", "content": "well"}]
    assert Answers().answer(messages).text == "one two three"


def test_a_script_is_followed_turn_by_turn_and_by_what_is_said(tmp_path: Path) -> None:
    turns = [
        {"say": "Hello."},
        {"when": "weather", "call": {"name": "web_search", "arguments": {"query": "weather"}}},
        {"say": "Goodbye."},
    ]
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"turns": turns}))
    answers = Answers.read(path)

    assert answers.answer(_user("hi")).text == "Hello."
    assert answers.answer(_user("hi", "the WEATHER?"), ["web_search"]).call == Call("web_search", {"query": "weather"})
    assert answers.answer(_user("hi", "the weather?")).text == "the weather?"
    assert answers.answer(_user("hi", "bye")).text == "Goodbye."
    assert answers.answer(_user("hi", "bye", "still there?")).text == "still there?"


@pytest.mark.parametrize("text", ["", "[]", '{"turns": [{}]}', '{"turns": [{"call": {}}]}', '{"turns": ["hello"]}'])
def test_a_script_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(UnreadableScript):
        Answers.read(path)


def test_content_in_parts_is_read_and_none_is_nothing() -> None:
    assert Answers().answer([{"role": "user", "content": [{"type": "text", "text": "hello"}]}]).text == "hello"
    assert Answers().answer([{"role": "user", "content": None}]).text == ""
    assert Answers().answer([]).text == ""
