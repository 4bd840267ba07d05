#!/bin/sh
# Writes the lock files anew from pyproject.toml: every package for every platform, with hashes and without addresses.
set -eu
cd "$(dirname "$0")/.."
lock() {
  .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 \
    --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
    --no-emit-package torch --no-emit-package torchaudio --no-emit-package sounddevice --quiet "$@"
}
lock --extra engines --extra contracts --extra dev --output-file requirements.lock
lock --extra gtts --extra whisper --constraint requirements.lock --output-file requirements-extras.lock
