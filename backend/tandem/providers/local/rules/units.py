"""Conversion between the units of everyday life."""

import re
from dataclasses import dataclass
from fractions import Fraction

from tandem.providers.local.rules.numbers_spoken import is_rounded, say, to_digits
from tandem.providers.local.rules.request import Request


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: a value v of it is (v + shift) * factor of the base unit of `measures`."""

    measures: str
    name: str
    plural: str
    factor: Fraction
    shift: Fraction = Fraction(0)


# For each quantity: factor to the base unit | singular | plural | other names. Factors are exact by definition (SI,
# the international yard and pound of 1959, US liquid measures).
_TABLE = {
    "length": """
        0.001 | millimeter | millimeters | millimetre millimetres mm
        0.01 | centimeter | centimeters | centimetre centimetres cm
        1 | meter | meters | metre metres m
        1000 | kilometer | kilometers | kilometre kilometres km k
        0.0254 | inch | inches |
        0.3048 | foot | feet | ft
        0.9144 | yard | yards | yd
        1609.344 | mile | miles | mi
        1852 | nautical mile | nautical miles |
        9460730472580800 | light year | light years | lightyear lightyears""",
    "mass": """
        0.001 | milligram | milligrams | mg
        1 | gram | grams | g gramme grammes
        1000 | kilogram | kilograms | kg kilo kilos kilogramme kilogrammes
        1000000 | metric ton | metric tons | ton tons tonne tonnes
        28.349523125 | ounce | ounces | oz
        453.59237 | pound | pounds | lb lbs
        6350.29318 | stone | stone | stones""",
    "volume": """
        0.001 | milliliter | milliliters | millilitre millilitres ml
        0.01 | centiliter | centiliters | centilitre centilitres cl
        1 | liter | liters | litre litres l
        1000 | cubic meter | cubic meters | cubic_metre cubic_metres
        28.316846592 | cubic foot | cubic feet |
        0.00492892159375 | teaspoon | teaspoons | tsp
        0.01478676478125 | tablespoon | tablespoons | tbsp
        0.0295735295625 | fluid ounce | fluid ounces | ounce ounces oz
        0.2365882365 | cup | cups |
        0.473176473 | pint | pints |
        0.946352946 | quart | quarts |
        3.785411784 | gallon | gallons |""",
    "speed": """
        1 | meter per second | meters per second | metres_per_second m/s
        5/18 | kilometer per hour | kilometers per hour | kilometres_per_hour kph kmh km/h
        0.44704 | mile per hour | miles per hour | mph
        0.3048 | foot per second | feet per second |
        463/900 | knot | knots |""",
    "time": """
        0.001 | millisecond | milliseconds | ms
        1 | second | seconds | sec secs
        60 | minute | minutes | min mins
        3600 | hour | hours | hr hrs
        86400 | day | days |
        604800 | week | weeks |
        31536000 | year | years |
        315360000 | decade | decades |
        3153600000 | century | centuries |""",
    "area": """
        0.0001 | square centimeter | square centimeters | square_centimetre square_centimetres
        1 | square meter | square meters | square_metre square_metres
        1000000 | square kilometer | square kilometers | square_kilometre square_kilometres
        0.00064516 | square inch | square inches |
        0.09290304 | square foot | square feet |
        0.83612736 | square yard | square yards |
        2589988.110336 | square mile | square miles |
        4046.8564224 | acre | acres |
        10000 | hectare | hectares |""",
}
_TEMPERATURES = {
    ("celsius", "centigrade", "c"): Unit(
        "temperature", "degree Celsius", "degrees Celsius", Fraction(1), Fraction("273.15")
    ),
    ("fahrenheit", "f"): Unit(
        "temperature", "degree Fahrenheit", "degrees Fahrenheit", Fraction(5, 9), Fraction("459.67")
    ),
    ("kelvin", "kelvins"): Unit("temperature", "kelvin", "kelvins", Fraction(1)),
}


def _read_tables() -> dict[str, list[Unit]]:
    """Return all units by each of their names; an ounce has two meanings."""
    units: dict[str, list[Unit]] = {}
    for names, unit in _TEMPERATURES.items():
        for name in names:
            units[name] = [unit]
    for measures, table in _TABLE.items():
        for line in table.split("\n")[1:]:
            factor, singular, plural, others = (cell.strip() for cell in line.split("|"))
            unit = Unit(measures, singular, plural, Fraction(factor))
            for name in {singular, plural, *(other.replace("_", " ") for other in others.split())}:
                units.setdefault(name, []).append(unit)
    return units


_UNITS = _read_tables()

_AMOUNT = r"(?P<amount>-? ?\d{1,30}(?:\.\d{1,30})?|half an?|an?)"
_FROM = r"(?P<from>[a-z][a-z/ ]{0,29}?)"
_TO = r"(?P<to>[a-z][a-z/ ]{0,29}?)"
_QUESTIONS = (
    re.compile(
        rf"(?:convert |what is |how much is |how many is |change |turn |how \w{{3,6}} is |what are )?{_AMOUNT} {_FROM}"
        rf" (?:to|in|into|as|2|is how many|is how much|equals how many|in terms of) {_TO}"
    ),
    re.compile(
        rf"how (?:many|much) {_TO}(?: (?:is|are|in|there|make|makes|equal|equals|to|go|into|does|do|fit)){{1,4}}"
        rf" {_AMOUNT} {_FROM}(?: (?:have|has|contain|make))?"
    ),
)
_DEGREES = re.compile(r"\bdegrees?\b|°")
_GLUED = re.compile(r"(?<=\d)(?=[a-z])")
_NEGATIVE = re.compile(r"\b(?:minus|negative) (?=\d)")
_RATE = re.compile(r"\b(miles?|feet|foot|(?:kilo)?met(?:er|re)s?) an? (?=(?:hour|second)\b)")  # "miles an hour"
_A_RATE_OF = {"half a": Fraction(1, 2), "half an": Fraction(1, 2), "a": Fraction(1), "an": Fraction(1)}


def answer(request: Request) -> str | None:
    text = _DEGREES.sub(" ", to_digits(request.text))
    text = " ".join(_RATE.sub(r"\1 per ", _NEGATIVE.sub("-", _GLUED.sub(" ", text))).split())
    for question in _QUESTIONS:
        if match := question.fullmatch(text):
            return _convert(match["amount"], match["from"], match["to"])
    return None


def _convert(amount: str, origin: str, target: str) -> str | None:
    origins, targets = _UNITS.get(origin, []), _UNITS.get(target, [])
    if not origins or not targets:
        return None
    pairs = [(one, other) for one in origins for other in targets if one.measures == other.measures]
    if not pairs:
        one, other = origins[0], targets[0]
        return f"{_opened(one.plural)} measure {one.measures}, but {other.plural} measure {other.measures}."
    one, other = pairs[0]
    value = _A_RATE_OF[amount] if amount in _A_RATE_OF else Fraction(amount.replace(" ", ""))
    result = (value + one.shift) * one.factor / other.factor - other.shift
    rounded = _round(result)
    about = "about " if rounded != result or is_rounded(rounded) else ""
    return f"{_opened(_quantity(value, one))} is {about}{_quantity(rounded, other)}."


def _round(value: Fraction) -> Fraction:
    """Keep the decimals that one can follow by ear."""
    if abs(value) < Fraction(1, 100):
        return value
    return round(value, 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4)


def _quantity(value: Fraction, unit: Unit) -> str:
    return f"{say(value)} {unit.name if value == 1 else unit.plural}"


def _opened(words: str) -> str:
    return words[0].upper() + words[1:]
