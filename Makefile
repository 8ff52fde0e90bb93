# make run, make test: nothing else is needed on a fresh machine with Python 3.11 or 3.12 and git.
PYTHON ?= $(firstword $(foreach v,python3.11 python3.12 python3,$(shell command -v $(v) 2>/dev/null)))
TORCH  ?= torch==2.13.0
# CUDA builds of torch bring their own; elsewhere its interpreter runs the kernels in the tests.
TRITON ?= triton==3.9.0
# Triton has wheels for these only; elsewhere the tests of its kernels are skipped by name.
TRITON_IS_HERE := $(filter Linux-x86_64 Linux-aarch64,$(subst $() $(),-,$(shell uname -sm)))
INSTALL_TRITON  = $(if $(TRITON_IS_HERE),$(BIN)/pip install --quiet --disable-pip-version-check $(TRITON),true)
VENV   := .venv
READY  := $(VENV)/.ready
BIN    := $(VENV)/bin
export KEDRO_DISABLE_TELEMETRY := 1

# $(call APT,package): root installs, others where sudo asks nothing.
APT = { SUDO=; [ "$$(id -u)" = 0 ] || SUDO="sudo -n"; $$SUDO apt-get update -qq \
  && $$SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) \
  >/dev/null; }

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all lint audit gpu-test bench bench-data viz layers lock clean chromium redis spark

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and install the pinned set; TORCH=torch==2.8.0 picks another torch

run: $(READY) ## run every pipeline in the smoke environment (ML-100K, CPU, two minutes)
	$(BIN)/kedro run

test: SLOW = -m "not slow"
test: ## run the test suite
test-all: ## run the slow tests too
test test-all: $(READY) chromium redis spark
	$(BIN)/python -m pytest tests/test_smoke.py
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 \
	  $(BIN)/python -m pytest -n 2 --dist worksteal $(SLOW) --ignore tests/test_smoke.py

lint: $(READY) ## ruff, mypy --strict, import-linter, shellcheck
	$(BIN)/ruff check src tests benchmarks notebooks docs
	$(BIN)/ruff format --check src tests benchmarks notebooks docs
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck runpod_entrypoint.sh

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

lock: $(READY) ## write what is installed into constraints.txt
	@{ head -2 constraints.txt; $(BIN)/pip freeze --exclude-editable \
	  | grep -viE '^(torch|triton|nvidia|cuda)|@'; } > constraints.tmp && mv constraints.tmp constraints.txt

clean: ## remove .venv, caches and everything runs have written below data/
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .viz build src/*.egg-info
	find data -type f ! -name .gitkeep -delete
	find data -mindepth 2 -type d -empty -delete

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	  || { echo "Python 3.11 or 3.12 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { $(call APT,python3-venv) && $(PYTHON) -m venv $(VENV); }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt "$(TORCH)" -e ".[dev]"
	@$(BIN)/python -c 'import triton' 2>/dev/null \
	  || $(INSTALL_TRITON)
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

# The second engine and the Java it runs on, likewise.
spark: $(READY)
	@$(BIN)/python -c 'import pyspark' 2>/dev/null \
	  || $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[spark]" "$(TORCH)"
	@command -v java >/dev/null || $(call APT,openjdk-17-jre-headless) \
	  || echo "Java is missing and cannot be installed here: the tests of Spark will be skipped"
