#!/bin/sh
# Brings what the tests need besides, where that can be had: libflite, openssl, the optional providers' packages, a browser.
set -u
cd "$(dirname "$0")/.."

bring() { # a package of Debian or Ubuntu, and the tests that go without it
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "tests: installing $1 with apt"
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1"; } >/dev/null && return
  fi
  echo "tests: $1 is not on this system and could not be installed; $2 will be skipped"
}

.venv/bin/python -c 'import sys; from tandem.providers.local import flite; sys.exit(flite.missing() is not None)' ||
  bring libflite1 "the tests of the voice flite"
command -v openssl >/dev/null || bring openssl "one test of the voice gtts over TLS"
sh scripts/extras.sh ||
  echo "tests: the optional packages could not be installed; the tests of whisper and gtts will be skipped"
if command -v node >/dev/null; then
  node frontend/e2e/ensure-browser.mjs
fi
