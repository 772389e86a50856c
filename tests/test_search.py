"""A search tries the same multiples for every method, keeps the best of them, and knows what it belongs to."""

import tomllib
from concurrent.futures import Future
from pathlib import Path

import pytest

from harness.metrics.rouge.metric import ROUGE
from harness.ranking import leaderboard
from harness.report import notes, table
from harness.session.searches import Searches
from harness.spec import search
from harness.spec.errors import StoreError, SuiteError
from harness.spec.figures import SEARCHED
from harness.spec.plan import Request
from harness.spec.record import Failure, RunOutcome, Status
from harness.spec.search import Search, Trial
from harness.spec.suite import Budget, Evaluation, SearchTable, TaskTable, load
from harness.store.results import Store
from support.records import changed, entry, finished, means, prediction, spec, unfinished
from support.sessions import SESSION

HERE = SESSION.model_copy(update={"validation_hash": "aaaabbbbcccc"})
TABLE = SearchTable(trials=3)


def tried(multiplier=1.0, score=0.3, status=Status.OK, p_value=0.01, seconds=2.0):
    return Trial(
        multiplier=multiplier,
        learning_rate=0.01 * multiplier,
        status=status,
        score=score,
        seconds=seconds,
        p_value=None if multiplier == 1 else p_value,
    )


def searched(*trials, asked=None, here=HERE, table=TABLE):
    return search.finished(asked or spec("lora"), table, trials or (tried(), tried(10, 0.4), tried(0.1, 0.2)), here)


def failed(multiplier=1.0, status=Status.DIVERGED):
    return tried(multiplier, None, status)


# The grid


def test_the_default_is_tried_first_and_the_others_lie_evenly_around_it():
    assert search.multipliers(TABLE) == pytest.approx([1, 10**-0.5, 10**0.5])


def test_the_multiples_halve_the_widest_gap_of_the_logarithms_each_time():
    found = search.multipliers(SearchTable(trials=7, spread=16.0))
    assert found == pytest.approx([1, 1 / 4, 4, 1 / 8, 2, 1 / 2, 8])


def test_a_suite_without_trials_has_no_multiples():
    assert search.multipliers(SearchTable(trials=0)) == []


def test_all_trials_lie_within_the_spread_and_differ():
    found = search.multipliers(SearchTable(trials=40, spread=4.0))
    assert len(set(found)) == 40
    assert min(found) >= 1 / 4
    assert max(found) <= 4


def test_more_trials_only_add_to_fewer():
    assert search.multipliers(SearchTable(trials=7))[:3] == search.multipliers(TABLE)


# The choice


def test_the_best_trial_is_chosen():
    assert searched().learning_rate == 0.1


def test_a_trial_that_is_not_ok_is_never_chosen():
    trials = [tried(1, 0.3), tried(10, 0.9, Status.OVER_BUDGET), failed(0.1)]
    assert search.choose(trials, ROUGE[0]) == 0.01


def test_a_trial_without_a_score_is_never_chosen():
    assert search.choose([tried(1, None), tried(10, 0.0)], ROUGE[0]) == 0.1
    assert search.choose([tried(1, None)], ROUGE[0]) is None
    assert search.choose([], ROUGE[0]) is None


@pytest.mark.parametrize("order", [1, -1])
def test_a_better_trial_goes_before_one_nearer_to_the_default(order):
    assert search.choose([tried(1, 0.4), tried(10, 0.41), tried(0.1, 0.3)][::order], ROUGE[0]) == 0.1


def test_a_better_trial_that_may_be_so_by_chance_leaves_the_methods_own_rate():
    trials = [tried(1, 0.4), tried(10, 0.45, p_value=0.06), tried(0.1, 0.41, p_value=0.05), tried(3, 0.5, p_value=None)]
    assert search.choose(trials, ROUGE[0]) == pytest.approx(0.001)


def test_without_a_result_at_the_methods_own_rate_the_best_trial_is_chosen():
    trials = [failed(1), tried(10, 0.45, p_value=None), tried(0.1, 0.4, p_value=None)]
    assert search.choose(trials, ROUGE[0]) == 0.1


@pytest.mark.parametrize("order", [1, -1])
def test_nearness_is_a_matter_of_factors(order):
    assert search.choose([tried(3, 0.4), tried(0.2, 0.4)][::order], ROUGE[0]) == pytest.approx(0.03)  # 0.2 is a fifth


@pytest.mark.parametrize("order", [1, -1])
def test_of_equal_trials_the_nearest_to_the_default_is_chosen(order):
    assert search.choose([tried(10, 0.4), tried(3, 0.4), tried(0.1, 0.4)][::order], ROUGE[0]) == pytest.approx(0.03)


def test_without_an_ok_trial_nothing_is_chosen_and_runs_stay_as_they_are():
    found = searched(failed(), failed(10), failed(0.1, Status.CRASHED))
    assert (found.learning_rate, found.sensitivity) == (None, None)
    assert found.tuned(spec("lora")) == spec("lora")


def test_a_run_gets_the_chosen_learning_rate_beside_its_other_hyper_parameters():
    assert searched().tuned(spec("lora", overrides={"rank": 4, "learning_rate": 1.0})).overrides == {
        "rank": 4,
        "learning_rate": 0.1,
    }


def test_sensitivity_is_best_minus_worst():
    assert searched().sensitivity == pytest.approx(0.2)


def test_a_trial_that_was_never_scored_counts_as_nothing_in_the_sensitivity():
    assert searched(tried(1, 0.3), tried(3, 0.4), failed(10)).sensitivity == pytest.approx(0.4)


def test_what_was_scored_but_did_not_count_is_the_worst_and_never_the_best():
    found = searched(tried(1, 0.3), tried(3, 0.9, Status.OVER_BUDGET), tried(10, 0.1, Status.NO_OP))
    assert found.sensitivity == pytest.approx(0.3 - 0.1)


def test_a_single_trial_shows_no_sensitivity_and_no_edge():
    found = searched(tried())
    assert (found.sensitivity, found.at_edge) == (0.0, False)


def test_a_best_trial_at_the_end_of_the_grid_is_told():
    assert searched().at_edge
    assert not searched(tried(1, 0.5), tried(10, 0.4), tried(0.1, 0.2)).at_edge


@pytest.mark.parametrize("order", [1, -1])
def test_either_end_of_the_grid_is_one_in_whatever_order_the_trials_came(order):
    trials = [tried(1, 0.3), tried(10, 0.2), tried(0.1, 0.4), tried(3, 0.1)][::order]
    assert searched(*trials).at_edge
    assert not searched(*trials[:2], tried(0.1, 0.1), tried(2, 0.5)).at_edge


def test_a_trial_without_a_time_costs_nothing():
    assert searched(tried(seconds=1.5), tried(10, seconds=None), tried(0.1, seconds=4.0)).seconds == 5.5


def test_a_trial_of_a_run_that_failed_keeps_why():
    assert search.trial(3.0, unfinished(reason="killed")) == Trial(
        multiplier=3.0, status=Status.CRASHED, reason="Killed: killed"
    )


def test_the_cost_is_that_of_all_trials():
    assert searched().seconds == 6.0


def test_a_trial_keeps_score_rate_status_time_and_reason_of_its_run():
    scores = means(rouge1=0.41, rouge2=0.2, rougeL=0.35, rougeLsum=0.35)
    record = finished("lora", hyperparameters={"learning_rate": 0.02}, scores=scores)
    record = record.model_copy(update={"cost": record.cost.model_copy(update={"wall_seconds": 7.5})})
    assert search.trial(2.0, record) == Trial(
        multiplier=2.0, learning_rate=0.02, status=Status.OK, score=0.41, seconds=7.5
    )


# What a search depends on


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "0123456789ab"},
        {"overrides": {"learning_rate": 0.5}},
        {"budget": Budget(max_steps=7)},
        {"batch_size": 8},
        {"seed": 1},
        {"task": TaskTable(name="dialogsum", train_rows=7)},
        {"evaluation": Evaluation(num_beams=2)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_changes_the_trials_changes_the_hash(changes):
    assert search.hash_of(spec("lora", **changes), TABLE, HERE) != searched().hash


@pytest.mark.parametrize(
    ("table", "here"),
    [
        (SearchTable(trials=4), {}),
        (SearchTable(trials=3, spread=4.0), {}),
        (TABLE, {"validation_hash": "ddddeeeeffff"}),
        (TABLE, {"model_revision": "another"}),
        (TABLE, {"unusual": {"rouge_tokenizer": "words"}}),
    ],
    ids=["trials", "spread", "validation rows", "base model", "rouge tokenizer"],
)
def test_another_search_or_other_rows_or_another_base_change_the_hash(table, here):
    assert search.hash_of(spec("lora"), table, HERE.model_copy(update=here)) != searched().hash


@pytest.mark.parametrize(
    "changes",
    [{"evaluation": Evaluation(floor=9.0, samples=0)}, {"task": TaskTable(name="dialogsum", test_rows=7)}],
    ids=["floor", "test_rows"],
)
def test_what_only_concerns_the_test_rows_does_not_change_the_hash(changes):
    assert search.hash_of(spec("lora", **changes), TABLE, HERE) == searched().hash


def ran(rate=0.1, **changes):
    """A finished run with this learning rate."""
    overrides = {} if rate is None else {"learning_rate": rate}
    known = {"data_hash": HERE.data_hash, "model_revision": HERE.model_revision}
    asked = spec("lora", **({"seed": 2, "overrides": overrides} | changes))
    return finished(spec=asked, hyperparameters={"learning_rate": rate or 0.01}, **known)


def test_a_search_belongs_to_runs_with_the_chosen_learning_rate_of_any_seed():
    assert searched().belongs(ran())
    assert searched(asked=spec("lora", overrides={"learning_rate": 0.05})).belongs(ran())


@pytest.mark.parametrize(
    "run",
    [ran(0.2), ran(source="0123456789ab"), ran(budget=Budget(max_steps=7)), ran(overrides={"rank": 4})],
    ids=["another rate", "another source", "another budget", "another hyper-parameter"],
)
def test_a_search_does_not_belong_to_another_run(run):
    assert not searched().belongs(run)


@pytest.mark.parametrize(
    "change", [{"data_hash": "another"}, {"model_revision": "another"}], ids=lambda c: next(iter(c))
)
def test_a_search_does_not_belong_to_a_run_on_other_data_or_another_base(change):
    assert not searched().belongs(changed(ran(), **change))


def test_a_search_belongs_to_runs_that_are_judged_otherwise():
    assert searched().belongs(
        ran(evaluation=Evaluation(floor=9.0, samples=1), task=TaskTable(name="dialogsum", test_rows=3))
    )
    assert not searched().belongs(ran(evaluation=Evaluation(num_beams=2)))
    assert not searched().belongs(ran(task=TaskTable(name="dialogsum", train_rows=3)))


@pytest.mark.parametrize("change", [{"data_hash": "another"}, {"model_revision": "another"}], ids=str)
def test_a_search_that_found_nothing_is_of_its_own_data_and_base_too(change):
    assert not searched(failed()).belongs(changed(ran(None), **change))


def test_a_search_that_found_nothing_belongs_to_runs_as_they_were():
    nothing = searched(failed())
    assert nothing.belongs(ran(None))
    assert not nothing.belongs(ran(0.2))


# What a session does, asks again, and reuses


class Trials:
    """Trials that end as soon as they begin, better the higher the learning rate; ``begun`` has their methods."""

    def __init__(self, status=Status.OK):
        self.begun = []
        self.status = status

    def __call__(self, run, multiplier):
        self.begun.append(run.method)
        scores = means(rouge1=multiplier / 10, rouge2=0.0, rougeL=0.0, rougeLsum=0.0)
        record = finished(
            spec=run,
            status=self.status,
            scores=scores if self.status == Status.OK else None,
            hyperparameters={"learning_rate": 0.01 * multiplier},
            error=None if self.status == Status.OK else Failure(type="Unsupported", message="no place for it"),
        )
        trial = Future()
        answers = tuple(prediction(row, rouge1=multiplier / 10 + row / 1000) for row in range(9))
        trial.set_result(RunOutcome(record=record, predictions=answers))
        return trial


@pytest.fixture
def begin(tmp_path):
    """``begin(trials, asked, …)``: the searches of a suite of three methods, two of which may be asked for."""
    store = Store(tmp_path, "small")
    store.open()

    def searches(trials, *asked, table=TABLE, **options):
        runs = [spec(method, seed) for method in ("zero_shot", "lora", "dora") for seed in (3, 4)]
        suite = load("smoke").model_copy(update={"search": table})
        return Searches(Request(suite, {}, runs, tmp_path, **options), store, HERE, trials, asked)

    yield searches
    store.close()


def test_every_method_but_zero_shot_is_searched_with_the_first_seed(begin):
    runs = [spec(method, seed) for method in ("zero_shot", "lora", "dora") for seed in (3, 4)]
    suites = [load("smoke").model_copy(update={"search": table}) for table in (TABLE, SearchTable())]
    assert [Request(suite, {}, runs, Path()).searched for suite in suites] == [["lora", "dora"], []]
    assert begin(Trials()).finish("lora").spec.seed == 3


def test_a_search_is_done_once_kept_and_given_to_every_seed(begin, tmp_path):
    trials = Trials()
    session = begin(trials, "lora")
    best = session.finish("lora").learning_rate
    assert session.finish("lora").learning_rate == best == pytest.approx(0.01 * 10**0.5)
    assert trials.begun == ["lora"] * 3
    assert (tmp_path / "small" / "search" / "lora.json").exists()
    assert session.tuned(spec("lora", 4)).overrides == {"learning_rate": best}
    assert session.tuned(spec("dora", 4)).overrides == {}


@pytest.mark.parametrize(
    ("asked", "options", "count"),
    [(["lora"], {}, 3), (["lora"], {"resumes": True}, 0), ([], {}, 0)],
    ids=["asked for", "resumed", "only needed"],
)
def test_a_search_that_is_stored_is_done_again_only_when_it_is_asked_for_anew(begin, asked, options, count):
    begin(Trials(), "lora").finish("lora")
    trials = Trials()
    session = begin(trials, *asked, **options)
    found = session.finish("lora")
    assert len(trials.begun) == count
    assert session.figures(found)["reused"] == (count == 0)


def test_another_search_is_not_taken_for_this_one(begin):
    begin(Trials(), "lora").finish("lora")
    trials = Trials()
    begin(trials, table=SearchTable(trials=2), resumes=True).finish("lora")
    assert trials.begun == ["lora"] * 2


def test_a_stored_search_counts_before_anything_is_asked_for(begin):
    begin(Trials(), "lora").finish("lora")
    assert begin(Trials()).tuned(spec("lora")).overrides != {}


def test_with_several_jobs_the_searches_that_will_be_asked_for_begin_together(begin):
    trials = Trials()
    begin(trials, "lora", "dora", jobs=2).finish("lora")
    assert trials.begun == ["lora"] * 3 + ["dora"] * 3


def test_a_method_that_cannot_be_searched_says_so_and_leaves_no_file(begin, tmp_path):
    found = begin(Trials(Status.UNSUPPORTED), "lora").finish("lora")
    assert found.unsupported == "no place for it"
    assert len(found.trials) == 1
    assert not (tmp_path / "small" / "search").exists()


# Keeping and showing


def test_a_search_comes_back_as_it_was_kept(tmp_path):
    store = Store(tmp_path, "small")
    store.open()
    path = store.write_search(searched())
    store.close()
    assert path == tmp_path / "small" / "search" / "lora.json"
    assert store.read_searches("lora") == [searched()]
    assert store.read_searches("dora") == []


def test_a_search_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "small" / "search" / "lora.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(StoreError, match=r"lora\.json: not a search record"):
        Store(tmp_path, "small").read_searches("lora")


def test_a_published_search_is_found_and_one_of_ones_own_comes_first(tmp_path):
    published, own = Store(tmp_path, "small"), Store(tmp_path / "local", "small", tmp_path)
    published.open()
    published.write_search(searched())
    assert own.read_searches("lora") == [searched()]
    mine = searched(tried(), tried(10, 0.1), tried(0.1, 0.5))
    own.open()
    own.write_search(mine)
    assert own.read_searches("lora") == [mine, searched()]
    assert published.read_searches("lora") == [searched()]
    for store in (published, own):
        store.close()


def test_the_figures_of_a_run_are_those_of_the_search_that_it_belongs_to(tmp_path):
    published, own = Store(tmp_path, "small"), Store(tmp_path / "local", "small", tmp_path)
    for store, found in ((published, searched()), (own, searched(tried(), tried(10, 0.1), tried(0.1, 0.5)))):
        store.open()
        store.write_search(found)
        store.close()
    assert own.searches_of([ran()]) == {"lora": searched()}


def test_the_lines_are_toml_and_give_the_learning_rates_back():
    rates = {"a": 8e-5, "b": 150.0, "c": 0.0083}
    found = [
        searched(tried().model_copy(update={"learning_rate": rate}), asked=spec(method))
        for method, rate in rates.items()
    ]
    lines = search.lines([*found, searched(failed(), asked=spec("nothing"))])
    assert lines[:2] == ["[methods.a]", "learning_rate = 8e-05"]
    assert tomllib.loads("\n".join(lines)) == {
        "methods": {name: {"learning_rate": rate} for name, rate in rates.items()}
    }


def test_a_table_that_the_suite_has_already_is_not_written_twice():
    found = searched(tried().model_copy(update={"learning_rate": 0.004}), asked=spec("lora", overrides={"rank": 4}))
    assert search.lines([found]) == ["# add to the existing [methods.lora]: learning_rate = 0.004"]


@pytest.mark.parametrize(
    ("status", "whole"),
    [
        (Status.DIVERGED, True),
        (Status.FAILED, True),
        (Status.OVER_BUDGET, True),
        (Status.TIMED_OUT, False),
        (Status.OUT_OF_MEMORY, False),
        (Status.CRASHED, False),
    ],
)
def test_a_search_with_a_trial_that_was_unlucky_is_not_reused(status, whole):
    assert searched(tried(), failed(10, status)).whole == whole
    assert not searched(failed()).whole


def shown(*searches):
    entries = [entry("zero_shot", 0.2), entry("lora", 0.4)]
    return leaderboard.rows(entries, {one.spec.method: one for one in searches})


def test_the_leaderboard_has_cost_and_sensitivity_where_there_was_a_search():
    values = [[row.to_dict()[metric.name] for metric in SEARCHED] for row in shown(searched())]
    assert values == [[6.0, pytest.approx(0.2)], [None, None]]


def test_the_table_has_the_columns_of_a_search_only_where_there_was_one():
    head, _, lora, zero_shot = table.leaderboard(shown(searched()), "simple").splitlines()
    assert head.split()[-3:] == ["search", "LR", "gap"]
    assert lora.split()[-3:] == ["6.0", "s", "20.0"]
    assert zero_shot.split()[-2:] == ["–", "–"]
    assert "search" not in table.leaderboard(shown(), "simple")


def test_what_a_search_could_not_do_is_noted():
    found = {"lora": searched(), "dora": searched(failed())}
    line = notes.line(notes.of([], None, found))
    assert "no trial of a search succeeded, so the learning rate was left unchanged: dora" in line
    assert "a better learning rate may lie beyond those that were tried (search.spread): lora" in line
    section = notes.section(notes.of([], None, found))
    assert "## Learning rates" in section
    assert "20.0 (p 0.01), 30.0, 40.0 (p 0.01)" in section
    assert "A rate replaces the method's own only if a paired test over the validation rows" in section
    assert "diverged" in section


def test_a_page_does_not_claim_a_test_that_older_searches_did_not_make():
    old = searched(tried(), tried(10, 0.4, p_value=None), tried(0.1, 0.2, p_value=None))
    assert "paired test" not in notes.section(notes.of([], None, {"lora": old}))


# The suite's key

SUITE = '[task]\nname = "dialogsum"\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]\n'


def test_a_suite_without_the_key_searches_nothing(tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    assert load(str(tmp_path / "mine.toml")).search == SearchTable(trials=0)


def test_a_suite_may_set_trials_spread_and_rows(tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE + "[search]\ntrials = 6\nspread = 4\nrows = 50\n")
    assert load(str(tmp_path / "mine.toml")).search == SearchTable(trials=6, spread=4.0, rows=50)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("trials = -1", r"search\.trials"),
        ("spread = 1.0", r"search\.spread"),
        ("trails = 6", r"unknown key 'search\.trails'; did you mean 'search\.trials'"),
    ],
)
def test_a_key_that_makes_no_sense_is_named(line, message, tmp_path):
    (tmp_path / "mine.toml").write_text(f"{SUITE}[search]\n{line}\n")
    with pytest.raises(SuiteError, match=message):
        load(str(tmp_path / "mine.toml"))


def test_a_stored_search_reads_back_with_its_schema():
    assert Search.model_validate_json(searched().to_json()) == searched()
