# fengding 封顶. `make demo` and `make test` need Python 3.11+, make and a package index, nothing else.
#
#   make demo                                        set up, synthetic county, whole job for 2023
#   make test                                        set up, all tests
#   make backfill YEAR=2023 [REGION=330112] [AS_OF=2024-03-31] [ON=…] [HOME_DIR=…]
#   make nightly [ON=…] [HOME_DIR=…]    make serve [HOME_DIR=…]    make bench
#   make lint  format-check  types      checks        make lock      renew the locked versions (needs uv)

PYTHON ?= python3
UV ?= uv
HOME_DIR ?=
YEAR ?=
REGION ?=
AS_OF ?=
ON ?=

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PREFECT_TEMPLATE := $(VENV)/prefect-template
DEMO := data/demo

# Exit status 1 means: done, but something needs a person (今日须办). For make that is success.
done_or_attention = || { status=$$?; test $$status -eq 1 || exit $$status; }
home_option = $(if $(HOME_DIR),--home "$(HOME_DIR)")
on_option = $(if $(ON),--on $(ON))

.DELETE_ON_ERROR:
.PHONY: help setup setup-dev demo test backfill nightly serve bench bench-rules bench-nightly bench-simulate \
  bench-rosters agree lint format-check types lock clean

help:
	@sed -n '3,7s/^# //p' Makefile

setup: $(STAMPS)/ready
setup-dev: $(STAMPS)/dev

$(STAMPS)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "需要 Python 3.11 或更新的版本 / Python 3.11 or newer is needed: make PYTHON=python3.12 …" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/locked: requirements.lock pyproject.toml $(STAMPS)/python
	@echo "安装依赖(约一两分钟)/ installing the locked packages …"
	$(PIP) install --quiet --require-hashes --no-deps --requirement requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/ready
	@echo "安装测试工具 / installing the test tools …"
	$(PIP) install --quiet --require-hashes --no-deps --requirement requirements-dev.lock
	$(PIP) check
	@touch $@

# --no-deps: the locks are complete (pip check says so), and the pip that comes with Python 3.11 would look past a
# locked version where another package asks for it with an extra, as prefect does for sqlalchemy[asyncio].

# The first start on an empty database takes longer than most runs: prepare one, every new home copies it.
$(STAMPS)/ready: $(STAMPS)/locked
	@echo "准备 Prefect 的数据库 / preparing Prefect's database …"
	@rm -rf $(PREFECT_TEMPLATE) && mkdir -p $(PREFECT_TEMPLATE)
	@PREFECT_HOME="$(CURDIR)/$(PREFECT_TEMPLATE)" DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false \
	  PREFECT_LOGGING_LEVEL=WARNING $(BIN)/prefect server database upgrade -y >$(STAMPS)/prefect.log 2>&1 \
	  || { cat $(STAMPS)/prefect.log >&2; exit 3; }
	@touch $@

$(DEMO)/.made: | $(STAMPS)/ready
	@rm -rf $(DEMO)
	$(BIN)/fengding synth --persons 3000 --year 2023 --region 330112 --seed 1 --out $(DEMO) $(done_or_attention)
	@touch $@

# The county's files come in as they would have come in life: date of receipt by date of receipt, once for each home.
DEMO_HOME := $(or $(HOME_DIR),data/home)
demo: $(STAMPS)/ready $(DEMO)/.made
	@test -e "$(DEMO_HOME)/.demo-delivered" || { \
	  for day in $$(tail -n +2 $(DEMO)/received.csv | tr -d '\r' | cut -d, -f2 | sort -u); do \
	    set --; \
	    while IFS=, read -r file on rest; do \
	      case "$$on" in "$$day"*) set -- "$$@" "$(DEMO)/inbox/$$file";; esac; \
	    done <$(DEMO)/received.csv; \
	    echo "收到 / received $$day: $$# 个文件"; \
	    $(BIN)/fengding ingest "$$@" --received "$$day" --home "$(DEMO_HOME)" >$(DEMO)/ingest.log 2>&1 \
	      || { status=$$?; test $$status -eq 1 || { cat $(DEMO)/ingest.log >&2; exit $$status; }; }; \
	  done && touch "$(DEMO_HOME)/.demo-delivered"; }
	$(BIN)/fengding backfill --year 2023 --home "$(DEMO_HOME)" $(done_or_attention)

# Two processes of tests on two cores: with one thread each they are not in each other's way.
test: setup-dev
	POLARS_MAX_THREADS=1 $(BIN)/python -m pytest

backfill: $(STAMPS)/ready
	@test -n "$(YEAR)" || { echo "请写明费用年度,如 make backfill YEAR=2023" >&2; exit 2; }
	$(BIN)/fengding backfill --year $(YEAR) $(if $(REGION),--region $(REGION)) $(if $(AS_OF),--as-of $(AS_OF)) \
	  $(on_option) $(home_option) $(done_or_attention)

nightly: $(STAMPS)/ready
	$(BIN)/fengding nightly $(on_option) $(home_option) $(done_or_attention)

serve: $(STAMPS)/ready
	$(BIN)/fengding serve $(home_option)

bench: setup-dev
	$(BIN)/python -m bench.backfill

# What all rules add to the caps, what a night costs, ten scenarios, two years of rosters: each against its yardstick.
bench-rules bench-nightly bench-simulate bench-rosters: bench-%: setup-dev
	$(BIN)/python -m bench.$* $(ARGS)

# The agreement test of `make test`, with one county of 100 000 people.
agree: setup-dev
	FENGDING_AGREE_PERSONS=100000 $(BIN)/python -m pytest tests/test_agreement.py -n 0

lint: setup-dev
	$(BIN)/ruff check .

format-check: setup-dev
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

# The locks carry versions and hashes, and no address of any index.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock:
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements-dev.in -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) $(DEMO) build fengding.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
