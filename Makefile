# `make run` shows it, `make test` proves it. Nothing is needed but Python 3.11 or newer, make and git.
#
#   make run      the demo: every flow once, over real HTTP, with a SQLite file to look at afterwards;
#                 ARGS="--bus nats" lets two consumers follow it over a real NATS server
#   make test     all tests; ARGS="-k login -x" goes to pytest; what was skipped, and why, stands at the end
#   make check    lint, format, types, imports, dependencies, generated pages
#   make bench    the benchmarks; ARGS goes to them
#   make docs     writes the generated pages of docs/reference anew
#   make format   puts the source in order
#   make clean    removes what these made

VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
PYTHONS := $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check lint types imports dependencies pages bench docs format clean install dev

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^$$/q' ; sed -n 's/^#   /  /p' Makefile

# ---------------------------------------------------------------------------------------------------- what is installed

$(BIN)/python:
	@for candidate in $(PYTHONS); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	  echo "limen needs Python 3.11 or newer, and none of these is one: $(PYTHONS). Install it, or name it: make PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); echo "no virtual environment: is the package python3-venv installed?" >&2; exit 1; }

# Dependency groups need pip 25.1; what comes with Python 3.11 is older.
$(VENV)/.pip: | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.installed: pyproject.toml hatch_build.py | $(VENV)/.pip
	@echo "installing limen"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml hatch_build.py | $(VENV)/.pip
	@echo "installing limen with everything its tests and checks need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed
dev: $(VENV)/.dev

# ------------------------------------------------------------------------------------------------------- what one calls

run: $(VENV)/.installed
	@$(BIN)/limen demo $(ARGS)

test: $(VENV)/.dev
	@$(BIN)/python -m pytest $(ARGS)

bench: $(VENV)/.dev
	@$(BIN)/python -m tests.benchmarks $(ARGS)

docs: $(VENV)/.installed
	@$(BIN)/limen docs $(ARGS)

check: lint types imports dependencies pages
	@echo "all checks passed"

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/mypy
	@$(BIN)/mypy tests
	@$(BIN)/pyright

imports: $(VENV)/.dev
	@$(BIN)/lint-imports --no-logo

dependencies: $(VENV)/.dev
	@$(BIN)/deptry .

# Diagrams, event schemas and command pages are generated and committed; here they are only compared.
pages: $(VENV)/.dev
	@if $(BIN)/limen docs --help >/dev/null 2>&1; then $(BIN)/limen docs --check; \
	else echo "generated pages: not compared, limen has no command 'docs' yet"; fi

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
