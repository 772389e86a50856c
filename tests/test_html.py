"""The report is one file, rebuilt from records alone, of a bearable size, and no text in it is markup."""

import html as html_text
import json
import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.report import __main__ as command
from harness.report import contents, details, examples, html, tables
from harness.spec.metric import Direction, Metric
from harness.spec.preflight import TrainingExample
from harness.store.results import Store
from support import reports
from support.records import changed, finished, prediction
from support.reports import BASE, MB, USUAL, Made
from support.sessions import SESSION

ROOT = Path(__file__).parent.parent


class Parts(HTMLParser):
    """The addresses that a page names, and its JSON."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.scripts, self._inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href") and not value.startswith("#")]
        self._inside = tag == "script" and ("id", "data") in attrs
        self.scripts += [""] if self._inside else []

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts[-1] += data


def data(path):
    return json.loads(Parts(path.read_text(encoding="utf-8")).scripts[0])


def test_the_same_records_give_the_same_bytes(tmp_path):
    path = reports.report(tmp_path)
    before = path.read_bytes()
    command.main([str(path.parent)])
    assert path.read_bytes() == before


def test_a_page_names_no_address(tmp_path):
    assert Parts(reports.report(tmp_path).read_text(encoding="utf-8")).addresses == ["data:,"]


def test_the_command_says_what_it_wrote_and_that_there_are_no_results(tmp_path, capsys):
    folder = reports.store(tmp_path, USUAL[:1], seeds=[0])
    command.main([str(folder)])
    assert capsys.readouterr().out == f"wrote {folder / 'report.html'}\n"
    with pytest.raises(SystemExit, match=r"there are no results"):
        command.main([str(tmp_path / "nothing")])


def test_the_report_is_written_without_torch(tmp_path):
    folder = reports.store(tmp_path, USUAL[:2], seeds=[0, 1])
    code = f"import sys, harness.report.__main__ as m; m.main([{str(folder)!r}]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_text_in_the_data_cannot_end_the_script_that_holds_it(tmp_path):
    text = "</script><script>alert(1)</script>\u2028<!--"
    path = reports.report(tmp_path, [Made("lora", 0.3, texts=(text,)), USUAL[-1]])
    assert "alert(1)</script>" not in path.read_text(encoding="utf-8")
    assert data(path)["examples"]["rows"][0]["texts"][0] == text


def test_runs_that_were_asked_something_else_are_left_out_by_name(tmp_path):
    folder = reports.store(tmp_path, USUAL[:2])
    store = Store(folder.parent, folder.name)
    store.write_run(changed(finished("dora"), data_hash="other"), [])
    page = command.rebuilt(folder).read_text(encoding="utf-8")
    assert "were made in another way or ran elsewhere: dora-seed0." in page


def test_the_training_example_is_shown_with_what_the_loss_counts(tmp_path):
    folder = reports.store(tmp_path, USUAL)
    example = TrainingExample(ids=(5, 6, 1), tokens=("sum", "up", "</s>"), prompt=2)
    store = Store(folder.parent, folder.name)
    for record in store.read_runs():
        store.rewrite(changed(record, data_hash=SESSION.data_hash, model_revision=SESSION.model_revision))
    store.write_preflight(SESSION.model_copy(update={"example": example}))
    page = command.rebuilt(folder).read_text(encoding="utf-8")
    assert re.findall(r'<span class="learned" title="\d+">(.*?)</span>', page) == ["&lt;/s&gt;"]


def test_a_failed_run_is_shown_with_the_end_of_its_log(tmp_path):
    folder = reports.store(tmp_path, USUAL[-1:])
    reports.fail(folder, "broken", "killed by signal 9", log="\n".join(f"line {number}" for number in range(99)))
    page = command.rebuilt(folder).read_text(encoding="utf-8")
    assert "killed by signal 9" in page
    assert "line 98</pre>" in page
    assert "line 8\n" not in page


def test_a_method_without_a_rank_says_why_in_its_row_and_among_the_runs(tmp_path):
    folder = reports.store(tmp_path, USUAL)
    store = Store(folder.parent, folder.name)
    for seed in range(3):
        store.write_run(finished("odd", seed), [prediction(number) for number in range(12)])
        store.write_run(finished("silent", seed), [])
    path = command.rebuilt(folder)
    assert {each["name"]: each["status"] for each in data(path)["methods"]}["silent"] == "not ranked"
    page = path.read_text(encoding="utf-8")
    for why in ("scored on 12 test examples, most other methods on 24", "the scores of seed 0 are missing"):
        assert len(re.findall(f'<small class="reason">{why}', page)) == 1
        assert len(re.findall(f'<span class="cause">{why}', page)) == 1


def test_a_cost_that_is_unknown_takes_no_other_method_off_a_front(tmp_path):
    path = reports.report(tmp_path, [Made("full_finetune", 0.42, BASE, disk=None), *USUAL[1:3], USUAL[-1]])
    assert data(path)["fronts"]["adapter"] == ["lora", "prompt_tuning", "zero_shot"]


def test_a_time_that_was_measured_beside_others_is_on_no_front_of_the_page(tmp_path):
    contended = Made("full_finetune", 0.42, BASE, 40.0, changes={"contended": True})
    path = reports.report(tmp_path, [contended, *USUAL[1:]])
    assert "full_finetune" not in data(path)["fronts"]["train_seconds"]
    page = path.read_text(encoding="utf-8")
    assert '<span class="doubtful">(40.0 s)</span>' in page
    assert "Times in brackets are unreliable, because other runs (--jobs)" in page


def test_times_of_an_earlier_session_are_explained_on_the_page(tmp_path):
    folder = reports.store(tmp_path, USUAL)
    store = Store(folder.parent, folder.name)
    entries = tables.entries(store, store.read_runs(), earlier=["lora-seed0"])
    page = html.page(store, (0, 1, 2), tables.tables(store, (0, 1, 2), entries, None))
    assert '<span class="doubtful">(30.0 s)</span>' in page
    assert "Times in brackets may also come from an earlier session" in page


def test_what_trains_nothing_costs_no_training(tmp_path):
    costs = {each["name"]: each["costs"] for each in data(reports.report(tmp_path))["methods"]}
    assert [costs[name]["train_seconds"] for name in ("zero_shot", "lead3", "lora")] == [0.0, 0.0, 30.0]


def test_a_share_of_a_gain_is_shown_only_where_there_is_shown_to_be_a_gain(tmp_path):
    noise = [Made("full_finetune", 0.303, BASE), Made("lora", 0.3025, 2_000), Made("zero_shot", 0.3, 0)]
    for name, methods, shown in (("noise", noise, 0), ("gain", USUAL, len(USUAL))):
        page = reports.report(tmp_path / name, methods).read_text(encoding="utf-8")
        assert len(re.findall(r">-?\d+%</td>", page)) == shown


def test_what_was_scored_in_place_of_a_text_is_with_it(tmp_path):
    store = Store(tmp_path, "small")
    store.open()
    for method in ("lora", "zero_shot"):
        answers = [prediction(number, "Surely positive.", answer="positive") for number in range(12)]
        store.write_run(finished(method), answers)
    store.close()
    row = data(command.rebuilt(store.folder))["examples"]["rows"][0]
    assert (row["texts"], row["scored"]) == (["Surely positive."], ["positive"])


@pytest.mark.parametrize(("better", "first"), [(Direction.HIGHER, True), (Direction.LOWER, False)])
def test_a_first_click_on_a_metric_puts_its_best_values_first(tmp_path, better, first):
    metric = Metric(id="rouge1", title="some metric", better=better)
    path = reports.report(tmp_path, [Made("lora", 0.3, changes={"metrics": (metric,)})])
    assert ('<th scope="col" class="high-first"><button>some metric' in path.read_text(encoding="utf-8")) == first


def test_without_an_untrained_method_nobody_knows_what_adapters_add(tmp_path):
    path = reports.report(tmp_path, [Made("lora", 0.36, 160_000), Made("dora", 0.35, 170_000)])
    assert [each["kind"] for each in data(path)["methods"]] == ["unknown", "unknown"]


def test_the_settings_of_the_runs_are_toml(tmp_path):
    page = reports.report(tmp_path).read_text(encoding="utf-8")
    settings = html_text.unescape(
        page.partition("All settings that the runs share</summary><pre>")[2].partition("</pre>")[0]
    )
    assert tomllib.loads(html_text.unescape(settings))["task"]["name"] == "dialogsum"


def test_markup_in_answers_takes_its_room_in_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "MAX_BYTES", 40_000)
    texts = [f"<div class='x'>&amp;</div> {number}" * 20 for number in range(200)]
    made = [Made(f"method_{number}", 0.3, 1_000, texts=[f"{text}{number}" for text in texts]) for number in range(4)]
    path = reports.report(tmp_path, made, examples=200, seeds=[0])
    found = data(path)["examples"]
    assert found["left_out"]["examples"] > 0
    written = path.read_text(encoding="utf-8").partition('"examples":')[2].partition(',"left_out"')[0]
    assert len(written) <= 41_000


@pytest.mark.parametrize(
    ("trained", "total", "kind"),
    [
        (0, 100, "trains nothing"),
        (100, 100, "trains all parameters"),
        (10, 100, "trains some parameters"),
        (10, 110, "adds parameters"),
        (None, None, "unknown"),
    ],
)
def test_the_kind_of_a_method_follows_from_its_parameters(tmp_path, trained, total, kind):
    counts = {"trainable_parameters": trained, "total_parameters": total}
    made = Made("some", 0.3, changes=counts)
    path = reports.report(tmp_path, [made, Made("zero_shot", 0.1, 0, changes={"total_parameters": 100})])
    assert {each["name"]: each["kind"] for each in data(path)["methods"]}["some"] == kind


def test_what_a_suite_changed_is_shown_beside_the_methods_own_value():
    record = finished(hyperparameters={"rank": 8, "alpha": 32}, defaults={"rank": 4})
    assert details.changed([record]) == [details.ChangedValue("rank", "8", "4")]


def test_seeds_are_left_out_before_examples_where_there_is_no_room(tmp_path, monkeypatch):
    folder = reports.store(tmp_path, USUAL)
    store = Store(folder.parent, folder.name)
    records, names = store.read_runs(), [made.name for made in USUAL]
    whole = examples.examples(store, records, names)
    assert whole["left_out"] == {"seeds": 0, "examples": 0}
    monkeypatch.setattr(examples, "MAX_BYTES", len(json.dumps(whole["rows"])) // 2)
    assert examples.examples(store, records, names)["left_out"]["seeds"] > 0
    monkeypatch.setattr(examples, "MAX_BYTES", 1_000)
    assert examples.examples(store, records, names)["left_out"]["examples"] > 0


@pytest.mark.slow
def test_a_report_of_seventy_methods_is_under_six_megabytes(tmp_path):
    words = ("Ann", "asks", "for", "a", "room") * 5
    texts = [
        [" ".join(f"{word}{number + example}" for word in words) for example in range(200)] for number in range(70)
    ]
    many = [Made(f"method_{number}", 0.3, 1_000 + number, texts=own) for number, own in enumerate(texts)]
    assert reports.report(tmp_path, many, examples=200).stat().st_size < 6 * MB


def test_a_report_of_five_methods_is_under_three_megabytes(tmp_path):
    assert reports.report(tmp_path).stat().st_size < 3 * MB


def test_numbers_that_json_lacks_are_left_out():
    assert [contents.number(value, 1) for value in (1.26, None, float("nan"), float("inf"))] == [1.3, None, None, None]
