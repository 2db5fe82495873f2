# `make check` is exactly what CI runs; `make check-all` adds what takes longer.
PYTHON := .venv/bin/python

.PHONY: check check-all fast lint format

check:
	bash .ci/run

check-all: check
	$(PYTHON) -m pytest -m slow --durations=0 -v

# Seconds: nothing that loads TensorFlow.
fast:
	$(PYTHON) -m pytest -m "not slow and not tf"

lint:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	$(PYTHON) -m tests.wording

format:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
