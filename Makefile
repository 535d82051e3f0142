PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test fuzz test-stacks measure test-clients test-beside test-lowest bench bench-tracker bench-pull bench-warm truth goldens clean

# Each line shows a command and runs it; those that end in a 1 are meant to fail.
demo: $(VENV)/.installed
	@set -e; show() { expected=$$1; shift; printf '\n$$ cachekit %s\n' "$$*"; code=0; \
	  $(BIN)/cachekit "$$@" || code=$$?; echo "(exit $$code)"; test "$$code" = "$$expected"; }; \
	show 1 audit fixtures/requests/litellm/support_bot.json --backend litellm --strict; \
	show 0 audit fixtures/requests/litellm/support_bot_fixed.json --backend litellm --strict; \
	show 0 audit fixtures/requests/anthropic/support_bot_today.json \
	  --against fixtures/requests/anthropic/support_bot_yesterday.json; \
	show 0 report fixtures/logs/calls.ndjson; \
	show 0 report fixtures/logs/calls.ndjson --by cause; \
	show 0 replay fixtures/logs/calls.ndjson --best

test: $(VENV)/.tested
	$(BIN)/ruff check cachekit tests
	$(BIN)/ruff format --check cachekit tests
	$(BIN)/mypy
	$(BIN)/pytest -n 2

# The property tests on examples that nobody has seen.
fuzz: $(VENV)/.tested
	$(BIN)/pytest -n 2 --hypothesis-profile default

truth: $(VENV)/.tested
	@$(BIN)/python -m tests.truth

bench: $(VENV)/.tested
	@$(BIN)/python -m tests.bench.report
	@$(BIN)/python -m tests.bench.simulators
	@$(BIN)/python -m tests.bench.causes

bench-pull: $(VENV)/.tested
	@$(BIN)/python -m tests.bench.pull

# The libraries themselves against their models, in environments of their own. SETS="older" for the releases of a year
# before; MORE="--examples 1000 --seed 7 --fresh" and the like.
SETS ?= measured newest
test-stacks: $(BIN)/python
	@$(BIN)/python -m tests.stacks.run $(SETS) $(MORE)

# One release of a library: what it does with a marker in every place of every route, and what changed since the one
# measured before. MORE="--fresh" measures again; an interrupted run goes on.
measure: $(VENV)/.tested
	@test -n "$(LIBRARY)" || { echo "make measure LIBRARY=litellm VERSION=1.110.2"; exit 2; }
	@$(BIN)/python -m tests.stacks.measure $(LIBRARY) $(VERSION) $(MORE)

# The tracker on libraries that pin older SDKs, in environments of their own.
test-clients: $(BIN)/python
	@$(BIN)/python -m tests.tracker.elsewhere.run $(MORE)

# What would be installed beside us: none of these libraries may be held back by our bounds.
test-beside: $(VENV)/.tested
	@$(BIN)/python -m tests.beside $(MORE)

# The tests on the lowest releases of all that we depend on.
test-lowest: $(BIN)/python
	@$(BIN)/python -m tests.lowest $(MORE)

bench-tracker: $(VENV)/.tested
	@$(BIN)/python -m tests.bench.tracker
	@$(BIN)/python -m tests.bench.tracker --log

bench-warm: $(VENV)/.tested
	@$(BIN)/python -m tests.bench.warm

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
