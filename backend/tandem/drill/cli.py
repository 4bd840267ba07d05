"""The command `tandem drill`."""

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from tandem.core.ports import Slot
from tandem.core.spread import Spread
from tandem.drill import wall
from tandem.drill.cells import Cell, Clock, Row, Selection, Voices, cells, omissions
from tandem.drill.faults import Point, Trouble
from tandem.drill.measure import Result
from tandem.drill.page import as_html
from tandem.drill.pool import recording, results
from tandem.drill.report import Group, Report, as_json

EXAMPLES = (
    "Examples:  tandem drill  ·  tandem drill --slot tts --fault cut --seeds 30  ·  tandem drill --html drill.html  ·  "
    "tandem drill --row double --slot llm --fault stall --point 50% --seed 7  ·  tandem drill --clock wall --quick"
)
_MOST_RECORDINGS = 12  # of the worst cells; a call is some 2 MB
_SHOWN = 10  # failing cells on a terminal

out = Console()
err = Console(stderr=True)


def drill(
    rows: Annotated[list[Row] | None, typer.Option("--row", help="Only calls of this kind; repeatable.")] = None,
    slots: Annotated[list[Slot] | None, typer.Option("--slot", help="Only failures of this slot; repeatable.")] = None,
    faults: Annotated[list[Trouble] | None, typer.Option("--fault", help="Only this fault; repeatable.")] = None,
    points: Annotated[list[Point] | None, typer.Option("--point", help="Only at this point; repeatable.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 1 on.")] = 3,
    seed: Annotated[int | None, typer.Option(min=0, help="Only this seed: replays what it found, to the bit.")] = None,
    voices: Annotated[Voices, typer.Option(help="Whether the voices tell the times of their words.")] = Voices.TIMED,
    eager: Annotated[bool, typer.Option("--eager", help="Replies may begin before their turn is surely over.")] = False,
    clock: Annotated[
        Clock,
        typer.Option(
            help="virtual: scripted providers; wall: single failures through the SDKs, against the simulator."
        ),
    ] = Clock.VIRTUAL,
    quick: Annotated[bool, typer.Option("--quick", help="One seed; by the wall clock, two points of a fault.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; the wall clock takes one.")] = os.cpu_count() or 1,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Save all figures.")] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Save a heat map, and recordings of what failed beside it."),
    ] = None,
) -> None:
    """Break every provider at every moment, in simulated calls, and count the words from what the caller heard.

    The exit status is 1 if a promise was broken: a word lost or repeated, history that is not what was heard, a call
    that was dropped, or more dead air than promised.
    """
    numbers = range(1, 1 + (1 if quick else seeds)) if seed is None else (seed,)
    wanted = Selection(rows or (), slots or (), faults or (), points or (), numbers, voices, eager)
    if clock is Clock.WALL and (eager or voices is Voices.UNTIMED or set(wanted.rows) - {Row.SINGLE}):
        raise typer.BadParameter(
            "wall takes single failures, no eager replies, and voices that tell the times of their words",
            param_hint="--clock",
        )
    left_out = wall.wall_omissions(wanted) if clock is Clock.WALL else omissions(wanted)
    chosen = wall.wall_cells(wanted, quick=quick) if clock is Clock.WALL else cells(wanted)
    if not chosen:
        reasons = {omission.reason for omission in left_out}
        raise typer.BadParameter(f"nothing is left to do: {'; '.join(reasons) or 'no cell has all of this'}")
    began = time.monotonic()
    broken: dict[Cell, bytes] = {}
    done = _run(chosen, jobs, broken)
    report = Report(tuple(done), tuple(left_out), time.monotonic() - began)
    if json_file:
        json_file.write_bytes(as_json(report))
    if html_file:
        html_file.write_text(as_html(report, _recordings(report, html_file, broken)), encoding="utf-8")
    _show(report)
    if not report.kept:
        raise typer.Exit(1)


def _run(chosen: list[Cell], jobs: int, broken: dict[Cell, bytes]) -> list[Result]:
    """Run the cells; return their results in the same order. What can be heard once only is put into `broken`."""
    found: dict[Cell, Result] = {}
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("drilling", total=len(chosen))

        def take(result: Result, recorded: bytes = b"") -> None:
            found[result.cell] = result
            if recorded:
                broken[result.cell] = recorded
            progress.advance(task)

        if chosen[0].clock is Clock.WALL:
            # The simulator breaks connections on purpose; that its server is astonished is no news.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            asyncio.run(wall.drill(chosen, take))
        else:
            for result in results(chosen, jobs):
                take(result)
    return [found[cell] for cell in chosen]


def _recordings(report: Report, page: Path, kept: dict[Cell, bytes]) -> dict[Cell, str]:
    """Save what the caller heard in the worst cells; return where, relative to the page."""
    saved = {}
    for number, result in enumerate(report.failing[:_MOST_RECORDINGS], 1):
        folder = page.with_suffix("")
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{number:02d}-{result.cell.label.replace(' ', '-').replace('%', '')}.wav"
        file.write_bytes(kept.get(result.cell) or recording(result.cell))
        saved[result.cell] = f"{folder.name}/{file.name}"
    return saved


def _show(report: Report) -> None:
    out.print(_table(report.groups))
    for result in report.failing[:_SHOWN]:
        out.print(f"[red]{result.cell.label}[/red]: {'; '.join(result.broken)}\n  {result.cell.replay}", soft_wrap=True)
    if len(report.failing) > _SHOWN:
        out.print(f"and {len(report.failing) - _SHOWN} more")
    if report.late:
        out.print(f"[red]{report.late}[/red]")
    verdict = "[green]no promise broken[/green]" if report.kept else f"[red]{len(report.failing)} broken[/red]"
    if report.not_judged:
        verdict += f" (dead air not judged: {report.not_judged})"
    out.print(
        f"{len(report.results)} cells, {verdict}, {len(report.omissions)} not applicable, "
        f"{report.took_s:.1f} s, {report.cells_per_s:.1f} cells/s",
        soft_wrap=True,
        highlight=False,
    )


def _table(groups: list[Group]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in (
        "calls",
        "cells",
        "broken",
        "caller lost/rep.",
        "reply lost/rep.",
        "half",
        "added dead air",
        "noticed",
    ):
        table.add_column(title)
    for each in groups:
        table.add_row(
            each.name,
            str(each.cells),
            str(each.broken),
            f"{each.caller_lost}/{each.caller_repeated}",
            f"{each.reply_lost}/{each.reply_repeated}",
            str(each.half_words),
            _times(each.added_ms),
            _times(each.detect_ms),
        )
    return table


def _times(times: Spread | None) -> str:
    return f"{times.p50:.0f} / {times.p99:.0f} / {times.most:.0f}" if times else "-"
