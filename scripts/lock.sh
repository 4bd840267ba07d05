#!/bin/sh
# Writes requirements.lock anew from pyproject.toml: every package for every platform, with hashes and without addresses.
set -eu
cd "$(dirname "$0")/.."
exec .venv/bin/uv pip compile pyproject.toml --extra engines --extra dev --universal --python-version 3.11 \
  --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
  --no-emit-package torch --no-emit-package torchaudio --no-emit-package sounddevice \
  --quiet --output-file requirements.lock
