"""``--against REF``: two revisions of other people's projects in one job, and what is refused before that."""

import math
import os
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.gate.against.comparison import Comparison
from harness.gate.against.revision import Revision
from harness.gate.against.sessions import Sessions
from harness.gate.against.side import Reason, RecordedCost, Taken, taken
from harness.gate.verdict import Outcome
from harness.spec.record import Status
from harness.spec.suite import Suite, load
from support.projects import NORMS, ROOT, begin, finish, left_behind, project, until
from support.repositories import commit, git, worktrees

pytest_plugins = ["pytester"]

FAILED, USAGE = pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.USAGE_ERROR
LEAD = """\
from harness.method import Method, Model

class Lead(Method):
    trains = False
    words = 8

    def build(self, base: Model) -> Model:
        return base.requires_grad_(False)

    def generate(self, model, prompts):
        return [" ".join(prompt.split()[: self.words]) for prompt in prompts]
"""
HEAVIER = LEAD.replace(
    "        return base.requires_grad_(False)",
    "        import torch\n\n"
    "        base.extra = torch.nn.Parameter(torch.zeros(3))\n"
    "        return base.requires_grad_(False)",
)
BROKEN = LEAD.replace("        return [", '        raise ValueError("no such thing")\n        return [')
SLEEPING = LEAD.replace(
    "        return [",
    "        import pathlib, time\n"
    '        pathlib.Path(__file__).with_name("sleeping").touch()\n'
    "        time.sleep(600)\n"
    "        return [",
)


@pytest.fixture(scope="module")
def data(rows, write, tmp_path_factory):
    """Sixteen training rows and four test rows."""
    folder = tmp_path_factory.mktemp("data")
    write(folder / "train.jsonl", rows[:16])
    write(folder / "test.jsonl", rows[16:20])
    return folder


def methods(folder, **sources):
    """The project has these methods and no others, and its suite names them."""
    for path in (folder / "methods").glob("*.py"):
        path.unlink()
    for name, source in sources.items():
        (folder / "methods" / f"{name}.py").write_text(source)
    named = ", ".join(f'"{name}"' for name in ("zero_shot", *sources))
    lines = (folder / "small.toml").read_text().splitlines(keepends=True)
    (folder / "small.toml").write_text(
        "".join(f"methods = [{named}]\n" if line.startswith("methods") else line for line in lines)
    )


def repository(folder, data, model, **sources):
    """A project inside of a repository of which it is only a part, everything committed."""
    folder.mkdir()
    inside = project(folder / "inside", data=data, model=model, lead=LEAD)
    methods(inside, **sources)
    (folder / ".gitignore").write_text("__pycache__/\n.pytest_cache/\n")
    commit(folder)
    return inside


def text(result):
    return "\n".join([*result.outlines, *result.errlines])


# --- A session


@pytest.fixture(scope="module")
def done(data, tiny_folder, tmp_path_factory):
    """A session after uncommitted changes: one method is heavier, one fails, one is new, and one is gone."""
    folder = tmp_path_factory.mktemp("done")
    temporary = folder / "tmp"
    temporary.mkdir()
    inside = repository(folder / "repository", data, tiny_folder, lead=LEAD, failing=LEAD, gone=LEAD)
    methods(inside, lead=HEAVIER, failing=BROKEN, fresh=LEAD)
    before = git(inside, "status", "--porcelain", "--ignored")
    options = ("--against", "main", "-k", "not zero_shot", "-p", "no:cacheprovider")
    code, output = finish(begin(inside, *options, TMPDIR=str(temporary), PYTEST_ADDOPTS="--tb=short"))
    after = git(inside, "status", "--porcelain", "--ignored")
    return code, output, (before, after), inside, temporary


def said(output, start):
    """The first line of a session's output that begins so."""
    return next((line.strip() for line in output.splitlines() if line.strip().startswith(start)), output)


@pytest.mark.slow
def test_a_count_that_moved_fails_and_says_by_how_much(done):
    code, output, *_ = done
    assert code == FAILED
    assert "(+3)" in said(output, "lead total_parameters: regressed: ")
    assert "test_against[lead] [steps]" not in output


@pytest.mark.slow
def test_a_run_that_fails_on_one_side_fails_with_its_reason_and_where_its_output_is(done):
    _, output, *_, temporary = done
    found = said(output, "failing: invalid: ")
    assert found.startswith("failing: invalid: head: failed: no such thing; its full output is in ")
    path = Path(found.partition("is in ")[2].partition(";")[0])
    assert path.parent == temporary
    assert "no such thing" in path.read_text()


@pytest.mark.slow
def test_a_method_that_is_new_fails_nothing_and_one_that_vanished_does(done):
    _, output, *_ = done
    assert said(output, "gone: missing: ").startswith("gone: missing: in the suite of main, but not in this one")
    assert "fresh" not in "".join(line for line in output.splitlines() if "FAILED" in line)


@pytest.mark.slow
def test_what_is_new_is_told_with_the_reason(done):
    assert said(done[1], "against: fresh: ") == "against: fresh: new: base has no such method"


@pytest.mark.slow
def test_one_line_sums_up(done):
    _, output, *_, inside, _ = done
    title = f"main ({git(inside, 'rev-parse', 'main')[:12]})"
    assert said(output, "against ") == (
        f"against {title}: 4 rows expected, 1 compared: 0 passed, 1 new, 0 incomparable, 0 inconclusive, 1 regressed, "
        "1 missing, 1 invalid; not selected, not compared: zero_shot"
    )


@pytest.mark.slow
def test_the_project_and_the_repository_are_as_they_were(done):
    _, _, (before, after), inside, temporary = done
    assert after == before
    assert len(worktrees(inside)) == 1
    assert {path.suffix for path in temporary.iterdir() if path.name.startswith("tuneoff-")} == {".log"}


@pytest.mark.slow
def test_a_killed_session_leaves_no_process_and_the_next_one_removes_its_worktree(data, tiny_folder, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    inside = repository(tmp_path / "repository", data, tiny_folder, sleeper=SLEEPING)
    session = begin(inside, "--against", "main", "-k", "sleeper", TMPDIR=str(temporary))
    try:
        assert until(lambda: any("sleeping" in files for _, _, files in os.walk(temporary)), session)  # as folders go
        assert len(worktrees(inside)) == 2
        os.kill(session.pid, signal.SIGKILL)
        session.wait()
        assert left_behind(temporary) == []
    finally:
        session.kill()
        session.communicate()
    Revision(inside, "main").check_out().close()
    assert len(worktrees(inside)) == 1


TASK = """\
from harness.task import Task

class Repeated(Task):
    columns = {{"source": "dialogue", "target": "summary"}}
    prompt = "{{source}} = "
    metrics = ["mine"]

    def row(self, values):
        return {{"dialogue": values["dialogue"] * {times}, "summary": values["summary"]}}
"""
METRIC = """\
import tempfile
from pathlib import Path
from harness.metric import Metric, Scorer

class Mine(Scorer):
    metrics = (Metric(id="mine", title="mine"),)

    def statistics(self, answers, references):
        (Path(tempfile.gettempdir()) / "scored_by_{side}").touch()
        return [0.5 for _ in answers]
"""


@pytest.mark.slow
def test_tasks_and_metrics_in_python_are_each_sides_own(data, tiny_folder, tmp_path):
    inside = repository(tmp_path / "repository", data, tiny_folder, norms=NORMS)
    suite = (inside / "small.toml").read_text().replace('name = "dialogsum"', 'name = "task.py"')
    (inside / "small.toml").write_text(suite)
    (inside / "pytest.ini").write_text("[pytest]\nmethod_paths = methods\nmetric_paths = metrics\n")
    (inside / "metrics").mkdir()
    for side, times in (("base", 1), ("head", 2)):
        (inside / "task.py").write_text(TASK.format(times=times))
        (inside / "metrics" / "mine.py").write_text(METRIC.format(side=side))
        if side == "base":
            commit(tmp_path / "repository")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    code, output = finish(begin(inside, "--against", "main", "-k", "norms", TMPDIR=str(temporary)))
    assert code == FAILED, output
    assert "norms tokens: regressed: " in said(output, "norms tokens: regressed: ")
    assert {path.name for path in temporary.glob("scored_by_*")} == {"scored_by_base", "scored_by_head"}


# --- What is refused


@pytest.fixture
def refused(pytester, monkeypatch, tmp_path_factory):
    """What a session says in a project inside of a repository, which no run may begin in."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    inside = project(tmp_path_factory.mktemp("refused") / "inside", data="nowhere", model="nowhere", norms=NORMS)
    commit(inside)
    monkeypatch.chdir(inside)

    def session(*arguments, code=USAGE):
        result = pytester.runpytest_inprocess("--suite", "small.toml", *arguments)
        assert result.ret == code
        assert not (inside / "results").exists()
        return text(result)

    session.folder = inside
    return session


def test_the_items_are_the_suites_methods(refused):
    found = refused("--benchmark", "--against", "main", "--co", "-q", code=0)
    assert [line for line in found.splitlines() if "::" in line] == ["harness/bench.py::test_against[norms]"]
    assert len(worktrees(refused.folder)) == 1


def test_an_unknown_revision_is_a_usage_error(refused):
    assert "--against: unknown revision 'mian'; did you mean 'main'?" in refused("--benchmark", "--against", "mian")


def test_outside_of_a_repository_it_is_a_usage_error(refused):
    (refused.folder / ".git").rename(refused.folder / "not_git")
    assert "not a git repository" in refused("--benchmark", "--against", "main")


def test_without_git_it_is_a_usage_error(refused, monkeypatch):
    monkeypatch.setenv("PATH", str(refused.folder))
    assert "--against needs git, but git is not in PATH" in refused("--benchmark", "--against", "main")


def test_a_device_that_does_not_exist_is_a_usage_error_before_anything_runs(refused):
    found = refused("--benchmark", "--against", "main", "--device", "nonsense")
    assert "nonsense" in found
    assert len(worktrees(refused.folder)) == 1


@pytest.mark.parametrize("option", ["--gate", "--update-baseline", "--resume", "--gate-selftest"])
def test_it_goes_with_no_other_kind_of_session(refused, option):
    found = refused("--benchmark", "--against", "main", option)
    assert f"--against cannot be combined with {option}" in found


def test_it_does_one_run_at_a_time(refused):
    found = refused("--benchmark", "--against", "main", "--jobs", "2")
    assert "--against executes one run at a time, since it compares times; leave out --jobs" in found


@pytest.mark.parametrize("kind", ["--against=main", "--gate-selftest"])
def test_a_session_without_results_keeps_no_models(kind, refused):
    found = refused("--benchmark", kind, "--keep=best")
    assert f"{kind.partition('=')[0]} keeps no results, and so no models; leave out --keep" in found


@pytest.mark.parametrize("arguments", [["--against", "main"], ["--gate-selftest"]])
def test_it_goes_with_benchmark_only(refused, arguments):
    assert f"{arguments[0]} needs --benchmark" in refused(*arguments)


# --- The order of runs, and what is made of them


@dataclass
class Told:
    """A side whose runs take what it was told; it notes that it was asked."""

    name: str
    runs: list
    asked: list

    def run(self, method):
        """The next run."""
        self.asked.append(self.name)
        return self.runs.pop(0)


def took(*seconds, **cost):
    """Runs that took so long."""
    return [
        Taken(status=Status.OK, cost=RecordedCost(step_seconds_median=each, train_seconds=each, **cost))
        for each in seconds
    ]


@pytest.fixture
def compare():
    """``compare(base, head)``: the sides in the order in which they ran, and the verdicts by metric."""

    def both(base, head, chosen="smoke"):
        asked = []
        sides = [Told(name, runs, asked) for name, runs in (("base", base), ("head", head))]
        found = Comparison(chosen if isinstance(chosen, Suite) else load(chosen), *sides).verdicts("lora")
        return asked, {verdict.metric: verdict for verdict in found}

    return both


def test_where_nothing_moved_each_side_runs_twice_base_first_and_last(compare):
    asked, found = compare(took(1.0, 1.01), took(1.0, 1.01))
    assert asked == ["base", "head", "head", "base"]
    assert {verdict.outcome for verdict in found.values()} == {Outcome.PASS}


def test_what_moved_is_confirmed_by_a_pass_that_the_other_side_begins(compare):
    asked, found = compare(took(1.0, 1.01, 1.0, 1.0), took(1.2, 1.21, 1.2, 1.2))
    assert asked[4:] == ["head", "base", "base", "head"]
    assert found["train_seconds"].outcome == Outcome.REGRESSED


def test_runs_that_other_programs_disturbed_are_told_beside_the_times(compare):
    head = took(1.0, 1.01)
    head[1] = head[1].model_copy(update={"contended": True})
    _, found = compare(took(1.0, 1.01), head)
    assert found["train_seconds"].detail.endswith("; other programs took processor time from 1 of its 4 runs")
    assert found["steps"].detail == "equal"


def test_a_time_that_no_run_has_is_not_spoken_of(compare):
    assert "generate_seconds" not in compare(took(1.0, 1.0), took(1.0, 1.0))[1]


@pytest.mark.parametrize("seconds", [math.nan, 0.0, None])
def test_a_time_that_is_no_number_is_invalid(compare, seconds):
    _, found = compare(took(1.0, 1.0), took(1.0, seconds))
    message = f"lora step_seconds_median: invalid: one of its runs took {seconds} seconds"
    assert found["step_seconds_median"].message == message
    assert found["steps"].outcome == Outcome.PASS  # what else was found out is said, too


def test_a_count_is_compared_exactly(compare):
    _, found = compare(took(1.0, 1.0, steps=20), took(1.0, 1.0, steps=21))
    assert found["steps"].message == "lora steps: regressed: 20 → 21 (+1)"


def test_under_a_budget_in_seconds_steps_are_the_machines(compare):
    timed = load("smoke", {"budget": {"max_seconds": 5.0}})
    _, found = compare(took(1.0, 1.0, steps=20), took(1.0, 1.0, steps=21), timed)
    assert found["steps"].outcome == Outcome.INCOMPARABLE


def test_a_failure_of_base_is_no_failure_of_head(compare):
    crashed = Taken(status=Status.CRASHED, cost=RecordedCost(), problem="base: crashed: killed by signal 9")
    _, found = compare([crashed], took(1.0))
    assert found[""].message == "lora: incomparable: base: crashed: killed by signal 9"


def test_a_method_that_base_cannot_attach_to_is_not_compared(compare):
    unsupported = Taken(status=Status.UNSUPPORTED, cost=RecordedCost(), error=Reason(message="no attention"))
    _, found = compare([unsupported], took(1.0))
    assert found[""].message == "lora: incomparable: unsupported in base: no attention"


def test_a_failure_of_both_sides_is_heads_too(compare):
    base, head = (
        Taken(status=Status.FAILED, cost=RecordedCost(), problem=f"{side}: failed") for side in ("base", "head")
    )
    asked, found = compare([base], [head])
    assert asked == ["base", "head"]
    assert found[""].message == "lora: invalid: head: failed"


def test_what_an_older_base_does_not_tell_is_not_held_against_head(compare):
    base = [Taken(status=Status.OK, cost=RecordedCost(train_seconds=1.0)) for _ in range(2)]
    _, found = compare(base, took(1.0, 1.0, steps=20))
    assert found["steps"].message == "lora steps: incomparable: base does not report it"
    assert "step_seconds_median" not in found
    assert found["train_seconds"].outcome == Outcome.PASS


def test_a_method_that_head_cannot_attach_to_any_more_is_invalid(compare):
    unsupported = Taken(status=Status.UNSUPPORTED, cost=RecordedCost(), error=Reason(message="no attention"))
    _, found = compare(took(1.0), [unsupported])
    assert found[""].message == "lora: invalid: ok in base, now unsupported: no attention"


# --- What a side has recorded


def test_a_record_of_another_version_is_read_for_what_it_costs(tmp_path):
    record = b'{"schema": 7, "status": "ok", "cost": {"train_seconds": 2.5, "joules": 3}, "more": []}'
    run = taken(Sessions("base", tmp_path, tmp_path), record, "")
    assert (run.problem, run.cost.train_seconds) == (None, 2.5)


def test_a_record_that_cannot_be_read_is_said_to_be_of_another_version(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = taken(Sessions("base", tmp_path, tmp_path), b'{"status": "ok", "costs": {}}', "all of the output")
    assert run.problem.startswith(
        "base: its version of Tuneoff is too old or too new: its records have no cost; its full"
    )
    assert run.problem.endswith("; its last lines:\n| all of the output")
