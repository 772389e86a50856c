"""One sweep over methods that misbehave: each is a row that says what happened, and nobody else notices."""

import csv
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import psutil
import pytest

from harness.spec.record import Record
from harness.store.results import Store
from support.projects import CONFTEST, environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits address spaces and finds orphans"),
]

HOSTILE = Path(__file__).parent / "hostile"
MARK = "TUNEOFF_TEST_SWEEP"  # in the environment of every process that a sweep starts
HONEST = ("zero_shot", "lora", "full_finetune")

OPTIONS = ("--benchmark", "--suite", "sweep.toml", "--device", "cpu", "--color", "no", "-p", "no:cacheprovider")

SUITE = """
[task]
name = "dialogsum"
data = {data}

[model]
name = {model}

[budget]
max_examples = 48
hard_seconds = {hard_seconds}

[evaluation]
max_new_tokens = 8
floor = -100.0

[run]
methods = {methods}
seeds = [0]
batch_size = 8
"""
RATES = {"lora": 0.1, "full_finetune": 0.03}  # at which different dialogues get different answers

ENDED = {
    "answers_half_characters": ("failed", r"generate\(\) returned half a character for prompt 0 \(a lone surrogate\)"),
    "answers_nothing": ("failed", r"generate\(\) returned NoneType; it must return a list of strings"),
    "answers_numbers": ("failed", r"generate\(\) returned int for prompt 0; it must be a string"),
    "answers_slowly": ("ok", ""),
    "answers_too_few": ("failed", r"generate\(\) returned 7 texts for 8 prompts"),
    "breaks_weights": ("diverged", r"a trained weight is NaN or infinite"),
    "builds_frozen": ("failed", r"BuildsFrozen\.build\(\) left nothing to train"),
    "builds_nothing": ("failed", r"BuildsNothing\.build\(\) returned NoneType; it must return the model"),
    "changes_frozen_weights": ("failed", r"training changed weights that build\(\) had frozen"),
    "changes_the_seed": ("ok", ""),
    "closes_stdout": ("ok", ""),
    "diverges": ("diverged", r"loss is (nan|inf) at step [2-6]"),
    "exits": ("crashed", r"^had enough$"),
    "exits_with_seven": ("crashed", r"the process exited with code 7"),
    "exits_with_zero": ("crashed", r"the process exited with code 0"),
    "fills_memory": ("out_of_memory", r"MemoryError without a message"),
    "fills_torchs_memory": ("out_of_memory", r"can't allocate memory: you tried to allocate 4000000000 bytes"),
    "forks": ("ok", ""),
    "forks_a_daemon": ("ok", ""),
    "ignores_budget": ("over_budget", r"made 12 optimiser steps on 6 batches"),
    "ignores_sigterm": ("timed_out", r"ended after hard_seconds = 4"),
    "is_unsupported": ("unsupported", r"needs a decoder-only model"),
    "keeps_weights_to_itself": ("failed", r"the model generates different texts after save_pretrained\(\) and loading"),
    "lacks_a_package": ("failed", r"lacks_a_package\.py:3: cannot be imported: ModuleNotFoundError: No module named"),
    "leaks_threads": ("ok", ""),
    "leaves_its_work_to_a_child": ("crashed", r"the process exited with code 7"),
    "litters": ("ok", ""),
    "mutates_batches": ("ok", ""),
    "patches_torch": ("ok", ""),
    "prints_escapes": ("failed", r"raised"),
    "prints_megabytes": ("ok", ""),
    "raises_at_import": ("failed", r"raises_at_import\.py:5: cannot be imported: RuntimeError: no licence found"),
    "raises_in_build": ("failed", r"rank 0 is no rank"),
    "raises_in_generate": ("failed", r"no beam left"),
    "raises_in_train": ("failed", r"'decoder'"),
    "raises_megabytes": ("failed", r"too long: xxx"),
    "segfaults": ("crashed", r"the process was killed by SIGSEGV"),
    "sleeps": ("timed_out", r"ended after hard_seconds = 4"),
    "syntax_error": ("failed", r"methods.syntax_error\.py:2: invalid syntax"),
    "trains_nothing": ("no_op", r"no trainable weight changed"),
    "trains_with_trainer": ("ok", ""),
}
FINE = [method for method, (status, _) in ENDED.items() if status == "ok"]
HANGING = [method for method, (status, _) in ENDED.items() if status == "timed_out"]
SWEPT = [*(method for method in ENDED if method not in HANGING), *HONEST]


@dataclass(frozen=True)
class Sweep:
    """What one session of ``pytest --benchmark`` in a project of its own left behind."""

    project: Path
    exitcode: int
    terminal: str
    records: dict[str, Record]
    items: dict[str, tuple[str, str]]  # outcome and text of each method's item
    new_files: list[Path]  # in the project, but for its results
    survivors: list[psutil.Process]

    @property
    def results(self) -> Path:
        return self.project / "results" / "local" / "sweep"

    def log(self, method: str) -> str:
        (path,) = self.results.glob(f"logs/{method}-seed0-*.log")
        return path.read_text()


@pytest.fixture(scope="module")
def sweep(tiny_folder, rows, write, tmp_path_factory):
    """``sweep(methods, *options)``: a session over these methods in a new project; returns what it left."""

    def run(methods, *options, hard_seconds=600.0):
        folder = tmp_path_factory.mktemp("sweep")
        project = _project(folder / "project", methods, hard_seconds, tiny_folder, rows, write)
        before, mark = _files(project), uuid4().hex
        options = [*OPTIONS, "--junitxml", str(folder / "items.xml"), *options]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options],
            cwd=project,
            env={**environment(), MARK: mark, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=400,
        )
        assert not done.stderr, done.stderr
        survivors = _survivors(mark)
        records = Store(project / "results" / "local", "sweep").read_runs()
        return Sweep(
            project=project,
            exitcode=done.returncode,
            terminal=done.stdout,
            records={record.spec.method: record for record in records},
            items=_items(folder / "items.xml"),
            new_files=sorted(_files(project) - before),
            survivors=survivors,
        )

    return run


@pytest.fixture(scope="module")
def hostile(sweep):
    """The hostile methods, and the honest ones after them."""
    return sweep(SWEPT)


@pytest.fixture(scope="module")
def hanging(sweep):
    """Those that hang, with a limit that an honest one would meet on a busy machine."""
    return sweep(HANGING, hard_seconds=4.0)


@pytest.fixture(scope="module")
def quiet(sweep):
    """The honest methods alone, two at a time."""
    return sweep(HONEST, "--jobs", "2")


def test_every_hostile_file_has_its_end_written_down():
    files = {path.stem for path in HOSTILE.glob("*.py")} - {"__init__"}
    assert set(ENDED) - {"syntax_error"} == files


@pytest.mark.parametrize("method", ENDED)
def test_a_hostile_method_is_a_row_with_its_status_and_the_cause(hostile, hanging, method):
    status, cause = ENDED[method]
    record = {**hostile.records, **hanging.records}[method]
    assert record.status == status
    assert (record.error is None) == (status == "ok")
    if record.error:
        assert re.search(cause, record.error.message)


@pytest.mark.parametrize("method", SWEPT)
def test_a_method_that_is_unsupported_is_skipped_and_all_others_but_ok_fail(hostile, method):
    expected = {"ok": "passed", "unsupported": "skipped"}
    assert hostile.items[method][0] == expected.get(hostile.records[method].status, "failed")


@pytest.mark.parametrize("name", ["hostile", "hanging"])
def test_a_failed_item_names_cause_and_remedy(name, request):
    ended = request.getfixturevalue(name)
    texts = {method: text for method, (outcome, text) in ended.items.items() if outcome == "failed"}
    assert texts
    for method, text in texts.items():
        error = ended.records[method].error
        assert f"{ended.records[method].status}: {error.cause}" in text
        assert error.remedy in text
        assert error.remedy or f"{method}.py:" in error.message  # a file that cannot be imported: go there


def test_a_skipped_item_names_the_reason(hostile):
    assert "needs a decoder-only model" in hostile.items["is_unsupported"][1]


def test_a_traceback_begins_in_the_plugin(hostile):
    trace = hostile.records["raises_in_train"].error.traceback
    assert trace.startswith(f'  File "{HOSTILE / "raises_in_train.py"}", line 12, in train\n')


def test_the_session_goes_on_to_its_end_and_is_red(hostile):
    assert hostile.exitcode == pytest.ExitCode.TESTS_FAILED
    assert set(hostile.items) == {*SWEPT}


def test_every_method_is_in_every_form_of_the_leaderboard(hostile):
    lines = (hostile.results / "leaderboard.csv").read_text(encoding="utf-8").splitlines()
    listed = {row["method"] for row in csv.DictReader(lines)}
    shown = (hostile.results / "leaderboard.md").read_text(encoding="utf-8")
    assert listed == {*SWEPT}
    for method, record in hostile.records.items():
        name = method if record.status == "ok" else f"{method}: {record.status}"
        assert re.search(rf"^\|[^|]+\| {name} +\|", shown, re.MULTILINE)
        assert re.search(rf"^ +[\d–]+ +{name} ", hostile.terminal, re.MULTILINE)


@pytest.mark.parametrize("method", HONEST)
def test_an_honest_method_answers_the_same_without_hostile_ones_and_two_at_a_time(hostile, quiet, method):
    assert hostile.records[method].status == quiet.records[method].status == "ok"
    assert hostile.records[method].predictions_hash == quiet.records[method].predictions_hash


def test_honest_methods_answer_differently(quiet):
    assert len({record.predictions_hash for record in quiet.records.values()}) == len(HONEST)


def test_runs_beside_others_are_called_contended(quiet):
    assert {record.cost.contended for record in quiet.records.values()} == {True}


def test_honest_methods_alone_are_green(quiet):
    assert quiet.exitcode == pytest.ExitCode.OK
    assert {outcome for outcome, _ in quiet.items.values()} == {"passed"}


@pytest.mark.parametrize("method", ["forks", "forks_a_daemon"])
def test_a_child_that_a_method_left_behind_is_ended(hostile, method):
    (child,) = re.findall(r"^child (\d+)$", hostile.log(method), re.MULTILINE)
    assert int(child) not in {process.pid for process in hostile.survivors}


def test_no_process_is_left_behind(hostile, hanging, quiet):
    assert hostile.survivors == hanging.survivors == quiet.survivors == []


def test_nothing_is_written_to_the_project_but_results(hostile):
    assert hostile.new_files == []


def test_the_results_hold_nothing_of_a_run_but_its_record_predictions_scores_and_log(hostile):
    kinds = {path.relative_to(hostile.results).parts[0] for path in hostile.results.rglob("*") if path.is_file()}
    assert kinds - {".lock"} == {
        *("runs", "predictions", "scores", "logs"),
        *("leaderboard.md", "leaderboard.csv", "leaderboard.json", "github-action-benchmark.json"),
        *("report.html", "preflight.json"),
    }


def test_what_a_method_writes_to_its_working_directory_is_not_taken_for_the_harness_own(hostile):
    assert hostile.records["litters"].cost.adapter_bytes == hostile.records["full_finetune"].cost.adapter_bytes


def test_the_terminal_gets_no_escapes_from_a_method(hostile):
    assert r"ValueError: \x1b[31mraised\x1b[2K\x1b[1A\r\u202e" in hostile.terminal
    assert not re.search("[\x1b\u202e]", hostile.terminal)


@pytest.mark.parametrize("name", ["leaderboard.md", "leaderboard.csv", "leaderboard.json"])
def test_the_leaderboard_gets_no_escapes_from_a_method(hostile, name):
    text = (hostile.results / name).read_text(encoding="utf-8")
    assert "raised" in text
    assert not re.search("[\x1b\u202e]", text)


def test_of_what_a_method_prints_the_end_is_kept(hostile):
    log = hostile.log("prints_megabytes")
    assert "step 99999: " in log
    assert "step 1: " not in log
    assert len(log) < 100_000


def test_a_message_of_megabytes_is_cut_and_keeps_both_ends(hostile):
    message = hostile.records["raises_megabytes"].error.message
    assert len(message) < 10_000
    assert message.startswith("too long: xxx")
    assert message.endswith(r"xxx\ud800, really")


def test_a_run_that_was_out_of_memory_still_reports_what_it_had_measured(hostile):
    cost = hostile.records["fills_memory"].cost
    assert cost.phases["train"].peak_rss_bytes > cost.phases["build"].peak_rss_bytes + 100_000_000


def test_a_method_cannot_change_what_its_record_says_about_the_machine(hostile):
    assert hostile.records["patches_torch"].environment == hostile.records["lora"].environment


@pytest.mark.parametrize("method", ["mutates_batches", "trains_with_trainer", "leaks_threads"])
def test_a_method_with_a_loop_of_its_own_spends_what_the_others_spend(hostile, method):
    mine, theirs = hostile.records[method].cost, hostile.records["full_finetune"].cost
    assert (mine.examples, mine.steps, mine.tokens) == (theirs.examples, theirs.steps, theirs.tokens)
    assert (mine.examples, mine.steps, mine.optimizer_steps) == (48, 6, 6)


@pytest.mark.parametrize("method", [*FINE, *HONEST])
def test_the_phases_of_a_run_add_up_to_its_wall_time(hostile, method):
    cost = hostile.records[method].cost
    assert 0.9 <= sum(phase.seconds for phase in cost.phases.values()) / cost.wall_seconds <= 1.0


def test_slow_generation_is_not_training(hostile):
    cost = hostile.records["answers_slowly"].cost
    assert cost.train_seconds == cost.phases["train"].seconds
    assert cost.generate_seconds == cost.phases["generate"].seconds >= 1.0
    assert cost.train_seconds + cost.generate_seconds <= cost.wall_seconds


def _project(folder, methods, hard_seconds, model, rows, write):
    """A project that opts in with the one line, as another repository would."""
    write(folder / "data" / "train.jsonl", rows[:16])
    write(folder / "data" / "test.jsonl", rows[16:])
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(f"[pytest]\nmethod_paths = methods {HOSTILE}\nfilterwarnings = error\n")
    (folder / "methods").mkdir()
    # Not a file of the package, where every tool that reads Python would stumble over it.
    (folder / "methods" / "syntax_error.py").write_text("from harness.method import Method\nclass = Method\n")
    suite = SUITE.format(
        data=json.dumps(str(folder / "data")),
        model=json.dumps(str(model)),
        hard_seconds=hard_seconds,
        methods=json.dumps(list(methods)),
    )
    rates = {method: RATES[method] for method in methods if method in RATES}
    tables = [f"\n[methods.{method}]\nlearning_rate = {rate}\n" for method, rate in rates.items()]
    (folder / "sweep.toml").write_text(suite + "".join(tables))
    return folder


def _files(project):
    """What is in a project, but for its results and the empty folder that pytest-benchmark makes."""
    found = {path.relative_to(project) for path in project.rglob("*")}
    return {path for path in found if path.parts[0] != "results" and path != Path(".benchmarks")}


def _items(path):
    """Outcome and text by method, from pytest's JUnit file."""
    items = {}
    for case in ElementTree.parse(path).iter("testcase"):
        method = re.fullmatch(r"test_method\[(\w+)-seed0\]", case.get("name")).group(1)
        for outcome, tag in (("failed", "failure"), ("skipped", "skipped"), ("error", "error")):
            if (found := case.find(tag)) is not None:
                items[method] = (outcome, f"{found.get('message')}\n{found.text}")
        items.setdefault(method, ("passed", ""))
    return items


def _survivors(mark):
    """The processes of a sweep that still run some seconds after it."""
    deadline = time.monotonic() + 10
    while (found := [process for process in psutil.process_iter() if _marked(process, mark)]) and (
        time.monotonic() < deadline
    ):
        psutil.wait_procs(found, timeout=0.1)
    return found


def _marked(process, mark):
    try:
        return process.environ().get(MARK) == mark
    except psutil.Error:  # another user's, or gone
        return False
