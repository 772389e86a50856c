"""``pytest --benchmark --fit`` says what each method needs and runs nothing; sessions choose micro batches by it."""

import json
from contextlib import closing
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.session import bakeoff
from harness.session.bakeoff import Selection
from harness.spec import plan, registry
from harness.spec import suite as suites
from harness.store.results import Store
from support.projects import NORMS, begin, finish, project

pytestmark = pytest.mark.slow
BROKEN = "raise RuntimeError('cannot be imported')\nfrom harness.method import Method\nclass Broken(Method): ...\n"
KILLED = NORMS + "\n    def train(self, model, batches):\n        import os\n        os.kill(os.getpid(), 9)\n"
REFUSING = (
    "from harness.method import Method, Unsupported\n\nclass Refusing(Method):\n"
    "    def build(self, base):\n        raise Unsupported('not on this model')\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_folder, rows, write):
    """A project with methods that work, are broken, die and cannot attach."""
    folder = tmp_path_factory.mktemp("fit")
    write(folder / "data" / "train.jsonl", rows[:16])
    write(folder / "data" / "test.jsonl", rows[16:20])
    methods = {"norms": NORMS, "broken": BROKEN, "killed": KILLED, "refusing": REFUSING}
    return project(folder / "project", data=folder / "data", model=tiny_folder, **methods)


@pytest.fixture(scope="module")
def fitted(folder):
    """The exit code and the output of ``--fit``."""
    return finish(begin(folder, "--fit", "--device=cpu", "--junitxml=junit.xml", "-ra"))


def line(output, method):
    return next(each for each in output.splitlines() if each.startswith(f"{method} "))


def test_each_method_has_a_row_and_bad_ones_end_nothing(fitted):
    _, output = fitted
    assert line(output, "zero_shot").endswith("yes")
    assert line(output, "norms").endswith("yes")
    assert "cannot be imported" in line(output, "broken")
    assert line(output, "killed").endswith("crashed: the process was killed by SIGKILL")
    assert line(output, "refusing").endswith("not on this model")


def test_methods_that_fail_fail_their_items_and_those_that_cannot_attach_are_skipped(fitted, folder):
    code, output = fitted
    assert code == pytest.ExitCode.TESTS_FAILED, output
    items = ElementTree.parse(folder / "junit.xml").findall(".//testcase")
    ended = {item.get("name"): [child.tag for child in item if child.tag != "properties"] for item in items}
    assert ended == {
        "test_fit[zero_shot]": [],
        "test_fit[norms]": [],
        "test_fit[broken]": ["failure"],
        "test_fit[killed]": ["failure"],
        "test_fit[refusing]": ["skipped"],
    }


def test_nothing_is_run(fitted, folder):
    assert fitted
    assert not list((folder / "results" / "local" / "small" / "runs").glob("*.json"))


def test_later_runs_have_what_was_predicted_in_their_records_and_in_the_report(fitted, folder):
    assert fitted
    code, output = finish(begin(folder, "--device=cpu", "-k", "norms or zero_shot"))
    assert code == 0, output
    store = Store(folder / "results" / "local", "small")
    for record in store.read_runs():
        assert record.cost.predicted_peak_bytes == pytest.approx(record.cost.peak_rss_bytes, rel=0.25)
    assert "as predicted before it, and as measured" in (store.folder / "report.html").read_text()


def test_a_session_takes_the_micro_batch_that_fits_and_records_it(folder, tmp_path):
    text = (folder / "small.toml").read_text()
    (folder / "auto.toml").write_text(f'{text}micro_batch_size = "auto"\n')
    arguments = ("--suite=auto.toml", "--device=cpu", f"--results={tmp_path}", "-k", "norms")
    code, output = finish(begin(folder, *arguments))
    assert code == 0, output
    assert "micro_batch_size: 4 (norms)" in output
    (path,) = (tmp_path / "auto" / "runs").glob("norms-*.json")
    record = json.loads(path.read_text())
    assert (record["spec"]["micro_batch_size"], record["cost"]["micro_batch_size"]) == ("auto", 4)


def test_a_session_that_serves_another_chooses_for_methods_that_its_request_does_not_name(folder, tmp_path):
    text = (folder / "small.toml").read_text()
    (folder / "served.toml").write_text(f'{text}micro_batch_size = "auto"\n')
    suite = suites.load(str(folder / "served.toml"))
    request = plan.request(suite, registry.discover([folder / "methods"]), tmp_path, device="cpu")
    (run,) = [each for each in request.runs if each.name == "norms-seed0"]
    with closing(bakeoff.begin(replace(request, runs=[request.zero_shot]), Selection())) as serving:
        record = serving.repeat(run)
    assert (record.status, record.cost.micro_batch_size) == ("ok", 4)


def test_an_option_that_does_not_go_with_it_is_refused(folder):
    code, output = finish(begin(folder, "--fit", "--gate"))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--fit cannot be combined with --gate" in output
