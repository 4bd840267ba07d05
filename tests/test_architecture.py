"""The layering contracts hold, and each of them fails when its rule is broken."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = Path(sys.executable).parent / "lint-imports"


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts over the package in `checkout`."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "backend"), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [str(LINT), "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_the_house_keeps_its_contracts() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "planted", "broken"),
    [
        ("core/turn.py", "import asyncio", "The core does no I/O"),
        ("core/phrases.py", "import time", "The core does no I/O"),
        ("core/audio.py", "import numpy", "The core does no I/O"),
        ("core/audio.py", "from tandem.core import ports", "No cycles in the core"),
        ("slots/llm.py", "from tandem.session import reply", "Layers"),
        ("session/reply.py", "from tandem.providers.local import rulebook", "Layers"),
        ("session/reply.py", "from tandem.drill import count", "Layers"),
        ("slots/stt.py", "from tandem.simulator import voice", "Nothing but the command line"),
        ("session/listen.py", "import numpy", "Slots and session know no vendor"),
        ("audio/vad.py", "from tandem.settings import Settings", "Layers"),
        ("providers/local/rulebook.py", "from tandem.session import reply", "Driven edges know only the core"),
        ("providers/openai/llm.py", "from tandem.providers.local import rulebook", "Providers are independent"),
        ("providers/openai/wire.py", "import asyncio", "Wire files are pure"),
        ("providers/local/espeak.py", "import espeakng_loader", "The GPL engine"),
        ("contracts/tts.py", "from tandem.session import reply", "Contract suites know the ports"),
        ("contracts/stt.py", "from tandem.providers.local import moonshine", "Contract suites know the ports"),
        ("talk.py", "from tandem.contracts import tts", "Nothing stands on the contract suites"),
    ],
)
def test_a_planted_violation_breaks_its_contract(tmp_path: Path, file: str, planted: str, broken: str) -> None:
    shutil.copytree(ROOT / "backend", tmp_path / "backend", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path / "backend" / "tandem" / file
    target.write_text(f"{target.read_text()}\n{planted}\n")
    done = lint(tmp_path)
    assert done.returncode != 0
    verdicts = [line for line in done.stdout.splitlines() if line.startswith(broken)]
    assert any("BROKEN" in line for line in verdicts), done.stdout


def test_init_files_are_empty() -> None:
    assert [str(file) for file in (ROOT / "backend").rglob("__init__.py") if file.read_text()] == []


def test_only_the_settings_read_the_environment() -> None:
    reading = re.compile(r"getenv|os\.environ(?!\[[^]]*\] = )")  # to set a variable for an engine is not to read it
    readers = [file.name for file in (ROOT / "backend").rglob("*.py") if reading.search(file.read_text())]
    assert readers == ["settings.py"]


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-extras.lock"])
def test_a_lock_pins_every_package_with_a_hash_and_names_no_registry_and_no_torch(file: str) -> None:
    lock = (ROOT / file).read_text()
    entries = [line for line in lock.splitlines() if line and not line.startswith(" ")]
    assert len(entries) > 50
    assert all("==" in entry and entry.endswith("\\") for entry in entries)
    assert lock.count("--hash=sha256:") >= len(entries)
    assert "://" not in lock
    assert "torch" not in lock
    assert '"resolved"' not in (ROOT / "frontend" / "package-lock.json").read_text()
