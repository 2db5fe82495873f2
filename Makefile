# `make check` is exactly what CI runs; `make check-all` adds what takes longer.
PYTHON := .venv/bin/python

.PHONY: check check-all fast lint docs format

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

# The site, in site/index.html. A broken link, an undocumented name or a page without a place in the
# contents is an error.
docs: | $(PYTHON)
	$(PYTHON) -m sphinx -q -W -n --keep-going -c docs . site

$(PYTHON):
	pip install -q uv
	uv venv -q
	uv pip install -q -r requirements.lock -e .

format:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
