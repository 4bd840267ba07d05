"""What became of a call, counted from outside: the words in the audio and in the captions that the caller got."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tandem.core.events import AttemptFailed, AttemptSucceeded, BreakerChanged, Hedged
from tandem.core.link import CallerCaption, ReplyDone
from tandem.core.ports import Role
from tandem.drill.calls import Evidence
from tandem.drill.cast import illness, long_turns
from tandem.drill.cells import HEALTHY, RESTLESS, Cell, Row
from tandem.drill.count import Count, count
from tandem.drill.health import Strike
from tandem.drill.hearing import Heard, heard
from tandem.drill.script import APOLOGY, FILLER, VOICELESS, caller_words, others_words, own_words, turn_script, words_of

_GAP_MS = 60.0  # of silence between two words is no dead air: the numbered voice leaves half of that


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one call; times in ms.

    `half_words` were begun and not ended, `torn_words` have silence in them. `history` and `dropped` say what was wrong
    with them. `dead_air_ms` is the silence before and within each turn's reply, `wait_ms` the time to its first words;
    None where the caller did not wait. `detect_ms` and `switch_ms` count from the moment the fault struck, None if
    nobody noticed. `blamed` are providers that were well and counted as failed.
    """

    cell: Cell
    caller: Count
    reply: Count
    half_words: int
    torn_words: int
    fillers: int
    apologies: int
    history: str
    dropped: str
    dead_air_ms: tuple[float, ...] | None
    wait_ms: tuple[float, ...] | None
    detect_ms: float | None
    switch_ms: float | None
    asked_while_ill: int
    hedges: int
    hedges_won: int
    blamed: tuple[str, ...]
    added_ms: float | None = None  # most dead air of a turn beyond that of the same turn when nobody fails
    later_ms: float | None = None  # the same of the wait

    @property
    def broken(self) -> tuple[str, ...]:
        """Which promises were broken, in words; empty if none was."""
        counts = (("caller word", self.caller), ("reply word", self.reply))
        found = [f"{getattr(by, how)} {what}s {how}" for what, by in counts for how in _HOWS if getattr(by, how)]
        found += [f"history: {self.history}"] if self.history else []
        found += [f"dropped: {self.dropped}"] if self.dropped else []
        found += [f"{self.apologies} apologies"] if self.apologies else []
        if self.cell.row in HEALTHY and self.blamed:
            found.append(f"blamed: {', '.join(self.blamed)}")
        return tuple(found)

    def beside(self, healthy: "Result") -> "Result":
        """Return this with what the fault has added to the times of the same call without it."""
        if self.dead_air_ms is None or healthy.dead_air_ms is None or self.wait_ms is None or healthy.wait_ms is None:
            return self
        return replace(
            self,
            added_ms=_most_added(self.dead_air_ms, healthy.dead_air_ms),
            later_ms=_most_added(self.wait_ms, healthy.wait_ms),
        )


def _most_added(times_ms: Sequence[float], healthy_ms: Sequence[float]) -> float:
    return round(max(ours - theirs for ours, theirs in zip(times_ms, healthy_ms, strict=True)), 1)


_HOWS = ("lost", "repeated", "disordered", "strays")


def measure(evidence: Evidence) -> Result:
    """Count what became of a call."""
    cell, told = evidence.cell, [event for _, event in evidence.told]
    sounds = heard(evidence.caller.player)
    words = [sound.word for sound in sounds if sound.word]
    own = own_words(words)
    first_words = [words_of(text)[0] for text in (APOLOGY, VOICELESS)]
    detect_ms, switch_ms = _reaction(evidence)
    dead_air_ms, wait_ms = _waits(evidence, sounds)
    hedges = [event for event in told if isinstance(event, Hedged)]
    return Result(
        cell,
        _caller_count(evidence),
        _reply_count(evidence, words),
        half_words=sum(not sound.word for sound in sounds),
        torn_words=sum(sound.torn for sound in sounds),
        fillers=own.count(words_of(FILLER)[0]),
        apologies=sum(own.count(word) for word in first_words),
        history=_history(evidence, sounds),
        dropped=evidence.dropped,
        dead_air_ms=dead_air_ms,
        wait_ms=wait_ms,
        detect_ms=detect_ms,
        switch_ms=switch_ms,
        asked_while_ill=evidence.scene.asked_while_ill,
        hedges=len(hedges),
        hedges_won=sum(hedge.won for hedge in hedges),
        blamed=_blamed(evidence),
    )


def _said(evidence: Evidence, before_ms: float = float("inf")) -> list[str]:
    return [word for spoke in evidence.caller.spoke if spoke.end_ms <= before_ms for word in spoke.words]


def _caller_count(evidence: Evidence) -> Count:
    """Compare what the caller said with the captions, and with what the last model was given."""
    captions: dict[tuple[int, int], str] = {}
    for _, message in evidence.caller.received:
        if isinstance(message, CallerCaption) and message.final:
            captions[message.turn, message.segment] = message.text
    shown = count(_said(evidence), [word for text in captions.values() for word in caller_words(text)])
    if evidence.cell.row is Row.HANG_UP or not evidence.scene.asked:
        return shown
    _, messages = evidence.scene.asked[-1]
    given = count(_said(evidence), [w for m in messages if m.role is Role.USER for w in caller_words(m.text)])
    return max(shown, given, key=lambda by: (by.lost, by.repeated, by.disordered, by.strays))


def _reply_count(evidence: Evidence, words: Sequence[str]) -> Count:
    """Compare what the models were to say with what was heard. Of a reply that was cut, what follows is no loss."""
    long, seed = long_turns(evidence.cell), evidence.cell.seed
    owed: list[str] = []
    optional: set[str] = set()
    for spoke in evidence.caller.spoke:
        answer = turn_script(seed, spoke.turn, long=spoke.turn in long).owed
        owed += answer
        optional |= set(answer) if spoke.turn in evidence.cut_turns else set()
    return count(owed, others_words(words), optional=optional)


def _history(evidence: Evidence, sounds: Sequence[Heard]) -> str:
    """Return what is wrong with the history, as the caller and the next model were told it; empty if nothing is."""
    by_turn = {m.turn: m.heard_text for _, m in evidence.caller.received if isinstance(m, ReplyDone)}
    told = others_words(words_of(" ".join(text for _, text in sorted(by_turn.items()))))
    if evidence.cell.row is not Row.HANG_UP and told != (was := _texts(sounds)):
        return f"told {len(told)} words, {len(was)} were heard"
    for at_ms, messages in evidence.scene.asked:
        if messages[-1].role is not Role.USER:
            continue
        given = others_words(words_of(" ".join(m.text for m in messages if m.role is Role.ASSISTANT)))
        was = _texts([sound for sound in sounds if sound.end_ms <= at_ms])
        if given != was:
            return f"a model was given {len(given)} words, {len(was)} had been heard"
    return ""


def _texts(sounds: Sequence[Heard]) -> list[str]:
    return others_words([sound.word for sound in sounds if sound.word])


def _waits(
    evidence: Evidence, sounds: Sequence[Heard]
) -> tuple[tuple[float, ...], tuple[float, ...]] | tuple[None, None]:
    """Return for each turn the ms of silence, and the ms from the end of the caller's words to the reply's first.

    Silence is what comes before the reply and in its gaps; what the gateway says of its own accord breaks it.
    """
    if evidence.cell.row in RESTLESS:
        return None, None
    spoke = evidence.caller.spoke
    ends = [*(later.start_ms for later in spoke[1:]), evidence.ended_ms]
    dead_air_ms, wait_ms = [], []
    for turn, until_ms in zip(spoke, ends, strict=True):
        reply = [sound for sound in sounds if turn.end_ms <= sound.start_ms < until_ms]
        replied_ms = next((sound.start_ms for sound in reply if not own_words([sound.word])), until_ms)
        wait_ms.append(round(replied_ms - turn.end_ms, 1))
        times = [(turn.end_ms, turn.end_ms), *((sound.start_ms, sound.end_ms) for sound in reply)]
        times += [] if reply else [(until_ms, until_ms)]
        gaps_ms = [gap for before, after in pairwise(times) if (gap := after[0] - before[1]) > _GAP_MS]
        dead_air_ms.append(round(sum(gaps_ms) + sum(sound.torn_ms for sound in reply if sound.torn), 1))
    return tuple(dead_air_ms), tuple(wait_ms)


def _reaction(evidence: Evidence) -> tuple[float | None, float | None]:
    """Return how long after the first strike it was noticed, and another provider gave its first output."""
    if not evidence.scene.strikes:
        return None, None
    strike = evidence.scene.strikes[0]
    later = [(at_ms - strike.at_ms, event) for at_ms, event in evidence.told if at_ms >= strike.at_ms]
    detect_ms = next((ms for ms, event in later if _accuses(event, strike)), None)
    if detect_ms is None:
        return None, None
    switch_ms = next((ms for ms, event in later if ms >= detect_ms and _follows(event, strike)), None)
    return round(detect_ms, 1), None if switch_ms is None else round(switch_ms, 1)


def _accuses(event: object, strike: Strike) -> bool:
    if isinstance(event, AttemptFailed):
        return (event.slot, event.provider) == (strike.slot, strike.provider)
    return isinstance(event, Hedged) and (event.slot, event.late) == (strike.slot, strike.provider)


def _follows(event: object, strike: Strike) -> bool:
    return isinstance(event, AttemptSucceeded) and event.slot is strike.slot and event.provider != strike.provider


def _blamed(evidence: Evidence) -> tuple[str, ...]:
    """Return the providers that were well all the time, and counted as failed or were switched off."""
    cell, scene = evidence.cell, evidence.scene
    accused = {
        (event.slot, event.provider) for _, event in evidence.told if isinstance(event, AttemptFailed | BreakerChanged)
    }
    return tuple(
        sorted(
            f"{slot} {provider}"
            for slot, provider in accused
            if slot is not cell.slot or illness(cell, provider, scene) is None
        )
    )
