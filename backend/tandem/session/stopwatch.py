"""The stopwatch of a turn: where the time between the caller's last sound and the reply's first one went."""

from dataclasses import dataclass, field

from tandem.core.link import Attempt, TurnMeasured


@dataclass(slots=True)
class Stopwatch:
    """Takes the times of one turn, in ms of the call's clock."""

    _voice_ended: float | None = None
    _paused: float | None = None
    _final: float | None = None
    _turn_ended: float | None = None
    _first_token: float | None = None
    _first_phrase: float | None = None
    _first_audio: float | None = None
    _attempts: list[Attempt] = field(default_factory=list)

    def pause(self, now: float, *, silent_ms: float) -> None:
        """A pause was noticed, `silent_ms` after the voice ended."""
        self._paused, self._voice_ended, self._final = now, now - silent_ms, None

    def silent_ms(self, now: float) -> float:
        """How long the caller has been silent; for ever, if they never spoke."""
        return float("inf") if self._voice_ended is None else now - self._voice_ended

    def final_transcript(self, now: float) -> None:
        self._final = now

    def turn_ended(self, now: float) -> None:
        self._turn_ended = now
        self._first_token = self._first_phrase = self._first_audio = None

    def first_token(self, now: float) -> None:
        if self._first_token is None:
            self._first_token = now

    def first_phrase(self, now: float) -> None:
        if self._first_phrase is None:
            self._first_phrase = now

    def first_audio(self, now: float) -> None:
        self._first_audio = now

    @property
    def answered(self) -> bool:
        """Whether the reply's first audio was sent; a filler is none of it."""
        return self._first_audio is not None

    def attempted(self, attempt: Attempt) -> None:
        """A provider answered or failed. Only a turn's first few are kept: enough to explain it."""
        if len(self._attempts) < 20:
            self._attempts.append(attempt)

    def read(self, turn: int) -> TurnMeasured:
        """Return the turn's figures and start anew."""
        measured = TurnMeasured(
            turn,
            endpoint_ms=_between(self._voice_ended, self._turn_ended),
            stt_ms=_between(self._paused, self._final),
            llm_ttft_ms=_between(self._turn_ended, self._first_token),
            phrase_ms=_between(self._first_token, self._first_phrase),
            tts_ttfb_ms=_between(self._first_phrase, self._first_audio),
            turn_latency_ms=_between(
                self._turn_ended if self._voice_ended is None else self._voice_ended, self._first_audio
            ),
            attempts=tuple(self._attempts),
        )
        self._voice_ended = self._paused = self._final = self._first_audio = None
        self._attempts.clear()
        return measured


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 1)
