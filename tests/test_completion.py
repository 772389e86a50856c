"""A session adds to a record what its process does not know."""

from harness.metrics.rouge.metric import described
from harness.session.completion import completed
from support.records import changed, finished, unfinished
from support.sessions import SESSION


def test_a_record_gets_what_all_runs_share_and_keeps_its_own():
    here = SESSION.model_copy(update={"data_revision": "abc", "rows_skipped": 3, "metrics": described("words")})
    ran = changed(finished(), hyperparameters={"rank": 4}, bound=True, train_seconds=2.5, weights_hash="0")
    record = completed(ran, here, contended=True)
    made_from = record.provenance
    assert (made_from.hyperparameters, made_from.bound) == ({"rank": 4}, True)
    assert (made_from.data_hash, made_from.data_revision) == (here.data_hash, "abc")
    assert (made_from.model_revision, made_from.rows_skipped) == (here.model_revision, 3)
    assert (record.cost.contended, record.cost.train_seconds, record.outputs) == (True, 2.5, ran.outputs)
    assert (record.metrics, record.environment, record.scores) == (here.metrics, here.environment, ran.scores)
    assert made_from.date


def test_a_run_that_died_early_says_by_which_metrics_it_would_have_been_scored():
    record = completed(unfinished(metrics=()), SESSION, contended=False)
    assert (record.metrics, record.scores, record.error.message) == (SESSION.metrics, None, "killed by signal 9")


def test_a_record_keeps_the_methods_own_values_of_what_was_changed():
    record = completed(finished(hyperparameters={"rank": 8}, defaults={"rank": 4}), SESSION, contended=False)
    assert (record.provenance.hyperparameters, record.provenance.defaults) == ({"rank": 8}, {"rank": 4})
