"""Every key of a suite and every option of the command line does something, and a test here notices where it does not.

``@of(…)`` names the keys that a test is about; which keys there are is found in the models themselves. A run whose
suite differs from the defaults in everything shows most of them at once.
"""

import json
import os
import shutil
from concurrent.futures import Future
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
import torch
from transformers import BartConfig, ByT5Tokenizer, LlamaConfig

from harness.cli import options as pytest_options
from harness.cli.against import VERSIONS
from harness.cli.options import REQUEST
from harness.execute.local import LocalExecutor
from harness.metrics.built_in import SCORERS
from harness.models import base_model, families, hub, precision
from harness.models.causal import CausalFamily
from harness.models.family import Encoded
from harness.models.seq2seq import Seq2SeqFamily, collate
from harness.pytest_plugin import PARAMETERS
from harness.run import preflight, runner
from harness.session import bakeoff, checks, example
from harness.session.bakeoff import Bakeoff, Selection
from harness.session.gate import Gate, accepted
from harness.session.searches import Searches
from harness.spec import plan, registry
from harness.spec import suite as suites
from harness.spec.errors import DataError, ModelError, SuiteError
from harness.spec.metric import options_of
from harness.spec.record import RunOutcome, RunSpec, Status
from harness.spec.registry import Plugin
from harness.spec.suite import Budget, ModelTable, SearchTable, Suite, Table, TaskTable
from harness.store.results import Store
from harness.tasks import data, prepared
from harness.tasks.task import prepare, prompt_of
from harness.training.budget import Batches
from support.projects import NORMS, project
from support.records import finished, prediction
from support.repositories import commit
from support.sessions import HERE, SESSION, Idle, session

pytest_plugins = ["pytester"]
TESTED = set()
ROWS = 40  # of a test split whose answers are made up


def of(*keys):
    """Says which keys of a suite, or which options, a test is about."""
    TESTED.update(keys)
    return lambda test: test


def keys(model=Suite, table=""):
    """The keys that a suite may have, as in ``budget.max_steps``."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table):
            yield from keys(field.annotation, f"{name}.")
        else:
            yield f"{table}{name}"


def metric_options():
    """The keys that a suite may have for the built-in metrics."""
    return [f"evaluation.{name}" for scorer in SCORERS.values() for name in scorer.options]


class Declared(list):
    """The names that are declared where pytest's parser is expected."""

    def getgroup(self, *_):
        return self

    def addoption(self, name, **_):
        self.append(name)

    def addini(self, name, *_, **__):
        self.append(name)


def options():
    """The options that the plugin adds to pytest, and to its ini file."""
    declared = Declared()
    pytest_options.add(declared)
    return declared


def test_every_key_and_every_option_has_a_test_here():
    assert {*keys(), *metric_options(), *options()} == TESTED


# A suite that is unlike the defaults in everything

WITNESS = """
import json
from harness.method import Method

class Witness(Method):
    \"\"\"Trains everything; each answer tells what the method was given.\"\"\"
    learning_rate = 0.01
    size = 3

    def build(self, base):
        self.passes, self.steps = [], []
        base.encoder.block[0].layer[0].register_forward_hook(lambda _, inputs, __: self.passes.append(len(inputs[0])))
        return base

    def train(self, model, batches):
        super().train(model, batches)
        self.trained = list(self.passes)

    def after_step(self, model, step, progress):
        self.steps.append(step)

    def generate(self, model, prompts):
        setting = self.setting
        told = {
            "passes": self.trained,
            "steps": len(self.steps),
            "size": self.size,
            "seed": setting.seed,
            "max_new_tokens": setting.max_new_tokens,
            "num_beams": setting.num_beams,
            "min_length": setting.generation.min_length,
        }
        return [json.dumps(told) for _ in prompts]
"""
ODD = """
[task]
name = "dialogsum"
data = "{data}"
train_every = 2
train_rows = 6
test_rows = 3
metrics = ["rougeL", "bleu"]
max_source_tokens = 60
max_target_tokens = 5
skip_bad_rows = true

[model]
name = "{model}"

[budget]
max_examples = 13
max_steps = 99
max_tokens = 99_999
max_seconds = 900.0
hard_seconds = 901.0

[evaluation]
max_new_tokens = 9
num_beams = 2
generation = "checkpoint"
samples = 1
sample_rows = [5]
floor = 77.0
margin = 7.0
rouge_tokenizer = "words"
bleu_tokenizer = "char"

[search]
trials = 3
spread = 4.0
rows = 1

[run]
methods = ["witness"]
seeds = [5]
batch_size = 4
micro_batch_size = 3
gradient_checkpointing = true
keep = "all"

[methods.witness]
size = 7
"""


@pytest.fixture(scope="module")
def folder(rows, write, tiny_folder, tmp_path_factory):
    """A project's data, a checkpoint with a setting of its own, a method and the suite ``odd.toml``."""
    folder = tmp_path_factory.mktemp("odd")
    bad = {"id": "bad", "dialogue": "#Person1#: Hello.", "summary": ""}
    write(folder / "data" / "train.jsonl", [*rows[:16], bad])
    write(folder / "data" / "test.jsonl", rows[16:22])
    write(folder / "data" / "validation.jsonl", rows[22:])
    shutil.copytree(tiny_folder, folder / "model")
    settings = folder / "model" / "generation_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "min_length": 4}))
    (folder / "methods").mkdir()
    (folder / "methods" / "witness.py").write_text(WITNESS)
    (folder / "odd.toml").write_text(ODD.format(data=folder / "data", model=folder / "model"))
    return folder


@pytest.fixture(scope="module")
def odd(folder):
    return suites.load(str(folder / "odd.toml"))


@pytest.fixture(scope="module")
def request_of_odd(folder, odd):
    """What a session of the suite is asked for."""
    return plan.request(odd, registry.discover([folder / "methods"]), folder / "results", device="cpu")


@pytest.fixture(scope="module")
def order(request_of_odd, odd):
    """What the session asks of the process that does the method's run."""
    store = Store(request_of_odd.results, odd.name)
    return bakeoff.order(request_of_odd, store, request_of_odd.runs[-1], odd.model)


@pytest.fixture(scope="module")
def here():
    """Keeps this process' working directory and threads, which a run changes."""
    folder, threads = Path.cwd(), torch.get_num_threads()
    yield
    os.chdir(folder)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def found(order, here):
    """What is found before the runs, whose task it leaves for them."""
    return preflight.check(order)


@pytest.fixture(scope="module")
def task(order, found, tokenizer):
    return prepared.load(order.task, Seq2SeqFamily(tokenizer))


@pytest.fixture(scope="module")
def outcome(order, found, folder):
    (folder / "run").mkdir()
    return runner.execute(order, folder / "run")


@pytest.fixture(scope="module")
def told(outcome):
    """What the method was given."""
    assert outcome.record.status == Status.OK, outcome.record.error
    return json.loads(outcome.predictions[0].text)


def test_every_field_of_a_runs_spec_comes_from_its_suite(odd, folder, tmp_path):
    """One that ``plan.runs`` forgets would have its default, or that of the suite beside it."""
    (tmp_path / "coded.py").touch()
    task = odd.task.model_copy(update={"revision": "abc", "name": str(tmp_path / "coded.py")})
    run = odd.run.model_copy(update={"precision": "bf16"})  # in which some machines cannot train
    plain = Suite(
        name="plain",
        task=TaskTable(name="dialogsum"),
        budget=Budget(max_steps=1),
        run={"methods": ["zero_shot"], "seeds": [0]},
    )
    (one, other) = (
        plan.runs(each, registry.discover([folder / "methods"]))[-1]
        for each in (plain, odd.model_copy(update={"task": task, "run": run}))
    )
    assert [name for name in RunSpec.model_fields if getattr(one, name) == getattr(other, name)] == []


@of("name")
def test_the_results_folder_and_the_runs_have_the_suites_name(request_of_odd, order, folder):
    assert request_of_odd.folder == folder / "results" / "odd"
    assert order.spec.suite == "odd"


@of("run.methods", "run.seeds")
def test_the_suites_methods_run_with_its_seeds_beside_zero_shot(request_of_odd):
    assert [run.name for run in request_of_odd.runs] == ["zero_shot-seed5", "witness-seed5"]


@of("run.new_methods")
@pytest.mark.parametrize("takes", [True, False])
def test_a_suite_may_take_methods_that_nobody_names(takes, odd, folder):
    named = odd.run.model_copy(update={"methods": ("lead3",), "new_methods": takes})
    joined = plan.joined(odd.model_copy(update={"run": named, "methods": {}}), registry.discover([folder / "methods"]))
    assert joined.run.methods == (("lead3", "witness") if takes else ("lead3",))


@of("task.name")
def test_the_task_of_that_name_has_the_prompt():
    with pytest.raises(SuiteError, match="unknown task 'another'"):
        prompt_of(TaskTable(name="another"))


@of("task.data", "task.test_rows", "evaluation.sample_rows")
def test_the_first_dialogues_of_the_data_are_asked_and_those_of_the_sample_rows(task, rows):
    asked = [(question.source[:60], question.scored) for question in task.questions]
    assert asked == [(rows[number]["dialogue"][:60], number != 21) for number in (16, 17, 18, 21)]


@of("task.train_every", "task.train_rows", "task.max_target_tokens")
def test_every_nth_row_is_trained_on_up_to_that_many_and_to_that_length(task, rows, tokenizer):
    summaries = [rows[number]["summary"] for number in range(0, 12, 2)]
    expected = tokenizer(text_target=summaries, truncation=True, max_length=5)["input_ids"]
    assert [row.target.tolist() for row in task.training] == expected
    assert task.targets_truncated == 1.0


@of("task.max_source_tokens")
def test_prompts_are_cut_to_that_many_tokens(task, tokenizer):
    lengths = [len(ids) for ids in tokenizer([question.prompt for question in task.questions])["input_ids"]]
    assert 55 <= max(lengths) <= 60
    assert 55 <= max(len(row.source) for row in task.training) <= 60


@of("task.skip_bad_rows")
def test_bad_rows_are_skipped_only_where_the_suite_says_so(found, odd):
    assert found.rows_skipped == 1
    with pytest.raises(DataError):
        data.read(odd.task.model_copy(update={"skip_bad_rows": False}))


# A task that the suite itself defines


@pytest.fixture
def asks(tmp_path, write, tokenizer):
    """``asks(**keys)``: the task of twenty sums that these keys define; the first sum and the eleventh are asked."""
    sums = [
        {"q": f"What is {n} and {n}?", "a": f"Both. #### {2 * n}", "kind": ["even", "odd"][n % 2], "hint": "Count."}
        for n in range(20)
    ]
    path = write(tmp_path / "sums.jsonl", sums)

    def make(**keys):
        known = {"columns": {"source": "q", "target": "a"}, "prompt": "{source}\n", "metrics": ["rouge"]}
        table = TaskTable(name="sums", data=str(path), **{**known, **keys})
        return prepare(table, data.load(table), Seq2SeqFamily(tokenizer))

    return make


@of("task.columns", "task.prompt", "task.values")
def test_a_prompt_has_the_columns_and_the_values_that_it_names(asks):
    task = asks(prompt="{place}: {source} {hint}\n", values={"place": "At school"})
    assert task.questions[0].prompt == "At school: What is 0 and 0? Count.\n"


@of("task.stop", "task.extract")
def test_an_answer_ends_and_counts_as_the_suite_says(asks):
    task = asks(stop="\n", extract=r"#### (\d+)")
    assert [question.references for question in task.questions] == [("0",), ("20",)]
    assert task.reading.ended("Both. #### 4\nWhat is 3") == "Both. #### 4"
    assert [task.read(text) for text in ("Both. #### 4", "It is 4.")] == ["4", None]


@of("task.answer", "task.labels")
@pytest.mark.parametrize("labels", [None, ["odd", "even", "neither"]])
def test_an_answer_is_one_of_the_labels_that_are_given_or_found(labels, asks):
    task = asks(columns={"source": "q", "target": "kind"}, answer="choose", labels=labels)
    assert task.chooses
    assert task.labels == (tuple(labels) if labels else ("even", "odd"))


# From the hub


@pytest.fixture
def asked(monkeypatch):
    """What the hub is asked for; it has nothing."""
    asked = []

    def nothing(name, *, repo_type, revision, **_):
        asked.append((repo_type, name, revision))
        raise OSError("no network")

    monkeypatch.setattr(hub, "snapshot_download", nothing)
    hub.fetch.cache_clear()
    yield asked
    hub.fetch.cache_clear()


@of("task.revision")
def test_data_are_asked_for_at_that_revision(asked):
    with pytest.raises(DataError):
        data.load(TaskTable(name="dialogsum", data="some/data", revision="v2"))
    assert asked == [("dataset", "some/data", "v2")]


@of("model.revision")
def test_a_model_is_asked_for_at_that_revision(asked):
    with pytest.raises(ModelError):
        base_model.load(ModelTable(name="some/model", revision="v3"), torch.device("cpu"))
    assert asked == [("model", "some/model", "v3")]


@of("model.family")
def test_a_model_is_of_the_family_that_the_suite_says():
    assert families.of(ModelTable(family="causal"), BartConfig()) is CausalFamily
    assert families.of(ModelTable(family="seq2seq"), LlamaConfig()) is Seq2SeqFamily


@of("model.dtype", "model.quantization")
def test_a_model_is_loaded_with_the_dtype_and_quantization_that_the_suite_says(monkeypatch):
    assert precision.options(ModelTable(dtype="bfloat16"), torch.device("cpu")) == {"dtype": torch.bfloat16}
    monkeypatch.setattr(precision, "PACKAGE", "torch")  # one that is installed
    found = precision.options(ModelTable(quantization="nf4"), torch.device("cpu"))["quantization_config"]
    assert (found.load_in_4bit, found.bnb_4bit_quant_type) == (True, "nf4")


@of("task.chat", "task.system")
def test_prompts_are_put_into_a_chat_as_the_suite_says(tokenizer):
    talks = deepcopy(tokenizer)
    talks.chat_template = "{% for each in messages %}<{{ each.role }}>{{ each.content }}{% endfor %}"
    asked = {"as a turn": {}, "after the system": {"system": "Be brief."}, "in plain text": {"chat": False}}
    families_ = {
        name: families.with_tokenizer(CausalFamily, talks, TaskTable(name="dialogsum", **keys), "mine")
        for name, keys in asked.items()
    }
    assert {name: talks.decode(family.prompt_ids(["Hello."])[0]) for name, family in families_.items()} == {
        "as a turn": "<user>Hello.",
        "after the system": "<system>Be brief.<user>Hello.",
        "in plain text": "Hello.",
    }


@of("model.name")
def test_the_model_of_that_name_is_loaded(found, folder, outcome):
    assert found.model_revision == base_model.revision(ModelTable(name=str(folder / "model")))
    assert found.model_revision != base_model.revision(ModelTable())
    model = base_model.load(ModelTable(name=str(folder / "model")), torch.device("cpu")).model
    assert outcome.record.cost.total_parameters == sum(each.numel() for each in model.parameters())


# What the method is given


@of("run.batch_size")
def test_an_epoch_of_six_rows_is_a_batch_of_four_and_one_of_two(told):
    assert told["steps"] == 5  # 4 + 2, 4 + 2, 1


@of("run.micro_batch_size")
def test_the_model_sees_no_more_rows_at_once_than_the_suite_says(told):
    assert max(told["passes"]) == 3


@of("run.gradient_checkpointing")
def test_with_checkpointing_every_row_passes_twice(told):
    assert sum(told["passes"]) == 2 * 13


@of("run.keep")
def test_the_models_are_kept_that_the_suite_says(request_of_odd, odd, store, found):
    run = request_of_odd.runs[-1]
    assert Bakeoff(request_of_odd, store, Idle(), found, [], Selection()).keeper.place(run)
    none = odd.model_copy(update={"run": odd.run.model_copy(update={"keep": "none"})})
    request = replace(request_of_odd, suite=none)
    assert Bakeoff(request, store, Idle(), found, [], Selection()).keeper.place(run) is None


@of("methods")
def test_a_method_has_the_hyper_parameters_that_the_suite_sets(told, outcome):
    assert (told["size"], outcome.record.provenance.hyperparameters["size"]) == (7, 7)


@of("evaluation.max_new_tokens", "evaluation.num_beams", "evaluation.generation")
def test_a_method_answers_with_length_beams_and_settings_of_the_suite(told, outcome):
    assert (told["max_new_tokens"], told["num_beams"], told["min_length"], told["seed"]) == (9, 2, 4, 5)


@of("evaluation.rouge_tokenizer", "evaluation.bleu_tokenizer")
def test_answers_are_read_as_the_suite_says(found, task):
    told = {"rouge_tokenizer": "words", "bleu_tokenizer": "char"}
    assert options_of(found.metrics) == options_of(task.metrics) == told


@of("task.metrics")
def test_answers_are_scored_by_the_metrics_of_the_suite_of_which_the_first_ranks(found, outcome):
    assert [metric.id for metric in found.metrics] == list(outcome.record.scores) == ["rougeL", "bleu"]
    assert outcome.record.score == outcome.record.scores["rougeL"]


@of("budget.max_examples")
def test_a_run_trains_on_that_many_examples(outcome):
    assert outcome.record.cost.examples == 13


@of("budget.max_steps", "budget.max_tokens", "budget.max_seconds")
@pytest.mark.parametrize(
    ("limit", "value", "steps"), [("max_steps", 3, 3), ("max_tokens", 15, 5), ("max_seconds", 40.0, 4)]
)
def test_each_limit_of_the_budget_ends_the_training(limit, value, steps, odd, monkeypatch):
    """Batches of one row of three tokens, which take ten seconds each; of the suite's limits the others are far off."""
    row = collate([Encoded(torch.tensor([5, 1]), torch.tensor([1]))], pad=0)
    budget = Budget(**{**odd.budget.model_dump(), "max_examples": 999, limit: value})
    now = [0.0]
    monkeypatch.setattr("harness.training.budget.perf_counter", lambda: now[0])
    given = Batches(iter([row] * 99), budget, torch.device("cpu"), Seq2SeqFamily(ByT5Tokenizer()).row_tokens)
    for number, _ in enumerate(given, 1):  # noqa: B007 (the last is looked at)
        now[0] += 10.0
    assert number == steps


@of("budget.hard_seconds")
def test_a_run_is_ended_at_the_hard_limit(tmp_path, order, found):
    """In a process of its own, which hangs for longer while its method is imported, and fails then."""
    (tmp_path / "hangs.py").write_text("import time\ntime.sleep(6)\n")
    executor = LocalExecutor(tmp_path / "scratch")
    try:
        asked = order.spec.model_copy(update={"budget": Budget(max_steps=1, hard_seconds=0.5)})
        hanging = replace(order, spec=asked, plugin=Plugin("hangs", tmp_path / "hangs.py"))
        record = executor.submit(hanging).result().record
    finally:
        executor.close()
    assert (record.status, record.error.cause) == (Status.TIMED_OUT, "ended after hard_seconds = 0.5")


# The search


@of("search.trials", "search.spread")
def test_a_search_tries_that_many_rates_within_the_spread(request_of_odd, found, store):
    asked = []

    def submit(run, multiplier):
        asked.append(multiplier)
        done = Future()
        done.set_result(RunOutcome(record=finished(spec=run)))
        return done

    Searches(request_of_odd, store, found, submit).finish("witness")
    assert asked == pytest.approx([1.0, 0.5, 2.0])  # 4 to the power of 0, -1/2 and 1/2


@of("search.rows")
def test_a_trial_answers_the_first_validation_rows_at_its_multiple_of_the_rate(order, found, folder, rows):
    (folder / "trial").mkdir()
    trial = runner.execute(replace(order, task=order.validation, multiplier=2.0), folder / "trial")
    assert [each.source[:60] for each in trial.predictions] == [rows[22]["dialogue"][:60]]
    assert trial.record.provenance.hyperparameters["learning_rate"] == 0.02


# What is shown and judged


@of("--show-example")
def test_the_first_training_example_is_shown_with_what_counts_for_the_loss(odd, task):
    title, table = example.lines(odd, "cpu")
    row = task.training[0]
    assert title.endswith(f"(seq2seq): {len(row.source)} tokens of the prompt, {len(row.target)} of the target")
    shown = table.splitlines()[2:]
    assert [line.split()[1] for line in shown] == [str(each) for each in (*row.source.tolist(), *row.target.tolist())]
    assert [line.endswith("yes") for line in shown] == [False] * len(row.source) + [True] * len(row.target)


def ended(folder, suite, plugins, points=0.0):
    """A session of that suite whose runs are done; the method has so many points more than zero-shot in every row."""
    store = Store(folder, suite.name)
    store.open()
    records = []
    for run in plan.runs(suite, plugins):
        level = 0.5 + (points / 100 if run.method == "witness" else 0.0)
        answers = [
            prediction(number, rouge1=level + number / 200, source=f"Dialogue {number:02}") for number in range(ROWS)
        ]
        scores = {name: fmean(each.scores[name] for each in answers) for name in answers[0].scores}
        known = {"environment": HERE, "data_hash": "data", "model_revision": "model", "weights_hash": "the same"}
        records.append(finished(spec=run, scores=scores, predictions_hash=f"{level}", **known))
        store.write_run(records[-1], answers)
    store.close()
    return session(suite, plugins, folder, SESSION, *records)


def changed(suite, **evaluation):
    """The suite without its search and with another ``[evaluation]``."""
    values = {"search": SearchTable(), "evaluation": suite.evaluation.model_copy(update=evaluation)}
    return suite.model_copy(update=values)


@pytest.fixture
def plugins(folder):
    return registry.discover([folder / "methods"])


@of("evaluation.samples")
def test_the_first_samples_and_the_sample_rows_are_shown(tmp_path, odd, plugins):
    found = ended(tmp_path, odd, plugins)
    found.write(found.tables())
    page = (tmp_path / "odd" / "leaderboard.md").read_text()
    assert [number for number in range(ROWS) if f"Dialogue {number:02}" in page] == [0, 5]


@of("evaluation.floor")
@pytest.mark.parametrize(("floor", "below"), [(3.0, True), (1.5, False)])
def test_a_method_must_beat_zero_shot_by_the_floor(floor, below, tmp_path, odd, plugins):
    found = ended(tmp_path, changed(odd, floor=floor), plugins, points=2.0)
    problems = found.problems(found.asked[-1])
    assert [f"the suite requires at least {floor:+.1f}" in problem for problem in problems] == [True] * below


@of("evaluation.margin")
@pytest.mark.parametrize(("margin", "passes"), [(1.0, False), (3.0, True)])
def test_the_gate_lets_a_loss_within_the_margin_pass(margin, passes, tmp_path, odd, plugins):
    asked = changed(odd, floor=-100.0, margin=margin)
    Gate(ended(tmp_path, asked, plugins, points=2.0), []).accept()
    now = ended(tmp_path, asked, plugins)
    gate = Gate(now, accepted(now.request).baselines, ["witness"])
    (verdict,) = (one for one in gate.verdicts("witness") if one.metric == "rouge1")
    assert (verdict.outcome == "pass") == passes, verdict.message


# The command line


@pytest.fixture
def begun(pytester, monkeypatch):
    """``begun(*options)``: pytest's configuration of a session of ``small.toml``, in which nothing has run."""
    monkeypatch.delenv("CI", raising=False)
    project(pytester.path, data="nowhere", model="nowhere", norms=NORMS)

    def begin(*arguments, benchmark=("--benchmark",)):
        return pytester.parseconfigure(*benchmark, "--suite=small.toml", *arguments)

    return begin


@of("--benchmark")
def test_without_the_flag_nothing_runs(begun):
    assert PARAMETERS not in begun(benchmark=()).stash
    assert begun().stash[PARAMETERS]["run"] == ["zero_shot-seed0", "norms-seed0"]


@of("--suite")
def test_the_suite_that_is_named_runs(begun):
    assert begun().stash[REQUEST].suite.name == "small"
    assert begun("--suite=smoke").stash[REQUEST].suite.name == "smoke"


@of("--model", "--data", "--seeds")
@pytest.mark.parametrize(
    ("option", "table", "values"),
    [
        ("--model=some/model@v3", "model", {"name": "some/model", "revision": "v3"}),
        ("--data=some/data@v2", "task", {"data": "some/data", "revision": "v2"}),
        ("--seeds=4,2", "run", {"seeds": (4, 2)}),
    ],
)
def test_an_option_replaces_keys_of_the_suite_and_no_others(option, table, values, begun):
    before, after = (begun(*arguments).stash[REQUEST].suite for arguments in ((), (option,)))
    assert after == before.model_copy(update={table: getattr(before, table).model_copy(update=values)})


@of("--search")
def test_the_number_of_trials_replaces_the_suites(begun):
    assert begun("--search=4").stash[PARAMETERS]["search"] == ["norms"]
    assert begun("--search=4").stash[REQUEST].suite.search.trials == 4


@of("--search")
def test_no_trials_are_no_search_also_where_the_suite_has_one(begun):
    with Path("small.toml").open("a") as suite:
        suite.write("\n[search]\ntrials = 2\n")
    assert begun().stash[PARAMETERS]["search"] == ["norms"]
    assert "search" not in begun("--search=0").stash[PARAMETERS]


@of("--keep")
def test_the_models_to_keep_replace_the_suites(begun):
    assert begun().stash[REQUEST].suite.run.keep == "none"
    assert begun("--keep=best", "--seeds=3").stash[REQUEST].suite.run.keep == "best"
    with Path("small.toml").open("a") as suite:
        suite.write('keep = "all"\n')
    assert begun().stash[REQUEST].suite.run.keep == "all"
    assert begun("--keep=none").stash[REQUEST].suite.run.keep == "none"


def ordered(asked, folder):
    """What a session asks of the process that does its first run."""
    return bakeoff.order(asked, Store(folder, "small"), asked.runs[0], asked.suite.model)


@of("--device", "--jobs")
def test_runs_are_done_on_that_device_and_so_many_at_once(begun, tmp_path):
    asked = begun("--device=cuda:1", "--jobs=3").stash[REQUEST]
    assert asked.jobs == 3
    assert ordered(asked, tmp_path).device == "cuda:1"
    assert begun("--jobs=auto").stash[REQUEST].jobs is None


@of("--cluster")
def test_runs_are_done_on_the_cluster_with_that_address(begun):
    assert begun("--cluster=10.0.0.1:6379").stash[REQUEST].cluster == "10.0.0.1:6379"
    with pytest.raises(pytest.UsageError, match="--cluster starts as many runs as the nodes have room for"):
        begun("--cluster=auto", "--jobs=2")


@of("run.cpus")
def test_a_run_has_that_many_threads_or_all_of_them_if_the_machine_is_its_own(begun, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.execute.machine.cores", lambda: 6)
    threads = [ordered(begun(*options).stash[REQUEST], tmp_path).threads for options in ([], ["--jobs=auto"])]
    with Path("small.toml").open("a") as suite:
        suite.write("cpus = 3\n")
    threads += [ordered(begun(*options).stash[REQUEST], tmp_path).threads for options in ([], ["--jobs=auto"])]
    assert threads == [6, 1, 3, 3]


@of("run.gpus")
def test_runs_of_a_suite_without_gpus_see_none(begun, tmp_path):
    assert ordered(begun().stash[REQUEST], tmp_path).gpus is None
    with Path("small.toml").open("a") as suite:
        suite.write("gpus = 0\n")
    asked = ordered(begun().stash[REQUEST], tmp_path)
    assert (asked.gpus, asked.device) == ((), "cpu")


@of("run.precision")
def test_runs_train_in_the_precision_that_the_suite_says(begun, tmp_path):
    assert ordered(begun().stash[REQUEST], tmp_path).spec.precision == "float32"
    with Path("small.toml").open("a") as suite:
        suite.write('precision = "bf16"\n')
    assert ordered(begun().stash[REQUEST], tmp_path).spec.precision == "bf16"


@of("--resume")
def test_runs_and_searches_are_reused_on_demand_only(begun):
    assert begun("--resume").stash[REQUEST].resumes
    assert not begun().stash[REQUEST].resumes


@of("--results")
def test_results_go_to_that_folder_or_below_the_projects(begun, tmp_path, pytester):
    assert begun(f"--results={tmp_path / 'there'}").stash[REQUEST].folder == tmp_path / "there" / "small"
    assert begun().stash[REQUEST].folder == pytester.path / "results" / "local" / "small"


@of("--gate")
def test_a_gate_that_is_asked_for_needs_a_baseline(begun):
    begun()
    with pytest.raises(pytest.UsageError, match="--gate: no baseline in "):
        begun("--gate")


@of("--update-baseline", "--even-in-ci")
def test_in_ci_a_baseline_is_updated_on_demand_only(begun, monkeypatch):
    begun("--update-baseline")
    monkeypatch.setenv("CI", "true")
    begun()
    with pytest.raises(pytest.UsageError, match="--update-baseline: refused, because CI is set"):
        begun("--update-baseline")
    begun("--update-baseline", "--even-in-ci")


@of("--against")
def test_the_revision_that_is_named_is_compared_with(begun, pytester):
    commit(pytester.path)
    config = begun("--against=HEAD")
    assert (config.stash[VERSIONS].revision.name, list(config.stash[PARAMETERS])) == ("HEAD", ["method"])
    with pytest.raises(pytest.UsageError, match="unknown revision 'v1'"):
        begun("--against=v1")


@of("--serve")
def test_a_session_that_serves_another_has_no_items_and_lacks_no_method(begun):
    text = (
        begun()
        .rootpath.joinpath("small.toml")
        .read_text()
        .replace('methods = ["norms"]', 'methods = ["norms", "strange"]')
    )
    Path("small.toml").write_text(text)
    config = begun("--serve=3")
    assert config.stash[PARAMETERS] == {}
    assert [run.name for run in config.stash[REQUEST].runs] == ["zero_shot-seed0", "norms-seed0"]


@of("--fit")
def test_methods_that_are_to_fit_are_items_in_place_of_runs(begun):
    assert begun("--fit").stash[PARAMETERS] == {"fit": ["zero_shot", "norms"]}
    with pytest.raises(pytest.UsageError, match="--fit looks at this machine"):
        begun("--fit", "--cluster=auto")


@of("--gate-selftest")
def test_a_self_test_has_cases_in_place_of_runs(begun):
    assert list(begun("--gate-selftest").stash[PARAMETERS]) == ["case"]


@of("method_paths")
def test_methods_come_from_the_folders_of_the_ini_file(begun, pytester):
    begun()
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    with pytest.raises(pytest.UsageError, match="unknown method 'norms'"):
        begun()


@of("task_paths")
def test_tasks_come_from_the_folders_of_the_ini_file(begun, pytester):
    begun()
    (pytester.path / "pytest.ini").write_text("[pytest]\nmethod_paths = methods\ntask_paths = tasks\n")
    (pytester.path / "tasks").mkdir()
    table = 'columns = { source = "q", target = "a" }\nprompt = "{source}"\nmetrics = ["rouge"]\n'
    (pytester.path / "tasks" / "sums.toml").write_text(f"[task]\n{table}")
    suite = pytester.path / "small.toml"
    suite.write_text(suite.read_text().replace('"dialogsum"', '"sums"'))
    task = begun().stash[REQUEST].suite.task
    assert (task.name, task.prompt) == ("sums", ("{source}",))


@of("metric_paths")
def test_metrics_come_from_the_folders_of_the_ini_file(begun, pytester):
    (pytester.path / "metrics").mkdir()
    (pytester.path / "metrics" / "mine.py").write_text("from harness.metric import Scorer\nclass Mine(Scorer): ...\n")
    suite = pytester.path / "small.toml"
    suite.write_text(suite.read_text().replace("[model]", 'metrics = ["mine", "rouge"]\n\n[model]'))
    assert checks.own_metrics(begun().stash[REQUEST]) == ()
    (pytester.path / "pytest.ini").write_text("[pytest]\nmethod_paths = methods\nmetric_paths = metrics\n")
    (own,) = checks.own_metrics(begun().stash[REQUEST])
    assert (own.id, own.path) == ("mine", pytester.path / "metrics" / "mine.py")
