"""What was stored under schema 1 is read as what it was; ``tests/schema1`` holds some of it as it was committed."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.gate import baseline_file
from harness.metrics.rouge.metric import ROUGE, described
from harness.metrics.rouge.words import TOKENIZERS
from harness.session import publication
from harness.spec.errors import StoreError
from harness.spec.metric import options_of
from harness.spec.record import Status, hash_of
from harness.spec.search import Search
from harness.spec.suite import load
from harness.store import schema1
from harness.store.results import Store
from support.records import finished, prediction, spec

ROOT = Path(__file__).parent.parent
STORED = ROOT / "tests" / "schema1"
NAME = "lora-seed0-577026cf1871"


def old(suite, part):
    return json.loads((STORED / suite / part).read_text())


@pytest.fixture
def copied(tmp_path):
    """A results folder with what was stored under schema 1."""
    shutil.copytree(STORED, tmp_path / "results")
    return tmp_path / "results"


def runs(root, suite="embedded"):
    return Store(root, suite).read_runs()


def test_a_record_keeps_all_that_it_said():
    then, (now,) = old("embedded", f"runs/{NAME}.json"), runs(STORED)
    assert now.spec.model_dump(mode="json") == then["spec"]
    assert f"{now.spec.name}-{now.spec.hash}" == NAME
    assert (now.status, now.error) == (Status.OK, None)
    assert now.best_scores == then["scores"].pop("best")
    assert now.scores == then["scores"]
    assert now.metrics == ROUGE
    assert now.predictions_hash == then["predictions_hash"]
    assert now.outputs.weights_hash == then["weights_hash"]
    assert now.outputs.lengths.model_dump() == then["lengths"]
    cost = now.cost.model_dump(exclude={"phases", "contended"})
    assert cost == {name: value for name, value in then["cost"].items() if name != "phases"}
    assert {name: phase.seconds for name, phase in now.cost.phases.items()} == {
        name: phase["seconds"] for name, phase in then["cost"]["phases"].items()
    }
    assert now.checks.model_dump() == then["checks"]
    assert now.environment.model_dump() == then["environment"]
    made_from = now.provenance.model_dump()
    assert all(made_from[name] == then[name] for name in schema1.PROVENANCE_FIELDS if name in then)


def test_a_record_of_a_run_that_failed_and_one_of_a_bound_are_read():
    failed, bound = runs(STORED, "zoo")
    assert (failed.status, failed.scores, failed.score) == (Status.UNSUPPORTED, None, None)
    assert "LLaMA" in failed.error.message
    assert bound.provenance.bound
    assert bound.score == old("zoo", "runs/oracle-seed0-0b629cacdb96.json")["scores"]["rouge1"]


def test_the_dialogues_of_predictions_are_their_sources():
    (record,) = runs(STORED)
    found = Store(STORED, "embedded").read_predictions(record.spec)
    lines = gzip.decompress((STORED / f"embedded/predictions/{NAME}.jsonl.gz").read_bytes()).splitlines()
    then = [json.loads(line) for line in lines]
    assert [each.source for each in found] == [each["dialogue"] for each in then]
    assert [list(each.references) for each in found] == [each["references"] for each in then]
    assert hash_of(each.text for each in found) == record.predictions_hash
    (scores,) = Store(STORED, "embedded").read_scores([record.spec])
    assert scores["rougeL"].tolist() == [each["scores"]["rougeL"] for each in then]


def test_a_search_says_what_it_searched_by():
    (found,) = Store(STORED, "embedded").read_searches("lora")
    assert (found.metric.id, found.metric.title, found.learning_rate, found.hash) == (
        *("rouge1", "ROUGE-1"),
        *(0.008, "1c45f0a5a015"),
    )
    assert found.sensitivity == pytest.approx(0.3787932050811825 - 0.23358724361621136)


def test_a_baseline_keeps_its_rows_and_their_scores():
    (found,) = baseline_file.read_all(STORED / "embedded" / "baseline")
    then = old("embedded", "baseline/e8590647f910.json")["rows"]
    assert found.fingerprint.hash == "e8590647f910"
    for name, one in found.rows.items():
        assert one.row.metrics == ROUGE
        assert one.row.key.metric_options == {"rouge_tokenizer": "rouge_score"}
        assert {str(seed): run.model_dump(mode="json") for seed, run in one.row.runs.items()} == then[name]["runs"]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_the_descriptions_are_those_that_rouge_has_today(tokenizer):
    values = old("embedded", f"runs/{NAME}.json") | {"rouge_tokenizer": tokenizer}
    record = schema1.read(type(finished()), json.dumps(values).encode(), schema1.record)
    assert record.metrics == described(tokenizer)
    assert options_of(record.metrics) == {"rouge_tokenizer": tokenizer}


def test_migrating_writes_what_reading_gives_and_changes_no_text(copied):
    before = runs(copied), Store(copied, "embedded").read_predictions(runs(copied)[0].spec)
    changed = publication.migrate(copied, load("embedded"))
    assert sorted(path.parent.name for path in changed) == ["baseline", "predictions", "runs", "search"]
    stored = json.loads((copied / "embedded" / "runs" / f"{NAME}.json").read_text())
    assert (stored["schema"], stored["predictions_hash"]) == (2, before[0][0].predictions_hash)
    assert (runs(copied), Store(copied, "embedded").read_predictions(before[0][0].spec)) == before


def test_migrating_twice_changes_nothing_more(copied):
    publication.migrate(copied, load("embedded"))
    assert publication.migrate(copied, load("embedded")) == []


def test_what_cannot_be_read_is_named_and_nothing_is_written(copied):
    (copied / "embedded" / "runs" / "dora-seed0-0123456789ab.json").write_text('{"schema": 1}')
    before = (copied / "embedded" / "runs" / f"{NAME}.json").read_bytes()
    with pytest.raises(StoreError, match=r"dora-seed0-0123456789ab\.json: not a run record"):
        publication.migrate(copied, load("embedded"))
    assert (copied / "embedded" / "runs" / f"{NAME}.json").read_bytes() == before


def test_a_key_that_schema_1_did_not_have_is_refused(copied):
    path = copied / "embedded" / "runs" / f"{NAME}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rank": 1}))
    with pytest.raises(StoreError, match="rank"):
        runs(copied)


def test_what_is_written_today_is_none_of_schema_1(tmp_path):
    store = Store(tmp_path, "small")
    store.open()
    store.write_run(finished(), [prediction()])
    assert store.migrate() == []
    line = gzip.decompress(next((tmp_path / "small" / "predictions").iterdir()).read_bytes())
    assert json.loads(line).keys() >= {"text", "source", "references"}
    assert store.read_predictions(spec()) == [prediction()]
    store.close()


@pytest.mark.parametrize("migrate", [schema1.record, schema1.search, schema1.baseline])
def test_what_is_of_no_known_schema_is_refused_as_it_is(migrate):
    with pytest.raises(ValidationError, match="validation error"):
        schema1.read(Search, b'{"schema": 99}', migrate)
