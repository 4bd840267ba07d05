"""The calculator: exact sums, nothing but sums, and never a long wait."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tandem.core.ports import ToolCall
from tandem.skills.calculator import CannotCalculate, calculate, calculator, told
from tandem.skills.toolbox import Toolbox


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("2+2", "4"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "about 0.333333333333"),
        ("1/4", "0.25"),
        ("(3 + 4) * 2 ** 3", "56"),
        ("2^10", "1024"),
        ("6 × 7 − 84 ÷ 2", "0"),
        ("-2 ** 2", "-4"),
        ("17 % 5", "2"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("sqrt(16) + abs(-3)", "7"),
        ("sqrt(2)", "about 1.41421356237"),
        ("SIN(PI)", "0"),
        ("cos(pi / 3)", "0.5"),
        ("log(e)", "1"),
        ("log10(1000)", "3"),
        ("round(2.567, 1) + floor(1.5) + ceil(1.5)", "5.6"),
        ("min(3, 1, 2) + max(3, 1, 2)", "4"),
        ("1e3 * .5", "500"),
        ("1000000 * 1000000", "1000000000000"),
        ("2 ** 100", "about 1.26765060023e+30"),
        ("2 ** -2", "0.25"),
        ("4 ** 0.5", "2"),
        ("(-1) ** (10 ** 300)", "1"),
        ("0.0000001", "1e-7"),
    ],
)
def test_a_sum_has_its_answer(expression: str, answer: str) -> None:
    assert told(calculate(expression)) == answer


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1 / 0", "zero"),
        ("0 ** -1", "zero"),
        ("5 % (2 - 2)", "zero"),
        ("9 ** 9 ** 9", "large"),
        ("10 ** 300 * 10 ** 300", "large"),
        ("1e999", "large"),
        ("exp(1000)", "large"),
        ("sqrt(-1)", "negative"),
        ("(-8) ** (1 / 3)", "negative"),
        ("log(0)", "no value"),
        ("sqrt()", "no value"),
        ("sqrt(1, 2)", "no value"),
        ("round(1, 1000000)", "no value"),
        ("-" * 150 + "1", "nested"),
        ("", "read"),
        ("two plus two", "read"),
        ("1 +", "read"),
        ("1 if 2 else 3", "read"),
        ("1if 2else 3", "read"),
        ("__import__('os')", "read"),
        ("().__class__", "read"),
        ("(1, 2)", "read"),
        ("max(*(1, 2))", "read"),
        ("max(key=1)", "read"),
        ("1 < 2", "read"),
        ("[1]", "read"),
        ("1; 2", "read"),
        ("1\n2", "read"),
        ("lambda: 1", "read"),
        ("007", "read"),
        ("1_000", "read"),
        ("0x10", "read"),
        ("1j", "read"),
        ("12pi", "read"),
        ("pi(2)", "read"),
        ("sqrt", "read"),
        ("(" * 250 + "1" + ")" * 250, "read"),
        ("١ + ١", "read"),
        ("\x00", "read"),
        ("\ud800", "read"),
        ("1" * 5_000, "read"),
    ],
)
def test_what_has_no_answer_is_told_why(expression: str, why: str) -> None:
    with pytest.raises(CannotCalculate, match=why):
        calculate(expression)


NAMES = ["sqrt", "exp", "log", "max", "round", "abs", "floor", "pi", "e", "sin", "tan"]
SUMS = st.lists(
    st.sampled_from([*"0123456789.+-*/%^(), ", "**", "//", "9" * 20, "1e300", "1e-300", *NAMES]), max_size=100
).map("".join)


@given(SUMS | st.text())
@settings(max_examples=500)
def test_no_expression_hangs_or_breaks_the_calculator(expression: str) -> None:
    began = time.process_time()
    try:
        assert told(calculate(expression))
    except CannotCalculate as error:
        assert str(error).endswith(".")
    assert time.process_time() - began < 0.25


@pytest.mark.parametrize("operator", ["**", "*", "//", "%", "/", "+"])
@pytest.mark.parametrize("number", ["9" * 30, "1e300", "1e-300", "(1/3)", "0.1", "2", "(0-7)"])
def test_a_long_chain_of_the_worst_takes_no_time(number: str, operator: str) -> None:
    expression = operator.join([number] * (200 // (len(number) + len(operator))))
    began = time.process_time()
    with suppress(CannotCalculate):
        told(calculate(expression))
    assert time.process_time() - began < 0.25


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_sums_of_whole_numbers_are_exact(left: int, right: int) -> None:
    assert calculate(f"({left}) * ({right}) - ({left})") == left * right - left


async def test_the_skill_says_the_sum_with_its_answer_or_why_there_is_none() -> None:
    box = Toolbox([calculator()], lambda _event: None)
    assert (await box.run(ToolCall("1", "calculator", '{"expression": "6 * 7"}'))).text == "6 * 7 = 42"
    assert (await box.run(ToolCall("1", "calculator", '{"expression": "6 / 0"}'))).text == "That would divide by zero."
