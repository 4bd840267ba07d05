#!/bin/sh
# Brings what the tests need besides, where that can be had: a browser, libflite, and the optional providers' packages.
set -u
cd "$(dirname "$0")/.."
if ! .venv/bin/python -c 'import sys; from tandem.providers.local import flite; sys.exit(flite.missing() is not None)'; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "tests: installing libflite1 with apt"
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends libflite1; } >/dev/null ||
      echo "tests: libflite1 could not be installed; the tests of the voice flite will be skipped"
  else
    echo "tests: libflite is not on this system; the tests of the voice flite will be skipped"
  fi
fi
sh scripts/extras.sh ||
  echo "tests: the optional packages could not be installed; the tests of whisper and gtts will be skipped"
if command -v node >/dev/null; then
  node frontend/e2e/ensure-browser.mjs
fi
