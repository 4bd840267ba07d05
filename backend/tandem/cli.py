"""The command line: `tandem serve`, `tandem talk`, `tandem providers`, `tandem drill`, `tandem bench`."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
import uvicorn
from rich.console import Console
from rich.live import Live
from rich.progress import Progress
from rich.table import Table
from rich.text import Text
from uvicorn.loops.auto import auto_loop_factory

from tandem.app import VERSION, create_app
from tandem.audio.blas import multiply_in_one_thread
from tandem.bench.cli import EXAMPLES as BENCH_EXAMPLES
from tandem.bench.cli import bench
from tandem.core.errors import ConfigurationError, TandemError
from tandem.drill.cli import EXAMPLES as DRILL_EXAMPLES
from tandem.drill.cli import drill
from tandem.plan import listing_of
from tandem.probe import PROBES, Ending, Outcome, as_json, as_table, run_all
from tandem.settings import Settings, read_settings
from tandem.simulator.cli import cli as simulate
from tandem.talk import Recording, Report, TalkError, talk, write_wav
from tandem.transports.native.together import read_together

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOST_MESSAGE_BYTES = 2 * 1024 * 1024  # larger ones end the call at once; the protocol's own limits answer kindly
_BACKLOG = 2048  # connections that wait to be taken; uvicorn's own default
_GOODBYE_S = 3  # how long calls may take to end when the gateway stops

out = Console()
err = Console(stderr=True)
cli = typer.Typer(
    help="Tandem, a resilient voice gateway.", no_args_is_help=True, rich_markup_mode="rich", add_completion=False
)
cli.add_typer(simulate, name="simulate")
cli.command("drill", epilog=DRILL_EXAMPLES)(drill)
cli.command("bench", epilog=BENCH_EXAMPLES)(bench)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the signals to `_serve`, so that the providers are closed before the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@cli.command(epilog="Examples:  tandem serve  ·  tandem serve --host 0.0.0.0 --port 9000")
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; the default is this machine's own.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every event, not only trouble.")] = False,
) -> None:
    """Run the gateway."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Only our own log gets louder: at their finer levels the vendors' SDKs log frames, and with them what was said.
    logging.getLogger("tandem").setLevel(logging.INFO if verbose else logging.WARNING)
    hosts = {"allowed_hosts": frozenset({"localhost", "127.0.0.1", "testserver"})} if host in _LOOPBACK else {}
    settings = read_settings(**hosts)
    listener = _listener(host, port)
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:  # uvloop, where there is one
        runner.run(_serve(settings, listener, host))


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off, which delays small frames by 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"{host}:{port} cannot be listened on ({error.strerror}). Choose another: tandem serve --port 8001"
        ) from error
    return listener


async def _serve(settings: Settings, listener: socket.socket, host: str) -> None:
    with err.status("starting") as status:

        def report(step: str) -> None:
            status.update(step)
            if not err.is_terminal:
                err.print(step)

        app = create_app(settings, report)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws=read_together(),
            ws_max_size=_MOST_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_GOODBYE_S,
        )
        server = _Server(config)
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, server.handle_exit)
        async with app.router.lifespan_context(app):
            status.stop()
            listener.listen(_BACKLOG)  # who reads the address finds somebody there
            _announce(settings, host, listener.getsockname()[1])
            await server.serve(sockets=[listener])
            err.print("stopping")


def _announce(settings: Settings, host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    out.print(f"Tandem {VERSION} is listening at [bold]http://{shown}:{port}[/bold]  (Ctrl-C stops it)", soft_wrap=True)
    if not (settings.page_dir / "index.html").is_file():
        out.print("The page was not built (it needs Node 20 or later): calls work, the page says how to add it.")
    if host not in _LOOPBACK:
        out.print("[yellow]Everybody who reaches this address can call.[/yellow]")


@cli.command(
    "talk",
    epilog="Examples:  tandem talk question.wav --out reply.wav  ·  tandem talk --text 'What time is it?' --json",
)
def _talk(
    question: Annotated[Path | None, typer.Argument(help="A 16-bit PCM WAV file, 8,000-48,000 Hz.")] = None,
    text: Annotated[str | None, typer.Option(help="Type this instead of speaking.")] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Save what was heard as a WAV file.")] = None,
    url: Annotated[str, typer.Option(help="The gateway to call.")] = "ws://127.0.0.1:8000/voice/new",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Call a gateway with a recording, as a microphone would, and hear the reply."""
    if (question is None) == (text is None):
        raise TalkError("Give either a WAV file or --text.")
    said = text if question is None else Recording.read(question)
    assert said is not None
    if as_json:
        report, heard = asyncio.run(talk(url, said))
        print(report.as_json())  # noqa: T201 the output of this command, unwrapped by a terminal's width
    else:
        with Live(console=out, refresh_per_second=10) as live:
            report, heard = asyncio.run(talk(url, said, show=lambda r, interim: live.update(_captions(r, interim))))
        out.print()
        out.print(_figures(report))
    if out_file:
        write_wav(out_file, heard)


def _captions(report: Report, interim: str) -> Text:
    return Text.assemble(
        ("you     ", "bold cyan"),
        report.transcript,
        (f" {interim}" if interim else "", "grey50"),
        ("\ntandem  ", "bold magenta"),
        report.reply,
    )


def _figures(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    latency = "-" if report.turn_latency_ms is None else f"{report.turn_latency_ms:.0f} ms"
    table.add_row("end of speech to reply", f"[bold]{latency}[/bold]")
    for name, value in report.parts.items():
        table.add_row(f"  {name.removesuffix('_ms').replace('_', ' ')}", "-" if value is None else f"{value:.0f} ms")
    table.add_row("providers", ", ".join(f"{slot} {name}" for slot, name in report.providers.items()))
    table.add_row("reply audio", f"{report.audio_ms / 1000:.1f} s")
    return table


@cli.command(epilog="Examples:  tandem providers  ·  tandem providers --probe-faults --json faults.json")
def providers(
    probe_faults: Annotated[
        bool, typer.Option("--probe-faults", help="Show what the vendors' adapters make of simulated faults instead.")
    ] = False,
    as_file: Annotated[
        typer.FileBinaryWrite | None,
        typer.Option("--json", metavar="FILE", lazy=False, help="Save the outcomes of --probe-faults."),
    ] = None,
) -> None:
    """Show which providers serve, in which order, what the others lack and how to add it."""
    if probe_faults:
        show_outcomes(_probed(), as_file)
        return
    if as_file:
        raise typer.BadParameter("it goes with --probe-faults", param_hint="--json")
    settings = read_settings()
    listed = listing_of(settings)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("slot", "place", "provider", "what it is"):
        table.add_column(column)
    for item in listed:
        place = "-" if item.place is None else str(item.place + 1)
        table.add_row(
            item.kind.slot, place, item.name, item.kind.about, style=None if item.place is not None else "dim"
        )
    out.print(table)
    for item in listed:
        if item.place is None:
            todo = item.missing or f"name it in {item.kind.slot.upper()}_CHAIN"
            out.print(f"\nTo add [bold]{item.name}[/bold]: {todo}.", soft_wrap=True, highlight=False)


def _probed() -> list[Outcome]:
    for noisy in ("assemblyai", "uvicorn"):  # they would tell of all that was done to them on purpose
        logging.getLogger(noisy).addHandler(logging.NullHandler())
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("probing", total=len(PROBES))
        return asyncio.run(run_all(done=lambda outcome: progress.advance(task)))


def show_outcomes(outcomes: Sequence[Outcome], file: BinaryIO | None) -> None:
    """Print the table of `outcomes` and save them; the exit status is 1 if one had no end within its deadline."""
    out.print(as_table(outcomes))
    if file:
        file.write(as_json(outcomes))
    if any(outcome.result is Ending.NONE for outcome in outcomes):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; what goes wrong is said in a sentence, not in a traceback."""
    multiply_in_one_thread()
    try:
        cli()
    except TandemError as error:
        err.print(f"[red]{error}[/red]", soft_wrap=True, highlight=False)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
