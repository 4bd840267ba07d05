"""The rig of a bench: the simulated vendors and the gateway, each a process on loopback, and what they use."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx

from tandem.core.errors import TandemError

_START_S = 60.0
_STOP_S = 10.0
_TANDEM = "from tandem.cli import main; main()"
# The vendors are measured past the simulator's doors, through which every byte would go a second time.
_ADDRESSES = {
    "simulate": re.compile(r"for measurements.*http://(127\.0\.0\.1:\d+)"),
    "serve": re.compile(r"http://(127\.0\.0\.1:\d+)"),
}
_VENDORS = ("DEEPGRAM", "GROQ", "CARTESIA")
# The chains are named, so that no key of the person who runs this is used, and no local engine serves in between.
_CHAINS = {"STT_CHAIN": "deepgram", "LLM_CHAIN": "groq", "TTS_CHAIN": "cartesia", "DEEPGRAM_MODEL": "nova-3"}


class Detector(StrEnum):
    """What tells the gateway that somebody speaks."""

    SILERO = "silero"
    LEVEL = "level"


class BenchError(TandemError):
    """The bench cannot be run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU seconds of its own, and what is resident now."""

    cpu_s: float
    rss_mib: float


@dataclass(frozen=True, slots=True)
class Work:
    """CPU seconds: of the gateway, of the simulator, and of all on this machine that is no part of the bench.

    `wake_ups` is how often the gateway's event loop had waited for something and went on.
    """

    gateway_s: float
    vendors_s: float
    others_s: float
    wake_ups: int


@dataclass(frozen=True, slots=True)
class Rig:
    """A gateway that stands on simulated vendors."""

    gateway: str  # "127.0.0.1:port"
    vendors: str
    gateway_pid: int
    vendors_pid: int
    detector: Detector

    @property
    def url(self) -> str:
        """Where callers call."""
        return f"ws://{self.gateway}/voice/new"

    def usage(self) -> Usage:
        """Return what the gateway's process has used."""
        return _used(self.gateway_pid)

    def work(self) -> Work:
        """Return what everybody has worked so far."""
        gateway, vendors = self.usage().cpu_s, _used(self.vendors_pid).cpu_s
        user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
        own_s = gateway + vendors + _used(os.getpid()).cpu_s
        others = (user + nice + system + irq + soft) / _ticks_a_second() - own_s
        return Work(gateway, vendors, others, _wake_ups(self.gateway_pid))

    async def wasted(self) -> tuple[int, int]:
        """Return how many eager replies the gateway has used, and thrown away."""
        async with httpx.AsyncClient(base_url=f"http://{self.gateway}", timeout=30) as client:
            text = (await client.get("/metrics")).text
        found = dict(re.findall(r'^tandem_eager_replies_total\{result="(\w+)"\} ([0-9.]+)', text, re.M))
        return int(float(found["used"])), int(float(found["wasted"]))

    async def requests(self) -> list[dict[str, Any]]:
        """Return the simulator's record, and have it forgotten."""
        async with httpx.AsyncClient(base_url=f"http://{self.vendors}", timeout=30) as client:
            record: list[dict[str, Any]] = (await client.get("/requests")).json()
            await client.delete("/requests")
        return record


def _used(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    return Usage(ticks / _ticks_a_second(), pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def _wake_ups(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().rpartition("\nvoluntary_ctxt_switches:")[2].split()[0])


def _ticks_a_second() -> int:
    return os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def rigged(
    folder: Path, conversation: str, detector: Detector, *, most_calls: int, eager: bool, hears: str = ""
) -> AsyncIterator[Rig]:
    """Run both processes, with `folder` for their files; raises BenchError. Leaving ends them.

    `eager`: replies may begin early. The simulated recogniser takes every sound for `hears`, or reads the numbered
    voice if that is empty.
    """
    script = folder / "conversation.json"
    script.write_text(conversation)
    simulate = ["simulate", "--port", "0", "--profile", "bench", "--script", str(script)]
    async with _running([*simulate, "--hears", hears] if hears else simulate, {}, folder) as (simulator, vendors):
        settings = {
            **_CHAINS,
            **{f"{name}_API_KEY": "key" for name in _VENDORS},
            **{f"{name}_BASE_URL": f"http://{vendors}" for name in _VENDORS},
            "VOICE_DETECTOR": detector,
            "EAGER_REPLIES": str(eager).lower(),
            "MOST_CALLS": str(most_calls),
        }
        async with _running(["serve", "--port", "0"], settings, folder) as (process, gateway):
            yield Rig(gateway, vendors, process.pid, simulator.pid, detector)


@asynccontextmanager
async def _running(
    arguments: Sequence[str], settings: Mapping[str, str], folder: Path
) -> AsyncIterator[tuple[Process, str]]:
    """Run `tandem` until it prints its address; in `folder`, so that no .env is found."""
    given = [f"{name}={value}" for name, value in {**settings, "NO_COLOR": "1"}.items()]
    process = await asyncio.create_subprocess_exec(
        *("env", *given, sys.executable, "-c", _TANDEM, *arguments), stdout=PIPE, stderr=DEVNULL, cwd=folder
    )
    try:
        yield process, await _address(process, arguments[0])
    finally:
        await _end(process)


async def _address(process: Process, verb: str) -> str:
    assert process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            while line := (await process.stdout.readline()).decode():
                if found := _ADDRESSES[verb].search(line):
                    return found[1]
    raise BenchError(f"'tandem {verb}' did not start; run it by hand to see why.")


async def _end(process: Process) -> None:
    """Ask it to end, then make it."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
