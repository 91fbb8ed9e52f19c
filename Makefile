# Everything that people and CI do with TinyPixo. `make help` lists it.
SHELL := /bin/bash
PORT ?= 8000
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PORT

.DEFAULT_GOAL := help
.PHONY: help setup runtime screenshots bench-conversion bench-upload fuzz run run-localstack stop-localstack images trace test test-chaos test-faults test-kills test-protections test-seeds test-sweep test-power-cuts test-app-runner test-versions test-schema test-real-files test-abuse test-resume test-slow-line test-archive test-aws deploy rollback rotate status destroy lint checkov style format api-types page requirements clean

help: ## List all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

run: runtime page ## Start everything on this machine and print the URL (PORT=8080 for another port)
	@$(BIN)/python -m deploy.local

run-localstack: ## Start everything in containers on LocalStack and print the URL (PORT, S3_PORT; NAME for several)
	@$(PYTHON) -m deploy.local.containers up

stop-localstack: ## Stop the containers and delete their data (NAME)
	@$(PYTHON) -m deploy.local.containers down

images: ## Build the images of the services, the gateway and the tools
	@$(PYTHON) -m deploy.local.containers build

test: setup page ## Run everything that this machine can run, and say what was skipped and why (ARGS for pytest)
	@deploy/test.sh $(ARGS)

test-faults: setup page ## Cause every fault on the embedded stack, also those that take too long for `make test` (15 minutes)
	@$(BIN)/pytest tests/faults $(ARGS)

test-kills: setup page ## Kill workers in the middle of conversions, a hundred times on each emulator (KILLS, SEED repeats a run; many minutes)
	@localstack=tests/localstack/test_kills.py; docker info >/dev/null 2>&1 || { localstack=; echo 'No Docker engine answers here: not on LocalStack.'; }; \
	TINYPIXO_KILLS=$${KILLS:-100} TINYPIXO_SEED=$${SEED:-0} $(BIN)/pytest -s tests/faults/test_kills.py $$localstack $(ARGS)

test-chaos: setup page ## Kill, stop and freeze every service and the emulator, a hundred times on each emulator, while five clients work (CHAOS, SEED repeats a run; many minutes)
	@localstack=tests/localstack/test_chaos.py; docker info >/dev/null 2>&1 || { localstack=; echo 'No Docker engine answers here: not on LocalStack.'; }; \
	TINYPIXO_CHAOS=$${CHAOS:-100} TINYPIXO_SEED=$${SEED:-0} $(BIN)/pytest -s tests/faults/test_chaos.py $$localstack $(ARGS)

test-protections: setup page ## Remove the protection against each fault of docs/faults.md and expect its test to fail (FAULTS="18 24"; takes many minutes)
	@$(BIN)/python -m tests.faults.protections $(FAULTS)

SEEDED := tests/contracts/test_abort_races.py tests/faults/test_app_runner.py tests/faults/test_clocks.py tests/faults/test_ends.py tests/faults/test_toxic_storage.py

test-seeds: setup page ## Repeat the tests of faults that draw moments or faults with 20 seeds each (SEEDS; many minutes)
	@TINYPIXO_SEEDS=$${SEEDS:-20} $(BIN)/pytest $(SEEDED) $(ARGS)

test-sweep: setup page ## Sweep 5,000 expired items with objects on the embedded stack, 50 of which fail, and let the emulator's TTL remove one (EXPIRED; some minutes)
	@TINYPIXO_EXPIRED=$${EXPIRED:-5000} $(BIN)/pytest -s tests/faults/test_sweep_pace.py tests/deploy/emulator/test_persistence.py::test_ttl_removal_writes_a_stream_record_with_the_old_image $(ARGS)

trace: runtime ## Print the trace of a conversion as a tree with times, of `make run` or `make run-localstack` (ID)
	@$(BIN)/python -m deploy.local.trace '$(ID)'

test-power-cuts: setup page ## Kill `make run` and its emulator 20 times during uploads (CUTS, SEED repeats a run; 10 minutes)
	@TINYPIXO_POWER_CUTS=$${CUTS:-20} TINYPIXO_SEED=$${SEED:-0} $(BIN)/pytest -s tests/deploy/test_power_cuts.py $(ARGS)

test-app-runner: setup page ## Upload and follow while App Runner cuts, freezes and replaces, with 20 seeds (SEEDS; SEED repeats one; some minutes)
	@TINYPIXO_SEEDS=$${SEEDS:-20} TINYPIXO_SEED=$${SEED:-0} $(BIN)/pytest -s tests/faults/test_app_runner.py $(ARGS)

test-versions: setup ## Run the images of this version and of the one before on one table of LocalStack (needs Docker; some minutes)
	@$(BIN)/pytest -s tests/localstack/test_versions.py $(ARGS)

test-schema: setup ## Send each service made-up requests for 300 s (SECONDS_EACH), and compare the answers with its OpenAPI document
	@$(BIN)/python -m tests.api --seconds $${SECONDS_EACH:-300} $(ARGS)

test-abuse: setup page ## Let one visitor do its worst for 60 s in each way, and time what a bystander notices (SECONDS_EACH)
	@TINYPIXO_ABUSE_SECONDS=$${SECONDS_EACH:-60} $(BIN)/pytest -s tests/abuse $(ARGS)

screenshots: setup page ## Take pictures of the main states of the page, into test-results/screenshots
	@$(BIN)/python -m tests.browser.screenshots

test-clients: setup page ## Upload 100 MiB by tus-js-client, tuspy, curl and Uppy, and resume after kills, on each emulator (CLIENT_MIB; some minutes)
	@localstack="tests/localstack/test_clients.py tests/localstack/test_many_uploads.py"; docker info >/dev/null 2>&1 || { localstack=; echo 'No Docker engine answers here: not on LocalStack.'; }; \
	TINYPIXO_CLIENT_MIB=$${CLIENT_MIB:-100} $(BIN)/pytest -s tests/clients $$localstack $(ARGS)

test-resume: setup page ## Kill the tab of a 300 MiB upload at half in Chromium, and go on (RESUME_MIB; minutes)
	@TINYPIXO_RESUME_MIB=$${RESUME_MIB:-300} $(BIN)/pytest -s tests/browser/test_tab_killed.py $(ARGS)

test-slow-line: setup page ## Upload 38 MB in Chromium over 1 Mbit/s with 5 s of outage each minute (MEGABYTES; 10 minutes)
	@TINYPIXO_NETWORK_SPEED=1 TINYPIXO_NETWORK_MEGABYTES=$${MEGABYTES:-38} $(BIN)/pytest -s tests/browser/test_slow_network.py $(ARGS)

test-archive: setup page ## Download results of 1 GiB as one archive in Chromium, and watch its memory (ARCHIVE_MIB; some minutes)
	@TINYPIXO_ARCHIVE_MIB=$${ARCHIVE_MIB:-1024} $(BIN)/pytest -s tests/browser/test_large_archive.py $(ARGS)

test-real-files: setup ## Download packages that carry odd audio files, convert each, and compare with plain FFmpeg (some minutes)
	@$(BIN)/python -m tests.real_files $(ARGS)

test-aws: setup page ## Run the suites on the live AWS account of your credentials, in stacks that go away again (costs cents)
	@$(BIN)/python -m tests.live $(ARGS)

AWS := @$(BIN)/python -m deploy.aws

deploy: runtime page ## Deploy to the AWS account of your credentials (SERVICE, TAG, SET='Key=Value …', NAME; YES=1 does not ask)
	$(AWS) deploy $(if $(SERVICE),--service $(SERVICE)) $(if $(TAG),--tag $(TAG)) $(if $(SET),--set '$(SET)')

rollback: runtime ## Return a service to the previous version (SERVICE)
	$(AWS) rollback $(if $(SERVICE),--service '$(SERVICE)')

rotate: runtime ## Replace a secret and log nobody out (SECRET=session-secret, origin-secret or janitor-token)
	$(AWS) rotate $(if $(SECRET),--secret '$(SECRET)')

status: runtime ## Show what runs on AWS, and whether it works
	$(AWS) status

destroy: runtime ## Delete the installation on AWS with all its files; asks first
	$(AWS) destroy

bench-conversion: setup page ## What a conversion costs on top of plain FFmpeg (minutes long; ARGS="--minutes 10")
	@$(BIN)/python -m tests.bench $(ARGS)

bench-upload: setup page ## 1 GiB straight to S3 against boto3's upload_file, and 50 uploads at once (ARGS="--mib 128")
	@$(BIN)/python -m tests.bench.upload $(ARGS)

fuzz: setup ## Fuzz the worker's parsers for 10 minutes each (ARGS="metadata --minutes 1"; atheris is used if installed)
	@$(BIN)/python -m tests.fuzz $(ARGS)

lint: setup frontend/node_modules/.package-lock.json ## Check formatting, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@cd frontend && npm run --silent lint

checkov: .venv-checkov/installed ## Check the AWS templates with checkov; its exceptions are in deploy/checkov.yaml
	@.venv-checkov/bin/checkov --config-file deploy/checkov.yaml

style: setup ## Measure names, docstrings, lines and files, and print the figures
	@$(BIN)/pytest -q tests/style

format: setup frontend/node_modules/.package-lock.json ## Format the code and apply automatic fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@cd frontend && npm run --silent format

# Running needs little, testing much more: two stamps in one environment.
setup: $(VENV)/dev
runtime: $(VENV)/local

$(VENV)/dev $(VENV)/local: $(VENV)/%: requirements/%.txt | $(VENV)/bin/python
	@echo 'Setting up Python for $* (once) …'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"TinyPixo needs Python 3.11 or newer; this is {sys.version.split()[0]}. Another one: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv $(VENV)

.venv-checkov/installed: requirements/checkov.txt
	@echo 'Setting up checkov (once) …'
	@$(PYTHON) -m venv --clear .venv-checkov
	@.venv-checkov/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

api-types: setup frontend/node_modules/.package-lock.json ## Generate the page's API types from the services' OpenAPI documents
	@$(BIN)/python -m deploy.openapi frontend/openapi.json
	@cd frontend && npm run --silent api-types

page: frontend/dist/index.html ## Build the page

frontend/node_modules/.package-lock.json: frontend/package-lock.json
	@command -v node >/dev/null || { echo 'TinyPixo needs Node 20.19 or newer to build its page; there is no node on this machine.' >&2; exit 1; }
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); if (major < 20 || (major === 20 && minor < 19)) { console.error("TinyPixo needs Node 20.19 or newer to build its page; this is " + process.version + "."); process.exit(1) }'
	@echo 'Setting up the page (once) …'
	@cd frontend && npm ci --loglevel=error --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(shell find frontend/src frontend/build frontend/public frontend/index.html frontend/vite.config.ts -type f 2>/dev/null)
	@echo 'Building the page …'
	@cd frontend && npm run --silent build >/dev/null
	@touch $@

PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header ../pyproject.toml

requirements: ## Pin the versions anew (needs uv)
	@cd requirements && $(PIN) --extra dev -o dev.txt
	@cd requirements && $(PIN) -c dev.txt -o base.txt
	@cd requirements && $(subst ../pyproject.toml,checkov.in,$(PIN)) -o checkov.txt
	@cd requirements && for extra in upload conversion local; do $(PIN) -c dev.txt --extra $$extra -o $$extra.txt; done

clean: ## Take away what was built and installed; data in .tinypixo/ stays
	@rm -rf $(VENV) .venv-checkov .venv-emulator frontend/node_modules frontend/dist
