PYTHON ?= python3

.PHONY: benchmark test lint

benchmark: .venv/installed
	.venv/bin/pytest --benchmark

test: .venv/installed
	.venv/bin/pytest -n 3 --dist=worksteal

lint: .venv/installed
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

.venv/installed: pyproject.toml setup.py constraints.txt
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check -e '.[test]' -c constraints.txt
	touch $@
