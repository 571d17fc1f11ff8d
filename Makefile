# Every target sets up what it needs by itself: Python 3.11 or newer and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo

.PHONY: help setup demo test test-slow lint types docs clean

help:
	@echo "make demo       simulate assays, train, predict and evaluate (a few minutes)"
	@echo "make test       run the tests"
	@echo "make test-slow  run the longer studies too"
	@echo "make lint       check style and layers"
	@echo "make types      check types"
	@echo "make docs       build the documentation into site/"
	@echo "make clean      remove what the other targets made (not the environment $(VENV))"

setup: $(VENV)/.dev

# The stamps make set-up run once, and again when the requirements change.
$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name a newer one: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Setting up $(VENV) (once; it downloads PyTorch and takes a few minutes)"
	$(PYTHON) -m venv $(VENV)

# FOXA1 from ChIP-seq peaks, to be predicted on HT-SELEX reads that training never saw.
demo: $(VENV)/.dev
	rm -rf $(DEMO)
	$(BIN)/dann-tfbs simulate $(DEMO)/assays --scale small
	$(BIN)/dann-tfbs prepare --ibis-root $(DEMO)/assays --genome $(DEMO)/assays/genome.fa \
	  --tf FOXA1 --assay CHS --target HTS --out $(DEMO)/table
	$(BIN)/dann-tfbs train --data $(DEMO)/table --target HTS --seeds 1 --out $(DEMO)/run
	$(BIN)/dann-tfbs predict $(DEMO)/run $(DEMO)/assays/test/HTS_participants.fasta \
	  --out $(DEMO)/predictions.tsv
	$(BIN)/dann-tfbs evaluate $(DEMO)/predictions.tsv $(DEMO)/assays/test/answers/HTS_FOXA1.json

test: $(VENV)/.dev
	$(BIN)/python -m pytest

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m "slow or not slow"

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev
	$(BIN)/mypy

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(DEMO) site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find dann_tfbs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
