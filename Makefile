PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
WHOLE  := $(VENV)/.whole

.PHONY: help setup demo test lint docs bench clean

help:  ## Show what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-6s %s\n", $$1, $$2 }'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $(READY)

$(WHOLE): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,boosters,coreml,frameworks,spark]' --group dev
	@touch $(WHOLE)

setup: $(WHOLE)  ## Make the virtual environment for the tests, with exact versions: several GB

demo: $(READY)  ## Live one model's whole life on a real table
	$(BIN)/kervan demo .demo

test: $(WHOLE)  ## Run all tests and doctests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(WHOLE)  ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(WHOLE)  ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(WHOLE)  ## Measure beside peers; prints ratios
	$(BIN)/python -m benchmarks

clean:  ## Remove everything that was made
	rm -rf $(VENV) .demo site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
