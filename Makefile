# Every target sets up what it needs, once; when nothing has changed that costs milliseconds.
# Settings are environment variables, AI_MANAGER_*: AI_MANAGER_PORT=9000 make run

# What the tests need from the system. `make test SYSTEM=` installs nothing and skips the tests that need what is missing.
SYSTEM := chromium postgresql redis-server

# With bytecode kept, also where the environment says not to: else every process of a run compiles everything again.
PYTEST := PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest
UV_INSTALL := .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" $(UPGRADE)

TOOLS := .venv/.tools
RUNTIME := .venv/.runtime
DEV := .venv/.dev
DEMO := .venv/.demo
ASSETS := static/vendor/.installed
BUNDLE := static/bundle/bundle.json
JS_DEV := node_modules/.dev

NODE := .venv/bin/python scripts/node.py
BIOME := node_modules/@biomejs/biome/bin/biome

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup install run demo seed screenshots test test-fast test-js system lint format types lock bench clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

install: $(RUNTIME) $(ASSETS) $(BUNDLE)  ## Install what the server needs into .venv and static/vendor, and nothing else

setup: $(DEV) $(DEMO) $(ASSETS) $(BUNDLE) $(JS_DEV)  ## The same, with everything for development

run: $(RUNTIME) $(ASSETS) $(BUNDLE)  ## Start the server on http://127.0.0.1:8000
	@exec scripts/run.sh

demo: $(DEMO) $(ASSETS) $(BUNDLE)  ## Train real models against the server and watch them live
	@exec .venv/bin/python examples/demo.py

screenshots: $(DEV) $(ASSETS)  ## Take the pictures of docs/screenshots
	@.venv/bin/python scripts/screenshots.py

seed: $(RUNTIME)  ## Make a believable project: make seed RUNS=10000 METRICS=1000 POINTS=20
	@.venv/bin/aimanager migrate
	@AI_MANAGER_DURABILITY=fast .venv/bin/aimanager seed $(if $(RUNS),--runs $(RUNS)) $(if $(METRICS),--metrics $(METRICS)) $(if $(POINTS),--points $(POINTS)) $(if $(USER_NAME),--user $(USER_NAME))

test: $(DEV) $(DEMO) $(ASSETS) $(BUNDLE) system test-js  ## Run every test: SQLite and PostgreSQL, Redis, Chromium
	@$(PYTEST) --numprocesses=2 --dist=worksteal $(if $(SYSTEM),--complete)

test-fast: $(DEV) $(ASSETS) test-js  ## Run the tests that need SQLite only
	@$(PYTEST) --numprocesses=2 --dist=worksteal --database=sqlite -m "not slow and not browser and not postgres and not redis"

test-js: $(JS_DEV)  ## Run the tests of the pages' scripts that need no browser
	@$(NODE) --test --test-reporter=dot tests/js/*.test.js

lint: $(DEV) $(JS_DEV)  ## Check style and common mistakes
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@$(NODE) $(BIOME) check --error-on-warnings

format: $(DEV) $(JS_DEV)  ## Format the code and apply automatic fixes
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .
	@$(NODE) $(BIOME) check --write

types: $(DEV) $(DEMO) $(JS_DEV)  ## Check the types
	@.venv/bin/mypy
	@$(NODE) node_modules/typescript/bin/tsc

bench: $(DEV) $(DEMO) $(ASSETS) $(BUNDLE)  ## Measure speed; print the figures and write them to docs/performance.md
	@.venv/bin/python -m benchmarks

lock: $(TOOLS)  ## Lock the requirements; make lock UPGRADE=--upgrade takes newer ones
	$(COMPILE) requirements.in clients/python/pyproject.toml -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-demo.in -o requirements-demo.txt
	$(COMPILE) scripts/bootstrap/tools.in -o scripts/bootstrap/tools.txt
	$(COMPILE) scripts/bootstrap/node.in -o scripts/bootstrap/node.txt
	npm install --package-lock-only --loglevel=error

system:  ## Install what the tests need from the system: Chromium, PostgreSQL, Redis
	@HOW_TO_SKIP="make test SYSTEM=" scripts/system.sh $(SYSTEM)

clean:  ## Remove everything that was built, but never the data
	rm -rf .venv .cache node_modules static/vendor static/bundle build dist *.egg-info clients/python/*.egg-info
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

# With the folders, whose times change when a file comes or goes.
$(BUNDLE): scripts/bundle.py aimanager/http/bundle.py templates/base.html $(shell find static/js static/css) | $(ASSETS)
	@.venv/bin/python scripts/bundle.py
	@touch $@

# npm removes what it does not install, this stamp included: after $(ASSETS), and again whenever that ran npm.
$(JS_DEV): $(TOOLS) package-lock.json scripts/node.py | $(ASSETS) $(BUNDLE)
	@.venv/bin/python scripts/assets.py --dev
	@touch $@
