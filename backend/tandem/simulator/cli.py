"""The command line of the simulator: `tandem simulate`, with `say` and `hear` for its voice."""

import asyncio
import dataclasses
from contextlib import AbstractAsyncContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from uvicorn.loops.auto import auto_loop_factory

from tandem.simulator import wav
from tandem.simulator.app import run
from tandem.simulator.espeak_voice import EspeakVoice, NoEspeak
from tandem.simulator.faults import ANY, HEADER, QUERY, FaultBoard, Kind, UnreadableFault, parse_target
from tandem.simulator.latency import PROFILES, Latency
from tandem.simulator.prompted import Prompted
from tandem.simulator.scripts import Answers, UnreadableScript
from tandem.simulator.stage import Speaker, Stage
from tandem.simulator.tcp import HOST, Doors
from tandem.simulator.voice import Voice

out = Console()
cli = typer.Typer(
    help="Play the vendors on this machine, with their faults.", rich_markup_mode="rich", add_completion=False
)

_EXAMPLES = (
    "Examples:  tandem simulate --profile typical  ·  tandem simulate --fault openai:chat:stall:after=3  ·  "
    "tandem simulate say 'one two three' three.wav  ·  tandem simulate hear three.wav\n\n"
    f"A base URL can carry a fault of its own: http://{HOST}:9100/with/stall,after=3/v1 stands for /v1 whose requests "
    f"all stall after three units of output. So can a request, by its header {HEADER} or its query {QUERY}."
)


class Speech(StrEnum):
    """What the simulated speakers speak with."""

    NUMBERED = "numbered"
    ESPEAK = "espeak"


_Spoken = Annotated[
    Speech,
    typer.Option(
        "--voice",
        help="What is spoken with: numbered (tones that can be read back) or espeak (English, as people hear it). "
        "The simulated recognisers understand the numbered voice only.",
    ),
]


@cli.callback(invoke_without_command=True, epilog=_EXAMPLES)
def simulate(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65_000, help="Port for all vendors; each has one behind it.")] = 9100,
    fault: Annotated[list[str] | None, typer.Option(help=f"vendor:route:kind\\[:k=v,...]; {', '.join(Kind)}.")] = None,
    profile: Annotated[str, typer.Option(help=f"How long answers take: {', '.join(PROFILES)}.")] = "none",
    seed: Annotated[int, typer.Option(help="Seed of the times.")] = 0,
    script: Annotated[Path | None, typer.Option(help="A conversation for the models to follow (JSON).")] = None,
    voice: _Spoken = Speech.NUMBERED,
    hears: Annotated[str, typer.Option(help="Words that every sound is taken for, whatever was said.")] = "",
) -> None:
    """Serve the simulated vendors until Ctrl-C."""
    if context.invoked_subcommand:
        return
    if profile not in PROFILES:
        raise typer.BadParameter(f"write one of {', '.join(PROFILES)}", param_hint="--profile")
    stage = Stage(
        faults=_board(fault or []),
        latency=Latency(profile, seed),
        voice=Prompted(hears) if hears.strip() else Voice(),
        answers=_answers(script),
    )
    try:
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:  # uvloop, where there is one
            runner.run(_serve(port, stage, voice))
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}; choose another", param_hint="--port") from error
    except NoEspeak as error:
        raise typer.BadParameter(str(error), param_hint="--voice") from error


async def _serve(port: int, stage: Stage, voice: Speech) -> None:
    async with _speaker(voice) as speaker:
        await run(port, dataclasses.replace(stage, speaker=speaker), _announce)


def _speaker(voice: Speech) -> AbstractAsyncContextManager[Speaker]:
    return EspeakVoice.open() if voice is Speech.ESPEAK else nullcontext(Voice())


def _board(faults: list[str]) -> FaultBoard:
    board = FaultBoard()
    for text in faults:
        try:
            vendor, route, fault = parse_target(text)
        except UnreadableFault as error:
            raise typer.BadParameter(str(error), param_hint="--fault") from error
        board.set(vendor, fault, route)
    return board


def _answers(script: Path | None) -> Answers:
    try:
        return Answers.read(script) if script else Answers()
    except (OSError, UnreadableScript) as error:
        raise typer.BadParameter(str(error), param_hint="--script") from error


def _announce(doors: Doors) -> None:
    port = doors.ports[ANY]
    out.print(f"The vendors are simulated at [bold]http://{HOST}:{port}[/bold]  (Ctrl-C stops it)", soft_wrap=True)
    own = ", ".join(f"{vendor} {number}" for vendor, number in doors.ports.items() if vendor != ANY)
    out.print(f"each alone, so that it can refuse connections: {own}", soft_wrap=True)
    past = doors.app[1]
    out.print(f"past all doors, for measurements; connections never break there: http://{HOST}:{past}", soft_wrap=True)
    out.print(f'faults: curl -d \'{{"vendor": "groq", "kind": "stall"}}\' http://{HOST}:{port}/faults', soft_wrap=True)


@cli.command(epilog="Example:  tandem simulate say 'one two three' three.wav --rate 16000")
def say(
    text: Annotated[str, typer.Argument(help="Words, divided by spaces.")],
    file: Annotated[Path, typer.Argument(help="The WAV file to write.")],
    rate: Annotated[int, typer.Option(min=8_000, max=48_000, help="Samples per second.")] = 16_000,
    voice: _Spoken = Speech.NUMBERED,
) -> None:
    """Speak into a file as the simulated speakers do."""

    async def said() -> bytes:
        async with _speaker(voice) as speaker:
            return (await speaker.speak(text, rate)).pcm

    try:
        file.write_bytes(wav.whole(asyncio.run(said()), rate))
    except NoEspeak as error:
        raise typer.BadParameter(str(error), param_hint="--voice") from error


@cli.command(epilog="Example:  tandem simulate hear recording.wav")
def hear(file: Annotated[Path, typer.Argument(help="A 16-bit WAV file, 8,000-48,000 Hz.", exists=True)]) -> None:
    """Read the words back from a recording, and show which ones are in pieces."""
    try:
        heard = Voice().hear(*wav.samples(file.read_bytes()))
    except wav.UnreadableWav as error:
        raise typer.BadParameter(str(error)) from error
    for word in heard:
        out.print(
            f"{word.start_ms / 1000:9.3f} {word.end_ms / 1000:9.3f}  {word.text if word.whole else '(a piece)'}",
            highlight=False,
            markup=False,
        )
    pieces = sum(not word.whole for word in heard)
    out.print(f"{len(heard) - pieces} words, {pieces} pieces", highlight=False)
