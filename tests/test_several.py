"""The metrics of a suite are found by their names, scored in one go, and shown in the order of the suite."""

from statistics import fmean

import pytest

from harness.metrics.built_in import SCORERS
from harness.metrics.rouge.metric import NAMES, ROUGE, rouge
from harness.metrics.scoring import Scorer
from harness.metrics.several import chosen, title_of
from harness.spec.errors import ContractError, SuiteError
from harness.spec.metric import Likelihood, Metric, Needs

TEXTS = ["Ann books a room.", "They meet at noon.", "Nothing of it."]
REFERENCES = [["Ann books a room for one night."], ["They meet at three.", "They meet at noon."], ["Bob is late."]]
COUNTED = [True] * 3


def scoring(*names, **own):
    return chosen(names, {**SCORERS, **own})


def told(*names):
    with pytest.raises(SuiteError) as error:
        scoring(*names)
    return str(error.value)


# Names


def test_a_name_is_that_of_one_metric_or_of_several_together():
    assert scoring("rouge").ids == NAMES
    assert scoring("rougeL", "chrf", "rouge1").ids == ("rougeL", "chrf", "rouge1")
    assert scoring("rouge").metrics == ROUGE


def test_metrics_of_one_scorer_are_computed_once_in_any_order():
    assert [title_of(scorer) for scorer in scoring("rougeL", "chrf", "rouge1").scorers] == ["ROUGE", "chrF"]


def test_an_unknown_name_is_told_with_the_closest_one_and_how_to_add_it():
    message = told("blue")
    assert message.startswith("task.metrics: unknown metric 'blue'; did you mean 'bleu'? Known: accuracy, bleu, chrf, ")
    assert "A new metric is one file, blue.py, with a class derived from harness.metric.Scorer" in message


def test_a_metric_that_is_named_twice_is_told():
    assert told("rouge", "rougeL") == "task.metrics: rougeL: rougeL is already named; leave out one of the two"
    assert told("rouge1", "rouge").startswith("task.metrics: rouge: rouge1 is already named")


class Two(Scorer):
    metrics = (Metric(id="first", title="first"), Metric(id="second", title="second"))

    def statistics(self, answers, references):
        return [[0.25, 0.75] for _ in answers]


def test_one_metric_of_a_file_with_several_can_be_named_and_ranks():
    found = scoring("second", "rougeL", two=Two())
    assert (found.ids, found.metrics[0].id) == (("second", "rougeL"), "second")
    assert found.scored(["Bob."], [["Bob is late."]], [True]).values == {"second": 0.75, "rougeL": 0.5}
    assert scoring("two", two=Two()).ids == ("first", "second")


def test_an_unknown_one_is_told_with_the_projects_own():
    with pytest.raises(SuiteError, match=r"unknown metric 'secnd'; did you mean 'second'\? Known: accuracy.*, two\."):
        scoring("secnd", two=Two())


def test_one_that_two_files_have_is_told():
    with pytest.raises(SuiteError, match=r"task\.metrics: two and more both have a metric 'second'; rename one of"):
        scoring("second", two=Two(), more=Two())


def test_a_metric_that_does_not_fit_says_why():
    assert scoring("rouge", "macro_f1").misfit([]) == (
        "macro F1 does not fit this task: its answers are free text, and this metric compares labels; use exact_match, "
        "or a task with labels"
    )
    assert scoring("accuracy", "macro_f1").misfit(["yes", "no"]) is None
    assert scoring("bleu", "perplexity").misfit([]) is None


# Scores


def test_rouge_is_what_it_was_alone_to_the_last_bit():
    pairs = rouge(TEXTS, REFERENCES)
    found = scoring("rouge").scored(TEXTS, REFERENCES, COUNTED)
    assert found.examples == [mean for mean, _ in pairs]
    assert found.closest == [closest for _, closest in pairs]
    assert found.values == {name: fmean(mean[name] for mean, _ in pairs) for name in NAMES}


def test_the_scores_are_those_of_the_named_metrics_in_order():
    found = scoring("token_f1", "rougeL", "exact_match").scored(TEXTS, REFERENCES, COUNTED)
    assert list(found.values) == ["token_f1", "rougeL", "exact_match"]
    assert [list(each) for each in found.examples] == [["token_f1", "rougeL", "exact_match"]] * 3
    assert [list(each) for each in found.closest] == [["rougeL"]] * 3
    assert found.values["exact_match"] == pytest.approx(1 / 3)


def test_what_does_not_count_has_scores_and_changes_no_value():
    some = scoring("token_f1", "perplexity")
    likelihoods = [Likelihood(4.0, 2), Likelihood(9.0, 3), Likelihood(99.0, 1)]
    found = some.scored(TEXTS, REFERENCES, [True, True, False], likelihoods)
    two = some.scored(TEXTS[:2], REFERENCES[:2], [True, True], likelihoods[:2])
    assert found.values == two.values
    assert found.examples[:2] == two.examples
    assert found.examples[2]["token_f1"] == 0.0


def test_metrics_get_what_they_need():
    some = scoring("perplexity", "exact_match")
    assert some.needs_likelihoods
    assert not scoring("exact_match").needs_likelihoods
    assert [metric.needs for metric in some.metrics] == [Needs.LIKELIHOODS, Needs.TEXTS]


def test_a_context_reads_with_the_options_of_all_metrics():
    some = scoring("rouge", "bleu")
    settled = some.settled({"rouge_tokenizer": "words", "bleu_tokenizer": "char"}, ["Hello."])
    options = {name: value for metric in settled.metrics for name, value in metric.options.items()}
    assert options == {"rouge_tokenizer": "words", "bleu_tokenizer": "char"} == settled.unusual
    with some.reading(options):
        cyrillic = some.scored(["Том спит"], [["Том опоздал"]], [True]).values
    assert cyrillic["rouge1"] == 0.5
    assert cyrillic["bleu"] > some.scored(["Том спит"], [["Том опоздал"]], [True]).values["bleu"] == 0.0


# What a metric may not return


def failing(returned, value=None, **described):
    """What is said of a scorer whose ``statistics`` return this for two answers, and ``value`` that."""

    class Odd(Scorer):
        metrics = (Metric(id="odd", title="odd", **described),)

        def statistics(self, answers, references):
            return returned

        def value(self, sums, count):
            return super().value(sums, count) if value is None else value

    with pytest.raises(ContractError) as error:
        scoring("odd", odd=Odd()).scored(["a", "b"], [["a"], ["b"]], [True, True])
    place, _, reason = str(error.value).partition(": Odd: ")
    assert place.endswith("test_several.py")
    return reason


def test_too_few_rows_are_told():
    assert failing([1.0]).startswith("statistics() returned numbers of shape (1,) for 2 answers")
    assert failing(0.5).startswith("statistics() returned numbers of shape () for 2 answers")


def test_what_is_no_number_is_told():
    assert failing(["a", "b"]).startswith("statistics() must return a row of numbers for each answer: ")
    assert failing([[1.0], [1.0, 2.0]]).startswith("statistics() must return a row of numbers for each answer: ")
    assert failing([0.5, float("nan")]) == "statistics() returned [nan] for answer 1; numbers must be finite"


def test_a_score_outside_of_the_range_is_told():
    assert failing([0.5, 2.0]) == "statistics() of answer 1: odd is 2, which is not in the range of 0 to 1"


def test_more_numbers_than_metrics_need_a_value():
    assert failing([[1, 2], [3, 4]]).startswith(
        "statistics() returned 2 numbers for each answer, but its metrics are odd; return one number for each, or "
    )


def test_a_value_must_be_one_number_a_metric_in_its_range():
    rows = [[1, 2], [3, 4]]
    assert failing(rows, [0.1, 0.2], corpus=True).startswith(
        "value() returned numbers of shape (2,); its metrics are odd"
    )
    assert failing(rows, 1.5, corpus=True) == "value() over 2 examples: odd is 1.5, which is not in the range of 0 to 1"
    assert failing(rows, "much", corpus=True).startswith("value() must return one number for each metric: ")
