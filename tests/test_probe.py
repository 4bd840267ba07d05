"""Faults on purpose: some probes for real, the table they make, and the exit status."""

import io
import json
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from tandem.cli import cli, show_outcomes
from tandem.core.errors import Fault
from tandem.probe import PROBES, TROUBLES, Ending, Outcome, Probe, as_json, as_table, named, run, run_all
from tandem.providers.catalogue import CATALOGUE
from tandem.simulator.faults import Kind

_OUTCOMES = [
    Outcome("deepgram stt", "cut", Fault.CUT, 0.021),
    Outcome("deepgram stt", "duplicate", Ending.OK, 0.3),
    Outcome("openai tts", "cut", Ending.NONE, 8.0),
]


def probe_of(provider: str, fault: str) -> Probe:
    return next(probe for probe in PROBES if (probe.target.label, named(probe.trouble)) == (provider, fault))


@pytest.mark.parametrize(
    ("provider", "fault", "result"),
    [
        ("deepgram stt", "cut", Fault.CUT),
        ("deepgram stt", "duplicate", Ending.OK),
        ("assemblyai stt", "error-frame", Fault.UNAVAILABLE),
        ("openai stt", "refused", Fault.REFUSED),
        ("openai stt", "drip", Ending.OK),
        ("groq llm", "status 429", Fault.RATE_LIMITED),
        ("groq llm", "unknown-type", Ending.OK),
        ("openai llm", "duplicate", Ending.ALTERED),  # a word that comes twice may have been meant
        ("cartesia tts", "stall", Fault.STALLED),
        ("cartesia tts", "unknown-type", Ending.OK),
        ("cartesia tts", "duplicate", Ending.ALTERED),  # a piece of a word is heard twice
        ("openai tts", "empty", Fault.EMPTY),
        ("openai tts", "drip", Ending.OK),
    ],
)
async def test_an_adapter_makes_of_a_fault_what_it_should(provider: str, fault: str, result: Fault | Ending) -> None:
    outcome = await run(probe_of(provider, fault))
    assert (outcome.provider, outcome.fault, outcome.result) == (provider, fault, result)


async def test_a_probe_without_an_end_is_given_up_at_its_deadline() -> None:
    outcome = await run(probe_of("openai tts", "hang"), deadline_s=0.3)
    assert (outcome.result, outcome.seconds) == (Ending.NONE, 0.3)


async def test_each_outcome_is_told_and_they_stand_in_the_order_of_their_providers() -> None:
    probes = [
        probe_of("groq llm", "cut"),
        probe_of("openai tts", "cut"),
        probe_of("groq llm", "reset"),
    ]
    told: list[Outcome] = []
    outcomes = await run_all(probes, told.append)
    assert [(each.provider, each.fault) for each in outcomes] == [
        ("groq llm", "cut"),
        ("groq llm", "reset"),
        ("openai tts", "cut"),
    ]
    assert len(told) == len(outcomes)
    assert set(told) == set(outcomes)


def test_every_kind_of_fault_is_probed_on_adapters_of_the_catalogue() -> None:
    assert {trouble.kind for trouble in TROUBLES} == set(Kind)
    assert {probe.trouble.kind for probe in PROBES} == set(Kind)
    known = {(kind.slot, kind.name) for kind in CATALOGUE}
    assert {(probe.target.slot, probe.target.vendor) for probe in PROBES} <= known
    assert len({(probe.target.label, named(probe.trouble)) for probe in PROBES}) == len(PROBES)


def test_the_table_has_a_row_per_fault_and_a_column_per_provider() -> None:
    console = Console(file=io.StringIO(), width=120)
    with console.capture() as capture:
        console.print(as_table(_OUTCOMES))
    heads, cut, duplicate, *_ = (line.split("  ") for line in capture.get().splitlines())
    assert [cell.strip() for cell in heads if cell.strip()] == ["fault", "deepgram stt", "openai tts"]
    assert [cell.strip() for cell in cut if cell.strip()] == ["cut", "cut 0.02 s", "NONE 8.00 s"]
    assert [cell.strip() for cell in duplicate if cell.strip()] == ["duplicate", "ok 0.30 s", "-"]


def test_a_probe_without_an_end_is_red() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        console.print(as_table(_OUTCOMES))
    assert "\x1b[1;31mNONE 8.00 s" in capture.get()


def test_the_outcomes_are_saved_as_json() -> None:
    assert json.loads(as_json(_OUTCOMES))[1:] == [
        {"provider": "deepgram stt", "fault": "duplicate", "result": "ok", "seconds": 0.3},
        {"provider": "openai tts", "fault": "cut", "result": "NONE", "seconds": 8.0},
    ]


def test_a_probe_without_an_end_makes_the_exit_status_1_when_all_is_saved() -> None:
    file = io.BytesIO()
    with pytest.raises(typer.Exit) as left:
        show_outcomes(_OUTCOMES, file)
    assert left.value.exit_code == 1
    assert file.getvalue() == as_json(_OUTCOMES)
    show_outcomes(_OUTCOMES[:2], None)


def test_a_file_for_outcomes_without_probes_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(cli, ["providers", "--json", str(tmp_path / "faults.json")])
    assert refused.exit_code == 2
    assert "--probe-faults" in refused.output
