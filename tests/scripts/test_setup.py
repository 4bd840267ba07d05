"""The setup: what it installs, and that it goes on without an engine that a platform lacks."""

from pathlib import Path

import setup

LOCK = """alpha==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
moonshine-voice==0.1.0 \\
    --hash=sha256:cc
omega==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:dd
"""


def test_the_engines_are_installed_one_by_one_and_everything_else_at_once() -> None:
    everything, engines = setup.split_lock(LOCK)
    assert [entry.splitlines()[0] for entry in everything] == [
        "alpha==1.0 \\",
        "omega==2.0 ; sys_platform == 'win32' \\",
    ]
    assert list(engines) == ["moonshine-voice"]
    assert "".join([*everything, *engines.values()]).count("--hash") == LOCK.count("--hash")


def test_the_real_lock_holds_every_engine() -> None:
    _, engines = setup.split_lock(setup.LOCK.read_text())
    assert sorted(engines) == sorted(setup.ENGINES)


def test_a_changed_file_changes_the_digest(tmp_path: Path) -> None:
    first = setup.digest(setup.LOCK)
    assert first == setup.digest(setup.LOCK)
    assert first != setup.digest(setup.LOCK, setup.ROOT / "pyproject.toml")
