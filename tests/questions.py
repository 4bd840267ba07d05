"""The recorded questions, and how close what was heard is to what was said."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import jiwer

_FOLDER = Path(__file__).parent / "audio"
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


@dataclass(frozen=True)
class Question:
    file: Path
    text: str


def questions() -> list[Question]:
    """Return the recorded questions with their texts."""
    return [Question(_FOLDER / item["file"], item["text"]) for item in _listed() if item["kind"] == "question"]


def recording(name: str) -> Path:
    return next(_FOLDER / item["file"] for item in _listed() if Path(item["file"]).stem == name)


def _listed() -> list[dict[str, str]]:
    listed: list[dict[str, str]] = json.loads((_FOLDER / "questions.json").read_text())
    return listed


def word_error_rate(said: list[str], heard: list[str]) -> float:
    """Return the share of words that are wrong, case, punctuation and the spelling of numbers aside."""
    return float(jiwer.wer([_plain(text) for text in said], [_plain(text) or "nothing" for text in heard]))


def _plain(text: str) -> str:
    text = re.sub(r"(\d+)\.(\d)", r"\1 point \2", text.lower())
    text = re.sub(r"(\d+):(\d\d)", r"\1 \2", text)
    text = re.sub(r"\d+", lambda number: _in_words(int(number[0])), text)
    return " ".join(re.sub(r"[^a-z' ]", " ", text).split())


def _in_words(number: int) -> str:
    ones, tens = _ONES.split(), _TENS.split()
    if number < 20:
        return ones[number]
    if number < 100:
        return tens[number // 10 - 2] + (f" {ones[number % 10]}" if number % 10 else "")
    return " ".join(ones[int(digit)] for digit in str(number))
