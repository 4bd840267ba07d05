"""Shows how often an endpointing rule cuts callers off in the turns of turns.json, and how long it lets them wait.

    python tests/audio/turns/evaluate.py [--part tune|test|all] [--writing punctuated|bare] [--json FILE] [--worst N]

It needs libflite and espeakng-loader, as the tests do. The voices are synthetic and the pauses drawn: the figures
compare rules with each other, and say little of how many callers a rule would cut off.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from audio.turns.make_turns import SpokenTurn, Studio, Turn, listed
from audio.turns.rehearsal import LONGEST_WAIT_MS, EndRule, Heard, Moment, Rehearsal, Writing, hear
from tandem.audio.vad import SileroModel
from tandem.core.endpointing import Endpointer, Patience

# The earliest sound of a reply after the end of the voice, as `tandem bench` measures it with eager replies. Until then
# a caller who goes on takes the decision back: the words join, and nobody has heard anything.
FIRST_SOUND_MS = 450


@dataclass(frozen=True, slots=True)
class Ours:
    """The session's rule: once all words are final, they and the caller's pauses say how long a silence must be."""

    patience: Patience

    def __call__(self, moment: Moment) -> float | None:
        endpointer = Endpointer(self.patience)
        for pause_ms in moment.pauses_ms:
            endpointer.went_on(pause_ms)
        return endpointer.silence_ms(moment.text) if moment.settled else None


@dataclass(frozen=True, slots=True)
class CutOff:
    """A decision before the turn's end: `after_segment` (from 0) had been said, `left_ms` of the pause were left."""

    at_ms: float
    after_segment: int
    place: str
    pause_ms: int
    left_ms: float

    @property
    def heard(self) -> bool:
        """Whether a reply began to sound before the caller went on."""
        return self.left_ms > 0 and self.pause_ms > FIRST_SOUND_MS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule made of a turn. `wait_ms`: from the end of the voice to the decision, LONGEST_WAIT_MS if none."""

    number: int
    kind: str
    text: str
    cut_offs: tuple[CutOff, ...]
    wait_ms: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All outcomes in figures: turns, shares of turns (0-1) and ms.

    `early_turns` were found to be over before they were; of them `cut_turns` heard a reply begin.
    """

    turns: int
    inner_pauses: int
    cut_turns: int
    cut_share: float
    cut_share_interval: tuple[float, float]
    early_turns: int
    wait_median_ms: float
    wait_p90_ms: float
    wait_max_ms: float


def judge(heard: Heard, rule: EndRule, writing: Writing) -> Outcome:
    """Play one turn to `rule`."""
    turn, spans = heard.spoken.turn, heard.spoken.spans
    decisions = Rehearsal(heard, rule, writing).decisions()
    end_ms = spans[-1].end_ms
    cut_offs = tuple(_cut_off(heard.spoken, at) for at in decisions if at < end_ms)
    wait_ms = next((at - end_ms for at in decisions if at >= end_ms), float(LONGEST_WAIT_MS))
    return Outcome(turn.number, turn.kind, turn.text, cut_offs, round(wait_ms, 1))


def summed(outcomes: Sequence[Outcome]) -> Summary:
    """Return the figures of `outcomes` (at least one)."""
    waits = [outcome.wait_ms for outcome in outcomes]
    cut_turns = sum(any(cut_off.heard for cut_off in outcome.cut_offs) for outcome in outcomes)
    return Summary(
        turns=len(outcomes),
        inner_pauses=sum(outcome.text.count("[") for outcome in outcomes),
        cut_turns=cut_turns,
        cut_share=cut_turns / len(outcomes),
        cut_share_interval=wilson(cut_turns, len(outcomes)),
        early_turns=sum(bool(outcome.cut_offs) for outcome in outcomes),
        wait_median_ms=round(float(np.percentile(waits, 50)), 1),
        wait_p90_ms=round(float(np.percentile(waits, 90)), 1),
        wait_max_ms=max(waits),
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson, 1927); `count` is at least 1."""
    z = 1.96
    share, weight = hits / count, 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / weight
    half = z / weight * sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


async def heard_turns(turns: Iterable[Turn]) -> list[Heard]:
    """Speak `turns` and let the voice detector hear them; about a tenth of a second per turn."""
    model = SileroModel.load()
    async with Studio.open() as studio:
        return [hear(await studio.speak(turn), model) for turn in turns]


def _cut_off(spoken: SpokenTurn, at_ms: float) -> CutOff:
    """A decision within a segment's voice counts to the pause before it, of which nothing is left."""
    after = max(0, sum(span.start_ms <= at_ms for span in spoken.spans) - 1)
    within = at_ms < spoken.spans[after].end_ms
    segment = spoken.turn.segments[max(0, after - within)]
    left_ms = 0.0 if within else spoken.spans[after + 1].start_ms - at_ms
    return CutOff(round(at_ms, 1), max(0, after - within), segment.place, segment.pause_ms, round(left_ms, 1))


def _report(summary: Summary, outcomes: Sequence[Outcome], worst: int) -> Iterable[str]:
    low, high = summary.cut_share_interval
    yield f"turns             {summary.turns}, with {summary.inner_pauses} inner pauses"
    yield f"cut off           {summary.cut_turns} turns, {summary.cut_share:.1%} (95 %: {low:.1%} to {high:.1%})"
    yield f"decided early     {summary.early_turns} turns, {summary.early_turns - summary.cut_turns} taken back unheard"
    yield f"wait after turn   median {summary.wait_median_ms:.0f} ms, p90 {summary.wait_p90_ms:.0f}, max " + (
        f"{summary.wait_max_ms:.0f}"
    )
    cuts = [(cut_off, outcome) for outcome in outcomes for cut_off in outcome.cut_offs]
    yield from (
        f"  cut off after part {cut_off.after_segment + 1}, {cut_off.left_ms:.0f} ms early: {outcome.text}"
        for cut_off, outcome in sorted(cuts, key=lambda cut: -cut[0].left_ms)[:worst]
    )
    yield from (
        f"  answered {outcome.wait_ms:.0f} ms after: {outcome.text}"
        for outcome in sorted(outcomes, key=lambda outcome: -outcome.wait_ms)[:worst]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("tune", "test", "all"), default="all")
    parser.add_argument("--writing", choices=("punctuated", "bare"), default="punctuated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every outcome there")
    parser.add_argument("--worst", type=int, default=5, metavar="N", help="how many of the worst turns to show (5)")
    options = parser.parse_args()
    rule = Ours(Patience())
    outcomes = [judge(heard, rule, options.writing) for heard in asyncio.run(heard_turns(listed(options.part)))]
    summary = summed(outcomes)
    sys.stdout.writelines(f"{line}\n" for line in _report(summary, outcomes, options.worst))
    if options.json:
        figures = {"summary": asdict(summary), "outcomes": [asdict(outcome) for outcome in outcomes]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
