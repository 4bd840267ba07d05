"""The command `tandem bench`."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tandem.bench import script
from tandem.bench.figures import Figure
from tandem.bench.rig import BenchError, Detector
from tandem.bench.run import Outcome, Plan, Step, run

EXAMPLES = "Examples:  tandem bench  ·  tandem bench --quick  ·  tandem bench --calls 1,25 --turns 12 --json bench.json"
_WIDTH = 118  # of the table, also where lines are shorter
_MOST_CALLS, _MOST_TURNS = 200, 500  # what a code has digits for, and more than a machine has cores for

# The first call loads what is loaded late, the last calls show what haste costs.
_USED = (Step(1, 2), Step(25, 5, calm=True), Step(50, 5, calm=True), Step(25, 4))

out = Console()
err = Console(stderr=True)


def bench(
    calls: Annotated[str, typer.Option(help="Calls at once, one load after the other.")] = "",
    turns: Annotated[
        int | None, typer.Option(min=2, max=_MOST_TURNS, help="Turns of each call; every second one interrupts.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Save all figures.")] = None,
    detector: Annotated[Detector, typer.Option(help="The voice detector of CPU and memory.")] = Detector.SILERO,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer calls and turns: some 40 s.")] = False,
) -> None:
    """Measure what the gateway adds to scripted vendors, how fast it falls silent, and what it uses.

    The vendors are simulated and take the same time every time: a final transcript 300 ms after the voice, the first
    token after 200 ms, another every 20 ms, the first audio after 100 ms. The callers speak in real time. Figures that
    miss their target are shown as such; the exit status is 0 either way.
    """
    plan = _plan(_numbers(calls or ("1,5" if quick else "1,10,25")), turns, detector, quick=quick)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("turns"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        refresh_per_second=1,  # drawing is work, and the callers run in this process
    ) as progress:
        task = progress.add_task("", total=plan.total)

        def begin(step: str) -> None:
            progress.update(task, description=step)
            if not err.is_terminal:
                err.print(step)

        outcome = _run(plan, begin, lambda: progress.advance(task))
    if json_file:
        json_file.write_bytes(_as_json(plan, outcome))
    _show(outcome)


def _run(plan: Plan, begin: Callable[[str], None], advance: Callable[[], None]) -> Outcome:
    """Run the plan; the processes that it starts are ended whatever ends this one. Raises BenchError."""
    if sys.platform != "linux":
        raise BenchError("The bench reads what a process uses from /proc, which is there on Linux only.")
    import uvloop  # not there on every platform, and the other commands do without

    async def interruptible() -> Outcome:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        return await run(plan, begin, advance)

    gc.collect()
    gc.freeze()  # a full collection would delay every caller
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(interruptible())
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


def _plan(calls: list[int], turns: int | None, detector: Detector, *, quick: bool) -> Plan:
    few, many = (2, 4) if quick else (8, 20)  # one call alone needs more turns for its percentiles
    timed = tuple(Step(count, turns or (many if count == 1 else few)) for count in calls)
    used = (Step(1, 2), Step(5, 2, calm=True)) if quick else _USED
    return Plan(timed, (Step(1, few if quick else many),), used, detector)


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(0 < number <= _MOST_CALLS for number in numbers):
        raise typer.BadParameter(f"write numbers from 1 to {_MOST_CALLS}, as in 1,10,25", param_hint="--calls")
    return numbers


def _as_json(plan: Plan, outcome: Outcome) -> bytes:
    figures = [{**asdict(figure), "met": figure.met} for figure in outcome.figures]
    scripted = {
        "final_transcript_after_voice_ms": script.FINAL_MS,
        "llm_first_token_ms": script.FIRST_TOKEN_MS,
        "llm_token_ms": script.TOKEN_MS,
        "tokens_until_phrase": script.tokens_until_phrase(script.reply(0, 0)),
        "tts_first_audio_ms": script.FIRST_AUDIO_MS,
        "subtracted_ms": script.scripted_ms(script.reply(0, 0)),
    }
    fields = {"plan": asdict(plan), "script": scripted, **asdict(outcome), "figures": figures}
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)


def _show(outcome: Outcome) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("figure", no_wrap=True)
    for title in ("calls", "n", "p50", "p95", "p99", "max", "", "target"):
        table.add_column(title, justify="left" if title in ("", "target") else "right", no_wrap=True)
    for figure in outcome.figures:
        table.add_row(*_cells(figure), style="dim" if figure.name.startswith(" ") else None)
    out.width = max(out.width, _WIDTH)
    out.print(table)
    for load in outcome.loads:
        late_ms = load.callers_late_ms.p99 if load.callers_late_ms else 0.0
        hop_ms = load.hop_ms.p50 if load.hop_ms else 0.0
        waking = load.wake_ups_a_second * load.wake_up_us / 1_000_000
        out.print(
            f"calls {load.calls}, detector {load.detector}: of one core the gateway took {load.gateway_busy:.0%}, the "
            f"simulator {load.vendors_busy:.0%}, others {load.others_busy:.0%}; callers' frames late by p99 "
            f"{late_ms:.1f} ms. An idle process pays {load.wake_up_us:.0f} us to wake up here, {waking:.0%} of a core "
            f"for the gateway's {load.wake_ups_a_second} a second; a message takes {hop_ms:.2f} ms to another process",
            style="dim",
            highlight=False,
            soft_wrap=True,
        )
    ms = script.scripted_ms(script.reply(0, 0))
    tokens = script.tokens_until_phrase(script.reply(0, 0)) - 1
    out.print(
        f"On script between a turn's end and its first audio: {ms:.0f} ms ({script.FIRST_TOKEN_MS} + {tokens} x "
        f"{script.TOKEN_MS} + {script.FIRST_AUDIO_MS}). Turns unanswered: {outcome.unanswered}, disturbed: "
        f"{outcome.disturbed}; frames after clear_audio: {outcome.late_frames}.",
        soft_wrap=True,
        highlight=False,
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    calls = str(figure.calls or "-")
    limits = ", ".join(f"{name if name != 'value' else ''} <= {most:g}".strip() for name, most in figure.limits.items())
    verdict = {True: "[green]met[/green]", False: "[red]not met[/red]", None: "no value" if limits else ""}[figure.met]
    if figure.spread is None:
        numbers = ("-" if figure.value is None else f"{figure.value:g}", "", "", "")
        return figure.name, calls, "", *numbers, figure.unit, f"{limits} {verdict}".strip()
    s = figure.spread
    numbers = (f"{s.p50:.1f}", f"{s.p95:.1f}", f"{s.p99:.1f}", f"{s.most:.1f}")
    return figure.name, calls, str(s.n), *numbers, figure.unit, f"{limits} {verdict}".strip()
