"""Tables for people and files for tools; what models and data say is shown and never obeyed."""

import csv
import html
import json
import re
from dataclasses import replace

import pytest

from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.report import files, markdown, notes, table
from harness.spec.figures import BY_NAME, show
from harness.spec.preflight import Leakage
from harness.spec.record import Checks, Cost, Environment, Lengths, RunOutcome, Status
from harness.spec.suite import Budget, RunTable, Suite, TaskTable
from harness.store.results import Store
from support.records import entry, finished, prediction, scored, spec, unfinished
from support.sessions import HERE

HOSTILE = "a | b `rm` <img src=x> [x](y)\n## Won\r\n\x1b[31m\u202e**first**"


def suite(**budget):
    return Suite(
        name="small",
        task=TaskTable(name="dialogsum", data="embedded"),
        budget=Budget(**(budget or {"max_examples": 1920})),
        run=RunTable(methods=("zero_shot", "lora"), seeds=(0, 1)),
    )


def page(*entries, samples=(), asked=None, remarks=None, seeds=()):
    return markdown.leaderboard(asked or suite(), leaderboard.rows(entries, seeds=seeds), samples, remarks)


def answer(method, *texts, **changes):
    rows = [prediction(number, text, **changes) for number, text in enumerate(texts)]
    return RunOutcome(record=finished(method), predictions=tuple(rows))


def columns(line):
    return line.count("|") - 1


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "`code` and ```",
        "<script>alert(1)</script>",
        "<!-- gone",
        "[click](javascript:alert) and ![image](x)",
        "**bold** and __bold__",
        "~~gone~~",
        "> quoted",
        "a \\| b",
        "&lt;b&gt; &amp;",
        "$x$",
        "@someone",
        "https://example.org and www.example.org",
    ],
)
def test_markup_in_a_text_is_shown_and_not_obeyed(text):
    escaped = markdown.escape(text)
    assert html.unescape(escaped) == text
    assert not re.search(r"[|`<>\[\]*_~\\$@]|://|www\.|&(?!#\d+;)", escaped)


@pytest.mark.parametrize("reason", ['=cmd|"/C calc"!A0', "+1", "-1", "@SUM(A1)", "\tx"])
def test_no_spreadsheet_takes_a_reason_for_a_formula(tmp_path, reason):
    store = Store(tmp_path, "small")
    store.open()
    row = replace(leaderboard.rows([entry("lora", 0.5)])[0], reason=reason)
    path = files.write(store, suite(), [row], [])[1]
    store.close()
    with path.open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["reason"] == f"'{reason}"


def test_a_very_long_answer_is_cut_and_says_so():
    shown = page(entry("lora", 0.5), samples=[answer("lora", "word " * 20_000)])
    assert "(95,999 more characters)" in shown
    assert len(shown) < 20_000


@pytest.mark.parametrize("text", ["full_finetune", "train_0_1", "a_b", "größe_ß", "snake_case_ids are read"])
def test_an_underscore_within_a_word_is_no_markup_and_stays_readable(text):
    assert markdown.escape(text) == text


@pytest.mark.parametrize("text", ["_a_", "__a__", "a_ _b", "a __b__ c", "(_a_)", "_", "x_", "a_\u200bb_", "🙂_a_🙂"])
def test_an_underscore_at_the_edge_of_a_word_is_escaped(text):
    escaped = markdown.escape(text)
    assert html.unescape(escaped) == text
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", escaped)


@pytest.mark.parametrize("text", ["# one", "- one", "+ one", "1. one", "1) one", "  # one", "\t- one"])
def test_a_text_does_not_begin_with_what_begins_a_block(text):
    assert not re.match(r"\s*(#|-|\+|\d+[.)])", markdown.escape(text))


@pytest.mark.parametrize(
    "control",
    [
        *("\0", "\a", "\b", "\x1b", "\x7f", "\x9b"),
        *("\u061c", "\u200e", "\u200f", "\u202a", "\u202d", "\u202e", "\u2066", "\u2069"),
    ],
    ids=ascii,
)
def test_a_control_that_could_hide_or_reorder_text_is_made_visible(control):
    assert markdown.escape(f"a{control}b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=ascii)
def test_a_line_end_in_a_text_is_a_break_within_the_line(end):
    assert markdown.escape(f"one{end}two") == "one<br>two"


@pytest.mark.parametrize("end", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"], ids=ascii)
def test_no_odd_line_end_gets_a_text_onto_a_second_line(end):
    assert len(markdown.escape(f"one{end}two").splitlines()) == 1


def test_ordinary_text_stays_as_it_is():
    assert markdown.escape("Größe 12, „so“ – ok; 日本語 🙂") == "Größe 12, „so“ – ok; 日本語 🙂"


def test_a_hostile_output_stays_in_its_cell():
    lines = page(entry("lora", 0.4), samples=[answer("lora", HOSTILE)]).splitlines()
    (line,) = [line for line in lines if "first" in line]
    assert columns(line) == 2
    assert "<img" not in line
    assert "\x1b" not in line


@pytest.mark.parametrize("place", ["source", "id", "references"])
def test_a_hostile_row_of_the_data_stays_on_its_line(place):
    value = (HOSTILE,) if place == "references" else HOSTILE
    lines = page(entry("lora", 0.4), samples=[answer("lora", "Fine.", **{place: value})]).splitlines()
    (line,) = [line for line in lines if "first" in line]
    assert line.startswith({"source": "> a &#124; b ", "id": "### a &#124; b ", "references": "| *human* "}[place])


def test_a_hostile_reason_stays_one_list_item():
    lines = page(entry("zero_shot", 0.2), Entry(unfinished("lora", reason=HOSTILE), {})).splitlines()
    (line,) = [line for line in lines if "first" in line]
    assert line.startswith("- lora: crashed. Killed: a &#124; b ")
    assert "## Won" not in lines


def test_a_sample_shows_the_dialogue_every_human_and_every_method():
    humans = ("A room", "One night")
    samples = [answer("zero_shot", "Hello", references=humans), answer("lora", "Ann books", references=humans)]
    text = page(entry("lora", 0.4), samples=samples)
    cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in text.splitlines() if columns(line) == 2]
    assert cells[2:] == [["*human*", "A room"], ["*human*", "One night"], ["zero_shot", "Hello"], ["lora", "Ann books"]]
    assert "> &#35;Person1#: A room, please.<br>#Person2#: For one night?" in text


def test_an_empty_output_is_called_empty():
    assert re.search(
        r"^\| lora +\| \*\(empty\)\*", page(entry("lora", 0.4), samples=[answer("lora", "")]), re.MULTILINE
    )


def test_a_method_without_predictions_does_not_stop_the_samples_of_the_others():
    text = page(entry("lora", 0.4), samples=[RunOutcome(record=unfinished("dora")), answer("lora", "Ann", "Bob")])
    assert re.findall(r"^\| lora +\| (\w+)", text, re.MULTILINE) == ["Ann", "Bob"]


def test_without_predictions_there_are_no_samples():
    assert "Samples" not in page(entry("lora", 0.4))


def test_the_page_says_what_every_method_had():
    text = page(asked=suite(max_examples=1920, max_seconds=2.5))
    assert (
        "Base model embedded, data embedded, budget 1,920 examples, 2.5 seconds for every method, seeds 0, 1." in text
    )


def test_a_budget_of_millions_is_written_in_full():
    assert "budget 1,234,567 tokens for" in page(asked=suite(max_tokens=1_234_567))


def test_methods_without_a_rank_are_listed_with_status_and_reason():
    text = page(entry("lora", 0.4), Entry(unfinished("dora", reason="killed by signal 9"), {}))
    assert "## Without a rank\n\n- dora: crashed. Killed: killed by signal 9\n" in text


def test_a_bound_is_marked_in_the_table_explained_and_no_failure():
    text = page(scored(finished("oracle", bound=True), 0.9, 0.9), scored(finished("lora"), 0.5, 0.5))
    assert re.search(r"\| +– \| oracle: bound +\| +90\.0", text)
    assert "A bound is made from the references" in text
    assert "Without a rank" not in text


def test_a_page_without_a_bound_does_not_speak_of_one():
    assert "A bound is made" not in page(scored(finished("lora"), 0.5))


def test_a_table_in_which_all_are_ranked_lists_none_without():
    assert "Without a rank" not in page(entry("lora", 0.4))


def test_gains_are_shown_in_points_with_their_bounds():
    text = page(entry("lora", 0.4), entry("zero_shot", 0.2))
    assert "## Gain over zero-shot, in points (95%)" in text
    assert re.search(r"^\| lora +\| \+\d\d\.\d \(\+\d\d\.\d to \+\d\d\.\d\) \|", text, re.MULTILINE)
    assert "Gain over full fine-tuning" not in text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("learning_rate_sensitivity", 0.46949, "46.9"),
        ("learning_rate_sensitivity", 0.0, "0.0"),
        ("trainable_parameters", 688_128, "688,128"),
        ("trainable_parameters", 0, "0"),
        ("train_seconds", 30.46, "30.5 s"),
        ("peak_rss_bytes", 1_234_567_890, "1,235 MB"),
        ("peak_gpu_bytes", None, "–"),
    ],
)
def test_a_value_is_shown_in_its_unit(name, value, text):
    assert show(BY_NAME[name], value) == text


def test_the_table_shows_rank_interval_and_costs():
    cost = finished().cost.model_copy(update={"trainable_parameters": 0})
    rows = leaderboard.rows([scored(finished("lora", cost=cost), 0.5, 0.5)])
    header, _, line = table.leaderboard(rows, "github").splitlines()
    assert [cell.strip() for cell in header.split("|")[1:-1]] == [
        *("rank", "method", "ROUGE-1 (95%)", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum"),
        *("trainable", "train"),
    ]
    assert [cell.strip() for cell in line.split("|")[1:-1]] == [
        *("1", "lora", "50.0 (50.0–50.0)", "25.0", "40.0", "40.0"),
        *("0 *", "30.5 s *"),
    ]


def test_the_bounds_of_an_interval_stand_lower_first():
    (row,) = leaderboard.rows([scored(finished("zero_shot", cost=Cost(trainable_parameters=0)), 0.4, 0.5, 0.6)])
    assert (
        table.interval(row, row.metrics[0]) == "50.0 (25.2–74.8)"
    )  # 10 / √3, times 4.303 of t with 2 degrees of freedom


def test_the_table_shows_the_ranks_that_a_method_may_have():
    rows = leaderboard.rows([entry("lora", 0.4), entry("dora", 0.4), entry("zero_shot", 0.2)])
    lines = table.leaderboard(rows, "github").splitlines()[2:]
    assert [line.split("|")[1].strip() for line in lines] == ["1–2", "1–2", "3"]


def test_a_score_without_an_interval_stands_alone_and_below_the_table_is_what_a_rank_needs():
    text = page(scored(finished("lora"), 0.5))
    assert re.search(r"^\| +– \| lora: no rank +\| +50\.0 \|", text, re.MULTILINE)
    assert "- lora: ok. scored on 1 test example; a rank and an interval need 2 or more: give the suite more" in text


def test_a_method_with_fewer_seeds_than_the_suite_is_marked_and_told():
    text = page(entry("lora", 0.4, 0), entry("lora", 0.4, 1), entry("zero_shot", 0.2, 1), seeds=(0, 1))
    assert re.search(r"\| lora +\|", text)
    assert re.search(r"\| zero_shot \(1 of 2 seeds\) +\|", text)
    assert "\n- zero_shot: 1 of 2 seeds (missing: 0); --resume runs the missing ones\n" in text


def test_the_page_says_how_many_seeds_would_tell_neighbours_apart():
    close = [entry(name, level, seed) for name, level in (("lora", 0.41), ("dora", 0.4)) for seed in (0, 1)]
    assert re.search(
        r"\n- not told apart: lora and dora, which is \d\.\d points lower; if that .*, about \d+ seeds would",
        page(*close),
    )
    assert "not told apart" not in page(entry("lora", 0.8, 0), entry("dora", 0.2, 0))


def test_what_is_assumed_about_one_seed_is_told():
    assert "so 2.5 points are assumed: lora\n" in page(entry("lora", 0.4))
    assert "are assumed" not in page(entry("lora", 0.4, 0), entry("lora", 0.4, 1))


def test_times_of_a_contended_row_stand_in_brackets_and_nothing_else_does():
    contended = scored(finished("lora", contended=True), 0.5, 0.5)
    rows = leaderboard.rows([contended, scored(finished("dora"), 0.5, 0.5)])
    lines = table.leaderboard(rows, "github").splitlines()[2:]
    cells = {line.split("|")[2].strip(): [cell.strip() for cell in line.split("|")[7:-1]] for line in lines}
    assert cells == {"lora": ["688,128 *", "(30.5 s)"], "dora": ["688,128 *", "30.5 s *"]}


def test_a_time_that_is_unknown_has_no_brackets():
    rows = leaderboard.rows([scored(finished(contended=True), 0.5), Entry(unfinished("dora"), {})])
    rows = [replace(row, contended=True) for row in rows]
    assert table.leaderboard(rows, "github").splitlines()[-1].split("|")[-2].strip() == "–"


def test_the_page_says_what_brackets_mean_where_there_are_some():
    sentence = "Times in brackets are unreliable, because other runs (`--jobs`) or other programs took processor time"
    assert sentence in page(scored(finished("lora", contended=True), 0.5))
    assert sentence not in page(entry("lora", 0.4))


def test_times_of_an_earlier_session_stand_in_brackets_and_the_page_says_why():
    text = page(replace(entry("lora", 0.5), earlier=True), entry("dora", 0.3))
    assert re.search(r"\| lora .*\| +\(30\.5 s\) \*", text)
    assert re.search(r"\| dora .*\| +30\.5 s", text)
    assert "Times in brackets may also come from an earlier session" in text
    assert "earlier session" not in page(entry("dora", 0.3))


def timed_on(name, method, score):
    """A run that was executed on a machine of that kind."""
    return scored(finished(method, environment=HERE.model_copy(update={"device_name": name})), score, score)


def test_times_of_another_kind_of_machine_stand_in_brackets_and_are_on_no_front():
    runs = [timed_on("Xeon", "lora", 0.5), timed_on("EPYC", "dora", 0.4), timed_on("EPYC", "zero_shot", 0.1)]
    text = page(*runs)
    assert re.search(r"\| lora .*\| +\(30\.5 s\) +\|", text)
    assert re.search(r"\| dora .*\| +30\.5 s", text)
    assert "Times in brackets may also come from another kind of machine than that of most runs" in text
    assert notes.line(noted(*(run.record for run in runs))) == (
        "the runs were executed on different machines: 1 on Xeon, 2 on EPYC"
    )


def test_one_kind_of_machine_is_not_worth_a_word():
    runs = [timed_on("EPYC", "lora", 0.5), timed_on("EPYC", "dora", 0.4)]
    assert "machine" not in notes.line(noted(*(run.record for run in runs)))
    assert "kind of machine" not in page(*runs)


def noted(*records, leakage=None):
    return notes.of(records, leakage)


def test_leakage_is_counted_under_the_leaderboard_also_where_there_is_none():
    text = page(entry("lora", 0.4), remarks=noted(finished("lora"), leakage=Leakage(test=1500, exact=0, near=0)))
    assert "Of 1,500 test dialogues, 0 are in the training split and 0 are nearly equal to one in it.\n" in text


def test_lengths_under_the_leaderboard_are_means_over_the_seeds():
    lengths = [
        Lengths(prompts_truncated=0.25, targets_truncated=0.5, outputs_cut=cut, words_out=8, words_reference=20)
        for cut in (0.0, 1.0)
    ]
    records = [finished("lora", seed, lengths=each) for seed, each in enumerate(lengths)]
    text = notes.section(noted(*records))
    assert "The references have 20.0 words on average. Cut to the suite's limits: 25.0% of the prompts, 50.0%" in text
    cells = [cell.strip() for cell in text.splitlines()[-1].split("|")[1:-1]]
    assert cells == ["lora", "8.0", "50.0%", "0.0%", "0"]


def test_the_words_of_labels_are_not_counted():
    task = TaskTable(name="classify", columns={"source": "dialogue", "target": "topic"})
    record = finished(spec=spec(task=task), lengths=Lengths(words_out=1, words_reference=1))
    text = notes.section(noted(record))
    assert "words" not in text
    cells = [cell.strip() for cell in text.splitlines()[-1].split("|")[1:-1]]
    assert cells == ["lora", "–", "0.0%", "0"]


def test_what_generated_nothing_has_no_share_of_outputs_that_were_cut():
    record = finished("lead3", lengths=Lengths(outputs_cut=None, words_out=8, words_reference=20))
    cells = [cell.strip() for cell in notes.section(noted(record)).splitlines()[-1].split("|")[1:-1]]
    assert cells == ["lead3", "8.0", "–", "0.0%", "0"]
    assert notes.line(noted(record)) == ""


def test_a_run_without_scores_has_no_lengths_to_show():
    assert "dora" not in notes.section(noted(finished("lora"), unfinished("dora")))


def test_the_terminal_hears_nothing_of_what_is_as_it_should_be():
    record = finished("lora", lengths=Lengths(words_out=8, words_reference=20))
    assert notes.line(noted(record, leakage=Leakage(test=1500, exact=0, near=0))) == ""


@pytest.mark.parametrize(
    ("lengths", "told"),
    [
        ({"prompts_truncated": 0.25}, "prompts cut: lora 25%"),
        ({"targets_truncated": 0.01}, "training targets cut: lora 1%"),
        ({"outputs_cut": 1.0}, "outputs cut at max_new_tokens: lora 100%"),
        ({"outputs_empty": 0.5}, "empty outputs: lora 50%"),
    ],
)
def test_the_terminal_hears_of_texts_that_were_cut_or_empty(lengths, told):
    assert notes.line(noted(finished("zero_shot"), finished("lora", lengths=Lengths(**lengths)))) == told


def test_a_share_too_small_for_a_percent_is_not_told_as_none():
    assert notes.line(noted(finished("lora", lengths=Lengths(outputs_empty=0.001)))) == "empty outputs: 0.1%"


def test_methods_that_changed_weights_but_no_label_are_named_once():
    same = Checks(largest_change=0.1, same_as_zero_shot=True)
    records = [finished("lora", seed, checks=same) for seed in (0, 1)]
    assert notes.line(noted(finished("zero_shot"), *records)) == (
        "weights changed, but all labels of a run are zero_shot's: lora"
    )
    assert notes.line(noted(unfinished("lora", status=Status.NO_OP, checks=same))) == ""


def test_what_is_so_for_every_method_is_told_once():
    cut = Lengths(prompts_truncated=0.25)
    line = notes.line(noted(finished("lora", lengths=cut), finished("zero_shot", lengths=cut)))
    assert line == "prompts cut: 25%"


def test_the_terminal_hears_of_leakage_and_of_parameters_without_a_gradient_on_one_line():
    record = finished("prompt_tuning", cost=Cost(dead_parameters=10_240))
    line = notes.line(noted(record, leakage=Leakage(test=1500, exact=2, near=0)))
    assert line == (
        "Of 1,500 test dialogues, 2 are in the training split and 0 are nearly equal to one in it; "
        "prompt_tuning: 10,240 trainable parameters never got a gradient"
    )


def test_a_failed_row_of_the_table_shows_its_status_and_dashes():
    rows = leaderboard.rows([scored(finished("lora"), 0.5), Entry(unfinished("dora"), {})])
    cells = [cell.strip() for cell in table.leaderboard(rows, "github").splitlines()[-1].split("|")[1:-1]]
    assert cells == ["–", "dora: crashed", "–", "–", "–", "–", "–", "–"]


def test_a_table_without_rows_says_so():
    assert table.leaderboard([], "github") == "no runs yet"


@pytest.fixture
def written(tmp_path):
    """The folder of a report about two seeds of a finished method and one failed method."""
    store = Store(tmp_path, "small")
    store.open()
    rows = leaderboard.rows([entry("lora", 0.4, 0), entry("lora", 0.4, 1), Entry(unfinished("dora"), {})])
    paths = files.write(store, suite(), rows, [answer("lora", "Ann books")])
    names = ["leaderboard.md", "leaderboard.csv", "leaderboard.json", "github-action-benchmark.json"]
    assert [path.name for path in paths] == names
    store.close()
    return store.folder


def test_the_written_page_holds_leaderboard_and_samples(written):
    text = (written / "leaderboard.md").read_text(encoding="utf-8")
    assert text.startswith("# Leaderboard: small\n")
    assert "Ann books" in text


def test_the_written_json_holds_the_suite_and_every_row(written):
    content = json.loads((written / "leaderboard.json").read_text())
    assert content["suite"] == "small"
    assert content["score_unit"] == "share of 1"
    assert [(row["rank"], row["method"], row["seeds"]) for row in content["rows"]] == [
        (1, "lora", [0, 1]),
        (None, "dora", [0]),
    ]


def test_the_written_json_names_model_data_budget_machine_and_date(tmp_path):
    here = Environment(device="cpu", device_name="Some CPU", threads=2, python="3.11", platform="Linux", packages={})
    known = {"environment": here, "model_revision": "5ca1ab1e", "data_hash": "c82ca3c9", "data_revision": None}
    records = [finished("lora", seed, date=date, **known) for seed, date in enumerate(("2026-12-01", "2026-12-03"))]
    store = Store(tmp_path, "small")
    store.open()
    files.write(store, suite(), leaderboard.rows([entry("lora", 0.4)]), [], noted(*records))
    store.close()
    content = json.loads((store.folder / "leaderboard.json").read_text())
    assert content["model"] == {"name": "embedded", "revision": "5ca1ab1e"}
    assert content["data"] == {"name": "embedded", "revision": None, "hash": "c82ca3c9"}
    assert (content["budget"], content["date"]) == ({"examples": 1920}, "2026-12-03")
    assert content["machine"]["device_name"] == "Some CPU"


def test_runs_of_unknown_date_have_none_and_not_the_day_of_writing(tmp_path):
    store = Store(tmp_path, "small")
    store.open()
    files.write(store, suite(), leaderboard.rows([entry("lora", 0.4)]), [], noted(finished("lora", 0)))
    store.close()
    assert json.loads((tmp_path / "small" / "leaderboard.json").read_text())["date"] is None


def test_the_written_csv_holds_every_row_under_the_names_of_the_json(written):
    rows = list(csv.DictReader((written / "leaderboard.csv").read_text().splitlines()))
    assert list(rows[0]) == list(json.loads((written / "leaderboard.json").read_text())["rows"][0])
    assert [(row["method"], row["status"], row["seeds"]) for row in rows] == [
        ("lora", "ok", "0 1"),
        ("dora", "crashed", "0"),
    ]


def test_github_action_benchmark_reads_the_scores_of_ranked_rows_in_points(written):
    entries = json.loads((written / "github-action-benchmark.json").read_text())
    assert [entry["name"] for entry in entries] == [
        f"small lora {title}" for title in ("ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum")
    ]
    lora = json.loads((written / "leaderboard.json").read_text())["rows"][0]
    assert entries[0] == {
        "name": "small lora ROUGE-1",
        "unit": "points",
        "value": round(100 * lora["rouge1"], 2),
        "range": f"{100 * lora['rouge1_low']:.2f}–{100 * lora['rouge1_high']:.2f}",
        "extra": "95% interval; seeds 0, 1",
    }


def test_counts_in_the_csv_stay_whole_beside_a_row_that_knows_none(written):
    lora, dora = csv.DictReader((written / "leaderboard.csv").read_text().splitlines())
    assert (lora["rank"], lora["trainable_parameters"]) == ("1", "688128")
    assert (dora["rank"], dora["trainable_parameters"]) == ("", "")
