"""What is said for what is written: a phrase's words as a voice can speak them, and their times told back."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tandem.core.audio import Word

_NEAR = 24  # letters: some words that a voice leaves out, but not the next sentence


@dataclass(frozen=True, slots=True)
class Spoken:
    """A written word and what is said for it: a word, several with a space between them, or "" for nothing."""

    written: str
    said: str


def speakable(phrase: str, language: str = "en") -> tuple[Spoken, ...]:
    """Return the phrase's words in order, each with what is said for it.

    `language` is a code such as "en" or "de-AT". Numbers and abbreviations are put into words for English only; a
    voice knows better than this module how those of its own language are said.
    """
    written = phrase.split()
    text = "".join(f"{word}\n" for word in written)
    for pattern, said in _MARKS + (_ENGLISH if language[:2].casefold() == "en" else _OTHERS):
        text = pattern.sub(said, text)
    lines = text.split("\n")[:-1]
    return tuple(Spoken(word, _whole(word, line)) for word, line in zip(written, lines, strict=True))


def said_text(words: tuple[Spoken, ...]) -> str:
    """Return what the voice is given for these words."""
    return " ".join(word.said for word in words if word.said)


class Writing:
    """Turns the times of what is said for `words` into those of the words as they were written.

    A voice's words are taken as so many letters and digits, whatever it splits or joins. One that leaves a word out,
    or spells it in its own way ("five" for "5"), is found again where a word begins with its next letters; as long as
    there is no such word near, the letters are counted.
    """

    def __init__(self, words: tuple[Spoken, ...]) -> None:
        self._words = words
        self._text = ""  # the letters of all that is said
        self._begins: list[int] = []  # in it, each said word
        self._ends: list[int] = []  # in it, each written word
        for word in words:
            for said in word.said.split():
                self._begins.append(len(self._text))
                self._text += _letters(said)
            # What says nothing ends with the word before it. In front of all words there is none: a word that ended
            # at 0 would count as heard in silence, so there it ends with the first that is told.
            self._ends.append(max(1, len(self._text)))
        self._at = 0  # in it, the end of what was told
        self._told = 0  # written words told so far
        self._start_ms: float | None = None  # of the next one, if its first letters were told
        self._end_ms = 0.0

    def feed(self, times: tuple[Word, ...]) -> tuple[Word, ...]:
        """Take the next words that the voice tells of; return the written words that end with them, in order.

        Times are in ms of the phrase. Each written word is returned once, and no end lies before an earlier one.
        """
        return tuple(written for time in times for written in self._take(time))

    def _take(self, time: Word) -> list[Word]:
        letters = _letters(time.text)
        if not letters:
            return []
        self._at = self._place(letters) + len(letters)
        self._end_ms = max(self._end_ms, time.end_ms)
        start_ms = time.start_ms if self._start_ms is None else self._start_ms
        written: list[Word] = []
        while self._told < len(self._words) and self._ends[self._told] <= self._at:
            written.append(Word(self._words[self._told].written, start_ms, self._end_ms))
            self._told += 1
            start_ms = time.start_ms
        begun = self._told == 0 or self._ends[self._told - 1] < self._at
        self._start_ms = start_ms if begun else None
        return written

    def _place(self, letters: str) -> int:
        """Return where these letters begin: where the last ones ended, or else at the nearest word that fits."""
        if self._text.startswith(letters, self._at):
            return self._at
        near = (begin for begin in self._begins if abs(begin - self._at) <= _NEAR)
        fitting = [begin for begin in near if self._text.startswith(letters, begin)]
        return min(fitting, key=lambda begin: abs(begin - self._at), default=self._at)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _whole(written: str, said: str) -> str:
    """Return what is left of a word after the rules: punctuation that has lost its word is not said."""
    said = " ".join(said.split())
    return said if said == written or _letters(said) else ""


# A rule is a pattern and what is said for a match. The rules are applied one after the other to the whole phrase, in
# which each written word is a line: so they see a word's neighbours, what they insert goes to the word in which they
# insert it, and no rule may add or drop a line's end. No repetition in a pattern is unlimited, and those within
# others are possessive: whatever the text, a match is decided after so many characters, and a phrase in linear time.
_Said: TypeAlias = str | Callable[[re.Match[str]], str]

_NUMBER = r"[0-9]{1,15}+(?:\.[0-9]{1,9}+)?"
_CLOSING = ".,;:!?)]}>'\"’”…"
_MOST_PARTS = 3  # of a web address: the host and two of its path
_SIGNS = str.maketrans(
    {".": " dot ", "/": " slash ", "-": " dash ", "_": " underscore ", "@": " at ", "+": " plus ", "~": " tilde "}
)
_MONEY = {"$": ("dollar", "dollars"), "€": ("euro", "euros"), "£": ("pound", "pounds"), "¥": ("yen", "yen")}
_MONEY_SIGN = f"[{''.join(_MONEY)}]"
_UNITS = {
    "km": ("kilometer", "kilometers"), "m": ("meter", "meters"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "mi": ("mile", "miles"), "ft": ("foot", "feet"),
    "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "l": ("liter", "liters"), "L": ("liter", "liters"), "ml": ("milliliter", "milliliters"),
    "°": ("degree", "degrees"), "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "km/h": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"), "m/s": ("meter per second", "meters per second"),
    "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"), "ms": ("millisecond", "milliseconds"),
    "Mbps": ("megabit per second", "megabits per second"), "min": ("minute", "minutes"),
    "h": ("hour", "hours"), "hrs": ("hour", "hours"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "kWh": ("kilowatt hour", "kilowatt hours"), "V": ("volt", "volts"),
}  # fmt: skip
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_TITLES = {"Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Prof": "Professor", "St": "Saint"}
_SHORT = {"e.g": "for example", "i.e": "that is", "etc": "et cetera", "vs": "versus", "approx": "approximately"}


def _address(match: re.Match[str]) -> tuple[str, str]:
    """Return an address without what nobody says of it, and the punctuation behind it."""
    address = match[0].rstrip(_CLOSING)
    short = re.sub(r"(?i)\A(?:https?://)?(?:www\.)?", "", re.split("[?#]", address)[0])
    return "/".join([part for part in short.split("/") if part][:_MOST_PARTS]), match[0][len(address) :]


def _said_address(match: re.Match[str]) -> str:
    short, closing = _address(match)
    return short.translate(_SIGNS) + closing


def _digits(match: re.Match[str]) -> str:
    groups = re.sub(r"[0-9]{2,99}", lambda group: " ".join(group[0]), match[0])
    return groups.replace("-", ", ").replace("+", "plus ")


def _money(match: re.Match[str]) -> str:
    sign, whole, part, space, scale = match.groups("")
    coins = len(part) == 2 and not scale
    amount = whole if coins or not part else f"{whole}.{part}"
    said = f"{amount}{space}{scale} {_MONEY[sign][scale != '' or amount != '1']}"
    return f"{said} {part}" if coins and part != "00" else said


def _counted(units: Mapping[str, tuple[str, str]]) -> _Said:
    return lambda match: f"{match[1]}{match[2]} {units[match[3]][match[1] != '1']}"


def _abbreviation(match: re.Match[str]) -> str:
    follows = match.string[match.end() : match.end() + 9].strip()
    return _SHORT[match[1].casefold()] + ("" if follows else ".")  # at the end it is a full stop as well


def _rules(*rules: tuple[str, _Said]) -> tuple[tuple[re.Pattern[str], _Said], ...]:
    return tuple((re.compile(pattern), said) for pattern, said in rules)


_MARKS = _rules(
    # [text](address) is its text; a cut between phrases may have left only one end of it here.
    (r"!?\[(?=[^\[\]]{1,300}+(?:\]\(|\Z))", ""),
    (r"\]\((?:[^()\s]{1,2000}+|\([^()\s]{0,2000}+\)){0,9}+\)", ""),
    # Emoji and what modifies them; of a digit in a box, the digit is left.
    (
        "[\u231a\u231b\u23e9-\u23fa\u2600-\u2775\u2794-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
        "[\ufe0f\u200d\U000e0020-\U000e007f]{0,9}+",
        " ",
    ),
    ("[\ufe0f\u20e3]", ""),
    (r"\|", " "),
    (r"(?<!\S)(?:[=*_~]{3,99}+|:?-{3,99}+:?)(?!\S)", ""),
    (r"(?<!\S)```\w{0,20}(?!\S)", ""),
    (r"`|~~", ""),
    (r"\A>{1,9}+", ""),
    (r"(\A\s{0,9}+)[-–+•‣◦▪·](?=\s)", r"\1"),
    (r"(?<!\S)#{1,6}(?!\S)", ""),
    # A star between numbers multiplies; others, and low lines, that are not within a word are emphasis.
    (r"(?<=[0-9])(\s?)\*\1(?=[0-9])", r"\1×\1"),
    (r"(?<![A-Za-z0-9])_{1,3}|_{1,3}(?![A-Za-z0-9])", ""),
    (r"(?<![A-Za-z0-9])\*{1,3}|\*{1,3}(?![A-Za-z0-9])", ""),
)
_URL = r'(?i:https?://|(?<![\w.])www\.)[^\s<>"]{1,2000}+'
_OTHERS = _rules((_URL, lambda match: "".join(_address(match))))
_ENGLISH = _rules(
    (r"(?<![\w.+-])[\w.+-]{1,64}+@(?:[\w-]{1,63}+\.){1,9}[A-Za-z]{2,24}+(?![\w@])", _said_address),
    (_URL, _said_address),
    (
        r"(?<![\w@.-])(?:[A-Za-z0-9-]{1,63}+\.){1,9}(?:com|org|net|edu|gov|io|dev|app|info)(?![\w-])"
        r'(?:[/?#][^\s<>"]{0,2000}+)?',
        _said_address,
    ),
    # Digit by digit: telephone numbers, with and without a country's, and numbers too long to count.
    (
        r"(?<![\w.,-])(?:\+[0-9]{1,3}[-\s]|[0-9]-)?(?:\([0-9]{3}\)[-\s]?|[0-9]{3}-)?[0-9]{3}-[0-9]{4}(?![\w-])",
        _digits,
    ),
    (r"(?<![\w.,-])\+[0-9]{1,3}(?:[-\s][0-9]{2,9}+){1,5}+(?![\w-]|[.,][0-9])", _digits),
    (r"(?<![\w.,$€£¥+-])[0-9]{7,99}+(?![.,:/-]?[0-9]|[%\w])", _digits),
    # Quantities.
    (r"(?<![\w.,])[0-9]{1,3}(?:,[0-9]{3}){1,9}+(?!,?[0-9])", lambda match: match[0].replace(",", "")),
    (
        rf"(?<![\w.,:/-])([0-9]{{1,9}}+(?:[.:][0-9]{{1,9}}+)?%?)[-–—]"
        rf"(?!0[0-9]|\1(?![0-9]))({_MONEY_SIGN}?[0-9]{{1,9}}+(?:[.:][0-9]{{1,9}}+)?)(?![-–/][0-9]|\s?=)",
        r"\1 to \2",
    ),
    (r"[$€]0?\.([0-9]{2})(?![0-9])", r"\1 cents"),
    (
        rf"(?<!\w)({_MONEY_SIGN})([0-9]{{1,15}}+)(?:\.([0-9]{{1,9}}+))?"
        r"(?:(\s)(thousand|million|billion|trillion)\b)?(?!\w)",
        _money,
    ),
    (rf"(?<![\w.])({_NUMBER})(\s?)({_MONEY_SIGN})(?!\w)", _counted(_MONEY)),
    (r"(?<=[0-9])(\s?)%(?!\w)", r"\1 percent"),
    (rf"(?<![\w.])({_NUMBER})(\s?)({_UNIT})(?![\w/])", _counted(_UNITS)),
    (r"(?<=[0-9])(\s?)\+\1(?=[0-9])", r"\1 plus \1"),
    (r"(?<=[0-9])(\s?)=\1(?=[0-9])", r"\1 equals \1"),
    (r"(?<=[0-9])(\s?)×\1(?=[0-9])", r"\1 times \1"),
    # Abbreviations. A title stands before a name, a street behind one.
    (rf"(?<![\w.])({'|'.join(_TITLES)})\.(?=\s[^\W0-9_a-z])", lambda match: _TITLES[match[1]]),
    (r"(?<=\w\s)(?:St(?=\.\s\Z)|St\.(?=\s\w))", "Street"),
    (r"(?<![\w.])[Nn]o\.(?=\s[0-9])", "number"),
    (rf"(?<![\w.])(?i:({'|'.join(map(re.escape, _SHORT))}))\.(?!\w)", _abbreviation),
    (r"(?<!\S)w/o(?!\S)", "without"),
    (r"(?<!\S)w/(?=\w|\s)", "with "),
    (r"\b(?i:(and)/(or))\b", r"\1 \2"),
    (r"&(?:amp;)?", " and "),
)
