PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
LIGHT  := $(VENV)/.light
WHOLE  := $(VENV)/.whole
TOOLS  := .tools
PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: help setup setup-everything setup-tools demo test test-everything test-rest matrix pages guides whole faults data-sets lint docs screenshots bench clean

help:  ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-16s %s\n", $$1, $$2 }'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $(READY)

$(LIGHT): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]' --group dev
	@touch $(LIGHT)

$(WHOLE): $(LIGHT)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,boosters,coreml,frameworks,privacy,spark]' --group everything
	@# Asks for TensorFlow by a name under which it is not installed; its messages need none of it.
	$(BIN)/python -m pip install --quiet --no-deps --constraint constraints.txt tensorflow-serving-api
	@touch $(WHOLE)

setup: $(LIGHT)  ## Make the virtual environment for the tests, with exact versions: minutes

setup-everything: $(WHOLE)  ## Add every framework to it: several GB

$(TOOLS)/.ready: tools.txt tests/more_tools.py
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --requirement tools.txt
	$(TOOLS)/bin/python tests/more_tools.py $(TOOLS)
	@touch $(TOOLS)/.ready

setup-tools: $(TOOLS)/.ready  ## Make the environment of programs that check what targets render

demo: $(READY)  ## Live one model's whole life on a real table
	$(BIN)/kervan demo .demo

test: $(LIGHT)  ## Run the quick tests and doctests that need no framework, compiler or server
	$(BIN)/python -m pytest --part=light $(PARALLEL)

test-everything: test test-rest  ## Run all tests and doctests

test-rest: $(WHOLE) $(TOOLS)/.ready  ## Run those that `test` leaves out
	$(BIN)/python -m pytest --part=rest $(PARALLEL)

matrix: $(WHOLE)  ## Prove every estimator in every format anew, as the page of estimators has them
	KERVAN_TEST_WHOLE=1 $(BIN)/python -m pytest $(PARALLEL) tests/package/matrix tests/package/test_real_tables.py

pages: $(WHOLE) $(TOOLS)/.ready  ## Look at every page of the site in both colours at both widths, where the other tests take two
	KERVAN_TEST_WHOLE=1 $(BIN)/python -m pytest $(PARALLEL) tests/ui/test_pages.py

guides: $(WHOLE) $(TOOLS)/.ready  ## Do every how-to page, where the other tests do a third each week
	KERVAN_TEST_WHOLE=1 $(BIN)/python -m pytest $(PARALLEL) tests/docs/test_how_to.py

whole: $(WHOLE) $(TOOLS)/.ready  ## Run all tests with every case, where the others sample the dearest
	KERVAN_TEST_WHOLE=1 $(BIN)/python -m pytest $(PARALLEL)

faults: $(WHOLE)  ## Kill runs and releases at 50 instants each, where the other tests take some
	KERVAN_TEST_KILLS=50 $(BIN)/python -m pytest $(PARALLEL) tests/faults

data-sets: $(LIGHT)  ## Take every public data set whole from ingest to split, where the other tests take some rows
	KERVAN_TEST_WHOLE=1 $(BIN)/python -m pytest $(PARALLEL) tests/journeys/test_every_data_set.py

lint: $(WHOLE)  ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(LIGHT)  ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

screenshots: $(LIGHT) $(TOOLS)/.ready  ## Take the documentation's pictures of the site anew; needs Chromium
	PYTHONPATH=tests $(BIN)/python -m docs.screenshots

bench: $(WHOLE)  ## Measure beside peers; prints ratios
	$(BIN)/python -m benchmarks

clean:  ## Remove everything that was made
	rm -rf $(VENV) $(TOOLS) .demo site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
