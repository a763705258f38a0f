# Each target makes what it needs: on a machine with only Python (3.11 or newer) and make,
# `make demo` and `make test` work as they are. PYTHON=... chooses the Python by hand.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --constraint constraints.txt

# One thread per process: pytest shares out the cores, and the idle threads of a native library
# wait by spinning.
export OMP_NUM_THREADS := 1
export MLFLOW_DISABLE_TELEMETRY := true
# Compiled files are kept: without them every process that a test starts compiles all files again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-quick slow-tests lint types docs benchmarks audit wheel-test test-lowest licences
.PHONY: constraints mutation pictures clean

help:
	@echo "make install      .venv with everything (Spark runs where Java 17 is)"
	@echo "make demo         train on real deals and show what comes of it"
	@echo "make test         rules, formatting, types and tests, as CI runs them"
	@echo "make test-quick   the tests without the slow ones, for daily work"
	@echo "make slow-tests   run all tests and write which of them are slow, in tests/slow_tests.txt"
	@echo "make lint         rules and formatting (ruff)"
	@echo "make types        types (mypy, strict)"
	@echo "make audit        known holes in our code and in the packages it is tested with (asks an advisory service)"
	@echo "make wheel-test   build the wheel, install it elsewhere, do the main job with it"
	@echo "make test-lowest  the quick tests with the oldest versions that pyproject.toml allows"
	@echo "make docs         the documentation in site/: concepts, guides, reference"
	@echo "make benchmarks   every table of benchmarks/, one after the other"
	@echo "make pictures     the app's pages and scenes as pictures in build/pictures, to be looked at"
	@echo "make mutation     change the code in 150 small ways and see whether a test notices (an hour; goes on where it stopped)"
	@echo "make licences     list what fitmodel needs and under which licence, in THIRD_PARTY.md"
	@echo "make constraints  pin the newest versions that fit, in constraints.txt"
	@echo "make clean        remove .venv and caches; models, runs and reports stay"

# --- the environment: two stamps say what .venv holds -----------------------------------------

$(BIN)/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "this Python cannot make environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "fitmodel needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || echo none)." >&2; \
	echo "Install one, or name it: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(VENV)/.has-demo: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.has-everything: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/.has-demo $@

install: $(VENV)/.has-everything

# --- what people come for ---------------------------------------------------------------------

demo: $(VENV)/.has-demo
	$(BIN)/fitmodel demo

test: lint types
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder  # what a file's tests share is made once

test-quick: $(VENV)/.has-everything
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

slow-tests: $(VENV)/.has-everything
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --list-slow

lint: $(VENV)/.has-everything
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/bandit --configfile pyproject.toml --recursive src --quiet

types: $(VENV)/.has-everything
	$(BIN)/mypy

docs: $(VENV)/.has-everything
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "open site/index.html"

benchmarks: $(VENV)/.has-everything
	@for script in benchmarks/[a-z]*.py; do \
	  echo; echo "== $$script"; \
	  $(BIN)/python "$$script" || exit 1; \
	done

# The scenes are those of the tests; Debian's chromium takes them.
pictures: $(VENV)/.has-everything
	mkdir -p build/pictures
	$(BIN)/python docs/screenshots.py --all --output build/pictures
	FITMODEL_PICTURES=build/pictures/scenes $(BIN)/pytest tests/service/test_app_scenes.py
	@echo "open build/pictures"

# ARGS="--room sales --sample 30" for a part.
mutation: $(VENV)/.has-everything
	$(BIN)/python tests/supply/mutation.py $(or $(ARGS),--sample 150)

# --- what is let in -----------------------------------------------------------------------------

# Strict, so that a service that does not answer is not taken for a clean bill. CI runs bandit only.
audit: $(VENV)/.has-everything
	$(BIN)/bandit --configfile pyproject.toml --recursive src --quiet
	$(BIN)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip --progress-spinner off

# No source tree there: what is missing in the wheel is missed.
wheel-test: $(VENV)/.has-everything
	rm -rf build/wheel
	$(BIN)/python -m hatchling build -t wheel -d build/wheel
	$(MAKE) build/wheel/venv/bin/python VENV=build/wheel/venv
	build/wheel/venv/bin/python -m pip --disable-pip-version-check install --constraint constraints.txt \
	  "$$(echo build/wheel/*.whl)[service]" pytest httpx2
	cp tests/supply/smoke_wheel.py build/wheel
	cd build/wheel && venv/bin/python -m pytest smoke_wheel.py

# Not Spark, nor tests that need what only developers install. Old packages warn of one another.
test-lowest: $(VENV)/.has-everything
	rm -rf build/lowest
	$(MAKE) build/lowest/bin/python VENV=build/lowest
	$(BIN)/python tests/supply/lowest.py > build/lowest/constraints.txt
	build/lowest/bin/python -m pip --disable-pip-version-check install \
	  --constraint build/lowest/constraints.txt --editable '.[demo,service,shap,sql]' pytest hypothesis httpx2
	build/lowest/bin/pytest -m "not slow" -W default --ignore tests/service \
	  --ignore tests/deals/test_censoring.py --ignore tests/deals/test_outcomes.py \
	  --ignore tests/deals/test_survival.py --ignore tests/decision/test_peers.py \
	  --ignore tests/scoring/test_spark.py \
	  tests/learning tests/model tests/decision tests/deals tests/tracking tests/scoring
	build/lowest/bin/pytest -W default tests/tracking/test_runs.py tests/tracking/test_registry.py \
	  tests/tracking/test_locating.py tests/tracking/test_lifecycle.py tests/tracking/test_pyfunc_model.py

licences: $(VENV)/.has-everything
	@mkdir -p build
	$(BIN)/python tests/supply/third_party.py > build/THIRD_PARTY.md
	mv build/THIRD_PARTY.md THIRD_PARTY.md

# A clean environment without constraints: what pip would choose today. Run the tests after it.
constraints:
	rm -rf build/constraints
	$(MAKE) build/constraints/bin/python VENV=build/constraints
	build/constraints/bin/python -m pip --disable-pip-version-check install --editable '.[dev]'
	build/constraints/bin/python -m pip freeze --exclude-editable > build/constraints.txt
	build/constraints/bin/python tests/supply/third_party.py > build/THIRD_PARTY.md
	{ sed -n '/^#/p' constraints.txt; cat build/constraints.txt; } > build/new.txt
	mv build/new.txt constraints.txt
	mv build/THIRD_PARTY.md THIRD_PARTY.md
	rm -rf build

clean:
	rm -rf $(VENV) build site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
