STACK ?= local
PYTHON := .venv/bin/python
CHOSEN = $(if $(PLUGIN),--plugin '$(PLUGIN)')
.PHONY: up down status preview test bench check lock

up: ## everything, from a bare machine to an answered request; PLUGIN=official|PATH: with that tencentcloud plugin
	@python3 -m sandbox.toolchain run
	@$(PYTHON) -m sandbox up $(CHOSEN)

down: ## remove the sandbox, whoever started it
	@python3 -m sandbox down

status: ## regions, resources, processes, addresses, health
	@$(PYTHON) -m sandbox status

preview: ## STACK=local|dev|staging|prod: what it would create, without credentials; PLUGIN as above
	@python3 -m sandbox.toolchain preview --stack $(STACK)
	@$(PYTHON) -m sandbox preview $(CHOSEN) $(STACK)

check: ## format, lint, strict types
	@python3 -m sandbox.toolchain preview
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@$(PYTHON) -m sandbox.api.sdk_stubs typings
	@.venv/bin/pyright

test: ## every test
	@python3 -m sandbox.toolchain test
	@$(PYTHON) -m pytest

bench: ## how fast the cloud API answers reads, alone and while VPCs are made
	@python3 -m sandbox.toolchain run
	@tests/isolated $(PYTHON) -m tests.bench.read_latency

lock: ## renew the lock files from pyproject.toml and tests/clients.in
	@sandbox/toolchain/lock
