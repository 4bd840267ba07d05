"""Plays a spoken turn to the voice detector and a scripted recogniser in virtual time, and asks when the turn is over.

The audio is the clock: nothing waits, and the same audio gives the same decisions on any machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal, Protocol

from audio.turns.make_turns import SpokenTurn, bare
from silero import Alone
from tandem.audio.vad import SileroModel
from tandem.core.ports import SpeechMark
from tandem.core.speech_gate import SpeechEdge, SpeechGate

FINAL_AFTER_MS = 300
INTERIM_EVERY_MS = 250
LONGEST_WAIT_MS = 10_000  # after the end of the voice; a rule that has not decided by then never does

Writing = Literal["punctuated", "bare"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of a turn while the caller is silent.

    `text` is made of the final transcripts, `interim` what was shown of the words that are not final yet; `settled`
    says that there are none. `pauses_ms` are the pauses after which this caller went on, as the gate heard them.
    """

    text: str
    interim: str
    settled: bool
    pauses_ms: tuple[float, ...]


class EndRule(Protocol):
    """An endpointing rule. It is asked every 32 ms of a silence, and when a final transcript comes."""

    def __call__(self, moment: Moment) -> float | None:
        """Return the ms after the voice's end at which the turn is over; None: that cannot be said yet."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A spoken turn with the detector's probability for each window of its audio."""

    spoken: SpokenTurn
    window_ms: float
    tail_ms: float
    probabilities: tuple[float, ...]


def hear(spoken: SpokenTurn, model: SileroModel) -> Heard:
    detector = Alone(model)
    return Heard(spoken, detector.window_ms, detector.tail_ms, tuple(detector.feed(spoken.pcm)))


class ScriptedRecogniser:
    """Knows the words: shows those of a segment as they are said, and settles them 300 ms after its voice ended."""

    def __init__(self, spoken: SpokenTurn, writing: Writing) -> None:
        texts = [segment.text for segment in spoken.turn.segments]
        self._texts = [bare(text) for text in texts] if writing == "bare" else texts
        self._spans = spoken.spans
        starts = [span.start_ms for span in spoken.spans[1:]] + [float("inf")]
        self.finals_ms = [
            min(span.end_ms + FINAL_AFTER_MS, start) for span, start in zip(spoken.spans, starts, strict=True)
        ]

    def settled(self, first: int, voice_ended_ms: float, now_ms: float) -> bool:
        """Tell whether all that was begun before `voice_ended_ms`, from segment `first` on, is final by `now_ms`."""
        begun = [at for at, span in enumerate(self._spans) if at >= first and span.start_ms < voice_ended_ms]
        return all(self.finals_ms[at] <= now_ms for at in begun)

    def text(self, first: int, now_ms: float) -> str:
        """Return the final words since segment `first`."""
        return " ".join(self._texts[at] for at in range(first, len(self._texts)) if self.finals_ms[at] <= now_ms)

    def interim(self, now_ms: float) -> str:
        """Return the words shown of the segment that is begun and not final, without a mark after the last one."""
        for text, span, final_ms in zip(self._texts, self._spans, self.finals_ms, strict=True):
            if span.start_ms <= now_ms < final_ms:
                shown_ms = (now_ms - span.start_ms) // INTERIM_EVERY_MS * INTERIM_EVERY_MS
                return _words_within(text, shown_ms / (span.end_ms - span.start_ms)).rstrip(",.?!")
        return ""


class Rehearsal:
    """One turn, one rule. After a decision that cut the caller off the rest is a turn of its own, as in a call."""

    def __init__(self, heard: Heard, rule: EndRule, writing: Writing) -> None:
        self._heard = heard
        self._rule = rule
        self._recogniser = ScriptedRecogniser(heard.spoken, writing)
        self._gate = SpeechGate(heard.window_ms, tail_ms=heard.tail_ms)
        self._first = 0  # segment that the words of this turn begin with
        self._voice_ended: float | None = None  # None: nothing was said since the last decision
        self._pauses: tuple[float, ...] = ()
        self._decisions: list[float] = []

    def decisions(self) -> list[float]:
        """Return when the rule found the turn over, in ms of the audio; the last one is not before its true end.

        It is missing if the rule did not decide within LONGEST_WAIT_MS.
        """
        end_ms = self._heard.spoken.spans[-1].end_ms
        for probability in self._windows(end_ms + LONGEST_WAIT_MS):
            self._pass_window()
            if self._decisions and self._decisions[-1] >= end_ms:
                break
            for edge in self._gate.feed([probability]):
                self._edge(edge)
        return self._decisions

    def _edge(self, edge: SpeechEdge) -> None:
        if edge.mark is SpeechMark.STOPPED:
            self._voice_ended = edge.at_ms
            return
        if self._voice_ended is not None:
            self._pauses += (edge.at_ms - self._voice_ended,)
        self._voice_ended = None

    def _windows(self, until_ms: float) -> Iterable[float]:
        """The detector's windows, and then silence."""
        known = self._heard.probabilities
        count = int(until_ms / self._heard.window_ms) + 1
        return known + (0.0,) * (count - len(known))

    def _pass_window(self) -> None:
        """Let the time of one window pass: finals come in it, and the silence may become long enough in it."""
        start = self._gate.now_ms
        end = start + self._heard.window_ms
        finals = [ms for ms in self._recogniser.finals_ms if start < ms < end]
        for now, until in pairwise([start, *finals, end]):
            if not self._gate.speaking:
                self._ask(now, until)

    def _ask(self, now: float, until: float) -> None:
        text = self._recogniser.text(self._first, now)
        if self._voice_ended is None and text:
            self._voice_ended = 0.0  # the gate missed the voice of these words: as far as it knows, all was silence
        if self._voice_ended is None:
            return
        settled = self._recogniser.settled(self._first, self._voice_ended, now)
        enough = self._rule(Moment(text, self._recogniser.interim(now), settled, self._pauses))
        if enough is None:
            return
        at = max(now, self._voice_ended + enough)
        if at < until:
            self._decisions.append(at)
            self._voice_ended = None
            self._first = sum(span.end_ms <= at for span in self._heard.spoken.spans)


def _words_within(text: str, share: float) -> str:
    """Return the words of `text` that are over when `share` of its letters is."""
    words = text.split()
    lengths = list(accumulate(len(word) for word in words))
    return " ".join(word for word, length in zip(words, lengths, strict=True) if length <= share * lengths[-1])
