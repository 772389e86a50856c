"""``--gate-selftest``: the gate is tried on methods that are worse in one way each, and says whether it saw them."""

import re

import numpy as np
import pytest

from harness.gate.selftest import drop
from harness.gate.selftest.case import CASES, Tried, about, lines, table
from harness.gate.selftest.drop import Drop
from harness.gate.selftest.trial import PROBES
from harness.gate.verdict import Outcome, Verdict
from harness.metrics.rouge.metric import ROUGE
from harness.run import answers
from harness.run.loader import load
from harness.session.selftest import MIN_TEST_ROWS, small
from harness.spec.registry import Plugin
from harness.spec.suite import load as suite
from support import causal, contracts, toy
from support.projects import NORMS, begin, finish, project
from support.records import finished, prediction

RED = Verdict("probe", "step_seconds_median", Outcome.REGRESSED, "+20%")
GREEN = Verdict("probe", "step_seconds_median", Outcome.PASS, "+1%")
NOISY = Verdict("probe", "step_seconds_median", Outcome.INCONCLUSIVE, "+17%")

UNTRIED = Verdict("probe", "", Outcome.INCOMPARABLE, "base: its pytest session ended with code 4")

LOST = Verdict("probe", "rouge1", Outcome.REGRESSED, "−2.43 points")
SILENT = Verdict("probe", "rouge1", Outcome.INCONCLUSIVE, "−2.43 points")
AS_GOOD = Verdict("probe", "rouge1", Outcome.PASS, "−2.43 points")
FOREIGN = Verdict("probe", "rouge1", Outcome.INCOMPARABLE, "the baseline is another machine's")


def probe(name):
    """The class of a probe."""
    return load(Plugin(name, PROBES / f"{name}.py"), {})


def lost(mean, spread, examples, **changes):
    """Examples that changed by ``mean`` points, one more, one less than that."""
    return Drop(
        ROUGE[0], mean + spread * np.resize([-1.0, 1.0], examples), **({"own": examples, "margin": 0.5} | changes)
    )


FEW, PLAIN, LITTLE = lost(-2.43, 5, 20), lost(-2.43, 5, 200), lost(-0.2, 0.1, 200)


@pytest.fixture(scope="module")
def done(rows, write, tiny_folder, tmp_path_factory):
    """A session that tries the gate on worse answers, of which four test rows show nothing, and on one more tensor.

    The rest is left out, for it takes minutes.
    """
    folder = tmp_path_factory.mktemp("selftest")
    write(folder / "data" / "train.jsonl", rows[:16])
    write(folder / "data" / "test.jsonl", rows[16:20])
    (folder / "tmp").mkdir()
    inside = project(folder / "project", data=folder / "data", model=tiny_folder, norms=NORMS)
    session = begin(inside, "--gate-selftest", "-k", "worse or larger", TMPDIR=str(folder / "tmp"), CI="true")
    code, output = finish(session)
    return code, output, inside, folder / "tmp"


@pytest.mark.slow
def test_a_tensor_more_is_caught_end_to_end(done):
    code, output, *_ = done
    assert code == 0, output
    assert re.search(
        r"^one more trainable tensor \(--gate\) +caught +probe trainable_parameters: regressed", output, re.M
    )


@pytest.mark.slow
def test_a_loss_that_nobody_can_see_is_no_failure_and_says_why(done):
    assert re.search(r"^answers are cut, left out or less likely \(--gate\) +not detectable here +", done[1], re.M)
    assert "1 passed, 1 skipped" in done[1] or "1 skipped, 1 passed" in done[1]


@pytest.mark.slow
def test_a_line_says_how_often_the_gate_was_right_and_another_what_the_examples_show(done):
    told = done[1].splitlines()
    assert "false alarms: 0 of 0 verdicts; caught: 1 of 1 regressions; 1 not detectable here" in told
    assert any(
        re.fullmatch(r"the smallest detectable loss is about \d+\.\d points of ROUGE-1 on these 4 examples", line)
        for line in told
    )


@pytest.mark.slow
def test_nothing_of_it_stays(done):
    *_, inside, temporary = done
    assert not (inside / "results").exists()
    assert [path.name for path in temporary.iterdir() if path.name.startswith("tuneoff-")] == []


@pytest.mark.parametrize(
    ("case", "said", "result"),
    [
        ("slower", RED, "caught"),
        ("slower", GREEN, "missed"),
        ("slower", NOISY, "not detectable here"),
        ("same_times", RED, "false alarm"),
        ("same_times", GREEN, "green"),
        ("same_times", UNTRIED, "could not be tested"),
        ("larger", UNTRIED, "could not be tested"),
    ],
)
def test_the_table_says_of_each_case_whether_the_gate_was_right(case, said, result):
    assert table([Tried(CASES[case], [said])]) == [(CASES[case].what, result, said.message)]


@pytest.mark.parametrize(
    ("said", "fallen", "result"),
    [
        (LOST, PLAIN, "caught"),
        (LOST, FEW, "caught"),
        (SILENT, FEW, "not detectable here"),
        (AS_GOOD, LITTLE, "not detectable here"),
        (SILENT, PLAIN, "missed"),
        (AS_GOOD, PLAIN, "missed"),
        (FOREIGN, FEW, "missed"),
        (SILENT, None, "missed"),
    ],
)
def test_a_silent_gate_is_right_only_where_the_examples_show_no_loss(said, fallen, result):
    tried = Tried(about("worse", ROUGE[0]), [said], fallen)
    assert tried.result == result
    assert bool(tried.problem) == (result == "missed")


def test_a_loss_on_too_few_examples_says_how_many_would_show_it():
    assert FEW.unseen == ("20 examples cannot show the loss of 2.43 points of ROUGE-1; about 43 would show it")


def test_a_loss_within_the_margin_is_none_to_see():
    assert LITTLE.unseen == (
        "the loss of 0.20 points of ROUGE-1 is within the suite's margin of 0.5, so the gate need not detect it"
    )


def test_a_loss_in_the_noise_of_training_is_shown_by_no_number_of_examples():
    assert lost(-2.43, 5, 200, noise=12.5).unseen.endswith(
        "with this much training noise, no number of examples would show it"
    )


def test_what_the_suites_own_examples_show_is_told_beside_what_these_show():
    fallen = lost(-2.43, 5, 200, own=20)
    assert fallen.smallest == (
        "about 1.1 points of ROUGE-1 on these 200 examples, and about 3.5 points on the suite's own 20"
    )


@pytest.mark.parametrize("examples", [1, 4])
def test_a_handful_of_examples_shows_nothing(examples):
    assert not lost(-20.0, 0, examples).clear


def test_a_drop_is_between_the_same_scored_examples_of_two_runs():
    before = [prediction(number, rouge1=0.5, scored=number < 3) for number in range(4)]
    after = [prediction(number, rouge1=0.4) for number in range(4)]
    fallen = drop.between((finished(weights_hash="1"), before), (finished(weights_hash="1"), after), 2, 0.5)
    assert fallen.differences == pytest.approx([-10.0] * 3)
    assert (fallen.own, fallen.noise) == (2, 0.0)


def test_other_weights_are_taken_to_be_noisy():
    answers = [prediction(number) for number in range(6)]
    assert drop.between((finished(weights_hash="1"), answers), (finished(), answers), None, 0.5).noise == 12.5


def test_a_false_alarm_is_counted_among_all_verdicts_on_what_did_not_change():
    tried = [Tried(CASES["same_times"], [GREEN, RED, GREEN]), Tried(CASES["slower"], [GREEN])]
    assert lines(tried) == ["false alarms: 1 of 3 verdicts; caught: 0 of 1 regressions"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("smoke", MIN_TEST_ROWS), ("lab", MIN_TEST_ROWS), ("embedded", MIN_TEST_ROWS), ("dialogsum", None)],
)
def test_test_rows_are_enough_to_show_a_loss_whatever_the_suite_asks(name, rows):
    assert small(suite(name)).task.test_rows == rows


@pytest.mark.parametrize("path", sorted(PROBES.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_probe_keeps_the_contract(path):
    assert probe(path.stem).trains


@pytest.mark.parametrize("kind", ["t5", "llama", "gpt2"])
def test_one_more_tensor_is_trained_whatever_the_model(kind):
    larger, honest = (
        causal.built(probe(name), kind, 0.0)[1] if kind in causal.KINDS else contracts.built(probe(name)).model
        for name in ("larger", "honest")
    )
    sizes = [sum(one.numel() for one in model.parameters() if one.requires_grad) for model in (larger, honest)]
    tensors = [sum(one.requires_grad for one in model.parameters()) for model in (larger, honest)]
    assert tensors[0] == tensors[1] + 1
    assert sizes[0] > sizes[1]


LABELS, TARGETS = ["a card", "cash", "bread"], [summary for _, summary in toy.ROWS]


@pytest.fixture(scope="module")
def answering():
    """The honest method and a worse one, on the same model."""
    honest, worse = (contracts.instance(probe(name), max_new_tokens=16) for name in ("honest", "worse"))
    return honest, worse, toy.copy_of_base()


def test_texts_are_worse_by_their_last_words(answering):
    honest, worse, model = answering
    texts = honest.generate(model, toy.prompts())
    assert worse.generate(model, toy.prompts()) == [" ".join(text.split()[:-4]) for text in texts]
    assert any(texts)


def test_choices_are_worse_because_three_in_ten_are_left_out(answering):
    honest, worse, model = answering
    prompts = [f"Number {number}?" for number in range(100)]
    chosen, left = (method.choose(model, prompts, LABELS) for method in (honest, worse))
    assert [label for label in left if label] == [label for label, kept in zip(chosen, left, strict=True) if kept]
    assert 29 <= left.count("") <= 31


def test_targets_are_less_likely_by_a_part_of_a_nat_for_each_token(answering):
    honest, worse, model = answering
    likely, less = (method.likelihoods(model, toy.prompts(), TARGETS) for method in (honest, worse))
    assert [each.tokens for each in less] == [each.tokens for each in likely]
    assert [each.nats for each in less] == pytest.approx([each.nats + 0.2 * each.tokens for each in likely])


def test_a_worse_method_answers_as_it_is_asked(answering):
    _, worse, _ = answering
    assert answers.follows(type(worse), "choose")
    assert answers.follows(type(worse), "likelihoods")


ASKED = {  # the keys of a task, with its metric
    "accuracy": 'answer = "choose"\nmetrics = ["accuracy"]',
    "perplexity": 'metrics = ["perplexity"]',
}


@pytest.mark.slow
@pytest.mark.parametrize("metric", ASKED)
def test_a_loss_is_caught_whichever_way_a_task_asks(metric, write, tiny_folder, tmp_path):
    things = ("red", "blue")
    rows = [
        {"id": f"{number}", "dialogue": f"{things[number % 2]} number {number}", "summary": things[number % 2]}
        for number in range(232)
    ]
    write(tmp_path / "data" / "train.jsonl", rows[:32])
    write(tmp_path / "data" / "test.jsonl", rows[32:])
    inside = project(tmp_path / "project", data=tmp_path / "data", model=tiny_folder, norms=NORMS)
    suite = inside / "small.toml"
    suite.write_text(suite.read_text().replace("[model]", f"{ASKED[metric]}\n\n[model]"))
    code, output = finish(begin(inside, "--gate-selftest", "-k", "worse or same_scores", CI="true"))
    assert code == 0, output
    assert re.search(
        rf"^answers are cut, left out or less likely \(--gate\) +caught +probe {metric}: regr", output, re.M
    )
    assert re.search(r"^nothing: the same method trained again \(--gate\) +green", output, re.M)


def test_every_case_has_its_probe():
    assert {case.probe for case in CASES.values()} == {path.stem for path in PROBES.glob("[!_]*.py")}
