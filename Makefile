# Every target makes the environment that it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo demo-fault test test-slow chaos bench bench-quick growth check fmt lock artefacts vectors gas explorer clean node

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.stamp: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v=sys.version_info[:2]; sys.exit(None if v in ((3,11),(3,12)) else f"Python 3.11 or 3.12 is needed, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)-bench-%/.stamp: requirements/bench-%.txt
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)-format/.stamp: requirements/format.txt
	@test -x $(VENV)-format/bin/python || $(PYTHON) -m venv $(VENV)-format
	@$(VENV)-format/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/format.txt
	@touch $@

node_modules/.stamp: package.json package-lock.json
	@# not `npm ci`: it demands every platform's anvil, and a registry may lack some
	@if command -v npm >/dev/null; then npm install --no-save --silent --no-fund --no-audit && touch $@; \
	else echo "npm not found: tests that need Node.js or anvil are skipped, with that reason"; fi

offchain/explorer/node_modules/.stamp: offchain/explorer/package.json offchain/explorer/package-lock.json
	@if command -v npm >/dev/null; then npm --prefix offchain/explorer install --no-save --silent --no-fund --no-audit && touch $@; fi

node: node_modules/.stamp offchain/explorer/node_modules/.stamp ## the Node.js packages that some tests compare with (anvil too)

demo: $(VENV)/.stamp ## the whole way on an embedded EVM: run, seal, settle, verify, refuse
	@counterfoil demo

demo-fault: $(VENV)/.stamp ## five lies about a run, each proved on chain; an honest operator, accused
	@counterfoil demo-fault

test: $(VENV)/.stamp node ## every test but the slow ones
	@tests/run -m "not slow"

test-slow: $(VENV)/.stamp node ## kills, races and re-orgs on real nodes, wheels, other packages
	@tests/run -m slow

chaos: $(VENV)/.stamp node ## the real program under faults, half an hour; writes docs/chaos.md
	@PYTHONPATH=tests python -m chaos --write docs/chaos.md

bench: $(VENV)/.stamp node $(VENV)-bench-murky/.stamp $(VENV)-bench-merkly/.stamp ## speed beside others, in one run; writes docs/benchmarks.md
	@PYTHONPATH=tests python -m bench --write docs/benchmarks.md

bench-quick: $(VENV)/.stamp node $(VENV)-bench-murky/.stamp $(VENV)-bench-merkly/.stamp ## the same in under five minutes; writes nothing
	@PYTHONPATH=tests python -m bench --quick

growth: $(VENV)/.stamp node ## how cost grows up to ten million receipts, an hour; writes docs/growth.md
	@PYTHONPATH=tests python -m bench.growth --most 10000000 --write docs/growth.md

check: $(VENV)/.stamp $(VENV)-format/.stamp ## ruff, mypy --strict, import-linter, mamushi
	@ruff check . && ruff format --check .
	@mypy
	@lint-imports
	@$(VENV)-format/bin/mamushi --check contracts

fmt: $(VENV)/.stamp $(VENV)-format/.stamp ## format Python and Vyper
	@ruff check --fix --quiet . ; ruff format --quiet . && $(VENV)-format/bin/mamushi contracts

artefacts: $(VENV)/.stamp ## compile the contracts into the committed artefacts
	@python scripts/build_artefacts.py

vectors: $(VENV)/.stamp ## write the committed test vectors anew
	@python tests/vectors/make.py

gas: $(VENV)/.stamp ## measure gas and write the committed snapshot anew
	@COUNTERFOIL_GAS_WRITE=1 python -m pytest tests/contracts/test_gas.py tests/contracts/court/test_court_gas.py tests/contracts/faults/test_judge_gas.py tests/contracts/faults/test_fault_gas.py -q -s

explorer: offchain/explorer/node_modules/.stamp ## build the page into the package, from offchain/explorer
	@node offchain/explorer/build.mjs

lock: ## resolve requirements/*.in into lock files without registry addresses
	@for name in dev format peers bench-murky bench-merkly; do \
	  uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header \
	    --generate-hashes --no-annotate --no-emit-package counterfoil requirements/$$name.in -o requirements/$$name.txt; done

clean: ## remove what was built
	@rm -rf $(VENV) $(VENV)-format .build node_modules dist
