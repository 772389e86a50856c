PYTHON ?= python3

.PHONY: benchmark test test-slow coverage lint

QUICK = -n 3 --dist=worksteal -m 'not slow'
SLOW = -n 3 --dist=loadfile -m slow  # their fixtures take longer than they do

benchmark: .venv/installed
	.venv/bin/pytest --benchmark

test: .venv/installed
	.venv/bin/pytest $(QUICK)

test-slow: .venv/installed
	.venv/bin/pytest $(SLOW)

coverage: .venv/installed
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest $(QUICK)
	.venv/bin/coverage combine --quiet
	.venv/bin/coverage report

lint: .venv/installed
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

.venv/installed: pyproject.toml setup.py constraints.txt
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check -e '.[test]' -c constraints.txt
	touch $@
