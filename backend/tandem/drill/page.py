"""The drill's report as one HTML page: a heat map of faults and points for each slot, readable without colours too."""

from collections.abc import Mapping, Sequence
from html import escape

from tandem.core.ports import Slot
from tandem.core.spread import Spread
from tandem.drill.cells import Cell, Row
from tandem.drill.faults import MEANINGS, Point, Trouble
from tandem.drill.measure import Result
from tandem.drill.report import MOST_P50_MS, MOST_P99_MS, Group, Report, badness

_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;width:100%}
th,td{padding:.3rem .5rem;text-align:left;border:1px solid #8885;font-variant-numeric:tabular-nums;vertical-align:top}
.scroll{overflow-x:auto}
.good{background:#2a93}.fair{background:#db04}.poor{background:#e705}.bad{background:#d226;font-weight:700}.none{color:#888}
code{font-size:.85em;overflow-wrap:anywhere}audio{height:1.8rem}
"""
_KEY = (
    ("good", "✓", f"nothing lost or repeated, dead air +{MOST_P50_MS:.0f} ms at most"),
    ("fair", "△", f"the same, +{MOST_P99_MS:.0f} ms at most"),
    ("poor", "▲", f"the same, more than +{MOST_P99_MS:.0f} ms"),
    ("bad", "✗", "a promise was broken"),
)
_SIGNS = {name: sign for name, sign, _ in _KEY}
_COLUMNS = (
    ("cells", "cells"), ("broken", "broken"), ("caller_lost", "caller lost"), ("caller_repeated", "caller repeated"),
    ("reply_lost", "reply lost"), ("reply_repeated", "reply repeated"), ("half_words", "half words"),
    ("torn_words", "torn words"), ("fillers", "fillers"), ("apologies", "apologies"), ("dropped", "dropped"),
)  # fmt: skip


def as_html(report: Report, audio: Mapping[Cell, str]) -> str:
    """Return the page; `audio` holds the addresses of recordings, relative to it."""
    verdict = "Every promise was kept." if report.kept else "A promise was broken."
    figures = f"{len(report.results)} cells, {len(report.failing)} broken, {report.cells_per_s:.1f} cells/s."
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tandem drill</title>',
            '<meta name="viewport" content="width=device-width">',
            f"<style>{_STYLE}</style><h1>Tandem drill</h1>",
            f"<p><strong>{verdict}</strong> {figures} {escape(report.late)}</p>",
            _failing(report.failing, audio),
            *(_heat_map(slot, report.results) for slot in Slot),
            _groups(report.groups),
            _other_rows(report.results),
            _omissions(report),
            "</html>",
        ]
    )


def _failing(failing: Sequence[Result], audio: Mapping[Cell, str]) -> str:
    if not failing:
        return ""
    rows = "".join(
        f"<tr><td>{escape(result.cell.label)}<td>{escape('; '.join(result.broken))}"
        f"<td><code>{escape(result.cell.replay)}</code><td>{_player(audio.get(result.cell))}"
        for result in failing
    )
    return f"<h2>Broken, the worst first</h2>{_table('<tr><th>cell<th>what<th>replay<th>what the caller heard', rows)}"


def _player(address: str | None) -> str:
    return f'<audio controls preload="none" src="{escape(address)}"></audio>' if address else ""


def _heat_map(slot: Slot, results: Sequence[Result]) -> str:
    """Return the map of single failures of a slot; the fault that does worst stands first."""
    places: dict[tuple[Trouble, Point], list[Result]] = {}
    for result in results:
        cell = result.cell
        if cell.row is Row.SINGLE and cell.slot is slot and cell.trouble and cell.point:
            places.setdefault((cell.trouble, cell.point), []).append(result)
    if not places:
        return ""
    worst = dict.fromkeys((trouble for trouble, _ in places), (0, 0, float("-inf")))
    for (trouble, _), found in places.items():
        worst[trouble] = max(worst[trouble], *map(badness, found))
    head = "<tr><th>fault" + "".join(f"<th>{escape(point)}" for point in Point)
    rows = "".join(
        f"<tr><th>{escape(trouble)}" + "".join(_place(places.get((trouble, point), ())) for point in Point)
        for trouble in sorted(worst, key=lambda trouble: worst[trouble], reverse=True)
    )
    return f"<h2>{slot.upper()}: one provider fails</h2>{_key()}{_table(head, rows)}"


def _key() -> str:
    return "<p>" + " &nbsp; ".join(f'<span class="{name}">{sign}</span> {means}' for name, sign, means in _KEY) + "</p>"


def _place(results: Sequence[Result]) -> str:
    if not results:
        return '<td class="none">n/a'
    worst = max(results, key=badness)
    added_ms = max(result.added_ms or 0.0 for result in results)
    if worst.broken:
        broken = sum(bool(result.broken) for result in results)
        kind, text = "bad", f"{broken} of {len(results)}: {worst.broken[0]}"
    else:
        kind = "good" if added_ms <= MOST_P50_MS else "fair" if added_ms <= MOST_P99_MS else "poor"
        text = f"{added_ms:+.0f} ms"
    return f'<td class="{kind}" title="{escape(worst.cell.replay)}">{_SIGNS[kind]} {escape(text)}'


def _groups(groups: Sequence[Group]) -> str:
    head = "<tr><th>calls" + "".join(f"<th>{title}" for _, title in _COLUMNS)
    head += "<th>added dead air p50/p95/p99/max<th>noticed after p50/max<th>switched after p50/max"
    rows = "".join(
        f"<tr><th>{escape(each.name)}"
        + "".join(f"<td>{getattr(each, name)}" for name, _ in _COLUMNS)
        + f"<td>{_four(each.added_ms)}<td>{_two(each.detect_ms)}<td>{_two(each.switch_ms)}"
        for each in groups
    )
    note = "<p>Of words the most in one call, of the rest the sum; times in ms.</p>"
    return f"<h2>Figures</h2>{note}{_table(head, rows)}"


def _four(times: Spread | None) -> str:
    return f"{times.p50:.0f} / {times.p95:.0f} / {times.p99:.0f} / {times.most:.0f}" if times else "-"


def _two(times: Spread | None) -> str:
    return f"{times.p50:.0f} / {times.most:.0f}" if times else "-"


def _other_rows(results: Sequence[Result]) -> str:
    rows = "".join(
        f"<tr><td>{escape(result.cell.label)}{_place([result])}"
        for result in sorted(results, key=badness, reverse=True)
        if result.cell.row is not Row.SINGLE
    )
    return f"<h2>Beside the matrix</h2>{_table('<tr><th>call<th>outcome', rows)}" if rows else ""


def _omissions(report: Report) -> str:
    meanings = "".join(f"<li>{escape(meaning)}" for meaning in MEANINGS)
    rows = "".join(
        f"<tr><td>{o.slot}<td>{escape(o.trouble)}<td>{escape(o.point)}<td>{escape(o.reason)}" for o in report.omissions
    )
    return f"<h2>What the words mean</h2><ul>{meanings}</ul><h2>Not applicable</h2>" + _table(
        "<tr><th>slot<th>fault<th>point<th>why", rows
    )


def _table(head: str, rows: str) -> str:
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
