"""Numbers as people say them: words into digits, and values into words."""

import math
import re
from fractions import Fraction

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_FULL_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_BELOW_TWENTY.split())}
_TENS = {word: 10 * value for value, word in enumerate(_FULL_TENS.split(), start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15}
_VALUES = _SMALL | _TENS | {"oh": 0, "fourty": 40, "ninty": 90}
_NAMES = {value: word for word, value in (_SMALL | _TENS).items()}
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_HYPHENATED = re.compile(r"(?<=[a-z])-(?=[a-z])")
_LARGEST_IN_WORDS = 10**18
_DECIMAL_PLACES = 4
_STEPS: int = 10**_DECIMAL_PLACES
_SIGNIFICANT_DIGITS = 5  # of what is too large or too small to be said in full
_MANTISSA_STEPS: int = 10 ** (_SIGNIFICANT_DIGITS - 1)


def to_digits(text: str) -> str:
    """Replace number words in lower-case `text` by digits: "two hundred and three" by "203"."""
    words = _HYPHENATED.sub(" ", text).split()
    out: list[str] = []
    at = 0
    while at < len(words):
        value, after = _number(words, at)
        out.append(words[at] if value is None else value)
        at = after
    return " ".join(out)


def _number(words: list[str], at: int) -> tuple[str | None, int]:
    """Read a number with its fraction at `at`; return it in digits (None if there is none) and where it ends."""
    whole, after = _whole(words, at)
    if whole is None and words[at] != "point":
        return None, at + 1
    decimals, end = _decimals(words, after) if words[after : after + 1] == ["point"] else ("", after)
    if decimals:
        return f"{whole or 0}.{decimals}", end
    if words[after : after + 3] == ["and", "a", "half"] and whole is not None and whole.isdigit():
        return f"{whole}.5", after + 3
    return whole, max(after, at + 1)


def _decimals(words: list[str], point: int) -> tuple[str, int]:
    digits, at = "", point + 1
    while at < len(words) and (words[at].isdecimal() or _VALUES.get(words[at], 10) < 10):
        digits += words[at] if words[at].isdecimal() else str(_VALUES[words[at]])
        at += 1
    return digits, at


def _whole(words: list[str], at: int) -> tuple[str | None, int]:
    """Read a whole number said in words, or digits with a scale behind them, at `at`."""
    if _DIGITS.fullmatch(words[at]):
        scale = _SCALES.get(words[at + 1]) if at + 1 < len(words) else None
        return (words[at], at + 1) if scale is None else (_plain(Fraction(words[at]) * scale), at + 2)
    start, reading = at, _Reading()
    if words[at] == "a" and words[at + 1 : at + 2] != [] and (words[at + 1] == "hundred" or words[at + 1] in _SCALES):
        reading.take("one")
        at += 1
    while at < len(words):
        joined = words[at] == "and" and reading.open_to_and and words[at + 1 : at + 2] != []
        if not reading.take(words[at + joined]):
            break
        at += 1 + joined
    return (None, start) if at == start else (str(reading.total), at)


class _Reading:
    """A whole number while its words come in."""

    def __init__(self) -> None:
        self._done = 0  # what stands before the last scale word
        self._group = 0  # what was said since
        self._room = 10**3  # the next small number must be below this
        self._top = 10**18  # the next scale must be below this
        self.open_to_and = False

    @property
    def total(self) -> int:
        return self._done + self._group

    def take(self, word: str) -> bool:
        """Take `word` into the number; return whether it fits there."""
        if word in _VALUES and word != "oh":
            return self._take_small(_VALUES[word])
        if word == "hundred" and 0 < self._group < 100 and self._room != 100:
            self._group, self._room, self.open_to_and = self._group * 100, 100, True
            return True
        scale = _SCALES.get(word, self._top)
        if scale >= self._top or not self._group:
            return False
        self._done, self._group = self._done + self._group * scale, 0
        self._top, self._room, self.open_to_and = scale, 10**3, True
        return True

    def _take_small(self, value: int) -> bool:
        if value >= self._room or (value == 0 and self._room != 10**3):
            return False
        self._group += value
        self._room = 10 if value >= 20 else 0
        self.open_to_and = False
        return True


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else str(float(value))


def say(value: Fraction | int) -> str:
    """Return `value` in words, rounded to four decimals; beyond 18 digits as a power of ten."""
    if value < 0:
        return f"minus {say(-value)}"
    value = Fraction(value)
    if value and not Fraction(1, _STEPS) <= value < _LARGEST_IN_WORDS:
        return _say_scientific(value)
    whole, part = divmod(round(value * _STEPS), _STEPS)
    decimals = f"{part:0{_DECIMAL_PLACES}d}".rstrip("0")
    return _say_whole(whole) + (" point " + " ".join(_NAMES[int(digit)] for digit in decimals) if decimals else "")


def is_rounded(value: Fraction) -> bool:
    """Return whether `say(value)` leaves something out."""
    if value and not Fraction(1, _STEPS) <= abs(value) < _LARGEST_IN_WORDS:
        _, mantissa = _scientific(abs(value))
        return (mantissa * _MANTISSA_STEPS).denominator != 1
    return (value * _STEPS).denominator != 1


def _scientific(value: Fraction) -> tuple[int, Fraction]:
    # The digits' difference is the exponent or one more.
    exponent = math.floor((value.numerator.bit_length() - value.denominator.bit_length()) * math.log10(2))
    while Fraction(10) ** (exponent + 1) <= value:
        exponent += 1
    while Fraction(10) ** exponent > value:
        exponent -= 1
    return exponent, value / Fraction(10) ** exponent


def _say_scientific(value: Fraction) -> str:
    exponent, mantissa = _scientific(value)
    shown = round(mantissa, _SIGNIFICANT_DIGITS - 1)
    if shown == 10:
        exponent, shown = exponent + 1, Fraction(1)
    power = f"ten to the power of {say(exponent)}"
    return power if shown == 1 else f"{say(shown)} times {power}"


def _say_whole(value: int) -> str:
    parts = []
    for name, scale in reversed(_SCALES.items()):
        count, value = divmod(value, scale)
        if count:
            parts.append(f"{_say_below_thousand(count)} {name}")
    if value or not parts:
        parts.append(_say_below_thousand(value))
    return " ".join(parts)


def _say_below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    parts = [f"{_NAMES[hundreds]} hundred"] if hundreds else []
    if rest in _NAMES and (rest or not hundreds):
        parts.append(_NAMES[rest])
    elif rest:
        parts.append(f"{_NAMES[rest - rest % 10]} {_NAMES[rest % 10]}")
    return " ".join(parts)


def say_ordinal(value: int) -> str:
    """Return the ordinal of a whole number in words: "twenty first" for 21."""
    head, _, last = say(value).rpartition(" ")
    ordinal = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return f"{head} {ordinal}".strip()


def say_year(year: int) -> str:
    """Return a year as it is read out: "twenty twenty six"."""
    century, rest = divmod(year, 100)
    if year < 1000 or (century % 10 == 0 and rest < 10):
        return say(year)
    return f"{say(century)} {'hundred' if rest == 0 else 'oh ' + say(rest) if rest < 10 else say(rest)}"
