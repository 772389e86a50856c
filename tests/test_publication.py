"""Publishing: what sessions left becomes what is shown, whole or not at all, and tables come from stored scores."""

import json

import pytest

from harness.cli import commands
from harness.spec import plan, registry
from harness.spec import suite as suites
from harness.spec.record import Status
from harness.store.results import Store
from harness.tasks import data, task
from support.records import finished, prediction
from support.sessions import HERE

SUITE = """\
[task]
name = "dialogsum"
data = "{data}"

[budget]
max_steps = 4

[run]
methods = ["zero_shot", "lora"]
seeds = [0, 1]
"""
MARKS = "<!-- leaderboard: the table of results/small/leaderboard.md -->", "<!-- end of leaderboard -->"
README = f"# Mine\n\n{MARKS[0]}\n\nold\n\n{MARKS[1]}\n\nText.\n"


@pytest.fixture
def folder(tmp_path, rows, write, monkeypatch):
    """A project's root folder with a suite, its data and a README, in which the commands are given."""
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", rows[15:19])
    (tmp_path / "small.toml").write_text(SUITE.format(data=tmp_path / "data"))
    (tmp_path / "README.md").write_text(README)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs():
    """The suite's runs as a session would do them now."""
    return plan.runs(suites.load("small.toml"), registry.discover())


def done(specs, root, **changes):
    """Store runs as a session does that ended well."""
    table = suites.load("small.toml").task
    known = {"environment": HERE, "data_hash": task.hash_of(data.cut(table, data.load(table))), "model_revision": "abc"}
    left = Store(root, "small")
    left.open()
    for spec in specs:
        record = finished(spec.method, spec.seed, **{**known, **changes}).model_copy(update={"spec": spec})
        level = 0.3 if spec.method == "zero_shot" else 0.6
        left.write_run(record, [prediction(number, rouge1=level + number / 100) for number in range(4)])
    left.close()
    return left


@pytest.fixture
def local(folder):
    """The same after the suite ran."""
    return done(runs(), folder / "results" / "local")


def published(folder):
    """What is published, by file name."""
    return {
        path.relative_to(folder / "results/small").as_posix(): path.read_bytes()
        for path in (folder / "results" / "small").rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def refusal(*arguments):
    """What a command says that cannot be done."""
    with pytest.raises(SystemExit) as ended:
        commands.main(arguments)
    return str(ended.value)


def test_what_the_whole_suite_left_is_published_with_its_tables(folder, local):
    commands.main(["publish", "small.toml"])
    rows = json.loads((folder / "results/small/leaderboard.json").read_text())["rows"]
    assert [(row["rank"], row["method"]) for row in rows] == [(1, "lora"), (2, "zero_shot")]
    assert Store(folder / "results", "small").read_runs() == local.read_runs()
    assert "Of 4 test dialogues, 1 are in the training split" in (folder / "results/small/leaderboard.md").read_text()


def test_the_readme_shows_the_published_table_where_its_marks_are(folder, local, capsys):
    commands.main(["publish", "small.toml"])
    page = (folder / "results/small/leaderboard.md").read_text()
    begin, _, rest = README.partition("old")
    table = next(part for part in page.split("\n\n") if part.startswith("|"))
    assert (folder / "README.md").read_text() == f"{begin}{table}{rest}"
    assert "wrote README.md" in capsys.readouterr().out
    commands.main(["render", "small.toml"])
    assert "wrote README.md" not in capsys.readouterr().out


def test_what_was_published_before_goes_away_and_the_baseline_stays(folder, local):
    old = [run.model_copy(update={"method": "dora"}) for run in runs()]
    done(old, folder / "results")
    (folder / "results/small/baseline").mkdir()
    (folder / "results/small/baseline/abc.json").write_text("accepted")
    commands.main(["publish", "small.toml"])
    assert not [name for name in published(folder) if "dora" in name]
    assert published(folder)["baseline/abc.json"] == b"accepted"


def test_a_suite_of_which_a_run_is_missing_is_not_published_and_nothing_changes(folder):
    done(runs()[:3], folder / "results" / "local")
    assert "run the whole suite first:\n  lora-seed1: not stored yet" in refusal("publish", "small.toml")
    assert not (folder / "results" / "small").exists()


def test_nor_one_whose_method_or_settings_changed_since(folder, local):
    suite = folder / "small.toml"
    suite.write_text(suite.read_text().replace("max_steps = 4", "max_steps = 5"))
    assert "zero_shot-seed0: the suite's budget changed" in refusal("publish", "small.toml")


def test_nor_one_whose_runs_are_of_two_machines(folder, local):
    done(runs()[3:], folder / "results" / "local", environment=HERE.model_copy(update={"threads": 8}))
    assert "its runs were done in different environments" in refusal("publish", "small.toml")


def test_nor_one_whose_runs_had_other_data(folder, local):
    done(runs()[3:], folder / "results" / "local", data_hash="ffffffffffff")
    assert "its runs were done on different data or base models" in refusal("publish", "small.toml")


def test_a_run_that_failed_is_published_as_such(folder, local):
    done(runs()[3:], folder / "results" / "local", status=Status.DIVERGED)
    commands.main(["publish", "small.toml"])
    rows = json.loads((folder / "results/small/leaderboard.json").read_text())["rows"]
    assert {row["method"]: row["status"] for row in rows} == {"zero_shot": "ok", "lora": "diverged"}


def test_tables_are_rendered_again_from_runs_of_any_machine_and_of_methods_that_changed_since(folder):
    elsewhere = HERE.model_copy(update={"device": "cuda", "packages": {"torch": "1.0"}})
    older = [run.model_copy(update={"source": "0123456789ab"}) for run in runs()]
    done(older, folder / "results", environment=elsewhere)
    before = published(folder)
    commands.main(["render", "small.toml"])
    after = published(folder)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        *("github-action-benchmark.json", "leaderboard.csv", "leaderboard.json", "leaderboard.md", "report.html")
    ]
    commands.main(["render", "small.toml"])
    assert published(folder) == after


def test_tables_of_another_suite_or_of_other_data_are_not_rendered(folder, write, rows):
    assert "there are no results" in refusal("render", "small.toml")
    done(runs(), folder / "results")
    suite = (folder / "small.toml").read_text()
    (folder / "small.toml").write_text(suite.replace("max_steps = 4", "max_steps = 5"))
    assert "ran with different suite settings: budget.max_steps 4 → 5" in refusal("render", "small.toml")
    (folder / "small.toml").write_text(suite)
    write(folder / "data" / "test.jsonl", rows[10:14])
    assert "the rows of its data have changed" in refusal("render", "small.toml")


def test_a_suite_that_nobody_knows_is_refused(folder):
    assert "unknown suite 'embeded'; did you mean 'embedded'?" in refusal("render", "embeded")
