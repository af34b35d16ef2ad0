# Every target does its own set-up, once; when nothing changed that costs milliseconds.
# Settings are environment variables, AI_MANAGER_*: AI_MANAGER_PORT=9000 make run

PYTEST := .venv/bin/python -m pytest
UV_INSTALL := .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" $(UPGRADE)

TOOLS := .venv/.tools
RUNTIME := .venv/.runtime
DEV := .venv/.dev
DEMO := .venv/.demo
ASSETS := static/vendor/.installed
JS_DEV := node_modules/.dev

NODE := .venv/bin/python scripts/node.py
BIOME := node_modules/@biomejs/biome/bin/biome

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup install run demo test test-fast test-js system lint format types lock bench clean

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

install: $(RUNTIME) $(ASSETS)  ## Make .venv and static/vendor with what the server needs, no more

setup: $(DEV) $(DEMO) $(ASSETS) $(JS_DEV)  ## The same, with everything for development

run: $(RUNTIME) $(ASSETS)  ## Start the server on http://127.0.0.1:8000
	@exec scripts/run.sh

demo: $(DEMO) $(ASSETS)  ## Train real models against the server and watch them live
	@exec .venv/bin/python examples/demo.py

test: $(DEV) $(DEMO) $(ASSETS) system test-js  ## Run every test: SQLite and PostgreSQL, Redis, Chromium
	@$(PYTEST) --complete

test-fast: $(DEV) $(ASSETS) test-js  ## Run the tests that need SQLite only
	@$(PYTEST) --numprocesses=2 --database=sqlite -m "not slow and not browser and not postgres and not redis"

test-js: $(JS_DEV)  ## Run the tests of the pages' scripts that need no browser
	@$(NODE) --test --test-reporter=dot tests/js/*.test.js

lint: $(DEV) $(JS_DEV)  ## Check style and common faults
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@$(NODE) $(BIOME) check --error-on-warnings

format: $(DEV) $(JS_DEV)  ## Format the code and mend what can be mended
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .
	@$(NODE) $(BIOME) check --write

types: $(DEV) $(DEMO) $(JS_DEV)  ## Check the types
	@.venv/bin/mypy
	@$(NODE) node_modules/typescript/bin/tsc

bench: $(DEV) $(DEMO) $(ASSETS)  ## Measure speed; the figures are printed and written into docs/performance.md
	@.venv/bin/python -m benchmarks

lock: $(TOOLS)  ## Lock the requirements; make lock UPGRADE=--upgrade takes newer ones
	$(COMPILE) requirements.in clients/python/pyproject.toml -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-demo.in -o requirements-demo.txt
	$(COMPILE) scripts/bootstrap/tools.in -o scripts/bootstrap/tools.txt
	$(COMPILE) scripts/bootstrap/node.in -o scripts/bootstrap/node.txt
	npm install --package-lock-only --loglevel=error

system:  ## Install what the tests need from the system: Chromium, PostgreSQL, Redis
	@scripts/system.sh chromium postgresql redis-server

clean:  ## Remove everything that was made, but never the data
	rm -rf .venv .cache node_modules static/vendor build dist *.egg-info clients/python/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOOLS): scripts/bootstrap.sh scripts/bootstrap/tools.txt
	@echo "Setting up .venv" && scripts/bootstrap.sh
	@touch $@

$(RUNTIME): $(TOOLS) requirements.txt pyproject.toml clients/python/pyproject.toml
	@$(UV_INSTALL) --require-hashes -r requirements.txt
	@$(UV_INSTALL) --no-build-isolation --no-deps --editable . --editable clients/python
	@rm -f static/vendor/*.whl && .venv/bin/uv build --quiet --wheel --no-build-isolation --python .venv/bin/python clients/python --out-dir static/vendor
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@$(UV_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

$(DEMO): $(RUNTIME) requirements-demo.txt
	@$(UV_INSTALL) --require-hashes -r requirements-demo.txt
	@touch $@

$(ASSETS): $(TOOLS) package-lock.json scripts/assets.py scripts/node.py scripts/assets.sha256 | $(RUNTIME)
	@.venv/bin/python scripts/assets.py
	@touch $@

# npm removes what it does not install, this stamp included: after $(ASSETS), and again whenever that ran npm.
$(JS_DEV): $(TOOLS) package-lock.json scripts/node.py | $(ASSETS)
	@.venv/bin/python scripts/assets.py --dev
	@touch $@
