"""Between a call and Deepgram's two listening sockets: the queries, and what a message says."""

from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import urlencode

from tandem.core.audio import Word
from tandem.core.ports import SttOptions
from tandem.providers.deepgram.faults import error_frame, is_english
from tandem.providers.stt_ledger import Heard

_COVERED_MS = 20.0  # a final result that ends so near to the end of the audio leaves nothing to wait for
_UNNOTICED_MS = 300.0  # "a noticeable amount of audio" is what the vendor promises to answer a Finalize for


class Unreadable(ValueError):
    """A message of a known type is not of the promised form."""


class Reading(Protocol):
    """What one socket has said, and whether that is all of an utterance. Positions are ms of the audio sent."""

    def begin(self, sent_ms: float) -> None: ...

    def finalise(self, sent_ms: float) -> None: ...

    def read(self, message: Any) -> Heard | None:
        """Take a message as it is in JSON; raises Unreadable and ErrorFrame."""
        ...

    def settled(self) -> bool: ...


def hears(model: str, language: str) -> bool:
    """Tell whether a Flux model hears a language, as far as its name says."""
    return not model.endswith("-en") or is_english(language)


def nova_query(model: str, options: SttOptions) -> str:
    """Return the query of /v1/listen; where an utterance ends is for us to say, not for its endpointing."""
    return urlencode(
        {
            "model": model,
            "language": options.language,
            "encoding": "linear16",
            "sample_rate": options.sample_rate,
            "channels": 1,
            "endpointing": "false",
            "interim_results": "true",
            "punctuate": "true",
        }
    )


def flux_query(model: str, options: SttOptions) -> str:
    """Return the query of /v2/listen: turns end when we say so, whatever the model thinks.

    What it thinks is in every TurnInfo: the eager threshold would only add messages.
    """
    query: dict[str, str | int | float] = {
        "model": model,
        "encoding": "linear16",
        "sample_rate": options.sample_rate,
        "eot_threshold": 1.0,
        "eot_timeout_ms": 60_000,
    }
    if model.endswith("-multi"):
        query["language_hint"] = options.language.partition("-")[0]
    return urlencode(query)


class NovaReading:
    """Stretches of audio, each told again and again until it is final."""

    def __init__(self) -> None:
        self._began_ms = 0.0
        self._covered_ms = 0.0
        self._asked_ms: float | None = None

    def begin(self, sent_ms: float) -> None:
        self._began_ms, self._asked_ms = sent_ms, None

    def finalise(self, sent_ms: float) -> None:
        self._asked_ms = sent_ms

    def read(self, message: Any) -> Heard | None:
        kind = _kind(message)
        if kind == "Error":
            raise error_frame(message.get("variant"), message.get("code"))
        if kind != "Results":
            return None
        try:
            return self._results(message)
        except (LookupError, AttributeError, TypeError) as error:
            raise Unreadable("Results") from error

    def settled(self) -> bool:
        return self._asked_ms is not None and self._asked_ms - self._covered_ms < _UNNOTICED_MS

    def _results(self, message: Any) -> Heard | None:
        start_ms, best = message["start"] * 1000, message["channel"]["alternatives"][0]
        end_ms, said = start_ms + message["duration"] * 1000, _text(best["transcript"])
        # A result on the last utterance, e.g. sent twice, ends where that did; one of this utterance ends later,
        # unless it is the empty answer to a Finalize of audio that was final already.
        stale = end_ms < self._began_ms or (end_ms == self._began_ms and said)
        if stale:
            return None
        words = tuple(
            _word(word.get("punctuated_word") or word["word"], word["start"], word["end"]) for word in best["words"]
        )
        final = bool(message.get("is_final"))
        if final:
            self._covered_ms = end_ms
        asked = self._asked_ms is not None and end_ms > self._began_ms
        all_covered = final and self._asked_ms is not None and end_ms >= self._asked_ms - _COVERED_MS
        return Heard(
            part=start_ms,
            text=said,
            final=final,
            answers=asked and (bool(message.get("from_finalize")) or all_covered),
            words=words,
            end_ms=end_ms,
            confidence=_number(best.get("confidence")) if words else None,
        )


class FluxReading:
    """Turns, each told as a whole after about every 250 ms of audio, until it ends.

    A turn is ended on what was transcribed by then, so the vendor must have heard the whole utterance before it is
    asked to end it; where no turn has begun there is nothing to end.

    Each message has the model's present confidence that the turn is over, also that of a TurnResumed and of an end that
    was forced, which the vendor says is not raised by that. The last ones are of up to 320 ms of our own silence.
    """

    def __init__(self) -> None:
        self._began_ms = 0.0
        self._heard_ms = 0.0
        self._asked_ms: float | None = None
        self._open = False
        self._ending = False

    def begin(self, sent_ms: float) -> None:
        self._began_ms, self._asked_ms, self._ending = sent_ms, None, False

    def finalise(self, sent_ms: float) -> None:
        self._asked_ms = sent_ms

    def wants_end(self) -> bool:
        """Tell, once per utterance, that the turn is to be ended now."""
        wanted = self._open and not self._ending and self._heard_all()
        self._ending = self._ending or wanted
        return wanted

    def read(self, message: Any) -> Heard | None:
        kind = _kind(message)
        if kind == "Error":
            raise error_frame(message.get("code"))
        if kind != "TurnInfo":
            return None
        try:
            return self._turn_info(message)
        except (LookupError, AttributeError, TypeError) as error:
            raise Unreadable("TurnInfo") from error

    def settled(self) -> bool:
        return self._heard_all() and not self._open

    def _heard_all(self) -> bool:
        return self._asked_ms is not None and self._heard_ms >= self._asked_ms

    def _turn_info(self, message: Any) -> Heard | None:
        end_ms, text, event = message["audio_window_end"] * 1000, _text(message["transcript"]), message["event"]
        if end_ms <= self._began_ms:
            return None
        self._heard_ms = max(self._heard_ms, end_ms)
        self._open = event != "EndOfTurn" and (bool(text) or event == "StartOfTurn")
        listed = message["words"]
        timed = all(word.get("start") is not None and word.get("end") is not None for word in listed)
        words = tuple(_word(word["word"], word["start"], word["end"]) for word in listed) if timed else ()
        return Heard(
            part=message["turn_index"],
            text=text,
            final=event == "EndOfTurn",
            answers=self._heard_all() and not self._open,
            words=words,
            end_ms=end_ms,
            confidence=_mean(word["confidence"] for word in listed),
            turn_over=_number(message.get("end_of_turn_confidence")),
        )


def _kind(message: Any) -> object:
    return message.get("type") if isinstance(message, dict) else None


def _text(transcript: Any) -> str:
    if not isinstance(transcript, str):
        raise TypeError("a transcript that is no text")
    return transcript.strip()


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _word(text: str, start_s: float, end_s: float) -> Word:
    return Word(text, start_s * 1000, end_s * 1000)


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else None
