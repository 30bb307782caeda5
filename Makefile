# Tanbu. `make run` and `make test` do all set-up themselves; `make help` lists the rest.
# Wanted on the machine: Python 3.11, 3.12 or 3.13 with its venv module, and make.

PYTHON ?= python3
VENV   ?= .venv
DATA   ?= var
PORT   ?= 8000
ONCE   ?=

BIN := $(VENV)/bin
# Every file is named with its hash, wheels only: nothing unpinned is fetched, nothing is compiled.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
PINNED := --require-hashes --only-binary :all:

.PHONY: help run test check bench docs fuzz simulate lock clean setup setup-dev moved
.DELETE_ON_ERROR:
.NOTPARALLEL:

help:
	@echo 'make run      start the service with the sample book  (PORT=8000 DATA=var; ONCE=1: verify, audit, stop)'
	@echo 'make test     run all tests'
	@echo 'make check    ruff, format, mypy --strict, import-linter, house tests'
	@echo 'make bench    measure this machine and the service on it'
	@echo 'make fuzz     run the property tests with many more examples'
	@echo 'make simulate play random logs with faults from seeds  (ARGS="--seed 1 --seeds 20 --entries 50000")'
	@echo 'make docs     make the reference pages from the code'
	@echo 'make lock     pin what pyproject.toml names, with hashes (network; ARGS=--upgrade: the newest)'
	@echo 'make clean    remove what these made, but no data'

run: setup
	@$(BIN)/tanbu sample --data "$(DATA)" --port $(PORT) $(if $(filter-out 0,$(ONCE)),--once)

test: setup-dev
	@$(BIN)/python -m pytest

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict registry tools tests/house
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house

bench: setup
	@$(BIN)/tanbu bench $(ARGS)

docs: setup-dev
	@$(BIN)/python -m tools.reference
	@$(BIN)/python -m tests.scenarios.table

fuzz: setup-dev
	@$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=fuzz

simulate: setup-dev
	@$(BIN)/python -m tools.simulate $(ARGS)

# --- the environment: each step leaves a stamp, so that a second run does not repeat it ---

setup: $(VENV)/.run
setup-dev: $(VENV)/.run $(VENV)/.dev

# An environment knows its own path: one that was moved or copied here is made anew.
ifneq ($(wildcard $(VENV)/.base),)
ifneq ($(file <$(VENV)/.base),$(CURDIR))
$(VENV)/.base: moved
endif
endif

$(VENV)/.base:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo '$(PYTHON) is missing. Install it: sudo apt-get install python3 python3-venv' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v[:2] <= (3, 13) else f"$(PYTHON) is Python {v[0]}.{v[1]}; Tanbu needs 3.11, 3.12 or 3.13: sudo apt-get install python3 python3-venv, or name another one: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo 'The venv module of $(PYTHON) is missing. Install it: sudo apt-get install python3-venv' >&2; exit 1; }
	@test ! -e "$(VENV)" -o -e "$(VENV)/pyvenv.cfg" || { \
	  echo '$(VENV) is no virtual environment; it will not be overwritten.' >&2; exit 1; }
	@echo 'Making $(VENV) from hash-pinned requirements (once; about a minute).'
	@rm -rf "$(VENV)"
	@$(PYTHON) -m venv "$(VENV)"
	@printf '%s\n' '$(CURDIR)' > "$@"

$(VENV)/.run: $(VENV)/.base requirements/build.txt requirements/run.txt pyproject.toml
	@$(PIP_INSTALL) $(PINNED) -r requirements/build.txt -r requirements/run.txt
	@PYTHONWARNINGS=ignore $(PIP_INSTALL) --no-build-isolation --no-index --editable .
	@touch "$@"

# merkletools is source only; the pinned setuptools builds it, its own dependency is left out.
$(VENV)/.dev: $(VENV)/.run requirements/dev.txt requirements/merkletools.txt
	@$(PIP_INSTALL) $(PINNED) -r requirements/dev.txt
	@$(PIP_INSTALL) --require-hashes --no-build-isolation --use-pep517 -r requirements/merkletools.txt
	@touch "$@"

# --- upkeep ---

COMPILE := CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --generate-hashes \
  --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(ARGS)

lock: setup-dev
	$(COMPILE) --output-file requirements/build.txt requirements/build.in
	$(COMPILE) --output-file requirements/run.txt pyproject.toml
	$(COMPILE) --extra dev --constraint requirements/run.txt --constraint requirements/build.txt \
	  --output-file requirements/dev.txt pyproject.toml

clean:
	rm -rf "$(VENV)" build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache \
	  .pytest_cache .ruff_cache .schemathesis schemathesis-report
	find registry migrations tools tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
