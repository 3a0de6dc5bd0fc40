# Two commands do everything: `make ci_safe` and `make test`. `make` alone prints help.

PYTHON ?= python3
CORES ?= 1
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN := $(BIN)/snakemake --cores $(CORES)
CODE := scripts tests

.DEFAULT_GOAL := help
.PHONY: help ci_safe ci_borderline local_only all leaderboard status test test-all test-llama-cpp test-vllm lint format bench embedded schemas lock clean

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

ci_safe: $(VENV)/.ready ## Measure the models that run anywhere and build the leaderboard (the main command)
ci_borderline: $(VENV)/.ready ## The same for models that a CI machine just manages
local_only: $(VENV)/.ready ## The same for models that need a machine of one's own
all: $(VENV)/.ready ## The same for every model that this machine can run
leaderboard: $(VENV)/.ready ## Build the leaderboard from the results that are there
ci_safe ci_borderline local_only all leaderboard:
	@$(RUN) $@ $(if $(MODELS),--config models=$(MODELS)); status=$$?; echo "The leaderboard: $(CURDIR)/leaderboard/LEADERBOARD.md"; exit $$status

status: $(VENV)/.ready ## Say what is up to date, and what is wanted and why
	@$(RUN) status $(if $(MODELS),--config models=$(MODELS))

test: $(VENV)/.ready-dev ## Run the tests
	$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/.ready-dev ## Run the tests, the slow ones too
	$(BIN)/python -m pytest

test-llama-cpp: $(VENV)/.ready-llama-cpp resources/llama-server/version.txt ## Install llama-cpp-python, build llama-server, test both (compiles for minutes)
	$(BIN)/python -m pytest -m "llama_cpp or llama_server" tests/backends tests/integration tests/unit

test-vllm: $(VENV)/.ready-dev ## Install vLLM for processors (2.5 GB) into .venv-vllm, test with it (minutes)
	@$(BIN)/python scripts/setup_vllm.py
	$(BIN)/python -m pytest -m vllm tests/backends tests/integration

lint: $(VENV)/.ready-dev ## Check style, types, schemas and the workflow
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/snakefmt --check workflow
	$(BIN)/mypy
	$(BIN)/python scripts/write_schemas.py --check
	$(BIN)/snakemake --lint

format: $(VENV)/.ready-dev ## Put all code into the project's style
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	$(BIN)/snakefmt workflow

bench: $(VENV)/.ready-dev ## Run the benchmarks of Yardstick itself (minutes, on a quiet machine)
	for file in tests/benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

embedded: $(VENV)/.ready ## Train the embedded models again from scratch (about 20 minutes)
	$(BIN)/python scripts/train_embedded.py --output workflow/resources/embedded

schemas: $(VENV)/.ready-dev ## Write the JSON Schemas anew from the code
	$(BIN)/python scripts/write_schemas.py

lock: ## Write the locked requirements anew from envs/*.in
	$(PYTHON) scripts/lock_requirements.py

clean: ## Delete what can be made again; results and leaderboard stay
	rm -rf $(VENV) .snakemake logs resources .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than 3.11; give a newer one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "error: $(PYTHON) -m venv does not work; install it, on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.ready: envs/requirements.txt | $(BIN)/python
	@echo "Setting up $(VENV), once, for a minute or two ..."
	@$(PIP) --requirement envs/requirements.txt
	@touch $@

$(VENV)/.ready-dev: envs/requirements-dev.txt $(VENV)/.ready
	@$(PIP) --requirement envs/requirements-dev.txt
	@touch $@

# GCC before 13 spoils llama.cpp's code for processors with AMX (GCC PR 114098): docs/backends-llama-cpp.md.
$(VENV)/.ready-llama-cpp: envs/requirements-llama-cpp.txt $(VENV)/.ready-dev
	@echo "Compiling llama-cpp-python, once, for some minutes ..."
	@grep -qs amx_int8 /proc/cpuinfo && export CMAKE_ARGS="-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8"; \
	$(PIP) --requirement envs/requirements-llama-cpp.txt
	@touch $@

resources/llama-server/version.txt: scripts/build_llama_server.py | $(BIN)/python
	@$(BIN)/python scripts/build_llama_server.py
	@touch $@
