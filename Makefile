# One command each, and none needs another before it. `make` alone lists them.
#
# What a target needs is set up by hidden stamps, side by side: an environment changes when its lock does. A stamp is
# written last, so what was interrupted is done again.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --jobs=4
# Images of containers often switch bytecode off; then each process of a run compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

STAGE ?=
# What the file of the stage remembers, deploy/stages/STAGE.yml; to be given once, for the first deployment.
REGION ?=
CONFIG ?=
# Passed on, as in: make test ARGS="-k slack". Coverage is that of all tests, so it is not measured of some.
ARGS ?=

bin := .venv/bin
cloud := .build/venvs/cloud
lambda := .build/venvs/lambda
moto := .build/venvs/moto
docs := .build/venvs/docs
oldest := .build/venvs/oldest
libraries := .build/dependencies/.ready
chromium := .build/chromium/.ready
diagrams := .build/diagrams/.ready
validators := .build/validators/.ready
install := requirements/install
code := handlers lib cli local deploy acceptance
prose := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs deploy/stages
slowest := --durations=15 --durations-min=1

# Said before anything is set up.
account := $(firstword $(filter deploy remove purge,$(MAKECMDGOALS)))
ifneq (,$(account))
$(if $(STAGE),,$(error Which stage? As in: make $(account) STAGE=prod))
endif
# As python -m deploy.… takes them.
place = --stage "$(or $(STAGE),dev)" $(if $(REGION),--region "$(REGION)")
yes = $(if $(filter 1 y yes true,$(YES)),--yes)
data = $(if $(TABLE),--table "$(TABLE)") $(if $(BUCKET),--bucket "$(BUCKET)")

.PHONY: help
help: ## List the commands.
	@awk -F ': .*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' Makefile

# --- for everybody ---------------------------------------------------------------------------------

.PHONY: demo
demo: $(bin)/.operator $(cloud)/.ready $(libraries) node_modules/.ready ## Show it all on this machine: an AWS, pushes, scans, and an inbox page.
	@$(bin)/python -m local.demo $(ARGS)

.PHONY: package
package: $(bin)/.operator $(libraries) node_modules/.ready ## Build zip and template into .build/STAGE (STAGE=dev CONFIG=alerts.yml); asks nothing of AWS.
	@$(bin)/python -m deploy.package $(place) $(if $(CONFIG),--config "$(CONFIG)")

.PHONY: deploy
deploy: $(bin)/.operator $(libraries) node_modules/.ready ## Show what changes, ask, deploy: STAGE=prod (the first time with REGION=… CONFIG=…). YES=1: do not ask.
	@$(bin)/python -m deploy.deploy $(place) $(if $(CONFIG),--config "$(CONFIG)") $(yes) $(if $(ADOPT),--adopt "$(ADOPT)") $(data)

.PHONY: remove
remove: $(bin)/.operator ## Remove what was deployed: STAGE=prod. Table and bucket stay; `make deploy ADOPT=1` goes on with them.
	@$(bin)/python -m deploy.remove $(place) $(yes)

.PHONY: purge
purge: $(bin)/.operator ## Delete the table and the bucket of a removed stage for good: STAGE=prod.
	@$(bin)/python -m deploy.purge $(place) $(yes) $(data)

# --- for contributors ------------------------------------------------------------------------------

.PHONY: test
test: lint $(lambda)/.ready $(cloud)/.ready $(moto)/.ready $(docs)/.ready $(oldest)/.ready $(libraries) node_modules/.ready $(chromium) $(validators) ## Run every check of the project.
	@rm -f .coverage .coverage.*
	@$(bin)/pytest -n auto --dist loadscope $(slowest) $(if $(ARGS),,--cov) $(ARGS)

.PHONY: unit
unit: $(bin)/.dev ## Run the tests that need no embedded AWS, browser or package.
	@$(bin)/pytest -q -n auto --dist worksteal $(slowest) -m "not slow" $(ARGS)

.PHONY: thorough
thorough: ## Run every check at full size, as every night: all examples, products and seeds.
	@THOROUGH=1 $(MAKE) test

.PHONY: lint
lint: lint-code lint-types lint-imports lint-workflows lint-spelling lint-prose ## Check format, lint, types, the direction of imports, the workflows and the prose.

# Side by side: the types take as long as all others.
.PHONY: lint-code lint-types lint-imports lint-workflows lint-spelling lint-prose
lint-types: $(bin)/.dev
	@$(bin)/mypy $(code)

lint-code: $(bin)/.dev
	@$(bin)/ruff format --check --quiet . || { echo 'Not formatted as it should be: run `make format`.' >&2; exit 1; }
	@$(bin)/ruff check --quiet .

lint-imports: $(bin)/.dev
	@$(bin)/lint-imports --no-cache

lint-workflows: $(bin)/.dev
	@$(bin)/zizmor --offline --quiet .github

lint-spelling: $(docs)/.ready
	@$(docs)/bin/codespell $(prose) cli lib schemas handlers

lint-prose: $(docs)/.ready
	@$(docs)/bin/proselint --config .proselintrc.json check $(prose)

.PHONY: format
format: $(bin)/.dev ## Mend what the formatter and linter can mend.
	@$(bin)/ruff format .
	@$(bin)/ruff check --fix .

.PHONY: golden
golden: $(bin)/.dev ## Render the golden texts, payloads and definitions again after a wanted change; read the difference.
	@UPDATE_GOLDEN=1 $(bin)/pytest -q tests/messages tests/notifiers tests/stories tests/cli/repository $(ARGS)
	@git status --short tests/messages/golden tests/notifiers/golden tests/cli/repository/golden

.PHONY: docs
docs: $(bin)/.dev ## Write the reference of the command into docs/cli.md again, after a change of its options or words.
	@$(bin)/python -m cli.reference

.PHONY: site
site: $(docs)/.ready $(diagrams) ## Make the site of docs/ into .build/site.
	@$(docs)/bin/mkdocs build --strict --quiet

.PHONY: faults
faults: $(bin)/.dev $(cloud)/.ready ## Play every fault at length and print the table of docs/reliability.md: ARGS="--rows 5,13 --scale 0.1"
	@$(bin)/python -m tests.faults $(ARGS)

.PHONY: bench
bench: $(bin)/.dev $(lambda)/.ready $(cloud)/.ready $(libraries) node_modules/.ready ## Measure the figures of docs/performance.md.
	@$(bin)/python -m benchmarks $(ARGS)

.PHONY: setup
setup: $(bin)/.dev $(lambda)/.ready $(cloud)/.ready $(moto)/.ready $(docs)/.ready $(oldest)/.ready $(libraries) node_modules/.ready $(chromium) $(validators) ## Set up everything now; the other commands do it when needed.

# A person with an account runs these two; nothing else in this file needs one beside deploy and remove.
.PHONY: acceptance
acceptance: $(bin)/.operator $(libraries) node_modules/.ready ## Try it all on an AWS account of yours, for less than 1 USD: STAGE=accept REGION=… (SLOW=1 YES=1)
	@$(bin)/python -m acceptance --stage "$(STAGE)" --region "$(REGION)" $(if $(SLOW),--slow) $(if $(YES),--yes)

.PHONY: acceptance-clean
acceptance-clean: $(bin)/.operator ## Delete what such runs left: REGION=… (STAGE=accept YES=1)
	@$(bin)/python -m acceptance --clean --stage "$(STAGE)" --region "$(REGION)" $(if $(YES),--yes)

.PHONY: clean
clean: ## Remove everything that make has made.
	@rm -rf .build .venv node_modules .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what they need --------------------------------------------------------------------------------

# Its pip serves the other environments, too.
$(bin)/.pip:
	@$(install) python
	@touch $@

$(bin)/.operator: requirements/operator.txt | $(bin)/.pip
	@$(install) operator
	@touch $@

# Holds all of the operator's, so both are new, in one step.
$(bin)/.dev: requirements/dev.txt requirements/operator.txt | $(bin)/.pip
	@$(install) dev
	@touch $(bin)/.operator $@

# The embedded AWS pins libraries that the project needs in other versions.
$(cloud)/.ready: requirements/cloud.txt | $(bin)/.pip
	@$(install) cloud
	@touch $@

# What a managed Lambda runtime has, and nothing else.
$(lambda)/.ready: requirements/lambda.txt | $(bin)/.pip
	@$(install) lambda
	@touch $@

# An older boto3, as a managed Lambda runtime may have it.
$(oldest)/.ready: requirements/oldest.txt | $(bin)/.pip
	@$(install) oldest
	@touch $@

# A second, independent AWS for the contract tests of the stores.
$(moto)/.ready: requirements/moto.txt | $(bin)/.pip
	@$(install) moto
	@touch $@

# What makes a site of docs/.
$(docs)/.ready: requirements/docs.txt | $(bin)/.pip
	@$(install) docs
	@touch $@

# Packaging fetches them itself; here it happens meanwhile.
$(libraries): requirements/runtime.txt deploy/dependencies.py deploy/bytecode.py | $(bin)/.pip
	@$(install) package
	@touch $@

node_modules/.ready: package.json package-lock.json
	@$(install) node
	@touch $@

$(validators): requirements/validators/package-lock.json
	@$(install) validators

# Draws the diagrams of the site.
$(diagrams): requirements/diagrams
	@$(install) diagrams

# Where the machine has a Chromium, the step makes nothing.
$(chromium): requirements/chromium/package-lock.json requirements/chromium/fonts.conf
	@$(install) chromium
