"""Metrics of a project's own are found like methods, and one that breaks the contract says where and why."""

import re
from pathlib import Path

import pytest

from harness.metrics.built_in import SCORERS
from harness.metrics.several import chosen
from harness.run import scorers
from harness.spec import registry
from harness.spec.errors import PluginError, SuiteError
from harness.spec.metric import options_of
from harness.spec.registry import METRICS, Plugin
from harness.tasks import scored_by

PAGE = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
CONCISE, ERRORS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
OWN = """from harness.metric import Metric, Scorer

class Mine(Scorer):
    metrics = (Metric(id="mine", title="mine"{described}),)

    def statistics(self, answers, references):
        return [{number} for answer in answers]
"""


@pytest.fixture
def plugin(tmp_path):
    """Writes a metric's file and returns its plugin."""

    def write(source, metric="mine"):
        path = tmp_path / f"{metric}.py"
        path.write_text(source)
        return Plugin(metric, path)

    return write


def own(number="0.5", described=""):
    return OWN.format(number=number, described=described)


def refusal(plugin):
    with pytest.raises(PluginError) as error:
        scorers.load(plugin)
    return str(error.value)


def scored(plugin, answers, references):
    """The values of a project's metric, beside a built-in one."""
    found = chosen(["exact_match", plugin.id], {**SCORERS, plugin.id: scorers.load(plugin)})
    return found.scored(answers, references, [True] * len(answers)).values


# The page's examples


def test_the_example_has_ten_lines_and_counts_what_it_says(plugin):
    assert len([line for line in CONCISE.splitlines() if line.strip()]) <= 10
    found = scored(plugin(CONCISE, "concise"), ["two words", "three more words"], [["one", "two words"], ["a word"]])
    assert found == {"exact_match": 0.5, "concise": 0.5}


def test_the_example_can_be_tried_in_python_as_the_page_says(plugin):
    call, returned = re.search(r"`Concise\(\)(\..*?)` returns `(.*?)`", PAGE).groups()
    assert f"{eval(f'scorer{call}', {'scorer': scorers.load(plugin(CONCISE, 'concise'))})}" == returned


def test_the_example_of_an_option_is_one_that_a_metric_may_have(plugin):
    options = re.search(r"`(options = .*?)`", PAGE)[1]
    scorer = scorers.load(plugin(CONCISE.replace("    def ", f"    {options}\n\n    def "), "concise"))
    assert scorer.option("concise_by") == "words"


def test_the_example_over_all_examples_together_adds_up_before_it_divides(plugin):
    mine = plugin(ERRORS, "cer")
    assert scored(mine, ["abcd", "xy"], [["abcd", "abcdefgh"], ["xyz"]])["cer"] == pytest.approx(1 / 7)
    (metric,) = scorers.load(mine).metrics
    assert (metric.library, metric.relative, metric.shown(1 / 7)) == ("rapidfuzz", True, "14.3")


# Finding


def test_metrics_are_found_in_a_folder_and_methods_beside_them_are_not(plugin, tmp_path):
    mine = plugin(own())
    (tmp_path / "theirs.py").write_text("from harness.method import Method\nclass Theirs(Method): ...\n")
    assert registry.discover([tmp_path], METRICS) == {"mine": mine}
    assert "mine" not in registry.discover([tmp_path])


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PluginError, match=f"metric_paths: {tmp_path / 'metricz'}: no such file or folder"):
        registry.discover([tmp_path / "metricz"], METRICS)


def test_metrics_of_an_installed_package_are_found_through_its_entry_point(tmp_path, monkeypatch):
    (tmp_path / "their_metric.py").write_text(own())
    metadata = tmp_path / "theirs-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[tuneoff.metrics]\ntheirs = their_metric\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.discover(kind=METRICS)["their_metric"].path == tmp_path / "their_metric.py"


def test_a_metric_may_call_tuneoff_by_either_of_its_names(plugin):
    assert scorers.load(plugin(own().replace("harness.", "tuneoff."))).metrics[0].title == "mine"


def test_two_versions_of_a_file_are_told_apart_by_an_option(plugin):
    one, other = (options_of(scorers.load(plugin(own(number))).metrics) for number in ("0.5", "0.25"))
    assert one.keys() == other.keys() == {"mine_source"}
    assert one != other
    settled = scorers.load(plugin(own())).settled({}, [])
    assert settled.unusual == options_of(settled.metrics)


# Options


OPTION = """    options = {"mine_case": ("any", "same")}

    def statistics(self, answers, references):
        return [self.option("mine_case") == "same" for answer in answers]
"""


def test_a_suite_may_set_an_option_of_a_metric_which_is_recorded_and_scored_with(plugin):
    scoring = chosen(["mine"], {"mine": scorers.load(plugin(own().partition("    def ")[0] + OPTION))})
    scored_by.check_options(scoring, {"mine_case": "same"})
    values = []
    for asked in ({}, {"mine_case": "same"}):
        options = options_of(scoring.settled(asked, ["Yes."]).metrics)
        with scoring.reading(options):
            values.append((options["mine_case"], scoring.scored(["yes"], [["Yes."]], [True]).values["mine"]))
    assert values == [("any", 0.0), ("same", 1.0)]


def test_only_an_option_that_is_not_the_usual_one_counts_as_unusual(plugin):
    scorer = scorers.load(plugin(own().partition("    def ")[0] + OPTION))
    assert scorer.settled({}, []).unusual.keys() == {"mine_source"}
    assert scorer.settled({"mine_case": "same"}, []).unusual.keys() == {"mine_source", "mine_case"}


def test_a_value_that_an_option_does_not_have_is_told(plugin):
    scoring = chosen(["mine"], {"mine": scorers.load(plugin(own().partition("    def ")[0] + OPTION))})
    with pytest.raises(SuiteError, match=r"evaluation\.mine_case: unknown value 'sam'; did you mean 'same'\?"):
        scored_by.check_options(scoring, {"mine_case": "sam"})


# What is wrong with a file


def test_a_file_that_cannot_be_imported_is_named_with_the_line(plugin):
    assert refusal(plugin("import nothing_of_that_name\n")).endswith(
        "mine.py:1: cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'"
    )
    assert "its range is empty" in refusal(plugin(own(described=", low=1, high=0")))


def test_a_file_needs_one_scorer(plugin):
    told = refusal(plugin("from harness.metric import Scorer\n"))
    assert told.endswith("mine.py: needs exactly one class derived from harness.metric.Scorer, found none")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("def statistics", "def counts", "Mine: it does not define statistics()"),
        ('(Metric(id="mine", title="mine"),)', "()", 'Mine: it must have metrics = (Metric(id="…", title="…"),)'),
        ('(Metric(id="mine", title="mine"),)', 'Metric(id="mine", title="mine")', "Mine: it must have metrics = "),
        ('id="mine"', 'id="yours"', "Mine: its metric has the id 'yours'; rename it, or the file, so that both"),
        ('title="mine"', 'title="mine", corpus=True', "Mine: it has a metric with corpus=True, but no value()"),
        ("def statistics", "value = max\n    def statistics", "Mine: it has value(), but no metric with corpus=True"),
        ('title="mine"', 'title="mine", library="no_such"', "Mine: its library, no_such, is not installed"),
        (
            '"mine"),)',
            '"mine"), Metric(id="rouge1", title=""))',
            "Mine: it cannot have the id 'rouge1', which is in use",
        ),
        ('"mine"),)', '"mine"), Metric(id="rank", title=""))', "Mine: it cannot have the id 'rank', which is in use"),
        ('"mine"),)', '"mine"), Metric(id="mine", title=""))', "Mine: its metrics have the same id: mine, mine"),
        ('"mine"),)', '"mine"), Metric(id="a/b", title=""))', "Mine: it has the id 'a/b'; use letters, digits and"),
        (
            '"mine"),)',
            '"mine"), Metric(id="sure", title="", needs="likelihoods"))',
            "Mine: its metrics do not all need the same; put them in two files",
        ),
        (
            "    def statistics",
            '    options = {"case": ("any", "same")}\n\n    def statistics',
            "Mine: its option 'case' must be called mine_ and something that is not in use",
        ),
        (
            "    def statistics",
            '    options = {"mine_case": "any"}\n\n    def statistics',
            "Mine: its option 'mine_case' needs its values",
        ),
        ("(self, answers, references)", "(self, answers)", "Mine: statistics(answers) must take 2 arguments"),
        (
            "    def statistics",
            "    @staticmethod\n    def statistics",
            "Mine: statistics(self, answers, references) must",
        ),
        (
            "    def statistics",
            "    def fits(self):\n        return None\n\n    def statistics",
            "Mine: fits() must take one argument",
        ),
        (
            "    def statistics",
            "    def __init__(self, path):\n        self.path = path\n\n    def statistics",
            "Mine() cannot be made: TypeError",
        ),
    ],
)
def test_a_class_that_contradicts_itself_is_refused(plugin, old, new, told):
    source = own()
    assert source.count(old) == 1
    assert f"mine.py: {told}" in refusal(plugin(source.replace(old, new)))


def test_a_built_in_metric_cannot_be_replaced(plugin):
    source = own().replace('"mine"', '"bleu"', 1)
    assert "Mine: it cannot have the id 'bleu', which is in use" in refusal(plugin(source, "bleu"))


# Trying a metric out


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("1 / len(answer)", "mine.py:7: Mine: ZeroDivisionError: division by zero (with empty answers)"),
        (
            "answer.undefined",
            "mine.py:7: Mine: AttributeError: 'str' object has no attribute 'undefined' (with references",
        ),
        ("float('nan')", "mine.py: Mine: statistics() returned [nan] for answer 0; numbers must be finite"),
        ("len(answer)", "mine.py: Mine: statistics() of answer 0: mine is 23, which is not in the range of 0 to 1"),
        ("'good'", "mine.py: Mine: statistics() must return a row of numbers for each answer"),
    ],
)
def test_a_metric_that_fails_on_references_or_on_empty_answers_is_refused_before_any_run(
    plugin, toy_task, number, told
):
    scoring = chosen(["mine"], {"mine": scorers.load(plugin(own(number)))})
    with pytest.raises(PluginError) as error:
        scorers.tried(scoring, toy_task)
    assert re.sub(r"mine is \d+,", "mine is 23,", str(error.value)).startswith(
        f"{plugin(own(number)).path.parent}/{told}"
    )


def test_a_metric_that_scores_both_is_let_through(plugin, toy_task):
    scorers.tried(chosen(["mine", "rouge"], {**SCORERS, "mine": scorers.load(plugin(own()))}), toy_task)
