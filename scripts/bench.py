"""Measures what a caller feels: turn latency and its parts, one call at a time and ten at once, over real engines.

It starts a gateway of its own on loopback, speaks the recorded questions in real time, and prints percentiles.
Machines are noisy: compare runs on one machine, and look at the parts.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import overhead
import psutil
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tandem.simulator.voice import Voice
from tandem.talk import OUTPUT_RATE, Recording, Report, talk

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
    cost = vendor_cost()
    figures["one call on simulated vendors"] = {"gateway": cost}
    console.print(
        f"one call on Deepgram, Groq and Cartesia, simulated: {cost['cpu_s_per_audio_minute']:.2f} s of the gateway's "
        f"CPU a minute of audio (both ways, {cost['audio_s']:.0f} s), {cost['rss_mib']:.0f} MiB resident"
    )
    figures["overhead of failover"] = asyncio.run(overhead.measure())
    overhead.show(figures["overhead of failover"], console)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


@contextmanager
def gateway(**environment: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run `tandem serve` on a free port, with these settings."""
    with running("serve", **environment) as (process, address):
        yield process, f"ws://{address}/voice/new"


@contextmanager
def running(verb: str, **environment: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run `tandem VERB` on a free port until it prints its address; yield it with "127.0.0.1:port"."""
    command = [str(Path(sys.executable).parent / "tandem"), verb, "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
            if found is None:
                sys.exit(f"bench: 'tandem {verb}' did not start; run it by hand to see why.")
            yield psutil.Process(process.pid), found[0]
        finally:
            process.terminate()


def vendor_cost() -> dict[str, float]:
    """Return what one call on simulated vendors costs the gateway's own process."""
    words = " ".join(f"word{number}" for number in range(30))  # some 10 s; the simulated model says them again
    quiet = np.zeros(8_000, dtype="<i2")
    said = Recording(np.concatenate([quiet, np.frombuffer(Voice().say(words, 16_000), "<i2"), quiet]), 16_000)
    with running("simulate") as (_, address):
        keys = {f"{name}_API_KEY": "key" for name in ("DEEPGRAM", "GROQ", "CARTESIA")}
        urls = {f"{name}_BASE_URL": f"http://{address}" for name in ("DEEPGRAM", "GROQ", "CARTESIA")}
        with gateway(**keys, **urls, VOICE_DETECTOR="level") as (process, url):
            before = process.cpu_times()
            report, heard = asyncio.run(talk(url, said))
            after = process.cpu_times()
            memory = process.memory_info().rss / 2**20
    if report.providers != {"stt": "deepgram", "llm": "groq", "tts": "cartesia"}:
        sys.exit(f"bench: the call went over {report.providers}")
    audio_s = len(said.samples) / said.rate + len(heard) / 2 / OUTPUT_RATE
    cpu_s = after.user + after.system - before.user - before.system
    return {"cpu_s_per_audio_minute": cpu_s / audio_s * 60, "audio_s": audio_s, "rss_mib": memory}


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
