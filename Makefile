# `make demo` and `make test` set up all that they need. `make` alone lists the rest.
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=
# Five workers for two cores, as many tests wait for a program or the clock. A file is one worker's,
# so that what it starts is started once.
WORKERS := -n 5 --dist loadfile --no-loadscope-reorder
# The programs that are started hundreds of times are compiled once, whatever the machine says.
unexport PYTHONDONTWRITEBYTECODE
.NOTPARALLEL:

.PHONY: help demo test integration further promises check bench docs format coverage image package lock clean

help:  ## list the targets
	@echo 'valetkey: make TARGET [ARGS="…"]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

# Two stories need more than the server: a browser, and a provider that others wrote.
demo: $(if $(findstring passkey,$(ARGS)),.venv/.dev) .venv/.project  ## play the whole story: sign-in, consent, use, change, stop
	$(if $(findstring passkey,$(ARGS)),@scripts/debian-packages.sh chromium fonts-dejavu-core)
	$(if $(findstring upstream,$(ARGS)),@tools/get oidc-provider >/dev/null)
	@$(BIN)/valetkey demo $(ARGS)

test: .venv/.dev .venv/.project  ## run the tests (ARGS go to pytest)
	@scripts/debian-packages.sh chromium fonts-dejavu-core libatomic1 nginx postgresql softhsm2
	@scripts/node-packages.sh tests/clients/node
	@$(BIN)/pytest $(WORKERS) $(ARGS)

integration: .venv/.dev .venv/.project  ## try clients in Go, Rust, Java and Ruby, proxies, systemd, containers
	@scripts/debian-packages.sh oidc-agent-cli ruby-omniauth-openid-connect ruby-rack ruby-webrick slapd libldap-dev libsasl2-dev
	@$(BIN)/pip install -q --require-hashes -r requirements/ldap.txt || echo "The tests of LDAP are skipped."
	@tools/get oauth2-proxy go-oidc openidconnect spring uwsgi || echo "Tests that need what is missing are skipped, each with the reason."
	@$(BIN)/pytest -m integration tests/integration tests/embedded $(ARGS)

further: .venv/.dev .venv/.project  ## show once more, in other ways, what `make test` shows (tests/further.py)
	@scripts/debian-packages.sh chromium fonts-dejavu-core libatomic1 nginx postgresql
	@scripts/node-packages.sh tests/clients/node
	@$(BIN)/pytest $(WORKERS) -m further $(ARGS)

promises: .venv/.dev .venv/.project  ## put the promises to the test (ARGS="--budget long" for hours)
	@scripts/debian-packages.sh postgresql
	@$(BIN)/pytest -m "" tests/promises $(ARGS)

check: .venv/.dev .venv/.project  ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m docs._ext.openapi

bench: .venv/.dev .venv/.project build/.bench  ## measure the server beside others (ARGS=--quick: 3 minutes)
	@scripts/debian-packages.sh glewlwyd libatomic1 postgresql valgrind wrk
	@scripts/node-packages.sh tests/clients/node
	@$(BIN)/python -m bench.run $(ARGS)

docs: .venv/.dev .venv/.project  ## build the documentation into build/docs
	@$(BIN)/python -m docs._ext.generated
	@$(BIN)/sphinx-build -W --keep-going -q $(ARGS) docs build/docs
	@echo build/docs/index.html

format: .venv/.dev .venv/.project  ## format and mend what ruff can
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

coverage: .venv/.dev .venv/.project  ## run the tests and say which lines none of them ran
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/coverage run -m pytest $(WORKERS) $(ARGS)
	@$(BIN)/coverage combine -q && $(BIN)/coverage report

image: .venv/.dev .venv/.project  ## build the container image into build/image, and print its digest
	@scripts/debian-packages.sh mmdebstrap umoci
	@$(BIN)/python scripts/image.py $(ARGS)

package: .venv/.dev .venv/.project  ## build the Debian package into build
	@scripts/debian-package.sh

lock: .venv/.dev  ## renew the locks from pyproject.toml (ARGS=--upgrade for newer versions)
	@scripts/lock.sh $(ARGS)

clean:  ## remove the environment and all that was built
	rm -rf .venv build dist tests/clients/node/node_modules
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# One environment, filled as far as it is needed: the demo wants the server alone, the rest wants all.
# A changed lock is installed anew; a changed pyproject.toml only the project itself.
.venv/.server: requirements/server.txt scripts/environment.sh
	@scripts/environment.sh requirements/server.txt
	@touch $@

.venv/.dev: requirements/dev.txt scripts/environment.sh
	@scripts/environment.sh requirements/dev.txt
	@touch .venv/.server $@

build/.bench: requirements/bench.txt scripts/environment.sh
	@mkdir -p build && scripts/environment.sh requirements/bench.txt build/bench
	@touch $@

.venv/.project: .venv/.server pyproject.toml
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
