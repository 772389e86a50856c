"""``pytest --benchmark`` with a gate in other people's projects: what is accepted, what is compared, what fails."""

import json
import multiprocessing.forkserver  # noqa: F401 (pytester would forget its server after each session)
import re
import shutil
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.gate import baseline_file, matches  # noqa: F401 (nor may it import numpy, pandas and scipy again)
from harness.gate.baseline import Measured
from harness.gate.verdict import VERDICTS, from_json
from harness.report import files  # noqa: F401
from harness.session import bakeoff  # noqa: F401 (nor may it import numpy, pandas and scipy again)
from support.projects import BROKEN, NORMS, ROOT, project

pytest_plugins = ["pytester"]

OK, FAILED, USAGE = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.USAGE_ERROR
LEAD = """\
from harness.method import Method, Model

class Lead(Method):
    trains = False
    words = 8

    def build(self, base: Model) -> Model:
        return base.requires_grad_(False)

    def generate(self, model, prompts):
        dialogues = map(self.setting.prompt.dialogue, prompts)
        return [" ".join(dialogue.split()[: self.words]) for dialogue in dialogues]
"""
SHORTER = LEAD.replace("words = 8", "words = 2")
ONE_MORE = NORMS.replace(
    '"layer_norm" in name', 'name.startswith("decoder.") and "relative" in name or "layer_norm" in name'
)
REMEDY = "restore it from version control, or delete it and accept a new one with --update-baseline"

INTERRUPTED = """

def pytest_report_teststatus(report):
    if report.when == "teardown" and "lead-seed0" in report.nodeid:
        raise KeyboardInterrupt
"""


@pytest.fixture(scope="module")
def new(rows, write, tiny_folder, tmp_path_factory):
    """A project with a method that trains and one that repeats the first words; nothing was run yet."""
    data = tmp_path_factory.mktemp("data")
    write(data / "train.jsonl", rows[:16])
    write(data / "test.jsonl", rows[12:24])
    return project(tmp_path_factory.mktemp("new") / "project", data=data, model=tiny_folder, norms=NORMS, lead=LEAD)


@pytest.fixture
def run(pytester, monkeypatch):
    """A session in a folder; CI is not set."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)

    def inside(folder, *arguments):
        monkeypatch.chdir(folder)
        options = ("--benchmark", "--suite", "small.toml", *arguments)
        return pytester.runpytest_inprocess(*options, no_reraise_ctrlc=True)

    return inside


@pytest.fixture(scope="module")
def sessions():
    """The sessions that several tests look at, by name: each one's folder and result."""
    return {}


@pytest.fixture
def once(run, sessions, tmp_path_factory):
    """A session in a changed copy of a folder, done for the first test that asks for it."""

    def done(name, folder, *arguments, change=None):
        if name not in sessions:
            copy = shutil.copytree(folder, tmp_path_factory.mktemp(name) / "project")
            if change:
                change(copy)
            sessions[name] = copy, run(copy, *arguments)
        return sessions[name]

    return done


@pytest.fixture
def accepted(once, new):
    """The first session, whose rows were accepted."""
    return once("accepted", new, "--update-baseline")


@pytest.fixture
def copy(accepted, tmp_path):
    """The accepted project for a test that changes it."""
    return shutil.copytree(accepted[0], tmp_path / "project")


def write_methods(folder, **sources):
    for name, source in sources.items():
        (folder / "methods" / f"{name}.py").write_text(source)


def rename_lead(folder):
    """The method ``lead`` is called ``opening`` from now on."""
    (folder / "methods" / "lead.py").rename(folder / "methods" / "opening.py")
    suite = folder / "small.toml"
    suite.write_text(suite.read_text().replace('"lead"', '"opening"'))


def baseline(folder):
    """The one baseline of a project: its path."""
    (path,) = (folder / "results" / "small" / "baseline").glob("*.json")
    return path


def files_of(folder):
    """What lies in a project's baseline folder, byte for byte."""
    return {path.name: path.read_bytes() for path in (folder / "results" / "small" / "baseline").glob("*")}


def move_elsewhere(folder, **rows):
    """The baseline is another machine's now, and has these rows besides."""
    path = baseline(folder)
    found = baseline_file.read(path)
    path.unlink()
    machine = found.fingerprint.model_copy(update={"threads": 99})
    baseline_file.write(path.parent, replace(found, fingerprint=machine, rows={**found.rows, **rows}))


def renamed(one, name):
    """A row of a baseline as another method's."""
    key = one.row.key.model_copy(update={"method": name})
    return Measured(one.row.model_copy(update={"key": key}), one.scores)


def text(result):
    return "\n".join([*result.outlines, *result.errlines])


def items(result):
    """The items that ``--co -q`` lists."""
    return [line for line in result.outlines if "::" in line]


def told(result, name):
    """What a failing item or sub-test says, by the name above it."""
    return re.search(rf"^_+ {re.escape(name)} _+\n(.*)$", text(result), re.MULTILINE)[1]


def gate_line(result):
    """The line that sums up; what does not fail is told above it."""
    return [line for line in result.outlines if line.startswith("gate: ")][-1]


def case(folder, name):
    """An item in ``junit.xml``: its properties, and what its failures say."""
    (found,) = [each for each in ElementTree.parse(folder / "junit.xml").iter("testcase") if each.get("name") == name]
    properties = {each.get("name"): each.get("value") for each in found.iter("property")}
    return properties, [each.text for each in found.iter("failure")]


# --- Without a baseline


def test_without_a_baseline_the_gate_has_no_items(run, new):
    assert items(run(new, "--co", "-q")) == [
        f"harness/bench.py::test_method[{name}-seed0]" for name in ("zero_shot", "norms", "lead")
    ]


def test_without_a_baseline_a_session_says_nothing_of_the_gate(run, copy):
    shutil.rmtree(copy / "results" / "small" / "baseline")
    result = run(copy, "--resume")
    assert result.ret == OK
    assert "gate:" not in text(result)


def test_a_gate_without_a_baseline_is_a_usage_error_that_says_how_to_get_one(run, new):
    result = run(new, "--gate")
    assert result.ret == USAGE
    folder = new / "results" / "small" / "baseline"
    assert f"--gate: no baseline in {folder}; accept one with --update-baseline" in text(result)


# --- Accepting


def test_a_session_that_accepts_has_no_gate_items(accepted):
    _, result = accepted
    assert result.ret == OK
    result.assert_outcomes(passed=3)
    assert "gate:" not in text(result)


def test_accepting_writes_the_rows_and_a_sidecar_and_names_the_file(accepted):
    folder, result = accepted
    path = baseline(folder)
    assert list(json.loads(path.read_text())["rows"]) == ["lead", "norms", "zero_shot"]
    assert path.with_suffix(".safetensors").exists()
    assert f"baseline: {path.relative_to(folder)}" in result.outlines


def test_accepting_says_what_is_new(accepted):
    _, result = accepted
    for name in ("zero_shot", "norms", "lead"):
        assert re.search(rf"^{name}: new, rouge1 \d+\.\d\d, rouge2 ", text(result), re.MULTILINE)


def test_accepting_again_says_old_and_new_and_keeps_what_did_not_run(run, copy):
    norms = json.loads(baseline(copy).read_text())["rows"]["norms"]
    write_methods(copy, lead=SHORTER)
    result = run(copy, "--update-baseline", "-k", "lead")
    assert result.ret == OK
    number = r"\d+\.\d\d"
    assert re.search(
        rf"^lead: rouge1 {number} → {number}, .*, words 8 → 2, its source changed$", text(result), re.MULTILINE
    )
    assert {"zero_shot: kept as it was: it did not run", "norms: kept as it was: it did not run"} <= set(
        result.outlines
    )
    assert json.loads(baseline(copy).read_text())["rows"]["norms"] == norms


def test_a_row_with_fewer_seeds_than_the_suite_has_is_not_accepted(run, copy):
    before = files_of(copy)
    result = run(copy, "--update-baseline", "--resume", "--seeds", "0,1", "-k", "lead-seed0")
    assert result.ret == OK
    assert "lead: kept as it was: it did not run with seed 1" in result.outlines
    assert files_of(copy) == before


def test_a_run_that_failed_is_not_accepted(run, copy):
    before = files_of(copy)
    write_methods(copy, norms=BROKEN)
    result = run(copy, "--update-baseline", "--resume")
    assert result.ret == FAILED
    assert "norms: kept as it was: the status of seed 0 is failed: no such thing" in text(result)
    assert files_of(copy) == before


def test_a_run_below_the_floor_is_not_accepted(run, copy):
    before = files_of(copy)
    suite = copy / "small.toml"
    suite.write_text(suite.read_text().replace("floor = -100.0", "floor = 100.0"))
    result = run(copy, "--update-baseline", "--resume")
    assert result.ret == FAILED
    assert "norms: kept as it was: seed 0: ROUGE-1 differs from zero-shot's by " in text(result)
    assert {"lead: unchanged", "baseline: nothing to update"} <= set(result.outlines)
    assert files_of(copy) == before


def test_a_session_that_is_interrupted_accepts_nothing(run, copy):
    before = files_of(copy)
    write_methods(copy, lead=SHORTER)
    (copy / "conftest.py").write_text((copy / "conftest.py").read_text() + INTERRUPTED)
    result = run(copy, "--update-baseline", "--resume")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "baseline: not updated, because the session did not finish" in result.outlines
    assert files_of(copy) == before


def test_accepting_and_comparing_are_two_sessions(run, copy):
    result = run(copy, "--gate", "--update-baseline")
    assert result.ret == USAGE
    assert "--gate would compare the results with the baseline that --update-baseline makes of them" in text(result)


@pytest.mark.parametrize("option", ["--gate", "--update-baseline", "--resume"])
def test_without_benchmark_its_options_are_refused(pytester, copy, monkeypatch, option):
    monkeypatch.chdir(copy)
    result = pytester.runpytest_inprocess(option)
    assert result.ret == USAGE
    assert f"{option} needs --benchmark" in text(result)


def test_where_ci_is_set_nothing_is_accepted(run, copy, monkeypatch):
    before = files_of(copy)
    write_methods(copy, lead=SHORTER)
    monkeypatch.setenv("CI", "true")
    result = run(copy, "--update-baseline")
    assert result.ret == USAGE
    assert "--update-baseline: refused, because CI is set" in text(result)
    assert "add --even-in-ci" in text(result)
    assert files_of(copy) == before


def test_even_in_ci_accepts_where_ci_is_set(run, copy, monkeypatch):
    baseline(copy).unlink()
    monkeypatch.setenv("CI", "true")
    assert run(copy, "--update-baseline", "--even-in-ci", "--resume").ret == OK
    assert baseline(copy).exists()


def test_a_baseline_that_cannot_be_written_is_a_usage_error(run, copy):
    folder = copy / "results" / "small" / "baseline"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    result = run(copy, "--update-baseline")
    assert result.ret == USAGE
    assert f"{folder}: not a folder; move it away" in text(result)


# --- Nothing changed


@pytest.fixture
def unchanged(once, accepted):
    """A second session, which trains anew."""
    return once("unchanged", accepted[0], "--gate", "--junitxml", "junit.xml")


def test_a_session_that_repeats_the_past_is_green(unchanged):
    _, result = unchanged
    assert result.ret == OK
    result.assert_outcomes(passed=6)


def test_each_row_is_an_item_with_a_verdict_on_each_metric(unchanged):
    folder, _ = unchanged
    for row in ("zero_shot", "norms", "lead"):
        properties, failures = case(folder, f"test_gate[{row}]")
        assert failures == []
        assert properties["gate_trainable_parameters"] == f"{row} trainable_parameters: pass: equal"
        assert properties["gate_rougeLsum"] == f"{row} rougeLsum: pass: the same predictions (1 seed)"
        verdicts = from_json(properties.pop(VERDICTS))
        assert [f"gate_{one.metric}" for one in verdicts] == list(properties)


def test_the_last_line_sums_up(unchanged):
    _, result = unchanged
    counts = "3 passed, 0 incomparable, 0 inconclusive, 0 regressed, 0 missing"
    assert result.outlines[-2] == f"gate: 3 rows expected, 3 compared: {counts}"


# --- A selection


def test_a_selection_of_rows_names_those_that_were_not_compared(run, copy):
    result = run(copy, "--gate", "--resume", "-k", "lead")
    assert result.ret == OK
    result.assert_outcomes(passed=1, deselected=4)
    assert gate_line(result).startswith("gate: 1 row expected, 1 compared: 1 passed, ")
    assert gate_line(result).endswith("; not selected, not compared: norms, zero_shot")


def test_a_selection_without_the_gate_says_that_nothing_was_compared(run, copy):
    result = run(copy, "--resume", "-k", "lead-seed0")
    assert result.ret == OK
    assert gate_line(result) == "gate: not compared: zero_shot, norms, lead"


def test_with_the_option_a_selection_without_the_gate_fails(run, copy):
    result = run(copy, "--gate", "--resume", "-k", "lead-seed0")
    assert result.ret == FAILED
    assert gate_line(result) == "gate: not compared: zero_shot, norms, lead; nothing was compared, so the session fails"


def test_a_session_of_which_nothing_can_be_compared_fails(run, copy):
    path = baseline(copy)
    path.write_text(path.read_text().replace('"max_steps": 4', '"max_steps": 5'))
    result = run(copy, "--resume")
    assert result.ret == FAILED
    assert gate_line(result).startswith("gate: 3 rows expected, 0 compared: 0 passed, 3 incomparable, ")
    reason = "incomparable: budget.max_steps 5 → 4; accept it with --update-baseline"
    assert told(result, "test_gate[norms]") == f"norms: {reason}"
    assert result.outlines.count("nothing was compared, so the session fails") == 3
    assert result.outlines.count(f"gate: all 3 rows: {reason}") == 1


# --- Methods that got worse


@pytest.fixture
def worse(once, accepted):
    """A session after a tensor more is trained by one method, and another method's answers were cut short."""

    def change(folder):
        write_methods(folder, norms=ONE_MORE, lead=SHORTER)

    return once("worse", accepted[0], "--resume", "--junitxml", "junit.xml", change=change)


def test_a_method_that_got_worse_fails_without_any_option(worse):
    _, result = worse
    assert result.ret == FAILED
    assert gate_line(result).startswith("gate: 3 rows expected, 3 compared: 1 passed, 0 incomparable, ")
    assert "2 regressed" in gate_line(result)


def test_one_trained_tensor_more_fails_with_the_counts(worse):
    _, result = worse
    assert told(result, "test_gate[norms] [trainable_parameters]") == (
        "norms trainable_parameters: regressed: 384 → 512 (+128); its source changed"
    )


def test_worse_answers_fail_with_how_much_and_how_sure_and_the_hyper_parameter_that_differs(worse):
    _, result = worse
    found = told(result, "test_gate[lead] [rouge1]")
    assert re.match(r"lead rouge1: regressed: −\d+\.\d\d points \(90% CI −.* to −.*, p = .* after Holm, 12 ex", found)
    assert found.endswith("; words 8 → 2, its source changed")


def test_other_tools_read_what_failed_and_why(worse):
    folder, result = worse
    properties, failures = case(folder, "test_gate[lead]")
    metrics = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    said = [told(result, f"test_gate[lead] [{metric}]") for metric in metrics]
    assert [properties[f"gate_{metric}"] for metric in metrics] == said
    assert failures == [*said, "contains 4 failed subtests"]


def test_lf_judges_a_row_again_and_does_the_runs_that_it_needs(run, worse, tmp_path):
    folder = shutil.copytree(worse[0], tmp_path / "project")
    write_methods(folder, lead=LEAD)
    result = run(folder, "--lf", "-k", "lead")
    assert result.ret == OK
    result.assert_outcomes(passed=1, deselected=5)
    assert "reused: zero_shot-seed0" in result.outlines
    assert gate_line(result).startswith("gate: 1 row expected, 1 compared: 1 passed, ")


# --- Methods that are gone


@pytest.fixture
def gone(once, accepted):
    """A session after a method got another name."""
    return once("gone", accepted[0], "--resume", change=rename_lead)


def test_a_method_that_vanished_fails_as_an_item_and_its_new_name_is_told(gone):
    folder, result = gone
    assert result.ret == FAILED
    assert told(result, "test_gate[lead] [row]") == (
        "lead: missing: in the baseline, but did not run. opening gives the same predictions: was it renamed? "
        f"If it was removed on purpose, delete it from baseline/{baseline(folder).name}"
    )
    assert gate_line(result).endswith("0 regressed, 1 missing")


@pytest.mark.parametrize("arguments", [["--lf"], ["-k", "lead or norms"]], ids=["lf", "k"])
def test_a_method_that_vanished_fails_in_a_selection_too(run, gone, tmp_path, arguments):
    result = run(shutil.copytree(gone[0], tmp_path / "project"), "--resume", *arguments)
    assert result.ret == FAILED
    assert told(result, "test_gate[lead] [row]").startswith("lead: missing: in the baseline, but did not run")
    assert "1 missing" in gate_line(result)


def test_a_run_that_failed_makes_its_row_invalid(run, copy):
    write_methods(copy, norms=BROKEN)
    result = run(copy, "--resume")
    assert result.ret == FAILED
    assert (
        told(result, "test_gate[norms] [row]")
        == "norms: invalid: the status of seed 0 is failed: no such thing; its source changed"
    )
    assert "1 invalid" in gate_line(result)


# --- Another machine's baseline


@pytest.fixture
def elsewhere(once, accepted):
    """A session after a method's answers were cut short, where only another machine has a baseline."""

    def change(folder):
        move_elsewhere(folder)
        write_methods(folder, lead=SHORTER)

    return once("elsewhere", accepted[0], "--resume", "--gate", "--junitxml", "junit.xml", change=change)


def test_scores_are_compared_with_another_machines(elsewhere):
    folder, result = elsewhere
    assert result.ret == FAILED
    properties, _ = case(folder, "test_gate[lead]")
    assert properties["gate_rouge1"].startswith("lead rouge1: regressed: ")
    assert gate_line(result).startswith("gate: 3 rows expected, 3 compared: 2 passed, 0 incomparable, ")


def test_what_does_not_fail_is_told_in_the_terminal_with_the_reason(elsewhere):
    _, result = elsewhere
    (line,) = [line for line in result.outlines if line.startswith("gate: lead ")]
    assert line.startswith(
        "gate: lead machine: incomparable: accepted only on another machine or with different libraries (threads 99 → "
    )


def test_another_machines_counts_are_compared(elsewhere):
    properties, _ = case(elsewhere[0], "test_gate[lead]")
    assert properties["gate_trainable_parameters"] == "lead trainable_parameters: pass: equal"


def test_a_row_that_only_another_machine_accepted_is_missed(run, copy):
    own, lead = files_of(copy), baseline_file.read(baseline(copy)).rows["lead"]
    folder = baseline(copy).parent
    move_elsewhere(copy, opening=renamed(lead, "opening"))
    for name, content in own.items():
        (folder / name).write_bytes(content)
    result = run(copy, "--resume")
    assert result.ret == FAILED
    assert told(result, "test_gate[opening] [row]").startswith("opening: missing: in the baseline, but did not")


# --- A baseline that cannot be used


@pytest.mark.parametrize("arguments", [["--gate"], ["--update-baseline"]], ids=["gate", "update"])
@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        (
            lambda text: re.sub(r'"rouge1": [\d.]+', '"rouge1": NaN', text, count=1),
            "rouge1 is nan, which is not in the range",
        ),
        (lambda text: text[:100], "Invalid JSON"),
    ],
    ids=["NaN", "garbage"],
)
def test_a_spoiled_baseline_is_a_usage_error_that_says_what_to_do_and_stays_as_it_is(
    run, copy, flaw, message, arguments
):
    path = baseline(copy)
    path.write_text(flaw(path.read_text()))
    before = files_of(copy)
    result = run(copy, *arguments)
    assert result.ret == USAGE
    assert f"{path}: " in text(result)
    assert message in text(result)
    assert REMEDY in text(result)
    assert files_of(copy) == before
