"""The contract suites examine somebody else's provider from an installed wheel, as the documentation says."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import questions
from tandem.contracts.stt import TIME, UNITS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text()
BEEPS, TEST_BEEPS = (block.split("```")[0] for block in PAGE.split("```python\n")[1:])
(COMMAND,) = (line for line in PAGE.splitlines() if line.startswith("pytest "))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which Tandem's wheel was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=60)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


class Author:
    """Somebody who wrote a provider, and has a folder for it and an empty one to work in."""

    def __init__(self, wheel: Path, home: Path) -> None:
        self.package, self.folder = home / "package", home / "empty"
        self.path = os.pathsep.join([str(self.package), str(wheel)])
        self.folder.mkdir()
        info = self.package / "beeps-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: beeps\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[tandem.providers]\nbeeps = beeps:KIND\n")
        self.write(BEEPS)

    def write(self, code: str) -> None:
        (self.package / "beeps.py").write_text(code)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run pytest in the empty folder, where the settings of this machine do not count."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": self.path, "PYTHONDONTWRITEBYTECODE": "1", **variables}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def examine(self, provider: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the documented command over `provider`."""
        _, *documented = COMMAND.replace("tts/beeps", provider).split()
        return self.run(*documented, *arguments, **variables)


@pytest.fixture
def author(wheel: Path, tmp_path: Path) -> Author:
    return Author(wheel, tmp_path)


def test_the_documented_provider_passes_the_installed_suite(author: Author) -> None:
    done = author.examine("tts/beeps", "-v", "-rs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "provider: tts/beeps (a beep for every letter)" in done.stdout
    assert "site/tandem/contracts/tts.py" in done.stdout, "these are not the suites of the wheel"
    assert "test_tts.py::TestTextToSpeech::test_closing_a_phrase_returns_at_once PASSED" in done.stdout
    assert "19 passed, 2 skipped" in done.stdout


def test_the_documented_test_passes(author: Author) -> None:
    (author.folder / "test_beeps.py").write_text(TEST_BEEPS)
    done = author.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "19 passed, 1 skipped" in done.stdout


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_an_asyncio_mode_of_ones_own_does_not_matter(author: Author, mode: str) -> None:
    (author.folder / "pytest.ini").write_text(
        f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_test_loop_scope = session\n"
        "asyncio_default_fixture_loop_scope = session\nfilterwarnings = error\n"
    )
    done = author.examine("llm/rulebook")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "24 passed, 1 skipped" in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "failed"),
    [
        ("in phrase.split()", "in phrase.split()[::2]", "test_word_times_are_in_order_and_within_the_audio"),
        ("SpokenAudio(beep,", "SpokenAudio(beep[:-1],", "test_a_phrase_becomes_audible_16_bit_audio_at_one_rate"),
        ("letter.isalnum()", "True", "test_a_phrase_with_nothing_to_pronounce_yields_nothing[punctuation]"),
    ],
    ids=["it swallows words", "its chunks end within a sample", "it speaks punctuation"],
)
def test_a_provider_that_breaks_its_contract_is_told_by_the_tests_name(
    author: Author, right: str, wrong: str, failed: str
) -> None:
    assert BEEPS.count(right) == 1
    author.write(BEEPS.replace(right, wrong))
    done = author.examine("tts/beeps")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"::TestTextToSpeech::{failed}" in done.stdout


def test_a_server_that_refuses_connections_is_tried(author: Author) -> None:
    done = author.examine("tts/openai", "-k", "refuses_connections", OPENAI_API_KEY="k")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("tts/nobody", "names 'tts/nobody', which is not a provider. There are: stt/"),
        ("llm/groq", "names llm/groq, which cannot run here: set GROQ_API_KEY. These can: "),
    ],
    ids=["an unknown name", "a missing key"],
)
def test_a_provider_that_cannot_be_examined_ends_the_run_with_what_to_do(
    author: Author, provider: str, told: str
) -> None:
    done = author.examine(provider)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --provider {told}" in done.stderr
    assert "tts/beeps" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_names_no_provider_is_told_how_to(author: Author) -> None:
    done = author.run("--pyargs", "tandem.contracts")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: Say which provider: pytest -p tandem.contracts.plugin" in done.stderr


def test_the_recordings_say_what_the_list_of_recordings_says() -> None:
    said = {question.file.name: question.text for question in questions.questions()}
    assert (said["units.wav"], said["time.wav"]) == (UNITS.text, TIME.text)
