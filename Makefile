# make help lists what there is. Needs only Python 3.11 to 3.13 and make (GNU make 3.81 or newer).

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
# The stamps say for which requirements the environment was installed.
TOOL := $(VENV)/.s3logs-uv
PACKAGES := $(VENV)/.s3logs-packages
BASE := $(VENV)/.s3logs-run
DEV := $(VENV)/.s3logs-dev
UV_VERSION := 0.13.9
CODE := include plugins dags tests

export PYTHONPATH := .:plugins
# Who has set a package index for pip means it for uv, too.
INSTALL = $(UV) pip install --quiet --compile-bytecode --python $(PY) \
	$${PIP_INDEX_URL:+--default-index "$$PIP_INDEX_URL"}
LOCAL = $(PY) -m s3logs_airflow.local
PYTEST = $(VENV)/bin/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# SOURCE, LAKE, DESTINATION and CATALOG may come with any target; what is not given is not passed on.
ifneq ($(strip $(SOURCE)),)
export S3LOGS_SOURCES := $(SOURCE)
endif
ifneq ($(strip $(LAKE)),)
export S3LOGS_LAKE := $(LAKE)
endif
ifneq ($(strip $(DESTINATION)),)
export S3LOGS_ROLLUP_DESTINATION := $(DESTINATION)
endif
ifneq ($(strip $(CATALOG)),)
export S3LOGS_CATALOG := $(CATALOG)
endif

# Without its Python (a system upgrade may take it away) the environment is no longer installed.
ifeq ($(wildcard $(PY)),)
$(shell rm -f $(TOOL) $(PACKAGES) $(BASE) $(DEV))
endif

.DEFAULT_GOAL := help
.PHONY: help run web retry backfill verify quarantine-export rollup sample test lint format types contracts pytest check-slow bench bench-memory fuzz docs lock clean $(VENV) $(VENV)-dev

help:  ## this list
	@echo 'make run does everything with sample logs. With your own:'
	@echo '  make run SOURCE=s3://bucket/prefix/ LAKE=folder [CATALOG=file.csv] [DAYS=2024-06-01:2024-06-07]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(BASE)  ## start Airflow, do the log days [DAYS=A:B or A,B,C], show the figures; Ctrl-C ends it
	@$(LOCAL) run $(if $(DAYS),--days '$(DAYS)')

web: $(BASE)  ## start Airflow only, with what it was last given; Ctrl-C ends it
	@$(LOCAL) web

retry: $(BASE)  ## do a failed log day again: make retry DAY=2024-06-03
	@$(if $(DAY),:,echo 'Which day? make retry DAY=2024-06-03' >&2; exit 2)
	@$(LOCAL) retry '$(DAY)'

backfill: $(BASE)  ## one run for each day: make backfill FROM=… TO=… [BACKWARDS=1] [REPROCESS=completed|failed]
	@$(if $(and $(FROM),$(TO)),:,echo 'Which days? make backfill FROM=2024-06-01 TO=2024-06-07' >&2; exit 2)
	@$(LOCAL) backfill '$(FROM)' '$(TO)' $(if $(BACKWARDS),--backwards) $(if $(REPROCESS),--reprocess '$(REPROCESS)')

verify: $(BASE)  ## is all of the lake what was written? REPAIR=1 mends what can be mended
	@$(PY) -m s3logs_airflow.commands.verify $(if $(REPAIR),--repair)

quarantine-export: $(BASE)  ## write the unreadable lines, anonymised, for a bug report [DAYS=A:B]
	@$(PY) -m s3logs_airflow.commands.quarantine_export $(if $(DAYS),--days '$(DAYS)')

rollup: $(BASE)  ## show how log objects would be rolled up; DO=1 does it [LEVEL=day CODEC=zstd ORIGINALS=keep|delete|tag]
	@$(PY) -m s3logs_airflow.commands.rollup $(if $(LEVEL),--level '$(LEVEL)') $(if $(CODEC),--codec '$(CODEC)') \
		$(if $(ORIGINALS),--originals '$(ORIGINALS)') $(if $(DO),--do)

sample: $(BASE)  ## write the sample logs to .data/sample
	@$(PY) -m include.s3logs.sample .data/sample

test: lint types contracts pytest  ## everything that has to hold: lint, types, contracts and tests

lint: $(DEV)  ## check style and formatting
	$(VENV)/bin/ruff check $(CODE)
	$(VENV)/bin/ruff format --check $(CODE)

format: $(DEV)  ## mend style and formatting
	$(VENV)/bin/ruff check --fix $(CODE)
	$(VENV)/bin/ruff format $(CODE)

types: $(DEV)  ## check types
	$(VENV)/bin/mypy

contracts: $(DEV)  ## check who imports whom, and that all of it is declared
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry .
	$(VENV)/bin/deptry tests --exclude tests/fixtures --ignore DEP002,DEP004

pytest: $(DEV)  ## run the tests only [ARGS='tests/include -k parse']
	$(PYTEST) -m 'not slow' $(ARGS)

check-slow: $(DEV)  ## run the tests of which quicker ones are among the others, too
	$(PYTEST) -m slow $(ARGS)

bench: $(DEV)  ## measure speed against named alternatives, small objects, tiny days, listing, publishing and rolling up [ARGS='--megabytes 64']
	$(PY) -m tests.bench $(ARGS)
	@echo
	$(PY) -m tests.bench.small_objects
	@echo
	$(PY) -m tests.bench.tiny
	@echo
	$(PY) -m tests.bench.listing
	@echo
	$(PY) -m tests.bench.regions
	@echo
	$(PY) -m tests.bench.publishing
	@echo
	$(PY) -m tests.bench.rollup

bench-memory: $(DEV)  ## measure the memory of the stages over 10 GB of logs; takes 12 GB of temporary files
	$(PY) -m tests.bench.memory $(ARGS)

fuzz: $(DEV)  ## hunt for lines on which the two parsers differ [SECONDS=60]
	@$(INSTALL) atheris==3.0.0
	@mkdir -p .data/fuzz
	$(PY) tests/fuzz/fuzz_parse.py .data/fuzz/corpus -max_len=8192 -artifact_prefix=.data/fuzz/found- \
		-max_total_time=$(if $(SECONDS),$(SECONDS),60)

docs: $(BASE)  ## write the generated pages
	$(PY) -m include.s3logs.documents
	$(PY) -m s3logs_airflow.documents

lock: $(TOOL)  ## resolve constraints.txt anew
	$(UV) pip compile --universal --python-version 3.11 requirements-dev.txt -o constraints.txt --no-header --no-annotate

clean:  ## remove the environment, the local Airflow and the sample; .data/lake stays
	@if [ -x $(PY) ] && $(LOCAL) status 2>/dev/null; then exit 1; fi
	rm -rf $(VENV) .airflow .data/sample .data/sample-lake .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV): $(BASE)
$(VENV)-dev: $(DEV)

# The first Python that fits; PYTHON=/path/to/python goes before all others. A .venv that works stays.
$(TOOL):
	@set -e; fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	if ! $(PY) -c "$$fits" >/dev/null 2>&1 || ! $(PY) -m pip --version >/dev/null 2>&1; then \
		found=; \
		for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
			if "$$python" -c "$$fits" >/dev/null 2>&1; then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo 'No Python 3.11, 3.12 or 3.13 found. Install one, or name it: make PYTHON=/path/to/python3.12' >&2; \
			exit 1; \
		fi; \
		echo "Making $(VENV) with $$("$$found" --version) …"; \
		"$$found" -m venv --clear $(VENV); \
	fi; \
	$(PY) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(PACKAGES): requirements.txt constraints.txt | $(TOOL)
	@echo 'Installing Airflow and the rest (once, a minute or two) …'
	@$(INSTALL) -r requirements.txt -c constraints.txt
	@touch $@

# The kernels are compiled here, anew when they changed, so that no task has to.
$(BASE): $(PACKAGES) $(wildcard include/s3logs/parsing/kernel/*.py)
	@$(PY) -m include.s3logs.parsing.kernel
	@touch $@

$(DEV): requirements-dev.txt $(BASE)
	@echo 'Installing what checks and tests need …'
	@$(INSTALL) -r requirements-dev.txt -c constraints.txt
	@touch $@
