"""Measures what a caller feels: turn latency and its parts, one call at a time and ten at once, over real engines.

It starts a gateway of its own on loopback, speaks the recorded questions in real time, and prints percentiles.
Machines are noisy: compare runs on one machine, and look at the parts.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tandem.talk import Recording, Report, talk

ROOT = Path(__file__).resolve().parent.parent
AUDIO = ROOT / "tests" / "audio"
PARTS = ("turn_latency_ms", "endpoint_ms", "stt_ms", "llm_ttft_ms", "tts_ttfb_ms")

console = Console()


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4, help="how often each of the five questions is asked (4)")
    parser.add_argument("--at-once", type=int, default=10, help="calls at the same time (10)")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    with gateway() as (process, url):
        alone = asyncio.run(one_by_one(url, arguments.rounds))
        together, cpu = asyncio.run(measured_together(process, url, arguments.at_once))
        memory = sum(child.memory_info().rss for child in [process, *process.children(recursive=True)]) / 2**20
    figures = {"one call at a time": spread(alone), f"{arguments.at_once} calls at once": spread(together)}
    show(figures, len(alone))
    console.print(
        f"gateway and engines: {cpu:.1f} s of CPU for {arguments.at_once} calls at once, {memory:.0f} MiB resident"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


@contextmanager
def gateway() -> Iterator[tuple[psutil.Process, str]]:
    """Run `tandem serve` on a free port."""
    command = [str(Path(sys.executable).parent / "tandem"), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
            if found is None:
                sys.exit("bench: the gateway did not start; 'make run' says why.")
            yield psutil.Process(process.pid), f"ws://{found[0]}/voice/new"
        finally:
            process.terminate()


def recordings() -> list[Recording]:
    listed = json.loads((AUDIO / "questions.json").read_text())
    return [Recording.read(AUDIO / item["file"]) for item in listed if item["kind"] == "question"][:5]


async def one_by_one(url: str, rounds: int) -> list[Report]:
    """Ask each question `rounds` times, one call after the other."""
    reports = []
    with Progress(console=console, transient=True) as progress:
        asked = recordings() * rounds
        for recording in progress.track(asked, description="one call at a time"):
            report, _ = await talk(url, recording)
            reports.append(report)
    return reports


async def measured_together(process: psutil.Process, url: str, count: int) -> tuple[list[Report], float]:
    """Ask `count` questions at once; return the reports and the CPU seconds that gateway and engines spent."""
    before = cpu_seconds(process)
    asked = [recordings()[index % 5] for index in range(count)]
    answers = await asyncio.gather(*(talk(url, recording) for recording in asked))
    return [report for report, _ in answers], cpu_seconds(process) - before


def cpu_seconds(process: psutil.Process) -> float:
    times = [part.cpu_times() for part in [process, *process.children(recursive=True)]]
    return sum(part.user + part.system for part in times)


def spread(reports: Sequence[Report]) -> dict[str, dict[str, float]]:
    """Return p50, p95 and the maximum of every part, in ms."""
    figures = {}
    for part in PARTS:
        values = [report.turn_latency_ms if part == "turn_latency_ms" else report.parts.get(part) for report in reports]
        known = sorted(value for value in values if value is not None)
        if len(known) < len(reports):
            console.print(f"[yellow]{part}: {len(reports) - len(known)} calls have no figure[/yellow]")
        cuts = statistics.quantiles(known, n=20, method="inclusive")
        figures[part] = {"p50": cuts[9], "p95": cuts[18], "max": known[-1]}
    return figures


def show(figures: dict[str, dict[str, dict[str, float]]], count: int) -> None:
    """Print the tables."""
    for title, parts in figures.items():
        table = Table(title=f"{title}, ms", title_justify="left")
        for column in ("", "p50", "p95", "max"):
            table.add_column(column, justify="right" if column else "left")
        for part, values in parts.items():
            table.add_row(part.removesuffix("_ms").replace("_", " "), *(f"{value:.0f}" for value in values.values()))
        console.print(table)
    console.print(
        f"{count} turns one at a time; turn latency is measured by the caller: last sound to first reply audio"
    )


if __name__ == "__main__":
    main()
