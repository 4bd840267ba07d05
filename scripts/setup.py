"""Installs what Tandem needs into this folder: a virtual environment with the locked packages, and the built page.

It needs Python 3.11 or later and nothing else; without Node 20 the gateway runs, and says that the page was not built.
What is up to date is left alone, so that it costs a fraction of a second when nothing has changed.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import page

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = ROOT / ".make"
LOCK = ROOT / "requirements.lock"
# Native wheels that some platforms lack; Tandem goes on without each of them.
ENGINES = ("espeakng-loader", "moonshine-voice", "pocketsphinx")


def main() -> None:
    """Bring the virtual environment and the page up to date."""
    if sys.version_info < (3, 11):  # noqa: UP036 this file is what an older Python gets to run
        sys.exit(f"Tandem needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]}.")
    STAMPS.mkdir(exist_ok=True)
    install_python()
    page.build()


def install_python() -> None:
    """Make .venv hold exactly the locked packages and Tandem itself."""
    stamp = STAMPS / "python"
    wanted = digest(LOCK, ROOT / "pyproject.toml") + sys.version.split()[0]
    if stamp.is_file() and stamp.read_text() == wanted and (VENV / "bin" / "tandem").exists():
        return
    say("Python packages")
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    everything, engines = split_lock(LOCK.read_text())
    install("".join(everything))
    for name, text in engines.items():
        if not install(text, needed=False):
            say(f"{name} has no package for this platform: going on without it ('tandem providers' says more)")
    pip("--no-build-isolation", "--editable", str(ROOT))
    stamp.write_text(wanted)


def split_lock(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the lock's entries as those that every platform has, and each engine's by its name."""
    entries = re.findall(r"^\S.*(?:\n[ ].*)*\n", text, re.MULTILINE)
    engines = {name: entry for entry in entries for name in ENGINES if entry.startswith(f"{name}==")}
    return [entry for entry in entries if entry not in engines.values()], engines


def install(requirements: str, *, needed: bool = True) -> bool:
    """Install locked requirements; return whether it worked. Ends the program if they are needed and it did not."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        return pip("--require-hashes", "--only-binary", ":all:", "--requirement", file.name, needed=needed)


def pip(*arguments: str, needed: bool = True) -> bool:
    """Run pip install without dependencies: the lock names them all, and some packages declare what they don't need."""
    command = [str(VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps", *arguments]
    done = subprocess.run(command, check=False, stderr=None if needed else subprocess.DEVNULL)
    if needed and done.returncode:
        sys.exit("The Python packages could not be installed; pip's message is above. Run 'make setup' to try again.")
    return done.returncode == 0


def digest(*files: Path) -> str:
    """Return one hash of the files' names and contents."""
    sums = hashlib.sha256()
    for file in files:
        sums.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return sums.hexdigest()


def say(what: str) -> None:
    print(f"setup: {what}", flush=True)


if __name__ == "__main__":
    main()
