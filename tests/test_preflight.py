"""What is found before the first run: how the data were read, and how the metrics have to read them."""

import json

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from harness.models import base_model
from harness.run import preflight
from harness.spec import registry
from harness.spec.errors import DataError, ModelError, PluginError, SuiteError
from harness.spec.metric import options_of
from harness.spec.plan import Order
from harness.spec.registry import Plugin
from harness.spec.suite import Evaluation, ModelTable, SearchTable, TaskTable
from harness.store.results import Store
from harness.tasks import prepared
from support import toy
from support.projects import begin, finish, project
from support.records import spec
from support.toy import CPU

RUSSIAN = [
    {"id": f"строка_{number}", "dialogue": f"Том: Привет, Анна! {number}\nАнна: Привет.", "summary": "Том здоровается."}
    for number in range(20)
]


def tokenizer(known):
    """How ROUGE reads, by a preflight, a task or a record."""
    return options_of(known.metrics)["rouge_tokenizer"]


def handed_over(order, folder):
    """The task in that folder, as a run gets it."""
    return prepared.load(folder, base_model.load(order.model, CPU).family)


PUNCTUATION = {"id": "odd", "dialogue": "Tom: Hm?\nAnna: Hm!", "summary": "?!"}
END = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}


@pytest.fixture
def check(tiny_folder, tmp_path, write):
    """``check(training, test)``: what the preflight says about these rows, and the folder of the task for the runs."""

    def checked(training, test, search=0, validation=(), evaluation=None, own=(), precision="float32", **table):
        for split, rows in (("train", training), ("test", test), *([("dev", validation)] if validation else [])):
            write(tmp_path / "data" / f"{split}.jsonl", rows)
        asked = TaskTable(name="dialogsum", data=str(tmp_path / "data"), **table)
        order = Order(
            spec=spec("zero_shot", task=asked, evaluation=evaluation or Evaluation(), precision=precision),
            plugin=registry.discover()["zero_shot"],
            model=ModelTable(name=str(tiny_folder)),
            task=tmp_path / "task",
            device="cpu",
            threads=1,
            search=SearchTable(trials=search),
            metrics=own,
        )
        return preflight.check(order), order

    return checked


def test_how_rouge_reads_a_data_set_is_decided_over_all_its_summaries_told_and_handed_to_the_runs(check, rows):
    found, order = check(RUSSIAN, rows[:4], search=1)
    assert tokenizer(found) == "words"
    (notice,) = found.notices
    assert notice.startswith(
        "ROUGE compares Unicode words, and single characters in scripts without spaces, without a stemmer"
    )
    assert tokenizer(handed_over(order, order.task)) == "words"
    assert tokenizer(handed_over(order, order.validation)) == "words"


def test_only_what_counts_of_the_summaries_decides_how_rouge_reads_them(check, rows):
    both = [{**row, "summary": f"{row['summary']} {'Том поздоровался с Анной.' * 5}"} for row in rows]
    assert tokenizer(check(both[:16], both[16:20], extract=r"(.*?\.)")[0]) == "rouge_score"


def test_latin_data_are_read_as_rouge_score_reads_them_and_nothing_is_told(check, rows):
    found, order = check(rows[:16], rows[16:20])
    assert (tokenizer(found), found.rows_skipped, found.notices) == ("rouge_score", 0, ())
    assert tokenizer(handed_over(order, order.task)) == "rouge_score"


def test_a_device_that_does_not_compute_in_the_suites_precision_is_refused(check, rows, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    found, order = check(rows[:16], rows[16:20], precision="bf16")
    assert found.environment.dtype == preflight.survey(order).dtype == "bfloat16"
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    for way in (preflight.check, preflight.survey):
        with pytest.raises(SuiteError, match=r'run\.precision = "bf16": this device does not compute in bfloat16'):
            way(order)


def test_a_limit_that_keeps_the_first_of_sorted_rows_is_told(check, rows):
    talks = [{**row, "dialogue": f"{row['dialogue']} {number}"} for number, row in enumerate((rows * 9)[:40])]
    labelled = [{**row, "summary": ["No.", "Yes."][number * 2 // 40]} for number, row in enumerate(talks)]
    found, _ = check(rows[:16], labelled, test_rows=20)
    (notice,) = found.notices
    assert "the 20 of 40 test rows that are used have 1 of 2 different targets ('No.': 100%" in notice
    assert "shuffle the rows, or change task.test_rows" in notice


def test_a_suite_decides_how_rouge_reads_if_it_says_so(check, rows):
    found, _ = check(rows[:16], rows[16:20], evaluation=Evaluation(rouge_tokenizer="characters"))
    assert (tokenizer(found), found.notices) == ("characters", ())


def test_summaries_that_no_tokenizer_reads_are_an_error_that_names_the_rows(check, rows):
    with pytest.raises(DataError) as caught:
        check(rows[:16], [*rows[16:19], PUNCTUATION])
    assert str(caught.value).startswith("ROUGE (rouge_score) cannot read 1 of the references")
    assert "row 4 (id odd: ?!)" in str(caught.value)


def test_nor_may_a_search_ask_for_them(check, rows):
    with pytest.raises(DataError, match=r"1 \(id odd: \?!\)"):
        check(rows[:16], rows[16:18], search=1, validation=[PUNCTUATION])


def test_a_summary_that_is_only_learned_from_may_be_anything(check, rows):
    assert tokenizer(check([*rows[:16], PUNCTUATION], rows[16:20])[0]) == "rouge_score"


def test_russian_that_rouge_score_is_to_read_is_refused_with_a_remedy_and_a_short_message(check):
    long = [{**row, "id": f"{row['id']} {'x' * 999}", "summary": f"{row['summary']} {'ы' * 999}"} for row in RUSSIAN]
    with pytest.raises(DataError) as caught:
        check(long[:10], long[10:], evaluation=Evaluation(rouge_tokenizer="rouge_score"))
    assert "cannot read 10 of the references" in str(caught.value)
    assert 'or set evaluation.rouge_tokenizer = "words"' in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_metrics_of_the_suite_are_known_to_the_session_and_to_the_runs_in_order(check, rows):
    found, order = check(rows[:16], rows[16:20], search=1, metrics=("chrf", "rougeL", "perplexity"))
    assert [metric.id for metric in found.metrics] == ["chrf", "rougeL", "perplexity"]
    assert handed_over(order, order.task).metrics == handed_over(order, order.validation).metrics == found.metrics
    assert {"sacrebleu", "rouge_score"} <= found.environment.packages.keys()


def test_a_metric_that_does_not_fit_free_text_is_refused(check, rows):
    with pytest.raises(SuiteError, match=r"task\.metrics: accuracy does not fit this task: its answers are free text"):
        check(rows[:16], rows[16:20], metrics=("rouge", "accuracy"))


def test_bleu_says_how_it_reads_a_data_set_without_spaces(check):
    rows = [{**row, "summary": "汤姆向安娜问好。"} for row in RUSSIAN]
    found, order = check(rows[:16], rows[16:], metrics=("bleu",))
    assert (options_of(found.metrics), dict(found.unusual)) == ({"bleu_tokenizer": "zh"},) * 2
    assert found.notices[0].startswith("BLEU compares single characters of scripts without spaces")
    assert handed_over(order, order.task).metrics == found.metrics
    with pytest.raises(DataError, match=r'BLEU \(13a\) cannot read 4 of the references .*bleu_tokenizer = "zh"'):
        check(rows[:16], rows[16:], metrics=("bleu",), evaluation=Evaluation(bleu_tokenizer="13a"))


def test_exact_match_refuses_references_of_which_it_leaves_nothing(check, rows):
    with pytest.raises(DataError, match=r"^exact match cannot read 1 of the references .*accuracy compares labels"):
        check(rows[:16], [*rows[16:19], {**rows[19], "summary": "A"}], metrics=("exact_match",))


def test_references_that_the_model_has_no_positions_for_are_refused_if_their_likelihood_is_asked_for(
    tmp_path, write, rows
):
    """They may be longer than any target of training, and are never cut."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 3072}
        GPT2LMHeadModel(GPT2Config(**sizes, **END, n_positions=256)).save_pretrained(tmp_path / "model")
    toy.tokenizer().save_pretrained(tmp_path / "model")
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", [{**rows[16], "summary": "one two three " * 100}])

    def asked(*metrics, **keys):
        table = TaskTable(name="dialogsum", data=str(tmp_path / "data"), metrics=metrics, max_source_tokens=100, **keys)
        asked = spec("zero_shot", task=table, evaluation=Evaluation(max_new_tokens=8))
        model, task = ModelTable(name=str(tmp_path / "model")), tmp_path / f"task_{metrics[0]}_{len(keys)}"
        return preflight.check(Order(asked, registry.discover()["zero_shot"], model, task, "cpu", threads=1))

    assert asked("rouge").metrics
    for keys in ({}, {"extract": "(one|wants .*)"}):  # of which little counts, but all is asked for
        with pytest.raises(ModelError, match="decoder has 256 positions, but the longest prompt with its answer may"):
            asked("perplexity", **keys)


OWN = """from harness.metric import Metric, Scorer

class Own(Scorer):
    metrics = (Metric(id="own", title="own"),)

    def statistics(self, answers, references):
        return [answer[0] == reference[0][0] for answer, reference in zip(answers, references)]
"""


def test_a_file_that_cannot_be_used_does_not_hide_that_a_metric_is_unknown(check, rows, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import nothing_of_that_name\n")
    with pytest.raises(SuiteError, match=r"unknown metric 'bleuu'; did you mean 'bleu'(.|\n)*broken\.py:1: cannot be"):
        check(rows[:16], rows[16:20], own=(Plugin("broken", path),), metrics=("bleuu",))
    with pytest.raises(PluginError, match=r"broken\.py:1: cannot be imported"):
        check(rows[:16], rows[16:20], own=(Plugin("broken", path),), metrics=("broken",))


def test_a_metric_of_the_projects_own_is_tried_before_the_first_run(check, rows, tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    with pytest.raises(
        PluginError, match=r"own\.py:7: Own: IndexError: string index out of range \(with empty answers\)"
    ):
        check(rows[:16], rows[16:20], own=(Plugin("own", path),), metrics=("own",))
    path.write_text(OWN.replace("answer[0]", "answer[:1]"))
    unused = Evaluation(rouge_tokenizer="words")
    with pytest.raises(SuiteError, match=r"evaluation\.rouge_tokenizer: is for rouge, but task\.metrics has only own"):
        check(rows[:16], rows[16:20], own=(Plugin("own", path),), metrics=("own",), evaluation=unused)
    found, _ = check(rows[:16], rows[16:20], own=(Plugin("own", path),), metrics=("own", "rouge1"))
    assert options_of(found.metrics) == {
        "own_source": Plugin("own", path).source_hash,
        "rouge_tokenizer": "rouge_score",
    }


SEVERAL = """from harness.metric import Metric, Scorer

class Several(Scorer):
    metrics = (Metric(id="shorter", title="shorter"), Metric(id="longer", title="longer"))

    def statistics(self, answers, references):
        return [[len(a) < len(group[0]), len(a) > len(group[0])] for a, group in zip(answers, references)]
"""


def test_one_metric_of_a_projects_file_with_several_is_known_by_its_own_name(check, rows, tmp_path):
    path = tmp_path / "several.py"
    path.write_text(SEVERAL)
    own = (Plugin("several", path),)
    found, order = check(rows[:16], rows[16:20], own=own, metrics=("longer", "rouge1"))
    assert [metric.id for metric in found.metrics] == ["longer", "rouge1"]
    assert handed_over(order, order.task).metrics == found.metrics
    with pytest.raises(
        SuiteError, match=r"unknown metric 'longr'; did you mean 'longer'\? Known: .*, several, shorter"
    ):
        check(rows[:16], rows[16:20], own=own, metrics=("longr",))


@pytest.mark.slow
def test_a_session_tells_how_it_read_the_data_and_keeps_it_in_its_records(tiny_folder, tmp_path, write):
    data = write(tmp_path / "russian.jsonl", [*RUSSIAN, {**RUSSIAN[0], "summary": ""}])
    there = project(tmp_path / "project", data=data, model=tiny_folder)
    suite = there / "small.toml"
    suite.write_text(suite.read_text().replace("[model]", "skip_bad_rows = true\n[model]").replace("[]", '["lead3"]'))
    code, output = finish(begin(there))
    assert code == 0, output
    assert "russian.jsonl: skipped 1 of 21 rows: row 21: summary is empty" in output
    assert output.count("ROUGE compares Unicode words") == 1
    store = Store(there / "results" / "local", "small")
    records = {record.spec.method: record for record in store.read_runs()}
    assert {(tokenizer(record), record.provenance.rows_skipped) for record in records.values()} == {("words", 1)}
    assert records["lead3"].scores["rouge1"] > 0.2
    assert records["lead3"].outputs.lengths.words_reference == 2
    assert (
        "over Unicode words, and characters of scripts without spaces" in (store.folder / "leaderboard.md").read_text()
    )
    assert json.loads(suite.read_text() and (store.folder / "leaderboard.json").read_text())


def test_the_first_training_example_is_kept_token_by_token_with_what_the_loss_counts(check, rows):
    found = check(rows[:4], rows[4:6])[0].example
    assert 0 < found.prompt < len(found.ids) == len(found.tokens)
    assert found.target == len(found.ids) - found.prompt
    assert all(word in "".join(found.tokens).replace(" ", "") for word in rows[0]["summary"].split()[:1])
