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

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup install run demo test test-fast system lint format types lock bench clean

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

install: $(RUNTIME) $(ASSETS)  ## Make .venv and static/vendor with what the server needs, no more

setup: $(DEV) $(DEMO) $(ASSETS)  ## The same, with everything for development

run: $(RUNTIME) $(ASSETS)  ## Start the server on http://127.0.0.1:8000
	@exec scripts/run.sh

demo: $(DEMO) $(ASSETS)  ## Train real models against the server and watch them live
	@exec .venv/bin/python examples/demo.py

test: $(DEV) $(DEMO) $(ASSETS) system  ## Run every test: SQLite and PostgreSQL, Redis, Chromium
	@$(PYTEST) --complete

test-fast: $(DEV) $(ASSETS)  ## Run the tests that need SQLite only
	@$(PYTEST) --numprocesses=2 --database=sqlite -m "not slow and not browser and not postgres and not redis"

lint: $(DEV)  ## Check style and common faults
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

format: $(DEV)  ## Format the code and mend what can be mended
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

types: $(DEV) $(DEMO)  ## Check the types
	@.venv/bin/mypy

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

$(ASSETS): $(TOOLS) package-lock.json scripts/assets.py scripts/assets.sha256 | $(RUNTIME)
	@.venv/bin/python scripts/assets.py
	@touch $@
