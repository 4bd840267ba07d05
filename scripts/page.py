"""Builds, checks and tests the page with Node; says so, and goes on, where there is no Node 20."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
OUT = FRONTEND / "out"
STAMPS = ROOT / ".make"
NEEDED_NODE = 20
SOURCES = ("app", "src", "scripts", "public", "package.json", "package-lock.json", "next.config.ts", "tsconfig.json")


def main() -> None:
    """Run one verb: check or test."""
    if not _node():
        if os.environ.get("CI") == "true":
            sys.exit("page: CI must have Node 20 or later")
        _say(f"NOT {sys.argv[1].upper()}ED, because there is no Node {NEEDED_NODE} or later")
        return
    install()
    if sys.argv[1] == "check":
        _npm("run", "check")
    else:
        build()
        _npm("test")
        _npm("run", "e2e")


def build() -> None:
    """Make frontend/out from its sources, unless it is newer than all of them."""
    if not _node():
        if not (OUT / "index.html").is_file():
            _say(f"not built, because there is no Node {NEEDED_NODE} or later; the gateway runs without it")
        return
    install()
    sources = [file for name in SOURCES for file in _files(FRONTEND / name)]
    index = OUT / "index.html"
    if index.is_file() and all(file.stat().st_mtime <= index.stat().st_mtime for file in sources):
        return
    _say("building")
    _npm("run", "build")


def install() -> None:
    """Install the locked Node packages, unless they are."""
    lock = FRONTEND / "package-lock.json"
    stamp = STAMPS / "node"
    if stamp.is_file() and stamp.read_text() == lock.read_text() and (FRONTEND / "node_modules").is_dir():
        return
    _say("Node packages")
    _npm("ci", "--no-audit", "--no-fund")
    STAMPS.mkdir(exist_ok=True)
    stamp.write_text(lock.read_text())


def _files(place: Path) -> list[Path]:
    built = FRONTEND / "public" / "worklets"
    if place.is_file():
        return [place]
    return [file for file in place.rglob("*") if file.is_file() and built not in file.parents]


def _node() -> bool:
    found = shutil.which("node")
    if not found or not shutil.which("npm"):
        return False
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)", told)
    return version is not None and int(version[1]) >= NEEDED_NODE


def _npm(*arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], cwd=FRONTEND, check=False)
    if done.returncode:
        sys.exit(f"page: 'npm {' '.join(arguments)}' failed; its message is above.")


def _say(what: str) -> None:
    print(f"page: {what}", flush=True)


if __name__ == "__main__":
    main()
