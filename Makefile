# Two commands are enough: make serve, make test. Everything happens in .venv and ./data.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PORT ?= 8000
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(if $(shell \
	$(name) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(name))))
VENV := .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
SOURCES := --no-binary pyrtmp --no-build-isolation  # the one exception: it has no wheel, and is built by what is pinned

.PHONY: help setup serve test bench check migrations docs schema lock clean

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed; name it with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

# A stamp says which lock was installed; a newer lock installs again.
$(VENV)/build: requirements-build.lock | $(VENV)/bin/python
	@$(INSTALL) -r requirements-build.lock
	@touch $@

$(VENV)/runtime: requirements.lock $(VENV)/build
	@echo "Installing what requirements.lock names; the first time this takes a minute or two."
	@$(INSTALL) $(SOURCES) -r requirements.lock
	@touch $@

$(VENV)/development: requirements-dev.lock $(VENV)/build
	@echo "Installing what requirements-dev.lock names; the first time this takes a minute or two."
	@$(INSTALL) $(SOURCES) -r requirements-dev.lock
	@touch $@ $(VENV)/runtime

setup: $(VENV)/development  ## Prepare .venv with everything that serve and test need

serve: $(VENV)/runtime  ## Serve on http://127.0.0.1:8000; PORT=8001 and ARGS="--workers 2" change it
	@exec $(RUN) main.py serve --port $(PORT) $(ARGS)

test: $(VENV)/development  ## Run all tests, or some: ARGS=tests/kit
	$(RUN) -m pytest $(ARGS)

bench: $(VENV)/development  ## Measure: boards, leagues and what else has a size; ARGS=--write keeps it in bench/results.md
	$(RUN) -m bench $(ARGS)

check: $(VENV)/development  ## Lint, format, types, the house, the schema's habits and snapshots, trusted documents, the migrations
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy .
	$(RUN) -m pytest -n 0 tests/test_house.py tests/schema/test_lint.py tests/schema/test_breaking.py
	@$(RUN) main.py export-schema | diff schema.graphql - >/dev/null || { echo "schema.graphql is behind: make schema"; exit 1; }
	$(RUN) main.py documents verify
	$(RUN) -m models.migrations --check

schema: $(VENV)/development  ## Write schema.graphql anew
	$(RUN) main.py export-schema schema.graphql

docs: $(VENV)/runtime  ## Write the table of settings in docs/running.md anew
	$(RUN) -m server.settings_page

migrations: $(VENV)/development  ## Write the next migration from the models; NAME=what_it_does
	$(RUN) -m models.migrations $(NAME)

lock:  ## Write the lock files from pyproject.toml; needs uv
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--quiet --group build -o requirements-build.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--quiet -o requirements.lock pyproject.toml
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--quiet --extra dev -o requirements-dev.lock pyproject.toml

clean:  ## Remove .venv and caches; ./data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
