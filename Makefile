# One command per chore, the same at a desk and in CI. It needs Python 3.11 or later, and make.

VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links

# A stamp is written when its step is complete, so a step that was interrupted runs again.
VENV_STAMP := $(VENV)/.made
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.NOTPARALLEL:
.PHONY: help setup run test check bench docs pictures lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' Makefile

setup: $(RUN_STAMP) ## install Parley into .venv; .venv/bin/parley is the command

run: $(RUN_STAMP) ## talk to the bot: live if there is a .env, else in the sandbox
	@exec $(BIN)/parley $$(test -f .env && echo run || echo sandbox) $(ARGS)

# Tests start some hundred processes of Python, and each would compile everything anew.
test check: export PYTHONDONTWRITEBYTECODE :=
test: $(DEV_STAMP) ## run all tests (ARGS="-k word" for some of them)
	@exec $(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

check: $(DEV_STAMP) ## formatting, linting, types, import rules, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m storage.migrations check

bench: $(DEV_STAMP) ## measure speed, memory and dollars
	@exec $(BIN)/python -m tests.bench $(ARGS)

docs: $(DEV_STAMP) ## make the site of the documents, in build/site
	@$(BIN)/parley config reference > docs/configuration.md
	@$(BIN)/properdocs build --quiet --clean
	@mkdir -p build/site/shared && cp bot/web/static/theme*.* bot/web/static/icon.svg build/site/shared/
	@echo "The site is in build/site; open build/site/index.html"

pictures: $(DEV_STAMP) ## take the documents' screenshots anew (needs Chromium)
	@$(BIN)/python -m tests.digest_picture >/dev/null
	@exec $(BIN)/python -m tests.pictures

lock: $(VENV_STAMP) ## pin dependencies anew after pyproject.toml changed (ARGS=--upgrade for newer versions)
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-uv.lock
	echo uv | $(COMPILE) $(ARGS) - --output-file requirements-uv.lock
	echo hatchling | $(COMPILE) $(ARGS) pyproject.toml - --output-file requirements.lock
	echo hatchling | $(COMPILE) $(ARGS) pyproject.toml - --extra dev \
		--constraints requirements.lock --output-file requirements-dev.lock

clean: ## remove what can be made again; your data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A .venv that works is kept, whoever made it; one that was left half made is made anew.
$(VENV_STAMP):
	@if ! { PYTHON=$(BIN)/python .ci/find-python && $(BIN)/python -m pip --version; } >/dev/null 2>&1; then \
		python=$$(PYTHON="$(PYTHON)" .ci/find-python) && \
		echo "Making $(VENV) with $$python" && \
		"$$python" -m venv --clear $(VENV); \
	fi
	@touch $@

$(RUN_STAMP): $(VENV_STAMP) requirements.lock pyproject.toml
	@echo "Installing Parley into $(VENV); this takes a moment, once"
	@.ci/install requirements.lock
	@touch $@

# The developers' lock holds all of the other one.
$(DEV_STAMP): $(VENV_STAMP) requirements.lock requirements-dev.lock pyproject.toml
	@echo "Installing Parley and the developers' tools into $(VENV); this takes a moment, once"
	@.ci/install requirements-dev.lock
	@touch $(RUN_STAMP) $@
