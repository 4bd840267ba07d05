"""Runs one short request over every vendor that has a key: the only check here that leaves this machine.

Each configured provider transcribes a recorded question, answers one, or speaks a phrase; what came and how long the
first output took is printed. Vendors without a key are left out; with no key at all it says so and does nothing.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tandem.core.audio import AudioFrame
from tandem.core.errors import ProviderError
from tandem.core.ports import (
    Completed,
    Delta,
    LlmOptions,
    Message,
    Role,
    Slot,
    SpeechMark,
    SpokenAudio,
    SttOptions,
    Transcript,
    TtsOptions,
)
from tandem.plan import listing_of
from tandem.providers.chains import Listed
from tandem.settings import read_settings
from tandem.talk import Recording

QUESTION = Path(__file__).resolve().parent.parent / "tests" / "audio" / "arithmetic.wav"
PATIENCE_S = 20
ASKED = [Message(Role.SYSTEM, "Answer in one short sentence."), Message(Role.USER, "What is six times seven?")]


def main() -> None:
    """Try every provider that has a key; exit 1 if one of them failed."""
    keyed = [item for item in listing_of(read_settings()) if item.config.key and item.missing is None]
    console = Console()
    if not keyed:
        console.print("SKIPPED: no vendor has a key. Put one into .env (see .env.example) and run 'make live' again.")
        return
    table = Table(title="One request each, live", title_justify="left")
    for column in ("provider", "first output", "what came"):
        table.add_column(column)
    failed = False
    for item in keyed:
        first_ms, came, well = asyncio.run(tried(item))
        failed = failed or not well
        table.add_row(f"{item.kind.slot}/{item.name}", "-" if first_ms is None else f"{first_ms:.0f} ms", came)
    console.print(table)
    sys.exit(failed)


async def tried(item: Listed) -> tuple[float | None, str, bool]:
    """Return when the first output came (ms), what came, and whether all went well."""
    pieces: list[Any] = []
    first_ms: float | None = None
    try:
        async with asyncio.timeout(PATIENCE_S), item.kind.open(item.config) as provider:
            began = time.monotonic()
            async with aclosing(request(item.kind.slot, provider)) as output:
                async for piece in output:
                    first_ms = first_ms or (time.monotonic() - began) * 1000
                    pieces.append(piece)
    except (ProviderError, TimeoutError) as error:
        return first_ms, f"[red]{error or 'too late'}[/red]", False
    came = told(pieces)
    return first_ms, came or "[red]nothing[/red]", bool(came)


def request(slot: Slot, provider: Any) -> AsyncGenerator[Any, None]:
    """Return the output of one short request."""
    output: AsyncGenerator[Any, None]
    match slot:
        case Slot.STT:
            output = provider.transcribe(spoken(), SttOptions())
        case Slot.LLM:
            output = provider.complete(ASKED, LlmOptions(max_tokens=60))
        case Slot.TTS:
            output = provider.synthesize("Six times seven is forty two.", TtsOptions())
    return output


async def spoken() -> AsyncIterator[AudioFrame | SpeechMark]:
    """Give the recorded question in real time, with the marks that a voice detector would set."""
    recording = Recording.read(QUESTION)
    yield SpeechMark.STARTED
    for number, frame in enumerate(recording.frames()):
        await asyncio.sleep(0.02)
        yield AudioFrame(frame, recording.rate, number * 20)
    yield SpeechMark.STOPPED


def told(pieces: list[Any]) -> str:
    """Return the output in words; empty if there was none."""
    finals = [piece.text for piece in pieces if isinstance(piece, Transcript) and piece.final]
    deltas = [piece.text for piece in pieces if isinstance(piece, Delta)]
    audio = [piece for piece in pieces if isinstance(piece, SpokenAudio)]
    if audio:
        samples = np.frombuffer(b"".join(piece.pcm for piece in audio), "<i2")
        words = sum(len(piece.words) for piece in audio)
        return f"{len(samples) / audio[0].sample_rate:.1f} s of audio, the times of {words} words"
    ended = any(isinstance(piece, Completed | Transcript) for piece in pieces)
    return " ".join([*finals, "".join(deltas)]).strip() if ended else ""


if __name__ == "__main__":
    main()
