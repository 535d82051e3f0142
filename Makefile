PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test bench truth goldens clean

demo: $(VENV)/.installed
	@$(BIN)/python -m tests.demo

test: $(VENV)/.tested
	$(BIN)/ruff check cachekit tests
	$(BIN)/ruff format --check cachekit tests
	$(BIN)/mypy
	$(BIN)/pytest -n 2

truth: $(VENV)/.tested
	@$(BIN)/python -m tests.truth

goldens: $(VENV)/.tested
	$(BIN)/python -m tests.golden

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -e .
	$(BIN)/python -m compileall -q cachekit  # an editable install leaves this to the first run, which may not write
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e ".[tokens,zstd]" --group dev
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .bench
