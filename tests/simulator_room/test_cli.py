"""The simulator's command line."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from tandem.simulator import wav
from tandem.simulator.cli import cli
from tandem.simulator.voice import Voice


def test_what_was_said_into_a_file_is_heard_from_it(tmp_path: Path) -> None:
    file = str(tmp_path / "three.wav")
    assert CliRunner().invoke(cli, ["say", "one two three", file, "--rate", "8000"]).exit_code == 0
    heard = CliRunner().invoke(cli, ["hear", file])
    assert [line.split()[-1] for line in heard.output.splitlines()[:3]] == ["one", "two", "three"]
    assert "3 words, 0 pieces" in heard.output


def test_a_word_in_pieces_is_shown_as_such(tmp_path: Path) -> None:
    file = tmp_path / "cut.wav"
    file.write_bytes(wav.whole(Voice().say("alpha", 16_000)[:6_000], 16_000))
    assert "0 words, 1 pieces" in CliRunner().invoke(cli, ["hear", str(file)]).output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "nobody:chat:cut"],
        ["--profile", "fast"],
        ["--voice", "mine"],
        ["--script", "nowhere.json"],
        ["hear", __file__],
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: list[str]) -> None:
    refused = CliRunner().invoke(cli, arguments)
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output


def test_help_has_examples_and_tells_of_faults_in_a_path() -> None:
    shown = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
    assert "tandem simulate say" in shown
    assert "/with/stall,after=3/v1" in shown
    assert "understand the numbered voice" in re.sub(r"[\W]+", " ", shown)


async def test_it_serves_with_the_faults_it_was_given_until_it_is_told_to_stop() -> None:
    arguments = ("--port", "0", "--fault", "tavily:search:status:status=503", "--profile", "typical", "--seed", "3")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from tandem.simulator.cli import cli; cli()", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    first = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    url = next(word for word in first.split() if word.startswith("http://"))
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        answer = await client.post("/search", json={"query": "Mars"}, headers={"authorization": "Bearer key"})
    assert answer.status_code == 503
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
