"""``--gate-selftest``: the gate is tried on methods that are worse in one way each, and says whether it saw them."""

import re

import pytest
from projects import NORMS, begin, finish, project

from harness.registry import Plugin, load
from harness.session_selftest import CASES, Selftest
from harness.suite import load as suite
from harness.trial import PROBES, Said
from harness.verdict import Outcome

RED = Said("", "step_seconds_median", Outcome.REGRESSED, "probe step_seconds_median: regressed: +20%")
GREEN = Said("", "step_seconds_median", Outcome.PASS, "probe step_seconds_median: pass: +1%")

UNTRIED = Said("", "", Outcome.INCOMPARABLE, "probe: incomparable: base: its session of pytest ended with code 4")


@pytest.fixture(scope="module")
def done(rows, write, tiny_folder, tmp_path_factory):
    """A session that tries the gate on one more trainable tensor; the rest is left out, for it takes minutes."""
    folder = tmp_path_factory.mktemp("selftest")
    write(folder / "data" / "train.jsonl", rows[:16])
    write(folder / "data" / "test.jsonl", rows[16:20])
    (folder / "tmp").mkdir()
    inside = project(folder / "project", data=folder / "data", model=tiny_folder, norms=NORMS)
    session = begin(inside, "--gate-selftest", "-k", "larger", TMPDIR=str(folder / "tmp"), CI="true")
    code, output = finish(session)
    return code, output, inside, folder / "tmp"


def test_a_tensor_more_is_caught_end_to_end(done):
    code, output, *_ = done
    assert code == 0, output
    assert re.search(
        r"^one more trainable tensor \(--gate\) +caught +probe trainable_parameters: regressed", output, re.M
    )


def test_one_line_says_how_often_the_gate_was_right(done):
    assert "false alarms: 0 of 0 verdicts; caught: 1 of 1 that are worse" in done[1].splitlines()


def test_nothing_of_it_stays(done):
    *_, inside, temporary = done
    assert not (inside / "results").exists()
    assert [path.name for path in temporary.iterdir() if path.name.startswith("tuneoff-")] == []


def heard(**said):
    """A self-test after cases of which the gate said this."""
    one = Selftest(suite("smoke"))
    one.said = said
    return one


@pytest.mark.parametrize(
    ("case", "said", "result"),
    [
        ("slower", RED, "caught"),
        ("slower", GREEN, "missed"),
        ("same_times", RED, "false alarm"),
        ("same_times", GREEN, "green"),
        ("same_times", UNTRIED, "could not be tried"),
        ("larger", UNTRIED, "could not be tried"),
    ],
)
def test_the_table_says_of_each_case_whether_the_gate_was_right(case, said, result):
    assert heard(**{case: [said]}).table == [(CASES[case].what, result, said.message)]


def test_a_false_alarm_is_counted_among_all_verdicts_on_what_did_not_change():
    assert heard(same_times=[GREEN, RED, GREEN], slower=[GREEN]).line == (
        "false alarms: 1 of 3 verdicts; caught: 0 of 1 that are worse"
    )


@pytest.mark.parametrize("path", sorted(PROBES.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_probe_keeps_the_contract(path):
    assert load(Plugin(path.stem, path), {}).trains


def test_every_case_has_its_probe():
    assert {case.probe for case in CASES.values()} == {path.stem for path in PROBES.glob("[!_]*.py")}
