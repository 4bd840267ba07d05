"""The command line as a person uses it: real processes, real signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from questions import recording

TANDEM = Path(sys.executable).parent / "tandem"
ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TANDEM), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**ENVIRONMENT, **environment},
    )


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `tandem serve` on a free port; yield the process and its address."""
    command = [str(TANDEM), "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        try:
            address = re.search(r"http://(127\.0\.0\.1:\d+)", process.stdout.readline())
            assert address is not None
            yield process, address[1]
        finally:
            process.kill()


def test_talk_prints_one_object_and_saves_what_was_heard(tmp_path: Path) -> None:
    reply = tmp_path / "reply.wav"
    with serving() as (_, address):
        url = f"ws://{address}/voice/new"
        done = run("talk", str(recording("arithmetic")), "--url", url, "--json", "--out", str(reply))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"transcript", "reply", "heard", "providers", "turn_latency_ms", "parts", "audio_ms"}
    assert set(report["parts"]) == {"endpoint_ms", "stt_ms", "llm_ttft_ms", "tts_ttfb_ms"}
    assert report["transcript"] == "What is seven times eight?"
    assert report["heard"] == "Seven times eight is fifty six."
    assert reply.stat().st_size == pytest.approx(report["audio_ms"] * 48 + 44, abs=100)


def test_talk_without_json_shows_the_captions_and_the_figures() -> None:
    with serving() as (_, address):
        done = run("talk", "--text", "What is two plus two?", "--url", f"ws://{address}/voice/new")
    assert done.returncode == 0, done.stderr
    assert "Two plus two is four." in done.stdout
    assert "end of speech to reply" in done.stdout


def test_the_gateway_ends_at_a_signal_and_takes_its_processes_along() -> None:
    for stop in (signal.SIGINT, signal.SIGTERM):
        with serving() as (process, _):
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            process.send_signal(stop)
            assert process.wait(timeout=15) == 0
            assert not [child for child in children if child.is_running()]


def test_a_gateway_that_is_killed_takes_its_processes_along_too() -> None:
    with serving() as (process, _):
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(timeout=15)
        gone, alive = psutil.wait_procs(children, timeout=10)
        assert (len(gone), alive) == (len(children), [])


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr
    assert "--port 8001" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_work_stops_the_start_with_what_to_change() -> None:
    done = run("serve", "--port", "0", TTS_CHAIN="siren")
    assert done.returncode == 2
    assert "TTS_CHAIN names 'siren', which is not a provider." in done.stderr
    assert "There are: cartesia, openai, gtts, flite, espeak." in done.stderr
    assert "Traceback" not in done.stderr


def test_talk_without_a_gateway_says_how_to_start_one() -> None:
    done = run("talk", "--text", "hello", "--url", "ws://127.0.0.1:9/voice/new")
    assert done.returncode == 1
    assert "make run" in done.stderr


def test_the_providers_are_shown_with_what_to_add() -> None:
    done = run("providers")
    assert done.returncode == 0
    assert re.search(r"stt +1 +moonshine", done.stdout)
    assert "To add openai_compatible: set OPENAI_COMPATIBLE_URL" in done.stdout


@pytest.mark.parametrize("command", [[], ["serve"], ["talk"], ["providers"]])
def test_help_shows_an_example(command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "tandem" in done.stdout
    assert not command or "Example" in done.stdout
