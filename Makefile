# One command each: `make run` serves the dashboard, `make check` is quick, `make test` checks everything.
# The environment lives in .venv; each installation leaves a stamp and is done again only when its requirements change.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python,$(shell $(name) -c 'import sys; sys.version_info[:2] == (3, 11) and print("$(name)")' 2>/dev/null)))

RUNTIME := $(VENV)/.installed-runtime
PROJECT := $(VENV)/.installed-project
DEV := $(VENV)/.installed-dev
DOCS := $(VENV)/.installed-docs
FUZZ := $(VENV)/.installed-fuzz

.DEFAULT_GOAL := help
.PHONY: help setup run check test quick-tests all-tests shuffle coverage lint style types contracts format fuzz lock sbom audit models bench distances unlearned docs pictures

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(PROJECT) $(DEV)  ## install everything into .venv (the other targets do it by themselves)

run: $(PROJECT)  ## serve the dashboard (ARGS='--server.port 8600' and the like are passed on)
	$(BIN)/streamlit run server.py $(ARGS)

# Tests are compiled once and kept, whatever the machine's habit: else each process of each run rewrites 350 files.
unexport PYTHONDONTWRITEBYTECODE

# Every process takes one thread for torch. Tests that share something costly name a group, which one process runs; the
# quick ones are handed out in halves instead, which costs the process that hands out less than one by one.
SHARED := --numprocesses auto --maxprocesses 4 --dist loadgroup
# All tests get a process more than there are cores: those that wait for a browser, a server or a clock leave theirs to others.
WAITING := --numprocesses $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() or 1, 4) + 1)') --maxprocesses 5
QUICK := --dist worksteal --ignore tests/browser -m 'not slow and not browser'

check: $(PROJECT) $(DEV)  ## lint, types, import contracts and the quick tests: a minute, before each commit (ARGS='-k pgd')
	@$(BESIDE) lint quick-tests

test: $(PROJECT) $(DEV)  ## lint, types, import contracts and all tests with the browser test
	@$(BESIDE) lint all-tests

# Types are checked by one process, which takes half a minute where nothing is cached: the tests run beside it.
BESIDE := $(MAKE) --no-print-directory --jobs 2

quick-tests: $(PROJECT) $(DEV)
	@echo '== tests: the quick ones'
	$(BIN)/pytest $(SHARED) $(QUICK) $(ARGS)

all-tests: $(PROJECT) $(DEV)
	@echo '== tests: unit, page and browser'
	$(BIN)/pytest $(SHARED) $(WAITING)

shuffle: $(PROJECT) $(DEV)  ## the quick tests in three random orders: none may lean on another
	for seed in 1 2 3; do $(BIN)/pytest $(SHARED) $(QUICK) --random-order-bucket=global --random-order-seed=$$seed || exit 1; done

coverage: $(PROJECT) $(DEV)  ## how much of core and app the tests run; too little of either fails
	$(BIN)/pytest $(SHARED) -m 'not browser' --cov --cov-report=
	$(BIN)/coverage report --include='core/*' --fail-under=95
	$(BIN)/coverage report --include='app/*' --fail-under=85

ZOO := cifar10 fashion-mnist tiny20 pasted
JUDGED := cifar10 fashion-mnist  # tasks with the networks that these reports hold the others against
OF_JUDGED := adversarial explanations fooling transfer saliency anomaly latent

models: $(PROJECT) $(DEV)  ## train the zoo again and measure it; many hours, goes on where it stopped
	for task in $(ZOO); do $(BIN)/robustscope train $$task all || exit 1; done
	for task in $(ZOO); do $(BIN)/robustscope evaluate --task $$task --update-cards || exit 1; done
	for task in $(ZOO); do for report in robustness answers; do \
		$(BIN)/robustscope evaluate --task $$task --report $$report || exit 1; done; done
	$(BIN)/robustscope train-student imagenet
	for task in $(JUDGED); do $(BIN)/robustscope train-generator $$task || exit 1; \
		$(BIN)/robustscope evaluate --task $$task --report generator --update-cards || exit 1; \
		$(BIN)/robustscope make-gallery $$task || exit 1; done
	for task in $(ZOO); do $(BIN)/robustscope choose-opening $$task || exit 1; done
	for task in $(ZOO); do $(BIN)/robustscope calibrate --task $$task || exit 1; done
	for task in $(JUDGED); do for report in $(OF_JUDGED); do \
		$(BIN)/robustscope evaluate --task $$task --report $$report || exit 1; done; done

fuzz: $(PROJECT) $(DEV) $(FUZZ)  ## ten minutes of made-up files at every reader of what strangers send (ARGS='--seconds 60')
	$(BIN)/python -m tests.helpers.fuzz $(ARGS)

lint: style contracts types  ## lint, types and import contracts alone (each of the three is a target, too)

style: $(PROJECT) $(DEV)
	@echo '== lint (ruff)'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(PROJECT) $(DEV)
	@echo '== types (mypy)'
	$(BIN)/mypy

contracts: $(PROJECT) $(DEV)
	@echo '== import contracts (import-linter)'
	$(BIN)/lint-imports

pictures: $(PROJECT) $(DEV)  ## the README's pictures and film, from the dashboard without a data set
	ROBUSTSCOPE_DATA=/nonexistent $(BIN)/python -m docs.readme_pictures

docs: $(PROJECT) $(DOCS)  ## the documentation into build/docs; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

format: $(DEV)  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Robustscope needs Python 3.11: install it, or name it with PYTHON=/path/to/python3.11'; exit 1; }
	$(PYTHON) -m venv $(VENV)

# LOCKED=1 takes files of known hashes alone; a torch that is there already stays, whatever build it is.
$(RUNTIME): requirements.txt constraints.txt | $(BIN)/python
ifdef LOCKED
	$(PIP) install --no-deps --require-hashes -r requirements.lock
	$(PIP) show --quiet torch || $(PIP) install --no-deps --require-hashes -r requirements-torch.lock
endif
	$(PIP) install -r requirements.txt
	@touch $@

# Editable, for the command `robustscope`; its dependencies are those of requirements.txt.
$(PROJECT): pyproject.toml $(RUNTIME)
	$(PIP) install --no-deps -e .
	@touch $@

$(DEV): requirements-dev.txt requirements-evaluation.txt requirements-extras.txt requirements-login.txt constraints.txt | $(BIN)/python
	$(PIP) install -r requirements-dev.txt
	@touch $@

$(DOCS): requirements-docs.txt constraints.txt | $(BIN)/python
	$(PIP) install -r requirements-docs.txt
	@touch $@

# There is no build of atheris for every machine; `make fuzz` says so and goes without.
$(FUZZ): requirements-fuzz.txt constraints.txt | $(BIN)/python
	$(PIP) install -r requirements-fuzz.txt || echo 'atheris could not be installed here.'
	@touch $@

# The peers live in an environment of their own: they pin what the dashboard must not be held to.
BENCH := .bench-venv

# What makes the lock and the lists lives in an environment of its own, so that neither of them holds it.
SUPPLY := .supply-venv

lock: $(SUPPLY)/.installed  ## write requirements.lock: all that ships with the hashes of its files (make run LOCKED=1 installs by it)
	$(SUPPLY)/bin/python -m deploy.lock

sbom: $(PROJECT) $(SUPPLY)/.installed  ## what ships, as CycloneDX and as a list of licences, into build/
	$(SUPPLY)/bin/python -m deploy.bill $(BIN)/python

audit: $(SUPPLY)/.installed  ## known holes in what is locked (ARGS='--offline-ok' where their database may be out of reach)
	$(SUPPLY)/bin/python -m deploy.audit $(ARGS)

$(SUPPLY)/.installed: requirements-supply.txt | $(BIN)/python
	$(BIN)/python -m venv $(SUPPLY)
	$(SUPPLY)/bin/python -m pip --disable-pip-version-check install -r requirements-supply.txt
	@touch $@

bench: $(BENCH)/.installed  ## time the engine against its peers (ARGS='--rounds 3' for a quick look)
	$(BENCH)/bin/python -m benchmarks $(ARGS)

distances: $(BENCH)/.installed  ## hold the smallest changes we find against a library's (ARGS='--images 20' for a quick look)
	$(BENCH)/bin/python -m benchmarks.smallest $(ARGS)

unlearned: $(BENCH)/.installed  ## detectors against a library's attacks that none of them learned (ARGS='--images 50' for a quick look)
	$(BENCH)/bin/python -m benchmarks.unlearned_attacks $(ARGS)

$(BENCH)/.installed: requirements.txt constraints.txt requirements-bench.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m venv $(BENCH)
	$(BENCH)/bin/python -m pip --disable-pip-version-check install -r requirements.txt
	$(BENCH)/bin/python -m pip --disable-pip-version-check install --no-deps -r requirements-bench.txt
	$(BENCH)/bin/python -m pip --disable-pip-version-check install --no-deps -e .
	@touch $@
