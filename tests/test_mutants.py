"""The bugs that ``benchmarks/mutants`` plants can be planted, and its tool counts those that no test notices."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.mutants.__main__ import figures, listed
from benchmarks.mutants.mutant import Fate
from support.projects import ROOT

MUTANTS = [*listed([])]
FILES = sorted({mutant.file for mutant in MUTANTS})


@pytest.mark.parametrize("file", FILES)
def test_every_text_that_a_mutant_changes_is_in_its_file_once(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    assert [mutant.old for mutant in MUTANTS if mutant.file == file and source.count(mutant.old) != 1] == []


def test_every_test_that_should_notice_a_mutant_is_there():
    files = {test.partition("::")[0] for mutant in MUTANTS for test in mutant.tests if test.startswith("tests/")}
    assert [file for file in sorted(files) if not (ROOT / file).exists()] == []


def test_a_mutant_whose_text_is_gone_is_broken_and_costs_no_session():
    assert replace(MUTANTS[0], old="no line says this").fate() == Fate.BROKEN


def test_names_choose_files_or_lists():
    assert {mutant.file for mutant in listed(["dora"])} == {"methods/dora.py"}
    assert {mutant.file for mutant in listed(["method"])} >= {"harness/method.py", "harness/models/freezing.py"}


def test_the_figures_have_a_row_for_each_file_and_one_for_all():
    one, other = next(iter(listed(["dora"]))), next(iter(listed(["method"])))
    lines = figures([(one, Fate.KILLED), (other, Fate.SURVIVED), (other, Fate.KILLED)]).splitlines()
    cells = [line.replace("|", " ").split()[:4] for line in lines]
    assert cells[0] == ["file", "mutants", "killed", "survived"]
    assert cells[2:] == [line.split() for line in ("harness/method.py 2 1 1", "methods/dora.py 1 1 0", "all 3 2 1")]


@pytest.mark.slow
def test_mutants_are_killed_by_the_tests_that_they_name():
    """In a process of its own, since the tool sets up the one fork server that a process may have."""
    command = [sys.executable, "-m", "benchmarks.mutants", "figures", "--jobs=2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\| all +\| +3 \| +3 \|", done.stdout, re.MULTILINE)
