"""The time, the date, and how long it is until a day."""

import calendar
import re
from datetime import MAXYEAR, date, datetime, timedelta

from tandem.providers.local.rules.numbers_spoken import say, say_ordinal, say_year
from tandem.providers.local.rules.request import Request

_MONTHS = [name.lower() for name in calendar.month_name]
_WEEKDAYS = [name.lower() for name in calendar.day_name]
_FEASTS = {
    "christmas eve": (12, 24),
    "christmas day": (12, 25),
    "christmas": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new years eve": (12, 31),
    "new year's day": (1, 1),
    "new year's": (1, 1),
    "new years": (1, 1),
    "new year": (1, 1),
    "valentine's day": (2, 14),
    "valentines day": (2, 14),
    "halloween": (10, 31),
}
_OFFSETS = {"yesterday": -1, "today": 0, "tomorrow": 1, "the day after tomorrow": 2, "the day before yesterday": -2}

_TIME = re.compile(
    r"(?:what(?: is)? (?:the )?(?:current )?time(?: is it| it is)?|(?:the )?(?:current )?time|how late is it"
    r"|do you have the time)(?: is)?(?: right)?(?: now)?"
)
_TODAY = re.compile(
    r"(?:what (?:is )?)?(?:the |a |today'?s )?(?:current )?(?P<asked>day|date|month|year|today)"
    r"(?: and date)?(?: of the week)?(?: is it| it is| is| do we have)?(?: today| now| right now| this)?"
)
_OTHER_DAY = re.compile(
    r"(?:what|which) (?:day |date |weekday )?(?:of the week )?(?:is|was|will|it is|is it)(?: it)?(?: be)?"
    r" (?P<day>yesterday|today|tomorrow|the day after tomorrow|the day before yesterday)(?:'s date)?"
)
_DAY_OF = re.compile(
    r"(?:when|(?:what|which) (?:day|date|weekday)(?: of the week)?) (?:is|does|will)(?: it)? (?P<day>.{3,40}?)"
    r"(?: be| fall| this year| on| fall on| be on)*"
)
_UNTIL = re.compile(
    r"how (?:many (?P<unit>days|weeks|nights|sleeps)|long)(?: is it| are there| are| is)?(?: left| it is)?"
    r" (?:(?:un)?till?|to|before)(?: it is)? (?P<day>.{3,40})"
)
_DAYS = {name: day for day in range(1, 32) for name in (str(day), say(day), say_ordinal(day))}
_ORDINAL_ENDING = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")


def answer(request: Request) -> str | None:
    text = request.text
    if _TIME.fullmatch(text):
        return f"It is {_say_time(request.now)}."
    if match := _TODAY.fullmatch(text):
        return _say_today(match["asked"], request.now.date())
    if match := _OTHER_DAY.fullmatch(text):
        return _say_offset(match["day"], request.now.date())
    if match := _UNTIL.fullmatch(text):
        return _say_until(match["day"], match["unit"], request.now.date())
    if match := _DAY_OF.fullmatch(text):
        return _say_weekday(match["day"], request.now.date())
    return None


def _say_time(now: datetime) -> str:
    part = "in the morning" if now.hour < 12 else "in the afternoon" if now.hour < 18 else "in the evening"
    if now.minute == 0 and now.hour % 12 == 0:
        return "noon" if now.hour else "midnight"
    hour = say(now.hour % 12 or 12)
    if now.minute == 0:
        return f"{hour} o'clock {part}"
    return f"{hour} {'oh ' if now.minute < 10 else ''}{say(now.minute)} {part}"


def _after(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def _say_date(day: date) -> str:
    return f"{day:%A}, the {say_ordinal(day.day)} of {day:%B}, {say_year(day.year)}"


def _say_today(asked: str, today: date) -> str:
    if asked == "year":
        return f"It is the year {say_year(today.year)}."
    if asked == "month":
        return f"It is {today:%B}."
    return f"Today is {_say_date(today)}."


def _say_offset(word: str, today: date) -> str:
    day = _after(today, _OFFSETS[word])
    if day is None:
        return "The calendar ends there."
    return f"{word.capitalize()} {'was' if day < today else 'is'} {_say_date(day)}."


def _say_until(words: str, unit: str | None, today: date) -> str | None:
    day = _next(words, today)
    if day is None:
        return None
    days = (day - today).days
    if days == 0:
        return "That is today."
    if unit == "weeks" and days >= 7:
        weeks, days = divmod(days, 7)
        left = _count(weeks, "week") + (f" and {_count(days, 'day')}" if days else "")
    else:
        left = _count(days, "day")
    return f"It is {left} until {day:%A}, the {say_ordinal(day.day)} of {day:%B}."


def _count(number: int, noun: str) -> str:
    return f"{say(number)} {noun}{'' if number == 1 else 's'}"


def _say_weekday(words: str, today: date) -> str | None:
    day = _next(words, today)
    return None if day is None else f"The {say_ordinal(day.day)} of {day:%B} is a {day:%A}."


def _next(words: str, today: date) -> date | None:
    """Return when the day that `words` name comes next, today included; None if they name none."""
    if (weekday := words.removeprefix("next ")) in _WEEKDAYS:
        return _after(today, (_WEEKDAYS.index(weekday) - today.weekday() - 1) % 7 + 1)
    month, number = _FEASTS.get(words) or _day_and_month(words)
    if not month:
        return None
    for year in range(today.year, min(today.year + 9, MAXYEAR + 1)):  # the 29th of February may be eight years away
        if number <= calendar.monthrange(year, month)[1] and date(year, month, number) >= today:
            return date(year, month, number)
    return None


def _day_and_month(words: str) -> tuple[int, int]:
    """Read "the first of may", "may 1st" or "may one"; return month and day, or zeros."""
    told = [word for word in _ORDINAL_ENDING.sub("", words).split() if word not in ("the", "of")]
    for month, rest in ((told[0], told[1:]), (told[-1], told[:-1])) if told else ():
        day = _DAYS.get(" ".join(rest).replace("-", " "), 0)
        if day and month in _MONTHS:
            return _MONTHS.index(month), day
    return 0, 0
