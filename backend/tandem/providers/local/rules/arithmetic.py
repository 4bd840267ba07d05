"""Sums said aloud: plus, minus, times, over, percent, powers and roots, with their precedence."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

from tandem.providers.local.rules.numbers_spoken import is_rounded, say, to_digits
from tandem.providers.local.rules.request import Request

_MAX_CHARACTERS = 400  # of a sum
_MAX_TOKENS = 100
_MAX_ECHOED_TOKENS = 14  # a longer sum is not said back, nor is one with parentheses
_MAX_NUMBER = 40  # digits and point of one number
_MAX_BITS = 4_000  # of a result: about 1,200 digits
_EXACT_FLOAT = 10**9  # a whole result of a root or broken power is taken for exact up to here

_FRAME = re.compile(
    r"^(?:what is|what are|what does|what do you get (?:if|when) you"
    r"|how much is|how much are|how many is|calculate|compute|work out|figure out"
    r"|solve|is|the result of|the value of|the answer to|the sum of(?= \S+ plus| \S+ \+))\s+"
)
_FRAME_END = re.compile(r"\s*(?:=|\bequals?\b|\bmakes?\b|\bis\b|\bequal to\b|\bcome to\b|\bget\b|\bgive\b)$")
_TERM = r"(\S{1,40}(?: \S{1,40})?)"  # a number, perhaps with a sign
_PARENTHESIS = re.compile(r"([()])")
_COMMANDS = (
    (re.compile(rf"^add {_TERM} (?:to|and|plus) {_TERM}$"), r"\1 + \2"),
    (re.compile(rf"^(?:subtract|take away|take) {_TERM} (?:away )?from {_TERM}$"), r"\2 - \1"),
    (re.compile(rf"^multiply {_TERM} (?:by|with|and) {_TERM}$"), r"\1 * \2"),
    (re.compile(rf"^divide {_TERM} by {_TERM}$"), r"\1 / \2"),
    (re.compile(rf"^the sum of {_TERM} and {_TERM}$"), r"\1 + \2"),
    (re.compile(rf"^the product of {_TERM} and {_TERM}$"), r"\1 * \2"),
    (re.compile(rf"^the difference (?:between|of) {_TERM} and {_TERM}$"), r"\1 - \2"),
    (re.compile(rf"^the (square|cube) of {_TERM}$"), r"\2 \1d"),
)
# Spoken operators, the longest first; those at the end are what recognisers write for a number.
_OPERATORS = (
    (re.compile(r"\bto the power(?: of)?\b|\braised to(?: the)?(?: power(?: of)?)?\b|\*\*"), " ^ "),
    (re.compile(r"\b(?:the )?square root(?: of)?\b|√"), " root "),
    (re.compile(r"\bsquared?\b"), " squared "),
    (re.compile(r"\bcubed?\b"), " cubed "),
    (re.compile(r"\bdivided? by\b|\bover\b|\bdivided\b"), " / "),
    (re.compile(r"\bmultiplied (?:by|with)\b|\btimes\b|(?<=\d)\s?x\s?(?=\d)|\btime\b"), " * "),
    (re.compile(r"\b(?:percent|per cent)\b|%"), " % "),
    (re.compile(r"\b(?:an? |1 )(?=(?:half|third|quarter) of\b)"), ""),
    (re.compile(r"\bdouble\b"), "twice"),
    (re.compile(r"\bplus\b|\badded to\b|(?<=\d) and (?=\d)"), " + "),
    (re.compile(r"\bminus\b|\bnegative\b|\bless\b"), " - "),
    (re.compile(r"([-+*/^()])"), r" \1 "),
    (re.compile(r"\b(?:to|too)\b"), "2"),
    (re.compile(r"\bfor\b"), "4"),
    (re.compile(r"\bate\b"), "8"),
    (re.compile(r"\bwon\b"), "1"),
)
_TOKEN = re.compile(r"\d+(?:\.\d+)?|\.\d+|[-+*/^()%]|of|root|twice|half|third|quarter|squared|cubed")
_SPOKEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of", "%": "percent"}
_SPOKEN |= {"root": "the square root of", "twice": "twice", "of": "of", "squared": "squared", "cubed": "cubed"}
_SPOKEN |= {"half": "half", "third": "a third", "quarter": "a quarter"}
_PARTS = {"half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4)}


class _TooLarge(ValueError):
    """The result has more digits than anybody would listen to."""


class _NotReal(ValueError):
    """An even root of a negative number."""


def answer(request: Request) -> str | None:
    tokens = _tokens(request.text)
    if not any(token in _SPOKEN for token in tokens[tokens[:1] == ["-"] :]):
        return None
    total = _Sum(tokens)
    try:
        value = total.value()
    except SyntaxError:
        return None
    except ZeroDivisionError:
        return "I cannot divide by zero."
    except _TooLarge:
        return "That number is too large for me."
    except _NotReal:
        return "A negative number has no real square root."
    about = "about " if total.rounded or is_rounded(value) else ""
    if len(tokens) > _MAX_ECHOED_TOKENS or "(" in tokens:
        return f"That makes {about}{say(value)}."
    told = _echo(tokens)
    return f"{told[0].upper()}{told[1:]} is {about}{say(value)}."


def _tokens(text: str) -> list[str]:
    """Return the sum that `text` is, token by token; nothing if it is no sum."""
    if len(text) > _MAX_CHARACTERS:
        return []
    text = to_digits(_PARENTHESIS.sub(r" \1 ", text))
    text = _FRAME_END.sub("", _FRAME.sub("", text))
    for pattern, replacement in (*_COMMANDS, *_OPERATORS):
        text = pattern.sub(replacement, text)
    tokens = text.split()
    if len(tokens) > _MAX_TOKENS or not all(map(_TOKEN.fullmatch, tokens)):
        return []
    return [] if any(len(token) > _MAX_NUMBER for token in tokens) else tokens


def _echo(tokens: list[str]) -> str:
    words = []
    for before, here in zip(["", *tokens], tokens, strict=False):
        if here == "-" and before in ("+", "-", "*", "/", "^", "root"):
            words.append("negative")
        else:
            words.append(_SPOKEN.get(here) or say(Fraction(here)))
    return " ".join(words)


class _Sum:
    """Recursive descent over the tokens: sum > product > sign > power > number."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self.rounded = False

    def value(self) -> Fraction:
        value = self._sum()
        if self._at != len(self._tokens):
            raise SyntaxError
        return value

    def _next(self, *wanted: str) -> str | None:
        """Step over the next token if it is one of `wanted`."""
        if self._at < len(self._tokens) and self._tokens[self._at] in wanted:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _sum(self) -> Fraction:
        value = self._product()
        while sign := self._next("+", "-"):
            right = self._product()
            value = _bounded(value + right if sign == "+" else value - right)
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while sign := self._next("*", "/", "of"):
            right = self._signed()
            value = _bounded(value / right if sign == "/" else value * right)
        return value

    def _signed(self) -> Fraction:
        sign = self._next("-", "+")
        if sign is None:
            return self._power()
        return -self._signed() if sign == "-" else self._signed()

    def _power(self) -> Fraction:
        value = self._postfixed()
        return self._power_of(value, self._signed()) if self._next("^") else value

    def _postfixed(self) -> Fraction:
        value = self._atom()
        while mark := self._next("squared", "cubed", "%"):
            value = value / 100 if mark == "%" else self._power_of(value, Fraction(2 if mark == "squared" else 3))
        return value

    def _atom(self) -> Fraction:
        if self._next("root"):
            return self._root_of(-self._postfixed() if self._next("-") else self._postfixed())
        if self._next("twice"):
            return 2 * self._atom()
        if part := self._next(*_PARTS):
            return _PARTS[part]
        if self._next("("):
            value = self._sum()
            if not self._next(")"):
                raise SyntaxError
            return value
        if self._at == len(self._tokens) or not self._tokens[self._at][-1].isdigit():
            raise SyntaxError
        self._at += 1
        return Fraction(self._tokens[self._at - 1])

    def _power_of(self, base: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator != 1:
            return self._floating(lambda: float(base) ** float(exponent))
        if abs(base) in (0, 1):  # then the exponent may be of any size
            return _trivial_power(base, exponent)
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent) > _MAX_BITS:
            raise _TooLarge
        return base**exponent.numerator

    def _root_of(self, value: Fraction) -> Fraction:
        if value < 0:
            raise _NotReal
        roots = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if (roots[0] ** 2, roots[1] ** 2) == (value.numerator, value.denominator):
            return Fraction(*roots)
        return self._floating(lambda: math.sqrt(value))

    def _floating(self, calculate: Callable[[], float | complex]) -> Fraction:
        try:
            value = calculate()
        except OverflowError as error:
            raise _TooLarge from error
        if isinstance(value, complex):
            raise _NotReal
        self.rounded = self.rounded or not value.is_integer() or abs(value) > _EXACT_FLOAT
        return Fraction(value)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise _TooLarge
    return value


def _trivial_power(base: Fraction, exponent: Fraction) -> Fraction:
    if base == 0 and exponent < 0:
        raise ZeroDivisionError
    return Fraction(1) if exponent % 2 == 0 and (base or not exponent) else base
