# One command each, and none needs another before it. `make` alone lists them.
#
# What a target needs is set up by hidden stamps: an environment is made again when its lock changes.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

STAGE ?=
REGION ?= $(or $(AWS_REGION),$(AWS_DEFAULT_REGION))
CONFIG ?= alerts.yml
# Passed on to pytest, as in: make test ARGS="-k slack"
ARGS ?=

bin := .venv/bin
cloud := .build/venvs/cloud
lambda := .build/venvs/lambda
# Without the notes of its libraries about Node versions to come.
osls := NODE_NO_WARNINGS=1 node_modules/.bin/osls
pip := -m pip --disable-pip-version-check --no-input install --quiet --require-hashes --requirement
# The first Python here that is new enough; looked for when an environment is made.
python = $(firstword $(foreach each,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(each) -c 'import sys; sys.version_info >= (3, 11) and print("$(each)")' 2>/dev/null)))
code := handlers lib cli local deploy

.PHONY: help
help: ## List the commands.
	@awk -F ': .*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

# --- for everybody ---------------------------------------------------------------------------------

.PHONY: demo
demo: $(bin)/.operator $(cloud)/.ready node_modules/.ready ## Show it all on this machine: an AWS, pushes, scans, and an inbox page.
	@$(bin)/python -m local.demo $(ARGS)

.PHONY: package
package: $(bin)/.operator node_modules/.ready ## Build zip and template into .build/STAGE (STAGE=dev CONFIG=alerts.yml); asks nothing of AWS.
	@$(bin)/python -m deploy.package --stage "$(or $(STAGE),dev)" --config "$(CONFIG)" $(if $(REGION),--region "$(REGION)")

.PHONY: deploy
deploy: .stage .region package ## Package and deploy with your credentials: STAGE=… REGION=… CONFIG=… (ALARM_EMAIL=… RECEIVER_HOSTS=…)
	@$(osls) deploy --stage "$(STAGE)" --region "$(REGION)"
	@$(osls) info --stage "$(STAGE)" --region "$(REGION)" --verbose

.PHONY: remove
remove: .stage .region package ## Remove what was deployed: STAGE=… REGION=… Table and bucket stay; delete them yourself.
	@$(osls) remove --stage "$(STAGE)" --region "$(REGION)"

# --- for contributors ------------------------------------------------------------------------------

.PHONY: test
test: lint $(lambda)/.ready $(cloud)/.ready node_modules/.ready ## Run every check of the project.
	@rm -f .coverage .coverage.*
	@$(bin)/pytest -n auto --cov --cov-report=term:skip-covered $(ARGS)

.PHONY: lint
lint: $(bin)/.dev ## Check format, lint, types and the direction of imports.
	@$(bin)/ruff format --check --quiet . || { echo 'Not formatted as it should be: run `make format`.' >&2; exit 1; }
	@$(bin)/ruff check --quiet .
	@$(bin)/mypy $(code)
	@$(bin)/lint-imports --no-cache

.PHONY: format
format: $(bin)/.dev ## Mend what the formatter and linter can mend.
	@$(bin)/ruff format .
	@$(bin)/ruff check --fix .

.PHONY: golden
golden: $(bin)/.dev ## Render the golden payloads again after a wanted change; read the difference.
	@UPDATE_GOLDEN=1 $(bin)/pytest -q tests/notifiers $(ARGS)
	@git status --short tests/notifiers/golden

.PHONY: bench
bench: $(bin)/.dev $(lambda)/.ready $(cloud)/.ready node_modules/.ready ## Measure what the README quotes.
	@$(bin)/python -m benchmarks $(ARGS)

.PHONY: setup
setup: $(bin)/.dev $(lambda)/.ready $(cloud)/.ready node_modules/.ready ## Set up everything now; the other commands do it when needed.

.PHONY: clean
clean: ## Remove everything that make has made.
	@rm -rf .build .venv node_modules .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what they need --------------------------------------------------------------------------------

$(bin)/.operator: requirements/operator.txt
	@echo 'Setting up .venv …' >&2
	@$(call venv,.venv,operator)

$(bin)/.dev: requirements/dev.txt $(bin)/.operator
	@echo 'Setting up .venv for tests …' >&2
	@$(call venv,.venv,dev)

# The embedded AWS pins libraries that the project needs in other versions.
$(cloud)/.ready: requirements/cloud.txt
	@echo 'Setting up the embedded AWS …' >&2
	@$(call venv,$(cloud),cloud)

# What a managed Lambda runtime has, and nothing else.
$(lambda)/.ready: requirements/lambda.txt
	@echo 'Setting up the Lambda runtime …' >&2
	@$(call venv,$(lambda),lambda)

node_modules/.ready: package.json package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo 'Node.js 20.19 or newer with npm is needed: https://nodejs.org/en/download' >&2; exit 1; }
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 13) || (a === 20 && b >= 19) ? 0 : 1)' \
	  || { echo "Node.js 20.19, 22.13 or newer is needed, this is $$(node --version): https://nodejs.org/en/download" >&2; exit 1; }
	@echo 'Setting up osls …' >&2
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# $(call venv,FOLDER,LOCK): make the environment when it is missing, and install the lock into it.
define venv
test -n "$(python)" || { echo 'Python 3.11 or newer is needed: https://www.python.org/downloads' >&2; exit 1; }
test -x $(1)/bin/python || $(python) -m venv $(1) || { rm -rf $(1); echo 'Python cannot make virtual environments here; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
$(1)/bin/python $(pip) requirements/$(2).txt
touch $@
endef

.PHONY: .stage
.stage:
	@test -n "$(STAGE)" || { echo 'Which stage? As in: make $(MAKECMDGOALS) STAGE=prod REGION=eu-central-1' >&2; exit 1; }

.PHONY: .region
.region:
	@test -n "$(REGION)" || { echo 'Which region? As in: make $(MAKECMDGOALS) STAGE=prod REGION=eu-central-1 (or set AWS_REGION)' >&2; exit 1; }
