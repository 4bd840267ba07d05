"""Numbers in and out of words, and the sums done with them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.local.rulebook_calls import ask
from tandem.providers.local.rules.numbers_spoken import is_rounded, say, say_ordinal, say_year, to_digits


@given(st.integers(0, 10**18 - 1))
def test_a_whole_number_said_is_read_back(number: int) -> None:
    assert to_digits(say(number)) == str(number)


@given(st.integers(0, 10**9), st.integers(1, 9_999))
def test_a_decimal_said_is_read_back(whole: int, part: int) -> None:
    value = whole + Fraction(part, 10_000)
    assert Fraction(to_digits(say(value))) == value
    assert not is_rounded(value)


@given(st.fractions())
def test_any_value_can_be_said(value: Fraction) -> None:
    assert say(value)
    assert is_rounded(value) in (True, False)


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("two hundred and three", "203"),
        ("a hundred", "100"),
        ("twelve hundred", "1200"),
        ("forty-two", "42"),
        ("one million two hundred thousand and five", "1200005"),
        ("three point one four", "3.14"),
        ("point five", "0.5"),
        ("5 million", "5000000"),
        ("1.5 million", "1500000"),
        ("two and a half miles", "2.5 miles"),
        ("six seven", "6 7"),
        ("twenty six", "26"),
        ("twenty twenty six", "20 26"),
        ("a dog and two cats", "a dog and 2 cats"),
        ("to the point", "to the point"),
        ("one hundred and", "100 and"),
        ("", ""),
    ],
)
def test_number_words_become_digits(words: str, digits: str) -> None:
    assert to_digits(words) == digits


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (100, "one hundred"),
        (-7, "minus seven"),
        (Fraction(7, 2), "three point five"),
        (Fraction(1, 3), "zero point three three three three"),
        (10**18, "ten to the power of eighteen"),
        (Fraction(1, 10**5), "ten to the power of minus five"),
        (25 * 10**30, "two point five times ten to the power of thirty one"),
    ],
)
def test_values_are_said_in_words(value: Fraction | int, words: str) -> None:
    assert say(value) == words


def test_ordinals_and_years_are_said_as_people_do() -> None:
    assert [say_ordinal(day) for day in (1, 2, 3, 5, 8, 9, 12, 20, 21, 30)] == [
        "first", "second", "third", "fifth", "eighth", "ninth", "twelfth", "twentieth", "twenty first", "thirtieth",
    ]  # fmt: skip
    assert [say_year(year) for year in (2026, 2000, 2007, 1905, 1900, 1984, 800)] == [
        "twenty twenty six",
        "two thousand",
        "two thousand seven",
        "nineteen oh five",
        "nineteen hundred",
        "nineteen eighty four",
        "eight hundred",
    ]


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("What is seven times eight?", "Seven times eight is fifty six."),
        ("what is twelve plus thirty", "Twelve plus thirty is forty two."),
        ("two plus three times four", "Two plus three times four is fourteen."),
        ("(two plus three) * 4", "That makes twenty."),
        ("what's 15% of 80", "Fifteen percent of eighty is twelve."),
        ("minus four squared", "Minus four squared is minus sixteen."),
        ("five minus negative five", "Five minus negative five is ten."),
        ("two to the power of ten", "Two to the power of ten is one thousand twenty four."),
        (
            "two to the power of three to the power of two",
            "Two to the power of three to the power of two is five hundred twelve.",
        ),
        ("the square root of 144", "The square root of one hundred forty four is twelve."),
        ("square root of two", "The square root of two is about one point four one four two."),
        ("four to the power of point five", "Four to the power of zero point five is two."),
        ("three point five plus one point five", "Three point five plus one point five is five."),
        ("ten over four", "Ten divided by four is two point five."),
        ("to plus too", "Two plus two is four."),
        ("what is ate times for", "Eight times four is thirty two."),
        ("what is to times too", "Two times two is four."),
        ("add two and three", "Two plus three is five."),
        ("subtract three from ten", "Ten minus three is seven."),
        ("multiply six by seven", "Six times seven is forty two."),
        ("divide ten by to", "Ten divided by two is five."),
        ("a third of ninety", "A third of ninety is thirty."),
        ("what is twice four plus one", "Twice four plus one is nine."),
        ("what does two plus two equal", "Two plus two is four."),
        ("2 + 2 =", "Two plus two is four."),
        ("how much is 3x4", "Three times four is twelve."),
        ("what is 1,000 plus 2,500?", "One thousand plus two thousand five hundred is three thousand five hundred."),
        ("one divided by zero", "I cannot divide by zero."),
        ("zero to the power of minus one", "I cannot divide by zero."),
        ("square root of minus one", "A negative number has no real square root."),
        (
            "minus two to the power of point five",
            "Minus two to the power of zero point five is about minus one point four one four two.",
        ),
        ("9 to the power of 9 to the power of 9", "That number is too large for me."),
        ("two to the power of one million", "That number is too large for me."),
        ("one to the power of one quadrillion", "One to the power of one quadrillion is one."),
        ("zero to the power of zero", "Zero to the power of zero is one."),
        ("minus one to the power of three", "Minus one to the power of three is minus one."),
        ("ten to the power of 300 to the power of one point five", "That number is too large for me."),
    ],
)
def test_a_sum_is_said_back_with_its_result(said: str, reply: str) -> None:
    assert ask(said) == reply


def test_a_long_sum_is_not_said_back() -> None:
    assert ask("what is " + " plus ".join(["1"] * 40)) == "That makes forty."


@pytest.mark.parametrize(
    "said", ["what is 7 times 6 minus", "times times", "(2 plus 3", "what is five", "1 plus " * 90 + "1"]
)
def test_what_is_no_sum_is_not_calculated(said: str) -> None:
    assert ask(said).startswith("I heard: ")


SUMS = st.recursive(
    st.integers(0, 999).map(str),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
        lambda parts: "( " + " ".join(parts) + " )"
    ),
    max_leaves=8,
)


@given(SUMS)
def test_sums_with_parentheses_agree_with_python(expression: str) -> None:
    exact = " ".join(f"Fraction({part})" if part.isdigit() else part for part in expression.split())
    try:
        value = eval(exact, {"Fraction": Fraction})
    except ZeroDivisionError:
        assert ask(f"{expression} + 0") == "I cannot divide by zero."
        return
    assert ask(f"{expression} + 0").endswith(f"{say(value)}.")
