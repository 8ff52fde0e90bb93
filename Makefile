# make run, make test: nothing else is needed on a fresh machine with Python 3.11 to 3.14 and git.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
FITS    := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON  ?= $(shell for p in $(PYTHONS); do $$p -c '$(FITS)' 2>/dev/null && command -v $$p && break; done)
# A requirement such as torch==2.8.0; set_up.py chooses the build for this machine where it is empty.
TORCH   ?=
VENV   := .venv
READY  := $(VENV)/.ready
TESTS  := $(VENV)/.tests
BIN    := $(VENV)/bin
CODE   := src tests benchmarks notebooks docs set_up.py setup.py
export KEDRO_DISABLE_TELEMETRY := 1

# $(call APT,package): root installs, others where sudo asks nothing.
APT = { SUDO=; [ "$$(id -u)" = 0 ] || SUDO="sudo -n"; $$SUDO apt-get update -qq \
  && $$SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) \
  >/dev/null; }

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all lint audit gpu-test bench bench-data viz layers docs docs-serve lock lock-check package clean chromium java redis zensical

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and install the pinned set; TORCH=torch==2.8.0 decides on torch

run: $(READY) ## run every pipeline in the smoke environment (ML-100K, CPU, a few minutes)
	$(BIN)/kedro run

test: SLOW = -m "not slow"
test: ## run the test suite
test-all: ## run the slow tests too
test test-all: $(TESTS) chromium java redis
	$(BIN)/python -m pytest tests/test_smoke.py
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 \
	  $(BIN)/python -m pytest -n 2 --dist worksteal $(SLOW) --ignore tests/test_smoke.py

lint: $(READY) ## ruff, mypy --strict, import-linter, shellcheck
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(BIN):$$PATH" shellcheck runpod_entrypoint.sh

lock-check: $(READY) ## whether constraints.txt installs on every supported Python and system (asks the network)
	$(BIN)/python -m pytest -m network tests/test_lock.py

package: $(READY) ## build the wheel and the source archive into dist/
	$(BIN)/python -m build

audit: $(READY) ## known vulnerabilities of the pinned packages (asks the network)
	$(BIN)/pip-audit --disable-pip --no-deps --requirement constraints.txt --progress-spinner off

gpu-test: $(READY) ## the tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu

bench: $(READY) ## time the engine on this machine; writes benchmarks/results/ssm-<device>.csv
	cd benchmarks && ../$(BIN)/python ssm.py

bench-data: $(READY) ## time data processing from 1 to 32 million rows, beside pandas; 15 minutes
	cd benchmarks && ../$(BIN)/python data.py --millions 1 2 4 8 16 32 && ../$(BIN)/python data.py --millions 5 --pandas

viz: $(READY) ## open the pipelines in kedro-viz
	$(BIN)/kedro viz run

layers: $(READY) ## draw docs/images/layers.svg: which part of src imports which
	$(BIN)/python -m docs.draw_layers

docs: zensical ## build the site of docs/ into site/
	$(BIN)/zensical build --strict

docs-serve: zensical ## show the site in a browser, and follow edits
	$(BIN)/zensical serve --open

lock: $(READY) ## write what is installed into constraints.txt
	@{ head -2 constraints.txt; $(BIN)/pip freeze --exclude-editable \
	  | grep -viE '^(torch|triton|nvidia|cuda)|@'; } > constraints.tmp && mv constraints.tmp constraints.txt

clean: ## remove .venv, caches and everything runs have written below data/
	rm -rf $(VENV) site .cache .mypy_cache .pytest_cache .ruff_cache .viz build src/*.egg-info
	find data -type f ! -name .gitkeep -delete
	find data -mindepth 2 -type d -empty -delete

$(READY): pyproject.toml constraints.txt set_up.py
	@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c '$(FITS)' \
	  || { echo "Python 3.11 to 3.14 is needed: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { $(call APT,python3-venv) && "$(PYTHON)" -m venv $(VENV); }
	@TORCH="$(TORCH)" $(BIN)/python -I set_up.py --python $(BIN)/python --extras dev
	@$(BIN)/python -m seqrec.ops.warm_up
	@touch $@

# Debian's browser, for the tests that look at pages. Without the right to install it those tests
# are skipped by name, but never where CI is set.
chromium:
	@command -v chromium >/dev/null || $(call APT,chromium) \
	  || echo "chromium is missing and cannot be installed here: browser tests will be skipped"

# Where several workers of the service keep sessions, likewise.
redis:
	@command -v redis-server >/dev/null || $(call APT,redis-server) \
	  || echo "redis-server is missing and cannot be installed here: its tests will be skipped"

# The Java that Spark runs on, likewise.
java:
	@command -v java >/dev/null || $(call APT,openjdk-17-jre-headless) \
	  || echo "Java is missing and cannot be installed here: the tests of Spark will be skipped"

# The second engine, and Triton, whose interpreter runs the GPU's kernels: 600 MB that only tests need.
$(TESTS): $(READY)
	@TORCH="$(TORCH)" $(BIN)/python -I set_up.py --python $(BIN)/python --tests
	@touch $@

# What builds the site of docs/, without the tests.
zensical: $(READY)
	@$(BIN)/python -c 'import zensical' 2>/dev/null \
	  || TORCH="$(TORCH)" $(BIN)/python -I set_up.py --python $(BIN)/python --extras docs
