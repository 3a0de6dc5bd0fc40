# Two commands do everything: `make ci_safe` and `make test`. `make` alone prints help.

PYTHON ?= python3
CORES ?= 1
VENV := .venv
BIN := $(VENV)/bin
# Two test files at a time: many tests wait for programs, and timing jobs wait for one another by themselves.
PYTEST := $(BIN)/python -m pytest
BESIDE := -n 2 --dist loadfile
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN := $(BIN)/snakemake --cores $(CORES)
CODE := scripts tests

.DEFAULT_GOAL := help
.PHONY: contribution measure watch collect publish lint-workflows
.PHONY: help ci_safe ci_borderline local_only all leaderboard status test test-all test-llama-cpp test-llama-server test-vllm test-slurm lint format bench embedded schemas lock clean

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
	$(PYTEST) $(BESIDE) -m "not slow and not slurm"

test-all: $(VENV)/.ready-dev ## Run the tests, the slow ones too
	$(PYTEST) $(BESIDE) -m "not slurm" --ignore tests/regressions
	@# These time real slowdowns, so nothing runs beside them.
	$(PYTEST) -m "not slurm" tests/regressions

test-llama-cpp: $(VENV)/.ready-llama-cpp ## Install llama-cpp-python into .venv (compiles for minutes) and test it
	$(PYTEST) -m llama_cpp

test-llama-server: $(VENV)/.ready-llama-cpp resources/llama-server/version.txt ## Build llama.cpp's own server and test it (compiles for minutes)
	$(PYTEST) -m llama_server

test-vllm: $(VENV)/.ready-dev setup-vllm ## Install vLLM for processors (2.5 GB) into .venv-vllm, test with it (minutes)
	$(PYTEST) -m vllm

.PHONY: harness pin-suite test-harness
harness: $(VENV)/.ready-harness ## Install lm-evaluation-harness into .venv, for suites of its tasks

pin-suite: $(VENV)/.ready-harness ## Fetch the data of a SUITE of kind lm_eval, and pin in its file what it asks
	@$(BIN)/python scripts/pin_suite.py "$${SUITE:?give SUITE=name, of config/suites/name.yaml}"

test-harness: $(VENV)/.ready-harness $(VENV)/.ready-dev ## Install lm-evaluation-harness into .venv and test with it
	$(BIN)/python -m pytest -m harness

.PHONY: setup-vllm
setup-vllm: | $(BIN)/python
	@$(BIN)/python scripts/setup_vllm.py

test-slurm: $(VENV)/.ready-slurm $(VENV)/.ready-dev ## Run through a real SLURM on this machine (as root, installs it on Debian) and test with it
	@PATH="$$PATH:/usr/sbin"; { command -v munged && command -v slurmctld && command -v slurmd; } >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null; } || \
	  { echo "error: SLURM is not installed; as root on Debian: apt-get install slurm-wlm munge"; exit 1; }
	@# Both mostly wait for SLURM, each for a cluster of its own.
	@output=$$(mktemp); failures=tests/slurm/test_slurm_failures.py; \
	$(PYTEST) -m slurm $$failures >"$$output" 2>&1 & beside=$$!; \
	$(PYTEST) -m slurm tests/slurm --ignore $$failures; status=$$?; \
	wait $$beside || status=1; cat "$$output"; rm "$$output"; exit $$status

lint: $(VENV)/.ready-dev lint-workflows ## Check style, types, schemas and the workflow
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/snakefmt --check workflow
	$(BIN)/mypy
	$(BIN)/python scripts/write_schemas.py --check
	$(BIN)/snakemake --lint

contribution: $(VENV)/.ready ## Check new results and show what to commit (BASE=origin/main checks what was committed since)
	@$(BIN)/python scripts/check_contribution.py $${BASE:+--base "$$BASE"} $${HEAD:+--head "$$HEAD"} \
	  $${REPOSITORY:+--repository "$$REPOSITORY"}

measure: $(VENV)/.ready ## Measure a TIER as CI does: strictly, under the label MACHINE (also: MODELS, EPOCH, CORES)
	@$(BIN)/python scripts/measure_tier.py

watch: $(VENV)/.ready ## Fail if what `make measure` measured is worse than earlier results (same variables)
	@$(BIN)/python scripts/watch_tier.py

collect: $(VENV)/.ready ## Put the results that git does not know yet where `make publish` finds them
	@$(BIN)/python scripts/collect_results.py

publish: $(VENV)/.ready ## Commit collected results and the leaderboard as the bot, and push them to BRANCH (main)
	@$(BIN)/python scripts/publish_results.py $${BRANCH:+--branch "$$BRANCH"}

.PHONY: regressions compare compact
regressions: $(VENV)/.ready ## Fail if this machine's newest results are worse than the earlier ones (also: MODELS, MACHINE)
	@$(RUN) regressions $(if $(MODELS)$(MACHINE),--config $(if $(MODELS),models=$(MODELS)) $(if $(MACHINE),machine=$(MACHINE)))

compare: $(VENV)/.ready ## Fail if this commit is slower than BASE (origin/main), measured side by side (also: MODELS)
	@$(BIN)/python scripts/compare_revisions.py --base "$${BASE:-origin/main}" --models "$${MODELS:-}" --threads $(CORES)

compact: $(VENV)/.ready ## Move superseded results into history/, one file per metric and year
	@$(BIN)/python scripts/compact_history.py

lint-workflows: $(VENV)/.ready-dev ## Check the GitHub workflows
	$(BIN)/actionlint
	$(BIN)/zizmor --offline --quiet --no-progress .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

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
LLAMA_CPP_OPTIONS := $(if $(shell grep -s amx_int8 /proc/cpuinfo),-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8)

.PHONY: wheel-llama-cpp
wheel-llama-cpp: $(VENV)/.ready
	@CMAKE_ARGS="$(LLAMA_CPP_OPTIONS)" $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir resources/wheels \
	  $$(grep '^llama_cpp_python==' envs/requirements-llama-cpp.txt)

$(VENV)/.ready-llama-cpp: envs/requirements-llama-cpp.txt $(VENV)/.ready-dev
	@echo "Compiling llama-cpp-python unless it is kept already, for some minutes ..."
	@CMAKE_ARGS="$(LLAMA_CPP_OPTIONS)" $(PIP) --find-links resources/wheels --requirement envs/requirements-llama-cpp.txt
	@touch $@

$(VENV)/.ready-harness: envs/requirements-harness.txt $(VENV)/.ready
	@echo "Installing lm-evaluation-harness, once, for a minute ..."
	@$(PIP) --requirement envs/requirements-harness.txt
	@touch $@

$(VENV)/.ready-slurm: envs/requirements-slurm.txt $(VENV)/.ready
	@$(PIP) --requirement envs/requirements-slurm.txt
	@touch $@

resources/llama-server/version.txt: scripts/build_llama_server.py | $(BIN)/python
	@$(BIN)/python scripts/build_llama_server.py
	@touch $@
