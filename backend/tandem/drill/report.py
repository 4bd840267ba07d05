"""The report of a drill: what was promised, what was measured, and which cells broke the promise."""

import dataclasses
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from tandem.core.ports import Slot
from tandem.core.spread import Spread, spread
from tandem.drill.cells import HEALTHY, Omission, Row
from tandem.drill.faults import MEANINGS
from tandem.drill.measure import Result

MOST_P50_MS, MOST_P99_MS = 150.0, 800.0  # added dead air that is promised for any single failure
ENOUGH = 50  # cells; of fewer than 100 the 99th percentile is the worst


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of several cells: of words the maximum in one call, of all else the sum or the spread."""

    name: str
    cells: int
    broken: int
    caller_lost: int
    caller_repeated: int
    reply_lost: int
    reply_repeated: int
    half_words: int
    torn_words: int
    fillers: int
    apologies: int
    dropped: int
    blamed: int
    asked_while_ill: int
    hedges: int
    hedges_won: int
    added_ms: Spread | None
    later_ms: Spread | None
    detect_ms: Spread | None
    switch_ms: Spread | None


def group(name: str, results: Sequence[Result]) -> Group:
    """Return the figures of these cells."""

    def most(of: Callable[[Result], int]) -> int:
        return max(map(of, results), default=0)

    def total(of: Callable[[Result], int]) -> int:
        return sum(map(of, results))

    return Group(
        name,
        cells=len(results),
        broken=total(lambda result: bool(result.broken)),
        caller_lost=most(lambda result: result.caller.lost),
        caller_repeated=most(lambda result: result.caller.repeated),
        reply_lost=most(lambda result: result.reply.lost),
        reply_repeated=most(lambda result: result.reply.repeated),
        half_words=total(lambda result: result.half_words),
        torn_words=total(lambda result: result.torn_words),
        fillers=total(lambda result: result.fillers),
        apologies=total(lambda result: result.apologies),
        dropped=total(lambda result: bool(result.dropped)),
        blamed=total(lambda result: bool(result.blamed)),
        asked_while_ill=total(lambda result: result.asked_while_ill),
        hedges=total(lambda result: result.hedges),
        hedges_won=total(lambda result: result.hedges_won),
        added_ms=spread(result.added_ms for result in results),
        later_ms=spread(result.later_ms for result in results),
        detect_ms=spread(result.detect_ms for result in results),
        switch_ms=spread(result.switch_ms for result in results),
    )


@dataclass(frozen=True, slots=True)
class Report:
    """A drill that is over; it ran for `took_s` seconds. `results` are in the order of their cells."""

    results: tuple[Result, ...]
    omissions: tuple[Omission, ...]
    took_s: float

    @property
    def groups(self) -> list[Group]:
        """The figures by slot for single failures, then by row for the rest."""
        single = [result for result in self.results if result.cell.row is Row.SINGLE]
        found = [group(f"single {slot}", [r for r in single if r.cell.slot is slot]) for slot in Slot]
        found.append(group("single, all", single))
        found += [group(row, [r for r in self.results if r.cell.row is row]) for row in Row if row is not Row.SINGLE]
        return [each for each in found if each.cells]

    @property
    def failing(self) -> list[Result]:
        """The cells that broke a promise, the worst first."""
        return sorted((result for result in self.results if result.broken), key=badness, reverse=True)

    @property
    def _added(self) -> list[float]:
        return [r.added_ms for r in self.results if r.cell.row is Row.SINGLE and r.added_ms is not None]

    @property
    def not_judged(self) -> str:
        """Why the dead air that single failures add is not judged; empty if it is."""
        if any(result.cell.eager for result in self.results):
            return "what a failure costs is the time that an eager reply would have saved"
        return "" if len(self._added) >= ENOUGH else f"fewer than {ENOUGH} single failures"

    @property
    def late(self) -> str:
        """What is wrong with the dead air that single failures add; empty if nothing is, or too few were tried."""
        times = spread(self._added)
        if times is None or self.not_judged or (times.p50 <= MOST_P50_MS and times.p99 <= MOST_P99_MS):
            return ""
        return (
            f"added dead air p50 {times.p50:.0f} ms, p99 {times.p99:.0f} ms; "
            f"promised are {MOST_P50_MS:.0f} and {MOST_P99_MS:.0f}"
        )

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not self.failing and not self.late

    @property
    def cells_per_s(self) -> float:
        return len(self.results) / self.took_s if self.took_s else 0.0


def badness(result: Result) -> tuple[int, int, float]:
    """Return what orders results from good to bad: words first, then other promises, then dead air."""
    counts = (result.caller, result.reply)
    words = sum(by.lost + by.repeated + by.disordered + by.strays for by in counts)
    return words, len(result.broken), result.added_ms or 0.0


def false_failovers_per_1000(results: Sequence[Result]) -> float | None:
    """Return how many of 1,000 calls in which nobody failed had somebody marked as failed; None without such calls."""
    healthy = [result for result in results if result.cell.row in HEALTHY]
    return 1_000 * sum(bool(result.blamed) for result in healthy) / len(healthy) if healthy else None


def as_json(report: Report) -> bytes:
    """Return everything as JSON: the machine, the figures by group, each cell with its replay, what was left out."""
    return orjson.dumps(
        {
            "kept": report.kept,
            "late": report.late,
            "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "took_s": round(report.took_s, 1),
            "cells_per_s": round(report.cells_per_s, 1),
            "false_failovers_per_1000": false_failovers_per_1000(report.results),
            "groups": [dataclasses.asdict(each) for each in report.groups],
            "cells": [_plain(result) for result in report.results],
            "not_applicable": [dataclasses.asdict(omission) for omission in report.omissions],
            "meanings": MEANINGS,
        },
        option=orjson.OPT_INDENT_2,
    )


def _plain(result: Result) -> dict[str, object]:
    return {**dataclasses.asdict(result), "broken": result.broken, "replay": result.cell.replay}
