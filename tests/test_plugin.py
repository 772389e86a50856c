"""``pytest --benchmark`` in other people's projects: what it collects, runs, prints, writes and refuses."""

import json
import multiprocessing.forkserver  # noqa: F401 (pytester would forget its server after each session)
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.metrics.rouge.metric import NAMES
from harness.session import bakeoff  # noqa: F401 (nor may it import numpy and pandas a second time)
from harness.spec.figures import COSTS
from harness.store.results import Store
from support.projects import BROKEN, CONFTEST, NORMS, ROOT, SLEEPER, begin, finish, left_behind, project, until

pytest_plugins = ["pytester"]

BENCH = ROOT / "harness" / "bench.py"
USAGE, NOTHING, INTERRUPTED = pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED, 2


@pytest.fixture(scope="module")
def data(rows, write, tmp_path_factory):
    """Sixteen training rows and four test rows, two of which are training rows."""
    folder = tmp_path_factory.mktemp("data")
    write(folder / "train.jsonl", rows[:16])
    write(folder / "test.jsonl", rows[14:18])
    return folder


@pytest.fixture
def other(pytester, monkeypatch):
    """pytest in a project with two methods and a test of its own that fails; nothing is loaded until a run begins."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    project(pytester.path, data="nowhere", model="nowhere", norms=NORMS, broken=BROKEN)
    (pytester.path / "test_unit.py").write_text("def test_unit():\n    assert False\n")

    def run(*arguments, inside=True):
        start = pytester.runpytest_inprocess if inside else pytester.runpytest_subprocess
        return start("--suite", "small.toml", *arguments)

    return run


def names(result):
    """The items that ``--co -q`` lists."""
    return [line for line in result.outlines if "::" in line]


def runs(*names):
    return [f"harness/bench.py::test_method[{name}]" for name in names]


def complaint(result):
    return "\n".join([*result.outlines, *result.errlines])


# What is collected


def test_the_flag_lists_the_runs_with_zero_shot_first(other):
    assert names(other("--benchmark", "--co", "-q")) == runs("zero_shot-seed0", "norms-seed0", "broken-seed0")


def test_a_method_of_ones_own_joins_a_built_in_suite_unasked(other):
    listed = names(other("--benchmark", "--co", "-q", "--suite=smoke"))
    assert runs("norms-seed0", "broken-seed0")[0] in listed
    assert runs("lora-seed0")[0] in listed


def test_listing_the_runs_imports_no_torch(other, pytester):
    (pytester.path / "spy.py").write_text(
        "import sys\ndef pytest_unconfigure():\n    print('torch', 'torch' in sys.modules)\n"
    )
    result = other("--benchmark", "--co", "-q", "-p", "spy", inside=False)
    assert "torch False" in result.outlines
    assert len(names(result)) == 3


def test_with_the_flag_the_projects_own_tests_do_not_run(other):
    assert names(other("--benchmark", "--co", "-q", "test_unit.py", ".")) == runs(
        "zero_shot-seed0", "norms-seed0", "broken-seed0"
    )


def test_with_the_flag_a_test_that_is_named_does_not_run_either(other):
    result = other("--benchmark", "test_unit.py::test_unit")
    assert result.ret == NOTHING
    result.assert_outcomes(deselected=1)


def test_without_the_flag_only_the_projects_own_tests_run(other):
    other().assert_outcomes(failed=1)


@pytest.mark.parametrize(
    "arguments", [[str(BENCH)], [str(BENCH), "-o", "python_files=*.py"]], ids=["named", "matching"]
)
def test_without_the_flag_there_are_no_runs_even_when_their_file_is_named(other, arguments):
    result = other("--co", "-q", *arguments)
    assert result.ret == NOTHING
    assert names(result) == []


def test_without_the_flag_a_run_that_is_named_is_not_found(other):
    result = other(f"{BENCH}::test_method[norms-seed0]")
    assert result.ret == USAGE
    result.assert_outcomes()


def test_k_selects_runs(other):
    assert names(other("--benchmark", "--co", "-q", "-k", "norms")) == runs("norms-seed0")


@pytest.mark.parametrize("file", ["", "harness/bench.py", "../tuneoff/bench.py"], ids=["short", "here", "installed"])
def test_a_node_id_selects_a_run(other, file):
    selected = f"{file}::test_method[norms-seed0]"
    assert names(other("--benchmark", "--co", "-q", selected)) == runs("norms-seed0")


def test_the_cache_plugin_is_not_needed(other, pytester):
    assert len(names(other("--benchmark", "--co", "-q", "-p", "no:cacheprovider"))) == 3
    assert not (pytester.path / ".pytest_cache").exists()


def test_seeds_replace_those_of_the_suite(other):
    result = other("--benchmark", "--co", "-q", "-k", "norms", "--seeds", "3,14")
    assert names(result) == runs("norms-seed3", "norms-seed14")


def test_results_may_go_to_a_folder_elsewhere(other, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    result = other("--benchmark", "--co", f"--results={folder}")
    assert f"results in {folder / 'small'}" in complaint(result)


# Folders of methods


def test_a_folder_of_methods_that_is_not_configured_is_nobodys_business(other, pytester):
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    (pytester.path / "methods" / "lora.py").write_text("raise SystemExit\n")
    listed = names(other("--benchmark", "--co", "-q", "--suite=smoke"))
    assert runs("lora-seed0")[0] in listed
    assert runs("norms-seed0")[0] not in listed


def test_a_file_without_a_method_is_passed_over_with_a_line(other, pytester):
    (pytester.path / "methods" / "lora.py").write_text("import torch\nclass LoRA(torch.nn.Module): ...\n")
    result = other("--benchmark", "--co", "--suite=smoke")
    assert "tuneoff: skipped files without a class derived from Method: methods/lora.py" in result.outlines
    assert "norms-seed0" in complaint(result)


def test_two_methods_of_one_id_are_a_usage_error_that_says_what_to_do(other, pytester):
    (pytester.path / "methods" / "lora.py").write_text(NORMS)
    result = other("--benchmark", "--co")
    assert result.ret == USAGE
    assert "remove its folder from method_paths in pytest's ini" in complaint(result)


# Other plugins


@pytest.fixture
def beside(other, pytester):
    """``beside(source, *arguments)``: the items that are listed in the presence of another plugin, and what is said."""
    pytester.syspathinsert()

    def listed(source, *arguments, name="another"):
        (pytester.path / f"{name}.py").write_text(f"import pytest\n{source}")
        result = other("--benchmark", "--co", "-q", "-p", name, *arguments)
        sys.modules.pop(name, None)
        return names(result), complaint(result)

    return listed


ALL = runs("zero_shot-seed0", "norms-seed0", "broken-seed0")
RERUNS = """
def pytest_addoption(parser):
    parser.addoption("--reruns", type=int)
    parser.addini("reruns", "")
"""
LINTER = """
class Check(pytest.Item):
    def runtest(self): ...

class File(pytest.File):
    def collect(self):
        return [Check.from_parent(self, name="lint")]

def pytest_collect_file(file_path, parent):
    return File.from_parent(parent, path=file_path)
"""
REPEAT = "def pytest_collection_modifyitems(items):\n    items.extend(list(items))\n"
MARKS = """
def pytest_configure(config):
    config.addinivalue_line("markers", "timeout: as pytest-timeout has it")

def pytest_collection_finish(session):
    for item in session.items:
        print(item.name, [(mark.name, mark.args) for mark in item.iter_markers() if mark.name != "benchmark"])
"""


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("", ["-n", "2"], "leave out -n, --dist and --tx, or add -n 0"),
        ("", ["--dist", "load", "--tx", "2*popen"], "leave out -n, --dist and --tx, or add -n 0"),
        (RERUNS, ["--reruns", "2"], "leave out --reruns, or add --reruns=0"),
        (RERUNS, ["-o", "reruns=2"], "leave out --reruns, or add --reruns=0"),
        (REPEAT, [], "another plugin repeats zero_shot-seed0; leave out its option"),
        ("", ["-p", "no:benchmark"], "--benchmark needs pytest-benchmark, which is not loaded: leave out -p no:"),
    ],
    ids=["-n", "--tx", "--reruns", "reruns", "repeat", "no:benchmark"],
)
def test_what_does_not_go_with_the_runs_is_refused(beside, source, arguments, message):
    _, said = beside(source, *arguments)
    assert f"ERROR: {f'{ALL[0]}: ' * (source == REPEAT)}" in said
    assert message in said


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ("", ["-n", "0"]),
        (RERUNS, ["-o", "reruns=2", "--reruns=0"]),
        (LINTER, []),
        ("", ["-o", "python_functions=check_*", "-o", "python_classes=Check*"]),
        ("", ["-W", "error", "-o", "python_functions=*", "-o", "python_classes=*"]),
        ("", ["--import-mode=importlib"]),
        ("", ["--pyargs"]),
        ("", ["--strict-markers"]),
    ],
    ids=["-n 0", "no reruns", "linter", "check_*", "*", "importlib", "--pyargs", "strict"],
)
def test_what_has_nothing_to_do_with_the_runs_leaves_them_alone(beside, source, arguments):
    assert beside(source, *arguments)[0] == ALL


@pytest.mark.parametrize("flag", ["--benchmark-skip", "--benchmark-only"])
def test_what_a_project_says_of_its_own_benchmarks_skips_no_run(beside, pytester, flag):
    (pytester.path / "pytest.ini").write_text(f"[pytest]\nmethod_paths = methods\naddopts = {flag}\n")
    _, said = beside(MARKS)
    assert "test_method[norms-seed0] []" in said


def test_a_time_limit_for_tests_is_none_for_runs(beside):
    _, said = beside(MARKS, "--strict-markers", name="pytest_timeout")
    assert "test_method[norms-seed0] [('timeout', (0,))]" in said


# What is refused before anything runs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "embeded"], "unknown suite 'embeded'; did you mean 'embedded'?"),
        (["--suite", "smal.toml"], "smal.toml: no such suite file"),
        (["--seeds", "0,one"], "--seeds=0,one: expected whole numbers such as 0,1,2"),
        (["--seeds", "0,0"], "run.seeds: has duplicates"),
        (["--jobs", "0"], "--jobs=0: expected a whole number of 1 or more, or auto"),
        (["--device", "nonsense"], "--device=nonsense: not available here; try cpu, cuda, cuda:1 or mps"),
        (["--data="], "--data= is empty; give it a value, or leave it out"),
        (["--model=google/flan-t5-small@"], "expected a path, or a hub id such as google/flan-t5-small@main"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error_that_says_what_does(other, arguments, message):
    result = other("--benchmark", *arguments)
    assert result.ret == USAGE
    assert message in complaint(result)
    assert result.errlines[0].startswith("ERROR: ")


def test_a_suite_that_is_called_as_the_folder_of_all_results_is_refused(other, pytester):
    (pytester.path / "small.toml").rename(pytester.path / "local.toml")
    result = other("--benchmark", "--suite=local.toml")
    assert result.ret == USAGE
    assert "suite 'local'" in complaint(result)
    assert "rename the suite's file" in complaint(result)


def test_an_unknown_method_is_a_usage_error_with_the_closest_one(other, pytester):
    suite = pytester.path / "small.toml"
    suite.write_text(suite.read_text().replace('"norms"', '"nroms"'))
    result = other("--benchmark")
    assert result.ret == USAGE
    assert "unknown method 'nroms'; did you mean 'norms'?" in complaint(result)
    assert "A new method is one file, nroms.py" in complaint(result)


def test_a_session_beside_another_is_told_who_holds_the_results(other, pytester):
    first = Store(pytester.path / "results" / "local", "small")
    first.open()
    result = other("--benchmark")
    first.close()
    assert result.ret == USAGE
    assert f"in use by process {os.getpid()} on" in complaint(result)
    assert "choose another folder with --results=DIR" in complaint(result)


@pytest.mark.parametrize("arguments", [[], ["--resume"]], ids=["anew", "resumed"])
def test_a_record_that_cannot_be_read_is_named_before_anything_runs_and_stays_as_it_is(other, pytester, arguments):
    path = pytester.path / "results" / "local" / "small" / "runs" / "norms-seed0-0123456789ab.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": 99}')
    result = other("--benchmark", *arguments)
    assert result.ret == USAGE
    assert f"{path}: written by a newer version of Tuneoff (schema 99" in complaint(result)
    assert path.read_text() == '{"schema": 99}'


# What ends early, and what is not selected


@pytest.fixture
def real(other, pytester, tiny_folder, data):
    """The same as ``other``, with a model and data, so that its runs can be done."""

    def run(*arguments, **changes):
        shutil.rmtree(pytester.path / "methods")
        project(pytester.path, **({"data": data, "model": tiny_folder, "norms": NORMS, "broken": BROKEN} | changes))
        return other("--benchmark", *arguments)

    return run


def rows(folder):
    """The leaderboard's rows by method."""
    return {row["method"]: row for row in json.loads((folder / "small" / "leaderboard.json").read_text())["rows"]}


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, ["--device", "mps:9"], "--device=mps:9: not available here"),
        ({"model": "nobody/nothing"}, [], "model 'nobody/nothing': neither a local path nor available from the hub"),
        ({"data": "nobody/nothing"}, [], "nobody/nothing"),
    ],
    ids=["device", "model", "data"],
)
def test_what_cannot_be_had_is_a_usage_error_before_the_first_run(real, pytester, change, arguments, message):
    result = real(*arguments, **change)
    assert result.ret == USAGE
    assert message in complaint(result)
    assert result.errlines[0].startswith("ERROR: ")
    assert "Exit" not in complaint(result)
    assert not list(pytester.path.glob("results/local/small/runs/*"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--model=/no/such.csv", "model '/no/such.csv': no such file or folder"),
        ("--data=/no/such.csv", "data '/no/such.csv': no such file or folder"),
        ("--data=texts.csv", "texts.csv: no column 'dialogue'; it has dialog, summary; did you mean 'dialog'?"),
    ],
)
def test_what_needs_no_torch_is_told_before_it_is_loaded(other, pytester, option, message):
    (pytester.path / "texts.csv").write_text("dialog,summary\nHello.,A greeting.\n")
    (pytester.path / "watch.py").write_text(
        "import psutil, sys\ndef pytest_unconfigure():\n"
        "    print('children', len(psutil.Process().children()), 'torch' in sys.modules)\n"
    )
    result = other("--benchmark", option, "-p", "watch", inside=False)
    assert result.ret == USAGE
    assert f"ERROR: {message}" in result.errlines
    assert "children 0 False" in result.outlines


WRONG = """
[methods.norms]
learning_rate = nan
warmup = 100

[methods.broken]
rank = 0
"""


def test_hyper_parameters_that_cannot_be_used_are_told_before_the_first_run_all_at_once(real, pytester):
    broken = "import os\nfrom harness.method import Method\nos._exit(0)\nclass Broken(Method): ...\n"
    project(pytester.path / "inner", data="embedded", model="embedded", norms=NORMS, broken=broken)
    suite = (pytester.path / "inner" / "small.toml").read_text()
    (pytester.path / "wrong.toml").write_text(suite + WRONG)
    result = real("--suite=wrong.toml", broken=broken)
    assert result.ret == USAGE
    assert [line for line in result.errlines if line] == [
        "ERROR: [methods.norms] learning_rate: should be a finite number, got nan",
        "ERROR: [methods.norms] warmup: should be less than or equal to 1, got 100",
    ]
    assert not list(pytester.path.glob("results/wrong/runs/*"))


def test_x_stops_at_the_first_run_that_fails_and_zero_shot_is_there_although_it_was_not_selected(real, pytester):
    result = real("-x", "-k", "broken", "--seeds", "0,1")
    result.assert_outcomes(failed=1, deselected=4)
    assert "stopping after 1 failures" in complaint(result)
    kept = sorted(path.name.rpartition("-")[0] for path in pytester.path.glob("results/local/small/runs/*"))
    assert kept == ["broken-seed0", "zero_shot-seed0"]
    shown = {method: row["status"] for method, row in rows(pytester.path / "results" / "local").items()}
    assert shown == {"zero_shot": "ok", "broken": "failed"}


def test_runs_that_ran_beside_others_are_marked_and_their_times_stand_in_brackets(real, pytester):
    result = real("--jobs", "2")
    result.assert_outcomes(passed=2, failed=1)
    assert {record.cost.contended for record in records(pytester.path / "results" / "local").values()} == {True}
    (line,) = [line for line in result.outlines if line.split()[1:2] == ["norms"]]
    assert re.search(r"  \(\d+\.\d s\)  +\(\d+\.\d s\)  ", line)


# A whole session


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_folder, data):
    """A project after a session with a method that works and one that does not: its folder, exit code and output."""
    folder = project(
        tmp_path_factory.mktemp("done") / "project", data=data, model=tiny_folder, norms=NORMS, broken=BROKEN
    )
    arguments = ["--results", "out", "--junitxml", "junit.xml", "--benchmark-json", "times.json"]
    return folder, *finish(begin(folder, *arguments))


def records(results):
    """The stored runs by method."""
    return {record.spec.method: record for record in Store(results, "small").read_runs()}


def test_a_method_that_works_passes_and_one_that_does_not_fails(done):
    _, code, output = done
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 2 passed" in output


def test_a_run_that_has_ended_is_a_line_with_its_score_or_why_it_has_none(done):
    _, _, output = done
    assert re.search(r"^zero_shot-seed0: \d+\.\d ROUGE-1$", output, re.MULTILINE)
    assert re.search(r"^norms-seed0: \d+\.\d ROUGE-1, trained \d+\.\d s$", output, re.MULTILINE)
    assert re.search(r"^broken-seed0: failed: ", output, re.MULTILINE)
    assert "bench.py ." not in output


def test_a_session_writes_its_report_and_what_its_checks_found(done):
    folder, _, output = done
    assert "out/small/report.html" in output
    assert (folder / "out" / "small" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    found = Store(folder / "out", "small").read_preflight()
    assert found.example.target > 0


def test_one_line_and_a_method_file_under_ten_lines_get_it_on_the_leaderboard(done):
    folder, _, output = done
    assert len(CONFTEST.splitlines()) == 1
    assert len((folder / "methods" / "norms.py").read_text().splitlines()) < 10
    row = rows(folder / "out")["norms"]
    assert (row["status"], row["steps"]) == ("ok", 4)
    assert row["rank"] in (1, 2)
    assert "leaderboard: small" in output
    assert f"wrote {Path('out/small/leaderboard.md')}" in output


def test_what_failed_is_a_row_too(done):
    folder, _, output = done
    assert "broken: failed" in output
    assert re.search(r"^- broken: failed\. .*no such thing$", (folder / "out/small/leaderboard.md").read_text(), re.M)


def test_the_failure_names_the_run_the_cause_the_log_and_what_to_do(done):
    folder, _, output = done
    (log,) = folder.glob("out/small/logs/broken-seed0-*.log")
    assert f"Log: {log.relative_to(folder)}" in output
    assert "failed: ValueError: no such thing" in log.read_text()
    assert re.search(r"^FAILED .*\[broken-seed0\] - Failed: failed: ValueErr", output, re.M)
    assert "failed: ValueError: no such thing" in output
    assert "To do: " in output
    assert "methods/broken.py" in output


def test_test_dialogues_that_were_trained_on_are_counted_in_the_terminal_and_under_the_leaderboard(done):
    folder, _, output = done
    sentence = "Of 4 test dialogues, 2 are in the training split"
    assert sentence in output
    assert sentence in (folder / "out/small/leaderboard.md").read_text()


def test_junit_holds_the_figures_of_each_record(done):
    folder, _, _ = done
    cases = {case.get("name"): case for case in ElementTree.parse(folder / "junit.xml").iter("testcase")}
    assert len(cases) == 3
    for method, record in records(folder / "out").items():
        properties = {each.get("name"): each.get("value") for each in cases[f"test_method[{method}-seed0]"][0]}
        assert properties["status"] == record.status
        assert properties["reused"] == "False"
        assert properties["train_seconds"] == str(record.cost.train_seconds)
        assert properties.get("rouge1") == (str(record.scores["rouge1"]) if record.scores else None)


def test_the_benchmark_file_has_one_entry_a_run_with_all_metrics_whose_time_is_its_training_time(done):
    folder, _, _ = done
    entries = json.loads((folder / "times.json").read_text())["benchmarks"]
    kept = records(folder / "out")
    assert [entry["params"]["run"] for entry in entries] == ["zero_shot-seed0", "norms-seed0", "broken-seed0"]
    for entry in entries:
        record = kept[entry["params"]["run"].removesuffix("-seed0")]
        assert entry["stats"]["rounds"] == 1
        assert entry["stats"]["data"] == [pytest.approx(record.cost.train_seconds or 0.0)]
        assert entry["extra_info"]["status"] == record.status
        told = entry["extra_info"]
        assert {cost.name: told[cost.name] for cost in COSTS} == record.cost.model_dump(include={c.name for c in COSTS})
        assert {name: told[name] for name in NAMES if name in told} == (record.scores or {})


def test_results_go_where_they_were_asked_to_go(done):
    folder, _, _ = done
    assert not (folder / "results").exists()
    assert sorted(path.name for path in (folder / "out/small").iterdir() if not path.name.startswith(".")) == [
        *("github-action-benchmark.json", "leaderboard.csv", "leaderboard.json", "leaderboard.md"),
        *("logs", "predictions", "preflight.json", "report.html", "runs", "scores"),
    ]


def test_a_session_leaves_no_process_and_no_scratch_files_behind(done):
    folder, _, _ = done
    assert left_behind(folder) == []
    assert not (folder / "out/small/.scratch").exists()


def test_lf_selects_the_run_that_failed(done, pytester, monkeypatch):
    monkeypatch.chdir(done[0])
    result = pytester.runpytest_inprocess("--benchmark", "--suite", "small.toml", "--co", "-q", "--lf")
    assert names(result) == runs("broken-seed0")


# A second session


@pytest.fixture(scope="module")
def resumed(done, tmp_path_factory):
    """A copy of that project after its broken method was mended and the suite resumed."""
    folder = tmp_path_factory.mktemp("resumed") / "project"
    shutil.copytree(done[0], folder)
    (folder / "methods" / "broken.py").write_text(NORMS)
    return folder, *finish(begin(folder, "--results", "out", "--resume", "--junitxml", "junit.xml"))


def test_resume_reuses_what_is_ok_and_does_the_rest(resumed):
    _, code, output = resumed
    assert code == pytest.ExitCode.OK
    assert "1 passed, 2 reused" in output


def test_resume_says_what_it_reused_and_what_not_and_why(resumed):
    _, _, output = resumed
    assert "reused: zero_shot-seed0, norms-seed0" in output
    assert "not reused: broken-seed0: its method's file changed" in output


def test_what_is_reused_is_marked_as_such_for_other_tools(resumed):
    cases = ElementTree.parse(resumed[0] / "junit.xml").iter("testcase")
    reused = {case.get("name"): case.find("properties/property[@name='reused']").get("value") for case in cases}
    assert reused == {
        "test_method[zero_shot-seed0]": "True",
        "test_method[norms-seed0]": "True",
        "test_method[broken-seed0]": "False",
    }


def test_what_is_reused_keeps_its_record_byte_for_byte(resumed, done):
    kept = list((done[0] / "out/small/runs").glob("norms-*")) + list((done[0] / "out/small/runs").glob("zero_shot-*"))
    assert len(kept) == 2
    for path in kept:
        assert (resumed[0] / path.relative_to(done[0])).read_bytes() == path.read_bytes()


def test_the_resumed_leaderboard_has_every_row(resumed):
    statuses = {method: row["status"] for method, row in rows(resumed[0] / "out").items()}
    assert statuses == {"zero_shot": "ok", "norms": "ok", "broken": "ok"}


def test_zero_shot_is_not_done_again_for_a_run_that_is_selected_alone(real, done, pytester):
    shutil.copytree(done[0] / "out", pytester.path / "out")
    output = complaint(real("-k", "broken", "--results", "out"))
    assert "reused: zero_shot-seed0" in output
    assert "not reused" not in output
    assert set(rows(pytester.path / "out")) == {"zero_shot", "norms", "broken"}
    shown = json.loads((pytester.path / "out" / "small" / "leaderboard.json").read_text())
    assert sorted(shown["earlier_session"]) == ["norms", "zero_shot"]
    assert "Times in brackets" in (pytester.path / "out" / "small" / "leaderboard.md").read_text()


def test_stored_runs_of_another_environment_are_left_out_and_named(real, done, pytester):
    shutil.copytree(done[0] / "out", pytester.path / "out")
    store = Store(pytester.path / "out", "small")
    norms = records(pytester.path / "out")["norms"]
    elsewhere = norms.environment.model_copy(update={"threads": 99})
    store.write_run(norms.model_copy(update={"environment": elsewhere}), store.read_predictions(norms.spec))
    output = complaint(real("-k", "broken", "--results", "out"))
    assert "left out, because they ran in a different environment or on different data: norms-seed0" in output
    assert set(rows(pytester.path / "out")) == {"zero_shot", "broken"}


# An interrupt


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, tiny_folder, data):
    """A project after Ctrl-C during its last run: its folder, exit code and output."""
    folder = project(
        tmp_path_factory.mktemp("interrupted") / "project", data=data, model=tiny_folder, norms=NORMS, sleeper=SLEEPER
    )
    pytest_itself = begin(folder)
    assert until((folder / "methods" / "sleeping").exists, pytest_itself)
    os.killpg(pytest_itself.pid, signal.SIGINT)
    return folder, *finish(pytest_itself)


def test_an_interrupt_ends_the_session_as_pytest_ends_one(interrupted):
    _, code, output = interrupted
    assert code == INTERRUPTED
    assert "KeyboardInterrupt" in output
    assert "2 passed" in output


def test_an_interrupt_keeps_what_is_finished_and_makes_no_record_of_what_is_not(interrupted):
    kept = records(interrupted[0] / "results" / "local")
    assert {method: record.status for method, record in kept.items()} == {"zero_shot": "ok", "norms": "ok"}


def test_an_interrupted_session_prints_and_writes_the_leaderboard_of_what_there_is(interrupted):
    folder, _, output = interrupted
    assert "leaderboard: small" in output
    assert set(rows(folder / "results" / "local")) == {"zero_shot", "norms"}


def test_an_interrupt_ends_the_run_that_was_under_way(interrupted):
    assert left_behind(interrupted[0]) == []
