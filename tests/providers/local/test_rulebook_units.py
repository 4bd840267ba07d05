"""Conversions, the clock and the calendar."""

from datetime import UTC, datetime

import pytest

from providers.local.rulebook_calls import ask


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("How many feet are in ten meters?", "Ten meters is about thirty two point eight one feet."),
        ("How many kilometers are in five miles?", "Five miles is about eight point zero five kilometers."),
        ("convert 5 miles to kilometers", "Five miles is about eight point zero five kilometers."),
        ("five miles two kilometers", "Five miles is about eight point zero five kilometers."),
        (
            "what is 100 degrees fahrenheit in celsius",
            "One hundred degrees Fahrenheit is about thirty seven point seven eight degrees Celsius.",
        ),
        ("What's 212°F in °C?", "Two hundred twelve degrees Fahrenheit is one hundred degrees Celsius."),
        ("minus forty celsius in fahrenheit", "Minus forty degrees Celsius is minus forty degrees Fahrenheit."),
        ("how many inches in a foot", "One foot is twelve inches."),
        ("how many ounces in a cup", "One cup is eight fluid ounces."),
        ("how many ounces are in a pound", "One pound is sixteen ounces."),
        (
            "how many seconds are there in a year",
            "One year is thirty one million five hundred thirty six thousand seconds.",
        ),
        ("how many minutes are in an hour", "One hour is sixty minutes."),
        (
            "60 miles an hour in kilometers per hour",
            "Sixty miles per hour is about ninety six point five six kilometers per hour.",
        ),
        ("100 km/h in mph", "One hundred kilometers per hour is about sixty two point one four miles per hour."),
        ("two and a half miles in kilometers", "Two point five miles is about four point zero two kilometers."),
        ("half a mile in meters", "Zero point five miles is about eight hundred four point seven meters."),
        (
            "how many square meters are in an acre",
            "One acre is about four thousand forty six point nine square meters.",
        ),
        ("how tall is 6 feet in meters", "Six feet is about one point eight three meters."),
        ("how many pounds is 80 kilos", "Eighty kilograms is about one hundred seventy six point four pounds."),
        ("convert ten pounds to meters", "Pounds measure mass, but meters measure length."),
    ],
)
def test_units_are_converted(said: str, reply: str) -> None:
    assert ask(said) == reply


def test_an_unknown_unit_is_left_to_a_model() -> None:
    assert ask("convert 5 bananas to apples").startswith("I heard: ")


@pytest.mark.parametrize(
    ("hour", "minute", "told"),
    [
        (0, 0, "midnight"),
        (0, 5, "twelve oh five in the morning"),
        (9, 0, "nine o'clock in the morning"),
        (12, 0, "noon"),
        (12, 30, "twelve thirty in the afternoon"),
        (17, 59, "five fifty nine in the afternoon"),
        (23, 1, "eleven oh one in the evening"),
    ],
)
def test_the_time_is_told_in_words(hour: int, minute: int, told: str) -> None:
    assert ask("what time is it", now=datetime(2026, 11, 20, hour, minute, tzinfo=UTC)) == f"It is {told}."


@pytest.mark.parametrize(
    "said",
    [
        "What time is it?",
        "what's the time",
        "tell me the time please",
        "do you know what time it is",
        "what time is it right now",
    ],
)
def test_the_time_is_asked_for_in_many_ways(said: str) -> None:
    assert ask(said) == "It is three oh five in the afternoon."


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("what day is it today", "Today is Friday, the twentieth of November, twenty twenty six."),
        ("what's the date", "Today is Friday, the twentieth of November, twenty twenty six."),
        ("what is today's date", "Today is Friday, the twentieth of November, twenty twenty six."),
        ("what day is tomorrow", "Tomorrow is Saturday, the twenty first of November, twenty twenty six."),
        ("what was yesterday", "Yesterday was Thursday, the nineteenth of November, twenty twenty six."),
        ("what year is it", "It is the year twenty twenty six."),
        ("what month is it", "It is November."),
        ("what day is christmas", "The twenty fifth of December is a Friday."),
        ("how many days until christmas", "It is thirty five days until Friday, the twenty fifth of December."),
        ("how many weeks till christmas", "It is five weeks until Friday, the twenty fifth of December."),
        ("how many weeks until new year", "It is six weeks until Friday, the first of January."),
        ("how long until the twenty first of november", "It is one day until Saturday, the twenty first of November."),
        ("how many days until May 1st", "It is one hundred sixty two days until Saturday, the first of May."),
        ("how many days until november twentieth", "That is today."),
        ("how many days until friday", "It is seven days until Friday, the twenty seventh of November."),
        (
            "how many days until the 29th of february",
            "It is four hundred sixty six days until Tuesday, the twenty ninth of February.",
        ),
    ],
)
def test_the_calendar_is_read(said: str, reply: str) -> None:
    assert ask(said) == reply


@pytest.mark.parametrize(
    "said", ["how many days until my birthday", "what day is the 31st of february", "what time is it in Tokyo"]
)
def test_a_day_or_place_that_it_does_not_know_is_left_to_a_model(said: str) -> None:
    assert ask(said).startswith("I heard: ")


def test_the_calendar_ends_without_an_error() -> None:
    last = datetime(9999, 12, 31, 12, 30, tzinfo=UTC)
    assert ask("what day is tomorrow", now=last) == "The calendar ends there."
    assert ask("how many days until christmas", now=last)
    assert ask("how many days until tomorrow", now=last)
    assert ask("how many days until monday", now=last)
