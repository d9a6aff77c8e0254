# Two commands are all a newcomer needs: make demo, make test.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
PAGES := infra/http/pages/assets/manifest.json
NPM := NODE_USE_SYSTEM_CA=1 PATH="$(CURDIR)/$(BIN):$$PATH" npm

.PHONY: setup pages chromium demo test test-kubernetes clients serve check lint format bench soak

setup: .venv/.runtime
	@$(MAKE) --no-print-directory pages >.venv/pages.log 2>&1 || \
	  { echo "GraphiQL is not built, all else is there; \`make pages\` tries again. It failed with:"; \
	    grep -m 1 -i error .venv/pages.log || tail -n 1 .venv/pages.log; } >&2

pages: $(PAGES)  ## GraphiQL, from npm's packages

demo: .venv/.demo  ## from a model folder to a model that answers, and a batch on it
	$(BIN)/python examples/demo.py

test: .venv/.development setup chromium  ## the whole suite: SQLite, a real PostgreSQL, a browser, others' clients
	@$(MAKE) --no-print-directory clients >.venv/clients.log 2>&1 || \
	  { echo "Clients of others' making are not installed, and their tests left out; \`make clients\` tries again. It failed with:"; \
	    grep -m 1 -iE 'error|not found' .venv/clients.log || tail -n 1 .venv/clients.log; } >&2
	env -u KUBECONFIG $(BIN)/python -m pytest --numprocesses=auto

test-kubernetes: .venv/.development  ## what needs a cluster, on the one that KUBECONFIG names
	@test -n "$(KUBECONFIG)" || { echo "Say which cluster: make test-kubernetes KUBECONFIG=FILE" >&2; exit 1; }
	KUBECONFIG="$(KUBECONFIG)" $(BIN)/python -m pytest -m kubernetes --numprocesses=0 --maxfail=5 \
	  $(if $(REPORT),--junitxml="$(REPORT)")

clients: .venv/.clients  ## what others' clients need: code generators and compilers, from PyPI and npm

serve: setup  ## the server, until Ctrl-C, data in .modelyard/
	$(BIN)/modelyard serve

check: lint test  ## what CI runs without a cluster

lint: .venv/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -d console/graphiql/node_modules ]; then cd console/graphiql && $(NPM) run --silent check; \
	  else echo "What is in console/graphiql/ was not checked: \`make pages\` brings what it takes." >&2; fi

format: .venv/.development
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.development  ## ratios to references in the same run
	$(BIN)/python -m benchmarks

soak: .venv/.development  ## servers and workers killed and stalled at random, for MINUTES (default 30)
	MODELYARD_TEST_SOAK=$(or $(MINUTES),30) $(BIN)/python -m pytest tests/harness --numprocesses=0 --log-cli-level=INFO

chromium:  # for tests/browser; installed where that is allowed and apt-get knows it
	@{ test -n "$$MODELYARD_TEST_CHROMIUM" || command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get -qq update \
	  && DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends install chromium; } >/dev/null 2>&1 \
	  || echo "tests/browser will be skipped: there is no Chromium (Debian: apt-get install chromium)." >&2

$(PAGES): $(wildcard $(addprefix console/graphiql/,package.json package-lock.json build.mjs source/*)) | .venv/.node
	cd console/graphiql && $(NPM) install --no-progress && $(NPM) run --silent build
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Modelyard needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Modelyard needs Python with venv and pip (Debian: the package python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(INSTALL) --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.venv/.node: requirements-pages.lock .venv/.runtime  # from PyPI; the machine's own where that has none for it
	$(INSTALL) --requirement requirements-pages.lock || for tool in node npm; do \
	  ln -sf "$$(command -v $$tool)" $(BIN)/$$tool || exit 1; done
	touch $@

.venv/.demo: requirements-demo.lock .venv/.runtime
	$(INSTALL) --requirement requirements-demo.lock
	touch $@

.venv/.development: requirements-dev.lock .venv/.runtime
	$(INSTALL) --requirement requirements-dev.lock
	touch $@

CLIENTS := examples/clients/typescript tests/clients/node
.venv/.clients: .venv/.node examples/clients/python/requirements.lock $(CLIENTS:=/package-lock.json)
	rm -rf examples/clients/python/.venv
	PYTHON="$(CURDIR)/$(BIN)/python" examples/clients/python/install
	for folder in $(CLIENTS); do (cd $$folder && $(NPM) install --no-progress --loglevel=error) || exit 1; done
	touch $@
