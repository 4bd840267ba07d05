# The verbs of the project. Each one installs what it needs by itself; nothing is installed outside this folder,
# except by `make test` as root on Debian or Ubuntu, which adds Chromium, libflite and openssl with apt for their tests.
.DEFAULT_GOAL := help
.PHONY: help setup run test check extras drill bench live clean
PYTHON ?= python3
BIN := .venv/bin

help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: ## install Python and Node packages into this folder and build the page
	@$(PYTHON) scripts/setup.py

run: setup ## run the gateway at http://localhost:8000
	@$(BIN)/tandem serve

test: setup ## run every test: Python, page, browser
	@sh scripts/test_needs.sh
	$(BIN)/pytest -n 2 --dist loadfile -m "not alone"
	$(BIN)/pytest -m alone
	@$(PYTHON) scripts/page.py test

check: setup ## format, lint, types, layers
	$(BIN)/ruff format --check backend tests scripts
	$(BIN)/ruff check backend tests scripts
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(PYTHON) scripts/page.py check

extras: setup ## add the optional providers: whisper (speech to text) and gtts (voice)
	@sh scripts/extras.sh

drill: setup ## break every provider at every moment, in simulated calls, and count the words that the caller heard
	@$(BIN)/tandem drill

bench: setup ## measure: turn latency and its parts, calls at once, engines
	$(BIN)/python scripts/bench.py
	$(BIN)/tandem bench

live: setup ## try every vendor that has a key, with one short request each (leaves this machine)
	$(BIN)/python scripts/live.py

clean: ## remove everything that the other verbs made
	rm -rf .venv .make frontend/node_modules frontend/.next frontend/out frontend/public/worklets
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
