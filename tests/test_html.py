"""The report is one file, rebuilt from records alone, of a bearable size, and no text in it is markup."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.report import __main__ as command
from harness.report import contents, details, examples
from harness.spec.preflight import TrainingExample
from harness.store.results import Store
from support import reports
from support.records import changed, finished
from support.reports import MB, USUAL, Made
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
        self._inside = tag == "script"
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
    assert "Left out, because they were asked something else or ran elsewhere: dora-seed0." in page


def test_the_training_example_is_shown_with_what_the_loss_counts(tmp_path):
    folder = reports.store(tmp_path, USUAL)
    example = TrainingExample(ids=(5, 6, 1), tokens=("sum", "up", "</s>"), prompt=2)
    store = Store(folder.parent, folder.name)
    for record in store.read_runs():
        store.rewrite(changed(record, data_hash=SESSION.data_hash))
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
