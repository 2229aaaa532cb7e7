# Two commands for a newcomer: `make run` and `make test`. `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || echo python3)
ARGS ?=
ENVIRONMENTS := dev prod

# Installing says what it does, keeps its log, and shows the log's end when it fails.
say = @printf '\033[2m%s\033[0m\n' "$(1)"

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# --- set-up -----------------------------------------------------------------------------------------------------------

.PHONY: install
install: .venv/.ready .venv-aws/.ready .venv-serve/.ready frontend/node_modules/.ready ## Make the three virtual environments, and fetch what the page is built from

.venv/.ready: requirements/main.txt pyproject.toml | preflight
	$(call say,generator and API: .venv)
	@tools/install.sh $(PYTHON) .venv requirements/main.txt
	@.venv/bin/pip install --quiet --no-deps --editable . --config-settings editable_mode=compat >.venv/editable.log 2>&1 || { cat .venv/editable.log; exit 1; }
	@.venv/bin/python -m compileall -q generator
	@touch $@

.venv-aws/.ready: requirements/aws.txt | preflight
	$(call say,embedded AWS: .venv-aws (it pins its own botocore))
	@tools/install.sh $(PYTHON) .venv-aws requirements/aws.txt
	@touch $@

# torch first, alone: what depends on it would otherwise bring a CUDA build of several GB.
.venv-serve/.ready: requirements/torch.txt requirements/serve.txt services/ray_serve/requirements.txt | preflight
	$(call say,Ray Serve with torch for CPU: .venv-serve (about 1.5 GB$(comma) some minutes))
	@tools/install.sh $(PYTHON) .venv-serve requirements/torch.txt requirements/serve.txt
	@touch $@

# Scripts of packages stay unrun: the page needs none of them.
frontend/node_modules/.ready: frontend/package-lock.json frontend/package.json frontend/.npmrc | preflight
	$(call say,the page's packages: frontend/node_modules)
	@cd frontend && npm ci --ignore-scripts --no-progress --loglevel=error
	@touch $@

comma := ,

.PHONY: preflight
preflight:
	@tools/preflight.sh $(PYTHON)

# --- what people do -----------------------------------------------------------------------------------------------------

.PHONY: run
run: install ## Run the whole pipeline here and read a sample video (ARGS=--once stops at the end, ARGS=prod runs prod)
	@.venv/bin/ecgctl run $(ARGS)

.PHONY: test
test: install frontend ## Every test: generator, API, embedded AWS, Ray Serve, the whole pipeline
	@tools/test.sh $(ARGS)

.PHONY: frontend
frontend: .venv/.ready frontend/node_modules/.ready ## Build the page into frontend/out
	@.venv/bin/python tools/build_page.py

# 185 MB for one test: in a folder of its own, which nothing but the page's tests installs.
tools/lighthouse/node_modules/.ready: tools/lighthouse/package-lock.json tools/lighthouse/package.json tools/lighthouse/.npmrc | preflight
	$(call say,Lighthouse: tools/lighthouse/node_modules (185 MB))
	@cd tools/lighthouse && npm ci --ignore-scripts --no-progress --loglevel=error
	@touch $@

.PHONY: test-browser
test-browser: frontend tools/lighthouse/node_modules/.ready ## The page: its logic, then Chromium on every page and state (installs Chromium first)
	$(call say,Chromium and njs)
	@tools/browser.sh
	@cd frontend && npm test --silent
	@.venv/bin/python -m pytest -q $(ARGS) tests/browser

.PHONY: lighthouse
lighthouse: frontend tools/lighthouse/node_modules/.ready ## Lighthouse on every page, the speed too (minutes; needs a machine that is idle)
	@tools/browser.sh
	@.venv/bin/python -m pytest -q -s -m "faults or not faults" $(ARGS) tests/browser/test_lighthouse.py

tools/rule_packs/node_modules/.ready: tools/rule_packs/package-lock.json tools/rule_packs/package.json tools/rule_packs/.npmrc | preflight
	$(call say,CDK and cdk-nag: tools/rule_packs/node_modules (190 MB))
	@cd tools/rule_packs && npm ci --ignore-scripts --no-progress --loglevel=error
	@touch $@

.PHONY: rule-packs
rule-packs: .venv/.ready tools/rule_packs/node_modules/.ready ## What AWS Solutions and HIPAA Security find in each environment, and who explains it (ARGS='prod --brief')
	@.venv/bin/python -m tools.rule_packs $(ARGS)

.PHONY: check
check: lint types types-of-apps templates lint-workflows lint-page ## What CI checks besides tests: format, lint, types, layers, templates
	@echo 'check: all good'

.PHONY: lint
lint: .venv/.ready
	@.venv/bin/ruff format --check --quiet . || { echo 'next: make format'; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/python -m pytest -q tests/architecture

.PHONY: types
types: .venv/.ready
	@.venv/bin/mypy

# A cache of its own: the two see other packages, and may run side by side.
.PHONY: types-of-apps
types-of-apps: .venv/.ready .venv-serve/.ready
	@.venv/bin/mypy --cache-dir .mypy_cache/apps --python-executable .venv-serve/bin/python services/ray_serve tools/bench_beats tools/bench_ecg tools/bench_serve tools/ecg_screens tools/ecg_train tools/ecg_video tools/scaling tools/grade_screens.py generator/workbench/programs/*.py

.PHONY: templates
templates: .venv/.ready
	@for e in $(ENVIRONMENTS); do .venv/bin/ecgctl render $$e --check; .venv/bin/ecgctl bootstrap $$e --check; .venv/bin/ecgctl policy $$e --brief; done
	@.venv/bin/cfn-lint templates_out/bootstrap/*.yaml

.PHONY: lint-page
lint-page: frontend/node_modules/.ready
	@cd frontend && npm run --silent check

.PHONY: lint-workflows
lint-workflows: .venv/.ready ## Lint .github/workflows
	@.venv/bin/actionlint .github/workflows/*.yml
	@.venv/bin/zizmor --offline --no-progress --quiet .github/workflows
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml

.PHONY: render
render: .venv/.ready ## Generate templates_out/
	@for e in $(ENVIRONMENTS); do .venv/bin/ecgctl render $$e; .venv/bin/ecgctl bootstrap $$e; done

.PHONY: format
format: .venv/.ready ## Format the code
	@.venv/bin/ruff format --quiet . && .venv/bin/ruff check --quiet --fix .

.PHONY: samples
samples: .venv-serve/.ready ## Make samples/ again from the signal that SciPy's wheel carries
	@.venv-serve/bin/python -m tools.ecg_video.samples $(ARGS)

.PHONY: golden
golden: .venv-serve/.ready ## Render the inputs of the Serve apps' golden cases again
	@.venv-serve/bin/python -m tools.ecg_video.golden $(ARGS)

.PHONY: grade-screens
grade-screens: .venv-serve/.ready ## How signal_quality's grades go with what ecg_rhythm reads; minutes
	@.venv-serve/bin/python -m tools.grade_screens $(ARGS)

.PHONY: film
film: .venv-serve/.ready ## A video again with the trace found drawn over it (ARGS='VIDEO OUT.mp4')
	@PYTHONPATH=services/ray_serve .venv-serve/bin/python -m apps.ecg_rhythm.film $(ARGS)

.PHONY: bench-ecg
bench-ecg: .venv-serve/.ready ## How well the reader reads, condition by condition (ARGS=--quick; needs ECG_DATA_DIR)
	@nice .venv-serve/bin/python -m tools.bench_ecg $(ARGS)

.PHONY: bench-another-hand
bench-another-hand: .venv-serve/.ready ## The same on screens that another hand drew (ARGS='--count 4'; needs ECG_DATA_DIR)
	@nice .venv-serve/bin/python -m tools.bench_ecg.another_hand $(ARGS)

.PHONY: bench-video
bench-video: .venv-serve/.ready ## What reading a video takes, in plain decodes of the same file, and its peak memory
	@nice .venv-serve/bin/python -m tools.bench_ecg.speed $(ARGS)

.PHONY: train
train: .venv-serve/.ready ## Train every network that ecg_rhythm ships again (needs ECG_DATA_DIR)
	@nice .venv-serve/bin/python -m tools.ecg_train $(ARGS)

.PHONY: bench-beats
bench-beats: .venv-serve/.ready ## Waves, beat classes (off videos too) and rhythm on patients kept back (ARGS=--quick; needs ECG_DATA_DIR)
	@nice .venv-serve/bin/python -m tools.bench_beats $(ARGS)

.PHONY: test-faults
test-faults: install frontend tools/lighthouse/node_modules/.ready ## The long forms: faults at every call, deploy.yml really run, Ray under load, the page on the whole system; minutes, bounded
	@.venv/bin/python -m pytest -m "fault or faults" -s $(ARGS) tests --ignore=tests/services/ray_serve --ignore=tests/tools --ignore=tests/browser
	@.venv-serve/bin/python -m pytest -m "fault or faults" -s $(ARGS) tests/services/ray_serve tests/tools
	@tools/browser.sh
	@.venv/bin/python -m pytest -m faults -s $(ARGS) tests/browser

.PHONY: update-behaviour-table
update-behaviour-table: .venv/.ready ## Make the plan's table of update behaviours again, from the pinned cfn-lint
	@.venv/bin/python tools/update_behaviour_table.py

.PHONY: bench-plan
bench-plan: .venv/.ready ## How fast, how big and how right the plan is
	@.venv/bin/python tools/bench_plan.py

.PHONY: bench-sync
bench-sync: .venv/.ready .venv-aws/.ready ## How long an apply takes, against its longest chain and a plain boto3 loop (minutes)
	@.venv/bin/python tools/bench_sync.py $(ARGS)

.PHONY: bench-api
bench-api: .venv/.ready ## How fast the API is, beside a bare route that makes the same call (a minute)
	@.venv/bin/python tools/bench_api.py $(ARGS)

.PHONY: scaling
scaling: .venv-serve/.ready ## How many boxes N videos an hour need (ARGS=--measure: what one reading takes here)
	@.venv-serve/bin/python -m tools.scaling $(ARGS)

# LitServe is compared with and not used: it stays out of .venv-serve, which is what the GPU box has.
.local/bench-serve/.ready: requirements/bench.txt .venv-serve/.ready
	$(call say,LitServe$(comma) to compare with: .local/bench-serve)
	@rm -rf .local/bench-serve
	@.venv-serve/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --target .local/bench-serve --requirement $<
	@touch $@

.PHONY: bench-serve
bench-serve: .venv-serve/.ready .local/bench-serve/.ready ## How fast the app is on Ray Serve, beside the bare model, FastAPI and LitServe (some 15 minutes)
	@.venv-serve/bin/python -m tools.bench_serve $(ARGS)

.PHONY: clean
clean: ## Remove virtual environments and all local state
	rm -rf .venv .venv-aws .venv-serve .local .mypy_cache .ruff_cache .pytest_cache frontend/node_modules tools/lighthouse/node_modules tools/rule_packs/node_modules frontend/.next frontend/out
