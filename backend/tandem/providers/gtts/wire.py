"""What Google Translate's voice takes and answers: pieces of text, languages, accents, and what a status means."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from tandem.core.audio import BYTES_PER_SAMPLE
from tandem.core.errors import Fault

SAMPLE_RATE = 24_000  # Hz, of the MP3 that Google Translate answers with
PIECE_CHARS = 100  # GOOGLE_TTS_MAX_CHARS of gTTS
SLOWEST, FASTEST = 0.5, 2.0  # ffmpeg's atempo goes further, but nobody understands it
_CHUNK_BYTES = SAMPLE_RATE // 10 * BYTES_PER_SAMPLE  # 100 ms

_SENTENCE_END = re.compile(r"[.!?;:。！？](?=\s)")
_CLAUSE_END = re.compile(r"[,)、，](?=\s)")

# "Localized accents" of gTTS's documentation: the top-level domain decides.
_ACCENTS = {
    "en-au": "com.au",
    "en-ca": "ca",
    "en-gb": "co.uk",
    "en-ie": "ie",
    "en-in": "co.in",
    "en-za": "co.za",
    "es-es": "es",
    "es-mx": "com.mx",
    "fr-ca": "ca",
    "fr-fr": "fr",
    "pt-br": "com.br",
    "pt-pt": "pt",
}
# Google Translate's own names of languages, where BCP 47 has others.
_OTHER_NAMES = {"fil": "tl", "he": "iw", "jv": "jw", "nb": "no", "nn": "no", "zh-hans": "zh-cn", "zh-hant": "zh-tw"}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is spoken at once: at most 100 characters. `late` is the Fault of a deadline that passes meanwhile."""

    text: str
    language: str
    tld: str
    speed: float
    late: Fault


def pieces(phrase: str) -> list[str]:
    """Cut `phrase` into pieces of at most 100 characters, at the end of a sentence, a clause or a word.

    Each has something to pronounce: a phrase without a letter or a digit gives none. Control characters are left out.
    """
    text = " ".join("".join(char if char.isprintable() else " " for char in phrase).split())
    found: list[str] = []
    while len(text) > PIECE_CHARS:
        cut = _cut(text[: PIECE_CHARS + 1])
        found.append(text[:cut].strip())
        text = text[cut:].strip()
    found.append(text)
    return [piece for piece in found if any(char.isalnum() for char in piece)]


def _cut(window: str) -> int:
    for pattern in (_SENTENCE_END, _CLAUSE_END):
        ends = [match.end() for match in pattern.finditer(window)]
        if ends:
            return ends[-1]
    space = window.rfind(" ")
    return space if space > 0 else PIECE_CHARS


def language_for(tag: str, known: Collection[str]) -> tuple[str, str] | None:
    """Return the language and the top-level domain that speak the BCP 47 `tag`; None if no `known` language does."""
    names = {name.casefold(): name for name in known}
    subtags = tag.casefold().replace("_", "-").split("-")
    tags = ["-".join(subtags[:length]) for length in range(len(subtags), 0, -1)]
    accent = next((_ACCENTS[each] for each in tags if each in _ACCENTS), "com")
    for each in tags:
        name = names.get(_OTHER_NAMES.get(each, each))
        if name is not None:
            return name, accent
    return None


def speed_for(asked: float) -> float:
    return min(max(asked, SLOWEST), FASTEST)


def chunks(pcm: bytes) -> list[bytes]:
    """Return `pcm` in pieces of at most 100 ms."""
    return [pcm[at : at + _CHUNK_BYTES] for at in range(0, len(pcm), _CHUNK_BYTES)]


def status_fault(status: int) -> Fault:
    """Return what an HTTP status from 400 on means."""
    if status == 429:
        return Fault.RATE_LIMITED
    if status in (400, 413, 422):  # a request holds the text, its language and nothing else
        return Fault.INVALID
    return Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long Google asks to be left alone, in ms: Retry-After in seconds or as a date (RFC 9110, 10.2.3).

    A date is taken against the answer's own Date, so that no clock of ours matters.
    """
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return _until(headers)
    return seconds * 1000 if math.isfinite(seconds) and seconds >= 0 else None


def _until(headers: Mapping[str, str]) -> float | None:
    try:
        wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):  # no such header, a date without a zone, or no date
        return None
    return max(wait.total_seconds() * 1000, 0.0)
