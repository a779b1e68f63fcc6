# Every target does its own set-up; only `make` and a Python 3.11 or newer with `venv` must be there.
#   make quickstart            learn from recorded episodes, then operate a real browser
#   make test                  pass the tests (PYTEST="-k config" for a part of them, WORKERS=0 in one process)
#   make test TRANSFORMERS=5   the same with the newest transformers 5.x, in an environment of its own
#   make train ARGS="--lr 1e-5"
#   make bench                 measure speed beside TRL and others, each in an environment of its own
PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; \
	done),python3)
TRANSFORMERS ?=
ARGS ?=
PYTEST ?=
WORKERS ?= 2
VENV := .venv$(if $(TRANSFORMERS),-transformers$(TRANSFORMERS))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
READY := $(VENV)/.ready
BROWSER := $(VENV)/.browser
# What mosaicml-streaming asks for, but for its pin of transformers, which the tests show it does not need.
STREAMING_REQUIREMENTS := import importlib.metadata as m; \
	wanted = m.requires("mosaicml-streaming"); \
	print(*(r for r in wanted if "extra ==" not in r and not r.startswith("transformers")), sep="\n")

.PHONY: help quickstart test test-transformers5 lint format train bench docs setup clean

help:
	@sed -n 's/^#   //p' Makefile

quickstart: $(READY) $(BROWSER)
	$(BIN)/screensmith quickstart $(ARGS)

test: $(READY) $(BROWSER)
	@test -e $(BROWSER) || export SCREENSMITH_NO_BROWSER=1; $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

test-transformers5:
	$(MAKE) test TRANSFORMERS=5

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

train: $(READY)
	$(BIN)/screensmith train $(ARGS)

bench: $(READY)
	$(BIN)/python bench/run.py $(ARGS)
	$(BIN)/python bench/report.py

# The pages that are made from the code.
docs: $(READY)
	$(BIN)/screensmith settings --format markdown > docs/configuration.md
	$(BIN)/screensmith settings --format env > .env.example
	$(BIN)/screensmith settings --format showui > docs/showui.md

setup: $(READY) $(BROWSER)

# The stamp is written last, so that an installation that was cut short is taken up again.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "screensmith needs Python 3.11 or newer; '$(PYTHON)' is not. Set PYTHON, for example" \
		"make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { \
		echo "'$(PYTHON)' cannot make virtual environments; on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV) (once, and again when pyproject.toml changes)"
	$(PYTHON) -m venv $(VENV)
ifeq ($(TRANSFORMERS),)
	$(PIP) --editable '.[mds,browser,dev]'
else
	$(PIP) --editable '.[browser,dev]' 'transformers~=$(TRANSFORMERS).0' boto3
	$(PIP) --no-deps 'mosaicml-streaming>=0.13'
	$(BIN)/python -c '$(STREAMING_REQUIREMENTS)' > $(VENV)/streaming.txt
	$(PIP) --requirement $(VENV)/streaming.txt
endif
	@touch $@

# Without a browser the quickstart and the tests go on and say what they leave out; the next `make` tries again.
$(BROWSER): $(READY)
	@if $(BIN)/screensmith install-chromium; then touch $@; else echo "going on without a browser"; fi

clean:
	rm -rf .venv .venv-transformers* .mypy_cache .ruff_cache .pytest_cache .hypothesis
