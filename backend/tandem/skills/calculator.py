"""The skill of arithmetic: exact where it can be, and unable to do anything else."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from fractions import Fraction

from pydantic import BaseModel, Field

from tandem.core.ports import ToolResult
from tandem.skills.toolbox import Skill

_MOST_CHARACTERS = 200
_MOST_DEPTH = 40
_MOST_BITS = 1_024  # of a numerator or denominator: what a float can hold, about 300 digits
_DIGITS = 12  # that are told of a number that has more
_TOKEN = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d{1,3})?|\.\d+(?:[eE][+-]?\d{1,3})?|[a-z]\w*|[-+*/%(),\s]")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"})


class Expression(BaseModel):
    """What the model wants to have worked out."""

    expression: str = Field(
        max_length=_MOST_CHARACTERS,
        description="Arithmetic with + - * / // % ** and parentheses, pi, e, sqrt, abs, round, floor, ceil, min, max, "
        "log, log10, exp, sin, cos, tan (angles in radians). Example: (3 + 4) * 2 ** 0.5",
    )


class CannotCalculate(Exception):
    """There is no answer; the message is a sentence that says why."""


def calculator() -> Skill[Expression]:
    """Return the skill."""

    async def run(arguments: Expression) -> ToolResult:
        try:
            value = calculate(arguments.expression)
        except CannotCalculate as error:
            return ToolResult(str(error))
        return ToolResult(f"{arguments.expression.strip()} = {told(value)}")

    return Skill(
        name="calculator",
        description="Work out a sum exactly; use it for any arithmetic beyond the simplest.",
        arguments=Expression,
        run=run,
    )


def calculate(expression: str) -> Fraction:
    """Return the value of `expression`; raises CannotCalculate. It takes a few ms at the most, whatever it is given."""
    text = expression.translate(_SIGNS).strip().lower()
    words = {token for token in _TOKEN.findall(text) if token[0].isalpha()}  # Python's own never reach its parser
    if len(text) > 2 * _MOST_CHARACTERS or _TOKEN.sub("", text) or words - _CONSTANTS.keys() - _FUNCTIONS.keys():
        raise CannotCalculate("That is no arithmetic that I can read.")
    try:
        return _value(ast.parse(text, mode="eval").body, 0)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise CannotCalculate("That is no arithmetic that I can read.") from error
    except ZeroDivisionError as error:
        raise CannotCalculate("That would divide by zero.") from error
    except OverflowError as error:
        raise CannotCalculate("That number is too large for me.") from error


def told(value: Fraction) -> str:
    """Return `value` in digits: whole where it is, else to 12 significant digits."""
    if value.denominator == 1 and abs(value) < 10**15:
        return str(value.numerator)
    rounded = Context(prec=_DIGITS).divide(Decimal(value.numerator), Decimal(value.denominator)).normalize()
    plain = f"{rounded:f}" if -7 < rounded.adjusted() < 15 else f"{rounded:e}"
    return plain if Fraction(rounded) == value else f"about {plain}"


def _value(node: ast.expr, depth: int) -> Fraction:
    if depth > _MOST_DEPTH:
        raise CannotCalculate("That is too deeply nested for me.")
    match node:
        case ast.Constant(value=int() | float() as number):
            return _bounded(_exact(number))
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth + 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _bounded(_OPERATORS[type(op)](_value(left, depth + 1), _value(right, depth + 1)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _called(name, [_value(argument, depth + 1) for argument in arguments])
    raise CannotCalculate("That is no arithmetic that I can read.")


def _called(name: str, arguments: list[Fraction]) -> Fraction:
    try:
        return _bounded(_exact(_FUNCTIONS[name](*arguments)))
    except (
        TypeError,
        ValueError,
    ) as error:  # the wrong number of arguments, or a root or logarithm that does not exist
        raise CannotCalculate(f"{name} has no value there.") from error


def _exact(number: float | Fraction) -> Fraction:
    """Return `number` as it is written: 0.1 is a tenth, not the float that is next to it."""
    if isinstance(number, float):
        if not math.isfinite(number):
            raise OverflowError
        return Fraction(repr(number))
    return Fraction(number)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        raise OverflowError
    return value


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(exponent) * (bits - 1) > _MOST_BITS:
            raise OverflowError
        return Fraction(base**exponent.numerator)
    if base < 0:
        raise CannotCalculate("A broken power of a negative number is not real.")
    return _exact(float(base) ** float(exponent))


def _root(value: Fraction) -> Fraction | float:
    if value < 0:
        raise CannotCalculate("A negative number has no real square root.")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    whole = top * top == value.numerator and bottom * bottom == value.denominator
    return Fraction(top, bottom) if whole else math.sqrt(value)


def _round(value: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    if abs(digits) > _DIGITS or digits.denominator != 1:
        raise ValueError("no number of digits")
    return Fraction(round(value, digits.numerator))


_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda left, right: Fraction(left // right),
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_CONSTANTS = {"pi": _exact(math.pi), "e": _exact(math.e)}
_FUNCTIONS: Mapping[str, Callable[..., float | Fraction]] = {
    "sqrt": _root,
    "abs": abs,
    "round": _round,
    "floor": math.floor,
    "ceil": math.ceil,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "log": math.log,
    "log10": math.log10,
    "exp": math.exp,
    "sin": lambda angle: round(math.sin(angle), 15),  # pi is no float
    "cos": lambda angle: round(math.cos(angle), 15),
    "tan": lambda angle: round(math.tan(angle), 15),
}
