"""A run in this process: what its spec asks for is done, and what it shows only is not scored."""

import json
import re
from dataclasses import replace
from math import exp
from statistics import fmean

import pytest
import sacrebleu
import torch
from transformers import BartConfig, BartForConditionalGeneration

from harness.metrics.rouge.metric import described, rouge
from harness.models.family import Encoded
from harness.models.seq2seq import Seq2SeqFamily
from harness.run import runner
from harness.spec import registry
from harness.spec.plan import Order
from harness.spec.record import Answers, Status, hash_of
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable
from harness.tasks import prepared
from harness.tasks.data import Example
from harness.tasks.reading import Reading
from harness.tasks.scored_by import scoring_of
from harness.tasks.task import prepare
from support import toy
from support.records import spec

POSITIONS = 1024


@pytest.fixture
def run(tiny_folder, toy_task, tmp_path, monkeypatch):
    """``run(task, method, **spec)``: the outcome of one run on the tiny model."""
    count = iter(range(9))

    def execute(method="full_finetune", task=toy_task, plugins=None, model=tiny_folder, metrics=None, **changes):
        folder = tmp_path / f"run{next(count)}"
        monkeypatch.chdir(tmp_path)
        table = TaskTable(name="dialogsum", metrics=metrics)
        prepared.save(replace(task, metrics=scoring_of(table).metrics) if metrics else task, folder / "task")
        asked = {"budget": Budget(max_steps=3), "evaluation": Evaluation(max_new_tokens=8), "batch_size": 8}
        order = Order(
            spec=spec(method, task=table, **(asked | changes)),
            plugin=(plugins or registry.discover())[method],
            model=ModelTable(name=str(model)),
            task=folder / "task",
            device="cpu",
            threads=1,
        )
        return runner.execute(order, folder)

    return execute


@pytest.fixture
def bart(tokenizer, tmp_path):
    """A random BART with positions for so many tokens."""
    torch.manual_seed(0)
    layers = dict.fromkeys(("encoder_layers", "decoder_layers"), 1)
    heads = dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    sizes = {"vocab_size": 400, "d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, **layers, **heads}
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1, "decoder_start_token_id": 1}
    config = BartConfig(**sizes, **ids, max_position_embeddings=POSITIONS)
    BartForConditionalGeneration(config).save_pretrained(tmp_path / "bart")
    tokenizer.save_pretrained(tmp_path / "bart")
    return tmp_path / "bart"


@pytest.mark.parametrize("method", ["lora", "prompt_tuning"])
def test_gradient_checkpointing_changes_no_answer(run, method):
    with_it, without = run(method, gradient_checkpointing=True), run(method)
    assert not with_it.record.error, with_it.record.error.message
    assert with_it.record.status == without.record.status == Status.OK
    assert with_it.record.predictions_hash == without.record.predictions_hash


WITNESS = """
from harness.method import Method

class Witness(Method):
    \"\"\"Trains everything; each answer is the number of rows in each pass through the encoder's first layer.\"\"\"

    def build(self, base):
        self.passes = []
        base.encoder.block[0].layer[0].register_forward_hook(lambda _, inputs, __: self.passes.append(len(inputs[0])))
        return base

    def train(self, model, batches):
        super().train(model, batches)
        self.seen = list(self.passes)

    def generate(self, model, prompts):
        return [str(self.seen) for _ in prompts]
"""


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, [8, 8, 4]),
        ({"micro_batch_size": 3}, [3, 3, 2, 3, 3, 2, 3, 1]),
        ({"gradient_checkpointing": True}, [8, 8, 8, 8, 4, 4]),  # the second time on the way back
        ({"gradient_checkpointing": True, "micro_batch_size": 5}, [5, 5, 3, 3, 5, 5, 3, 3, 4, 4]),
        ({"batch_size": 4}, [4, 4, 4, 4, 4]),
    ],
    ids=["plain", "micro batches", "checkpointing", "both", "batch size"],
)
def test_batches_pass_through_the_model_as_the_suite_says(run, tmp_path, changes, passes):
    """Twenty examples are an epoch of sixteen and four more."""
    (tmp_path / "witness.py").write_text(WITNESS)
    outcome = run("witness", plugins=registry.discover([tmp_path]), budget=Budget(max_examples=20), **changes)
    assert {prediction.text for prediction in outcome.predictions} == {str(passes)}
    assert (outcome.record.status, outcome.record.cost.examples) == (Status.OK, 20)


def test_a_method_that_does_not_train_is_not_checkpointed(run):
    assert run("zero_shot", gradient_checkpointing=True).record.status == Status.OK


@pytest.mark.parametrize("method", ["full_finetune", "lora", "prefix_tuning", "bitfit"])
def test_a_run_trains_in_bfloat16_but_keeps_and_asks_a_model_in_float32(run, method):
    lowered, exact = (run(method, precision=precision).record for precision in ("bf16", "float32"))
    assert not lowered.error, lowered.error.message
    assert (lowered.environment.dtype, exact.environment.dtype) == ("bfloat16", "float32")
    assert lowered.cost.trainable_dtype == "float32"
    assert lowered.outputs.weights_hash != exact.outputs.weights_hash
    assert lowered.checks.reload_equal


def test_what_is_not_trained_answers_the_same_in_either_precision(run):
    lowered, exact = (run("zero_shot", precision=precision).record for precision in ("bf16", "float32"))
    assert lowered.predictions_hash == exact.predictions_hash


@pytest.mark.parametrize("method", ["full_finetune", "lora"])
def test_a_run_tells_whether_training_left_the_same_weights(run, method):
    first, again, other = (run(method, seed=seed).record.outputs.weights_hash for seed in (0, 0, 1))
    assert first == again != other


def test_a_method_that_does_not_train_has_no_trained_weights(run):
    assert run("zero_shot").record.outputs.weights_hash is None


def test_micro_batches_take_the_budget_of_whole_batches(run):
    cost = run(micro_batch_size=3, budget=Budget(max_steps=5)).record.cost
    assert (cost.examples, cost.steps, cost.optimizer_steps) == (40, 5, 5)
    assert cost.step_seconds_median is not None
    assert 0 < cost.step_seconds_median <= cost.step_seconds_p90


def test_a_sample_row_is_answered_and_does_not_count(run, rows, tokenizer):
    known = [Example(row["id"], row["dialogue"], row["summary"]) for row in rows]
    splits = {"train": known[:8], "test": known[8:]}
    table = TaskTable(name="dialogsum", data="here", test_rows=2)
    with_sample, without = (
        run("lead3", prepare(table, splits, Seq2SeqFamily(tokenizer), samples)) for samples in ([5], [])
    )
    assert [(each.rows, each.scored) for each in with_sample.predictions] == [((0,), True), ((1,), True), ((5,), False)]
    assert with_sample.record.scores == without.record.scores


PREPARES = """
from harness.method import Method

class Prepares(Method):
    trains = False

    def prepare(self, base, batches):
        self.seen = [len(batch["labels"]) for batch in batches]

    def build(self, base):
        self.known_when_built = self.seen
        return base.requires_grad_(False)

    def generate(self, model, prompts):
        return [str(self.known_when_built) for _ in prompts]
"""


@pytest.mark.parametrize(("limits", "sizes"), [({"max_steps": 20}, [8] * 8), ({"max_examples": 12}, [8, 4])])
def test_prepare_sees_the_first_training_batches_of_the_budget_on_a_clock_of_its_own(run, tmp_path, limits, sizes):
    (tmp_path / "prepares.py").write_text(PREPARES)
    outcome = run("prepares", plugins=registry.discover([tmp_path]), budget=Budget(**limits))
    assert {prediction.text for prediction in outcome.predictions} == {str(sizes)}
    assert "prepare" in outcome.record.cost.phases
    assert outcome.record.cost.examples == 0


SHOWS = """
from harness.method import Method

class Shows(Method):
    trains = False

    def build(self, base):
        return base.requires_grad_(False)

    def generate(self, model, prompts):
        return [repr([target for _, target in self.setting.examples]) for _ in prompts]
"""


@pytest.mark.parametrize(("limits", "count"), [({"max_steps": 20}, 4), ({"max_examples": 3}, 3)])
def test_a_method_has_the_texts_of_the_rows_that_training_begins_with(run, tmp_path, toy_task, limits, count):
    (tmp_path / "shows.py").write_text(SHOWS)
    budget = Budget(**limits)
    outcome = run("shows", plugins=registry.discover([tmp_path]), budget=budget, batch_size=4, seed=1)
    expected = repr([target for _, target in toy_task.examples(4, seed=1)[:count]])
    assert {prediction.text for prediction in outcome.predictions} == {expected}


NARROW = """
from harness.method import PromptMethod
from peft import PromptTuningConfig

class Narrow(PromptMethod):
    virtual_tokens = {tokens}

    def config(self, base):
        return PromptTuningConfig(**self.shape(base))

    def train(self, model, batches):
        raise AssertionError("it must not be trained")
"""


def test_a_learned_prompt_for_which_there_are_no_positions_is_refused_before_training(run, tmp_path, toy_task, bart):
    asked = toy_task.family.prompt_ids([question.prompt for question in toy_task.questions])
    added = POSITIONS + 1 - max(map(len, [*asked, *(row.source for row in toy_task.training)]))
    (tmp_path / "narrow.py").write_text(NARROW.format(tokens=added))
    record = run("narrow", plugins=registry.discover([tmp_path]), model=bart).record
    assert record.status == Status.UNSUPPORTED
    assert record.error.message == (
        "the base model's encoder has 1,024 positions, but the longest prompt may take 1,025 tokens, "
        f"with the {added} that this method puts in front"
    )


def test_prepare_may_not_change_the_base_model(run, tmp_path):
    changes = "        next(base.parameters()).data.add_(1)\n"
    (tmp_path / "prepares.py").write_text(PREPARES.replace("        self.seen", f"{changes}        self.seen"))
    outcome = run("prepares", plugins=registry.discover([tmp_path]))
    assert "prepare() changed the base model" in outcome.record.error.message


def test_a_method_that_prepares_nothing_has_no_such_phase(run):
    assert list(run("lead3").record.cost.phases) == ["load", "build", "generate", "score"]


def test_a_bound_answers_from_the_references_and_its_record_says_so(run):
    outcome = run("oracle")
    assert outcome.record.status == Status.OK
    assert outcome.record.provenance.bound
    for prediction in outcome.predictions:
        turns = prediction.source.splitlines()
        alone = rouge(turns, [prediction.references] * len(turns))
        assert prediction.scores["rouge1"] >= max(mean["rouge1"] for mean, _ in alone) > 0


def test_a_run_reads_rouge_as_its_task_says_and_so_does_a_bound(run, tokenizer):
    row = Example("1", "Том: Привет!\nАнна: Том опоздал на встречу.", "Том опоздал на встречу.")
    task = prepare(TaskTable(name="dialogsum", data="here"), {"train": [row], "test": [row]}, Seq2SeqFamily(tokenizer))
    (answer,) = run("oracle", replace(task, metrics=described("words"))).predictions
    assert answer.text == "Анна: Том опоздал на встречу."
    assert answer.scores["rouge1"] == pytest.approx(8 / 9)


def test_a_method_that_is_no_bound_is_not_recorded_as_one(run):
    assert not run("lead3").record.provenance.bound


def test_only_what_was_generated_under_the_limit_can_be_cut_by_it(run):
    cut = {
        name: run(name, evaluation=Evaluation(max_new_tokens=1)).record.outputs.lengths.outputs_cut
        for name in ("zero_shot", "lead3", "oracle")
    }
    assert cut == {"zero_shot": 1.0, "lead3": None, "oracle": None}


# Labels


SAYS = """
from harness.method import Method

class Says(Method):
    trains = False

    def build(self, base):
        return base.requires_grad_(False)

    def generate(self, model, prompts):
        return ["  {}\\n", "nothing", "", "nothing"]
"""


@pytest.fixture
def choosing(toy_task):
    """The toy task, whose references are labels to choose among."""
    labels = [question.references[0] for question in toy_task.questions]
    return replace(toy_task, labels=(*labels, "None of these."), chooses=True)


@pytest.mark.parametrize("method", ["lora", "prefix_tuning", "few_shot", "zero_shot"])
def test_a_method_chooses_one_of_the_labels_where_the_task_says_so(run, choosing, method):
    outcome = run(method, choosing)
    assert outcome.record.status == Status.OK, outcome.record.error
    assert {prediction.text for prediction in outcome.predictions} <= {*choosing.labels}
    assert outcome.record.outputs.answers == Answers(valid=4, invalid=0)
    assert outcome.record.outputs.lengths.outputs_cut is None


@pytest.mark.parametrize("method", ["lead3", "random_sentences", "oracle"])
def test_what_a_method_without_a_model_answers_is_invalid_unless_it_is_a_label(run, choosing, method):
    first, *others = run(method, choosing).predictions
    assert run(method, choosing).record.outputs.answers == Answers(valid=0, invalid=4)
    said = replace(choosing, labels=(first.text.upper(), *choosing.labels))
    again = run(method, said)
    assert again.record.outputs.answers == Answers(valid=1, invalid=3)
    assert [each.text for each in again.predictions] == [first.text, *(other.text for other in others)]
    assert [each.answer for each in again.predictions] == [first.text.upper(), None, None, None]


def test_a_generated_answer_is_the_label_that_it_equals_but_for_case_and_spaces(run, choosing, tmp_path):
    (tmp_path / "says.py").write_text(SAYS.format(choosing.labels[0].upper()))
    outcome = run("says", replace(choosing, chooses=False), registry.discover([tmp_path]))
    written = [f"  {choosing.labels[0].upper()}\n", "nothing", "", "nothing"]
    assert [prediction.text for prediction in outcome.predictions] == written
    assert [prediction.answer for prediction in outcome.predictions] == [choosing.labels[0], None, None, None]
    assert outcome.predictions[0].scores["rouge1"] == 1
    assert outcome.record.outputs.answers == Answers(valid=1, invalid=3)
    assert outcome.record.predictions_hash == hash_of(prediction.text for prediction in outcome.predictions)


def test_a_model_generates_where_the_task_has_labels_but_does_not_choose(run, choosing, toy_task):
    outcome = run("zero_shot", replace(choosing, chooses=False))
    assert [each.text for each in outcome.predictions] == [each.text for each in run("zero_shot", toy_task).predictions]
    assert outcome.record.outputs.answers == Answers(valid=0, invalid=4)


def test_a_run_without_labels_has_the_record_that_it_always_had(run):
    assert "answers" not in json.loads(run("lead3").record.to_json())["outputs"]


def test_an_answer_that_a_text_of_the_task_ended_was_not_cut(run, toy_task):
    before = run("zero_shot")
    stop = toy.inner_letter(before.predictions[0].text)
    after = run("zero_shot", replace(toy_task, reading=Reading(stop=(stop,))))
    assert [each.text for each in after.predictions] == [
        each.text.partition(stop)[0].strip() for each in before.predictions
    ]
    ended = fmean(stop in each.text for each in before.predictions)
    cut = [found.record.outputs.lengths.outputs_cut for found in (before, after)]
    assert cut == [1.0, 1.0 - ended]


# Other metrics


def test_figures_over_all_examples_together_are_the_mean_of_the_scores_and_sacrebleus(run):
    outcome = run(metrics=("chrf", "bleu", "token_f1"))
    scores, texts = outcome.record.scores, [each.text for each in outcome.predictions]
    references = [[each.references[0] for each in outcome.predictions]]
    assert list(scores) == ["chrf", "bleu", "token_f1"]
    assert scores["chrf"] == pytest.approx(sacrebleu.corpus_chrf(texts, references).score / 100, abs=1e-9)
    assert scores["bleu"] == pytest.approx(sacrebleu.corpus_bleu(texts, references).score / 100, abs=1e-9)
    means = {name: fmean(each.scores[name] for each in outcome.predictions) for name in scores}
    assert means == pytest.approx(scores, abs=1e-12)
    assert (outcome.record.score, outcome.record.best_scores) == (scores["chrf"], None)
    assert {each.best == {} for each in outcome.predictions} == {True}


def test_the_perplexity_is_that_of_the_references_after_their_prompts(run, base, toy_task):
    nats, tokens = 0.0, 0
    for question in toy_task.questions:
        (source,), ((target,), _) = (
            base.family.prompt_ids([question.prompt]),
            base.family.target_ids([question.references[0]], 512),
        )
        row = Encoded(torch.tensor(source), torch.tensor(target))
        with torch.no_grad():
            nats += len(target) * base.model.eval()(**base.family.batch([row])).loss.item()
        tokens += len(target)
    record = run("zero_shot", metrics=("perplexity", "rouge")).record
    assert record.scores["perplexity"] == pytest.approx(exp(nats / tokens), rel=1e-5)
    assert set(record.best_scores) == {"rouge1", "rouge2", "rougeL", "rougeLsum"}


def test_the_perplexity_is_that_of_whole_targets_where_only_a_part_of_them_is_compared(run, toy_task):
    extract = r"wants (.*)\."
    read = [replace(each, references=(re.search(extract, each.targets[0])[1],)) for each in toy_task.questions]
    part = replace(toy_task, questions=read, reading=Reading(extract=extract))
    found, whole = (run("zero_shot", task, metrics=("perplexity",)) for task in (part, toy_task))
    assert [each.references for each in found.predictions] == [each.references for each in read]
    assert found.record.scores == whole.record.scores


def test_likelihoods_are_computed_after_the_answers_on_a_clock_of_their_own(run):
    record = run(metrics=("perplexity",), budget=Budget(max_steps=20)).record
    phases = list(record.cost.phases)
    assert phases.index("train") < phases.index("generate") < phases.index("likelihoods") < phases.index("score")
    assert record.scores["perplexity"] < run("zero_shot", metrics=("perplexity",)).record.scores["perplexity"]
    assert "likelihoods" not in run("zero_shot").record.cost.phases


def test_examples_in_the_prompt_make_references_more_or_less_likely(run):
    one, other = (run(method, metrics=("perplexity",)).record.scores for method in ("zero_shot", "few_shot"))
    assert one != pytest.approx(other, rel=1e-3)


@pytest.mark.parametrize("method", ["lead3", "oracle", "random_sentences"])
def test_a_method_that_does_not_answer_with_the_model_has_no_perplexity(run, method):
    record = run(method, metrics=("rouge", "perplexity")).record
    assert (record.status, record.scores) == (Status.UNSUPPORTED, None)
    assert record.error.message == "it does not answer with the model alone, so there is no perplexity"


DAMAGED = """
from harness.method import UntrainedMethod

class Damaged(UntrainedMethod):
    def build(self, base):
        base.get_output_embeddings().weight.data.fill_(float("nan"))
        return super().build(base)
"""


def test_a_model_that_finds_nothing_likely_has_diverged(run, tmp_path):
    (tmp_path / "damaged.py").write_text(DAMAGED)
    record = run("damaged", plugins=registry.discover([tmp_path]), metrics=("perplexity",)).record
    assert (record.status, record.error.message) == (Status.DIVERGED, "the likelihood of a reference is NaN or zero")


def test_chosen_labels_have_an_accuracy(run, choosing):
    outcome = run("zero_shot", choosing, metrics=("accuracy", "macro_f1"))
    right = [float(each.text == each.references[0]) for each in outcome.predictions]
    assert [each.scores["accuracy"] for each in outcome.predictions] == right
    assert outcome.record.scores["accuracy"] == fmean(right)
    assert 0 <= outcome.record.scores["macro_f1"] <= 1


# Speed


def test_a_method_that_chooses_generates_no_tokens_whose_speed_could_be_measured(run, choosing, toy_task):
    for method in ("zero_shot", "lora"):
        assert run(method, choosing).record.cost.generated_tokens_per_second is None
        assert run(method, toy_task).record.cost.generated_tokens_per_second > 0
    assert run("lead3", choosing).record.cost.generated_tokens_per_second > 0, "it writes texts all the same"


# Loading again


DEPENDS = """
from harness.method import Method

class Depends(Method):
    \"\"\"Answers with how many prompts there are, as rounding may; ``lost`` is in no checkpoint.\"\"\"

    lost = {lost}

    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        super().train(model, batches)
        model.is_the_trained_one = True

    def generate(self, model, prompts):
        own = self.lost and getattr(model, "is_the_trained_one", False)
        return [f"{{len(prompts)}} prompts{{', and more' * own}}" for _ in prompts]

    def choose(self, model, prompts, labels):
        return self.generate(model, prompts)
"""


@pytest.mark.parametrize(("lost", "equal"), [(False, True), (True, False)])
@pytest.mark.parametrize("chooses", [False, True])
def test_a_loaded_model_is_compared_with_the_trained_one_before_the_same_prompts(
    run, choosing, tmp_path, monkeypatch, chooses, lost, equal
):
    monkeypatch.setattr(runner, "RELOAD_SAMPLE", 2)
    (tmp_path / "depends.py").write_text(DEPENDS.format(lost=lost))
    record = run("depends", replace(choosing, chooses=chooses), registry.discover([tmp_path])).record
    assert record.checks.reload_equal == equal
    assert record.status == (Status.OK if equal else Status.FAILED), record.error
