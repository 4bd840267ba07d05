"""The bench as a person runs it: real processes, and every figure is there, whatever it is."""

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

import needs

pytestmark = pytest.mark.alone

TANDEM = Path(sys.executable).parent / "tandem"
ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}


def test_a_quick_bench_has_all_figures_and_breaks_off_no_call(tmp_path: Path) -> None:
    needs.require(sys.platform == "linux", "/proc, from which the bench reads")
    needs.require(find_spec("espeakng_loader") is not None, "espeak-ng, with whose voice the callers speak")
    file = tmp_path / "bench.json"
    command = [str(TANDEM), "bench", "--quick", "--calls", "1", "--turns", "2", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert "onset -> clear_audio" in done.stdout
    found = json.loads(file.read_text())
    assert (found["unanswered"], found["late_frames"]) == (0, 0)
    assert found["script"]["subtracted_ms"] == 380
    missing = [figure["name"] for figure in found["figures"] if figure["spread"] is None and figure["value"] is None]
    assert missing == []
    figures = {(figure["name"].strip(), figure["calls"]): figure for figure in found["figures"]}
    assert figures["gateway overhead, sum of its shares", 1]["spread"]["n"] == 2
    assert figures["onset -> clear_audio", 1]["spread"]["n"] == 1
    assert figures["CPU a minute, hasty callers", 1]["value"] > figures["CPU a minute of call", 5]["value"] > 0
    assert figures["resident, each call from 2 on", 5]["met"] in (True, False)
    for load in found["loads"]:
        assert load["wake_ups_a_second"] > 10
        assert 1 < load["wake_up_us"] < 10_000  # the pause itself, up to 100 ms, is no work
        assert 0 < load["hop_ms"]["p50"] < 20  # nor is the pause before a message


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_bench_that_is_stopped_leaves_no_process_behind(stop: signal.Signals) -> None:
    needs.require(sys.platform == "linux", "/proc, from which the bench reads")
    command = [str(TANDEM), "bench", "--quick", "--calls", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as run:
        assert run.stderr is not None
        lines = [run.stderr.readline() for _ in range(2)]
        assert lines[1] == "one call\n"
        children = psutil.Process(run.pid).children(recursive=True)
        assert len(children) >= 2
        run.send_signal(stop)
        assert run.wait(timeout=20) != 0
        assert not [child for child in children if child.is_running()]
        assert "Traceback" not in run.stderr.read()


@pytest.mark.parametrize("arguments", [["--calls", "none"], ["--calls", "0"], ["--turns", "1"], ["--detector", "ear"]])
def test_what_cannot_be_measured_is_told_in_a_sentence(arguments: list[str]) -> None:
    done = subprocess.run(
        [str(TANDEM), "bench", *arguments], capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
