"""The arithmetic of a bench: what the callers and the simulator saw, made into figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from tandem.bench import script
from tandem.core.barge_in import BargeInLimits
from tandem.core.speech_gate import GateLimits
from tandem.core.spread import Spread, spread

_INTERRUPTS_AFTER_MS = BargeInLimits().voiced_ms - GateLimits().start_ms  # the caller's voice is noticed


@dataclass(slots=True)
class Turn:
    """One turn as its caller saw it; times are ms of the machine's monotonic clock.

    `onset` and `voice_end` are when the first and the last sample of the line were due in the caller's microphone.
    """

    call: int
    number: int
    onset: float
    voice_end: float
    noticed: float | None = None  # vad_status came
    cleared: float | None = None  # clear_audio came
    late_frames: int = 0  # audio of a cleared reply that still came
    decided: float | None = None  # the change to "thinking" came
    first_audio: float | None = None  # of the answer itself
    endpoint_ms: float | None = None  # of turn_metrics
    undisturbed: bool = True  # every attempt of the gateway was the first and went well

    @property
    def latency_ms(self) -> float | None:
        """From the end of the voice to the first audio of the reply."""
        return _between(self.voice_end, self.first_audio)

    @property
    def decided_ms(self) -> float | None:
        """From the end of the voice to the turn's end, as it came to the caller."""
        return _between(self.voice_end, self.decided)

    @property
    def overhead_ms(self) -> float | None:
        """What is left of the latency without the wait for the turn's end and the delays on script."""
        if self.decided is None or self.first_audio is None or not self.undisturbed:
            return None
        return self.first_audio - self.decided - script.scripted_ms(script.reply(self.call, self.number))


@dataclass(frozen=True, slots=True)
class Marks:
    """One turn as the simulator saw it, on the same clock."""

    llm_asked: float
    phrase_sent: float  # the token with which the first phrase is known to be whole
    tts_asked: float
    audio_sent: float  # the first byte of it

    @property
    def late_ms(self) -> float:
        """How much longer the vendors took than is written for them."""
        took_ms = self.phrase_sent - self.llm_asked + self.audio_sent - self.tts_asked
        return took_ms - script.scripted_ms(script.reply(0, 0))


def marks(requests: Sequence[Mapping[str, Any]]) -> dict[str, Marks]:
    """Return the marks of each code in the simulator's record of Groq and Cartesia; seconds become ms."""
    llm: dict[str, tuple[float, float]] = {}
    tts: dict[str, tuple[float, float]] = {}
    for request in requests:
        body, at, sent = request["body"], request["at"] * 1000, [s * 1000 for s in request["sent_at"]]
        if request["vendor"] == "groq" and request["route"] == "chat":
            code = script.code_in(_last_line(body["messages"]))
            token = script.tokens_until_phrase(script.reply(0, 0)) - 1
            if code and len(sent) > token:
                llm[code] = at, sent[token]
        elif request["vendor"] == "cartesia" and request["route"] == "websocket" and body:
            code = script.code_in(body["transcript"])
            if code and sent:
                tts.setdefault(code, (at, sent[0]))
    return {code: Marks(*llm[code], *tts[code]) for code in llm.keys() & tts.keys()}


def _last_line(messages: Sequence[Mapping[str, Any]]) -> str:
    said = [str(message.get("content")) for message in messages if message.get("role") == "user"]
    return said[-1] if said else ""


@dataclass(frozen=True, slots=True)
class Shares:
    """The gateway's own part of the time between the end of a turn and the first audio of its reply, in ms."""

    until_model: float  # turn decided -> the model was asked
    until_voice: float  # first phrase written -> the voice was asked
    until_caller: float  # first audio left the voice -> it came to the caller

    @property
    def total(self) -> float:
        """What a caller would not have waited for without the gateway."""
        return self.until_model + self.until_voice + self.until_caller


def shares(turn: Turn, seen: Marks | None) -> Shares | None:
    """Return the gateway's shares; None if a mark is missing."""
    if seen is None or turn.decided is None or turn.first_audio is None or not turn.undisturbed:
        return None
    return Shares(seen.llm_asked - turn.decided, seen.tts_asked - seen.phrase_sent, turn.first_audio - seen.audio_sent)


@dataclass(frozen=True, slots=True)
class Background:
    """What may have been in the way; `busy` is in cores, and the others are all that is no part of the bench."""

    calls: int
    detector: str
    gateway_busy: float
    vendors_busy: float
    others_busy: float
    callers_late_ms: Spread | None  # how late they sent their frames
    wake_ups_a_second: int  # of the gateway
    wake_up_us: float  # CPU time that an idle process needs for one, behind pauses as long as the gateway's
    hop_ms: Spread | None  # what a message took to another process on loopback, just before


@dataclass(frozen=True, slots=True)
class Load:
    """What a gateway did for some calls at once."""

    calls: int
    turns: tuple[Turn, ...]
    unanswered: int  # turns of calls that broke off
    cpu_s: float
    call_minutes: float  # of all calls together: wall minutes of each
    rss_mib: float  # while all calls were up
    background: Background
    calm: bool  # the callers listened and thought
    seen: Mapping[str, Marks] = field(default_factory=dict)

    @property
    def cpu_s_per_call_minute(self) -> float:
        """CPU seconds for a minute of one call."""
        return self._a_minute(self.cpu_s, 3)

    @property
    def turns_per_call_minute(self) -> float:
        """Turns in a minute of one call."""
        return self._a_minute(len(self.turns), 1)

    def _a_minute(self, whole: float, digits: int) -> float:
        return round(whole / self.call_minutes, digits) if self.call_minutes else 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result: a spread or a single `value`, and the limits that it should keep."""

    name: str
    calls: int
    unit: str
    spread: Spread | None = None
    value: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)  # "p50", "p95", "p99", "value" -> at most

    @property
    def met(self) -> bool | None:
        """Whether every limit is kept; None without limits or without values."""
        if not self.limits or (self.spread is None and self.value is None):
            return None
        values: dict[str, float] = {"value": self.value or 0.0} if self.spread is None else asdict(self.spread)
        return all(values[name] <= most for name, most in self.limits.items())


def _overhead_limits(calls: int) -> dict[str, float]:
    if calls == 1:
        return {"p50": 5, "p99": 20}
    return {"p50": 10} if calls == 25 else {}


def of_eager(load: Load) -> list[Figure]:
    """Return the figures of turns whose replies may begin before the turn is certainly over."""
    latency = spread(turn.latency_ms for turn in load.turns if turn.undisturbed)
    return [
        Figure("end of speech -> first audio, eager replies", load.background.calls, "ms", latency, limits={"p50": 450})
    ]


def of_waste(used: int, wasted: int) -> Figure:
    """Return the share of eager replies that were thrown away, in %."""
    share = round(100 * wasted / (used + wasted), 1) if used + wasted else None
    return Figure("eager replies thrown away", 0, "%", value=share)


def of_turns(load: Load) -> list[Figure]:
    """Return the times of the turns under one load."""
    calls, turns = load.calls, load.turns
    own = [shares(turn, load.seen.get(script.code(turn.call, turn.number))) for turn in turns]
    known = [each for each in own if each]
    limits = _overhead_limits(calls)

    def ms(name: str, values: Iterable[float | None], limits: Mapping[str, float] | None = None) -> Figure:
        return Figure(name, calls, "ms", spread(values), limits=limits or {})

    return [
        ms("gateway overhead, sum of its shares", [each.total for each in known], limits),
        ms("  turn decided -> model asked", [each.until_model for each in known]),
        ms("  first phrase written -> voice asked", [each.until_voice for each in known]),
        ms("  audio left the voice -> at the caller", [each.until_caller for each in known]),
        ms("turn decided -> first audio, less the script", [turn.overhead_ms for turn in turns], limits),
        ms("  of it, vendors later than on script", [seen.late_ms for seen in load.seen.values()]),
        ms("end of speech -> turn decided", [turn.decided_ms for turn in turns]),
        ms("  as the gateway tells it: endpoint_ms", [turn.endpoint_ms for turn in turns]),
        ms("end of speech -> first reply audio", [turn.latency_ms for turn in turns], {"p50": 700}),
        ms("onset -> clear_audio", [_between(turn.onset, turn.cleared) for turn in turns], {"p95": 230}),
        ms("  interruption decided -> clear_audio", [_interrupted(turn) for turn in turns], {"p99": 20}),
    ]


def of_load(idle_mib: float, loads: Sequence[Load]) -> list[Figure]:
    """Return CPU and memory; each load's further calls are those that the one before it did not have."""
    found = [Figure("resident, idle", 0, "MiB", value=round(idle_mib, 1))]
    for load in loads:
        name, limits = ("CPU a minute of call", {"value": 0.6}) if load.calm else ("CPU a minute, hasty callers", {})
        found.append(Figure(name, load.calls, "s", value=load.cpu_s_per_call_minute, limits=limits))
        found.append(Figure("  turns in it", load.calls, "", value=load.turns_per_call_minute))
        found.append(Figure("resident", load.calls, "MiB", value=round(load.rss_mib, 1)))
    for fewer, more in pairwise(loads):
        if more.calls <= fewer.calls:
            continue
        a_call = (more.rss_mib - fewer.rss_mib) / (more.calls - fewer.calls)
        name = f"resident, each call from {fewer.calls + 1} on"
        found.append(Figure(name, more.calls, "MiB", value=round(a_call, 2), limits={"value": 3}))
    return found


def _interrupted(turn: Turn) -> float | None:
    """From when so much voice was heard that it interrupts; what is left of a frame then is counted, too."""
    return None if turn.noticed is None else _between(turn.noticed + _INTERRUPTS_AFTER_MS, turn.cleared)


def _between(start: float, end: float | None) -> float | None:
    return None if end is None else end - start
