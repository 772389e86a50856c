PYTHON ?= python3

.PHONY: benchmark test test-slow lint

PYTEST = .venv/bin/pytest -n 3 --dist=worksteal

benchmark: .venv/installed
	.venv/bin/pytest --benchmark

test: .venv/installed
	$(PYTEST) -m 'not slow'

test-slow: .venv/installed
	$(PYTEST) -m slow

lint: .venv/installed
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

.venv/installed: pyproject.toml setup.py constraints.txt
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check -e '.[test]' -c constraints.txt
	touch $@
