#!/bin/sh
# Adds the locked packages of the optional providers to the virtual environment.
set -eu
cd "$(dirname "$0")/.."
exec .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
  --requirement requirements-extras.lock
