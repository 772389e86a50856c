"""The report in a real browser: it opens from disk without a network, does what it offers, and obeys no text."""

import shutil
from itertools import product

import pytest

from benchmarks import picture
from harness.ranking import choice
from harness.report import tables
from harness.spec import search
from harness.spec.record import Status
from harness.spec.search import Trial
from harness.spec.suite import SearchTable
from harness.store.results import Store
from support import reports
from support.records import finished, prediction, spec
from support.reports import MB, USUAL, Made
from support.sessions import SESSION

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no browser: apt-get install chromium")

DESKTOP, PHONE = (1440, 900), (390, 844)
MAX_MILLISECONDS = 100
ICON = "data:,"
ALERT = "<script>alert(1)</script>"
HOSTILE = {  # a text, and what of it can be seen
    ALERT: ALERT,
    f"</script>{ALERT}": f"</script>{ALERT}",
    "</td></table><img src=x onerror=alert(1)>": "</td></table><img src=x onerror=alert(1)>",
    "a | b": "a | b",
    '=cmd|" /C calc"!A0': '=cmd|" /C calc"!A0',
    "{{7*7}} ${7*7}": "{{7*7}} ${7*7}",
    "\u202eright to left": "\u202eright to left",
    "\x1b[31mred\x1b[0m": "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}[0m",
    "<!-- gone": "<!-- gone",
    "long " * 20_000: "long " * 799 + "long … (95,999 more characters)",
}
MOVE = "(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input')) }"
BEGIN_WITH = "all => all.map(one => one.textContent.split(':')[0])"
GAPS = "all => all.map(one => Number(one.textContent.match(/[+−]([0-9.]+)/)[1]))"
FILL = "text => getComputedStyle(text).fill"
SORT_AND_FILTER = """() => {
    const began = performance.now();
    document.querySelectorAll("#board thead button")[3].click();
    const find = document.getElementById("find");
    find.value = "7";
    find.dispatchEvent(new Event("input"));
    document.body.offsetHeight;
    return performance.now() - began;
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def show(browser):
    """``show(path)`` opens a report from disk, offline; what the page complains about, asks for or pops up fails."""
    contexts, found = [], []

    def shown(path, size=DESKTOP, **options):
        width, height = size
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: found.append(message.text))
        page.on("pageerror", lambda error: found.append(f"{error}"))
        page.on("dialog", lambda dialog: (found.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: found.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield shown
    for context in contexts:
        context.close()
    assert [text[:200] for text in found if text != ICON] == []


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return reports.report(tmp_path_factory.mktemp("usual"))


def methods(page):
    """The methods of the leaderboard's rows, in order."""
    rows = page.locator("#board tbody tr:not([hidden])")
    return rows.evaluate_all("rows => rows.map(row => row.dataset.method)")


def test_the_answer_is_at_the_top_and_every_section_has_its_content(show, usual):
    page = show(usual)
    assert page.locator("h1").inner_text().startswith("full_finetune is best: 4")
    assert page.locator("#chart svg").count() == 1
    assert page.locator("#pair-table tbody tr").count() == len(USUAL) - 1
    assert "A room, please" in page.locator("#sample").inner_text()


def test_the_answer_and_the_leaderboard_need_no_scripts(show, usual):
    page = show(usual, java_script_enabled=False)
    assert page.locator("h1").inner_text().startswith("full_finetune is best")
    assert page.locator("#board tbody tr").count() == len(USUAL)
    assert page.locator(".unscripted").is_visible()
    assert not any(page.locator(f"#{part}").is_visible() for part in ("limits", "costs", "pairs", "examples"))


def test_a_click_on_a_title_sorts_and_a_second_one_the_other_way_round(show, usual):
    page = show(usual)
    title = page.locator("#board").get_by_role("button", name="Peak memory")
    title.click()
    assert methods(page) == ["lead3", "zero_shot", "prompt_tuning", "lora", "full_finetune"]
    title.click()
    assert methods(page) == ["full_finetune", "lora", "prompt_tuning", "zero_shot", "lead3"]


def test_the_leaderboard_is_filtered_by_name_kind_and_limits(show, usual):
    page = show(usual)
    page.locator("#find").fill("TUNING")
    assert methods(page) == ["prompt_tuning"]
    page.locator("#find").fill("")
    page.locator("#kind").select_option("adds parameters")
    assert methods(page) == ["lora", "prompt_tuning"]
    page.locator("#memory").evaluate(MOVE, 2)
    page.locator("#within").check()
    assert methods(page) == ["prompt_tuning"]


def test_a_limit_changes_the_answer_to_what_the_ranking_says(show, usual):
    page = show(usual)
    store = Store(usual.parent.parent, usual.parent.name)
    shown = tables.tables(store, (0, 1, 2), tables.entries(store, store.read_runs()), None)
    for memory, disk in product((420 * MB, 830 * MB, 900 * MB, None), (0, 10_000, 660_000, None)):
        asked = {"memory": memory, "adapter": disk}
        limits = {name: value for name, value in asked.items() if value is not None}
        expected = choice.best(shown.ranking, shown.needs, limits)
        for name, value in asked.items():
            values = sorted({shown.needs[method][name] for method in shown.ranking.names})
            page.locator(f"#{name}").evaluate(MOVE, len(values) if value is None else values.index(value))
        told = page.locator("#choice").inner_text()
        assert page.locator("#best").inner_text() == expected.method
        assert f"{len(expected.within)} of {len(USUAL)} methods" in told
        assert ("The limits cost" in told) == (expected.price is not None)
        assert ("cannot be told apart" in told) == bool(limits and expected.alike)


def test_a_limit_is_told_to_who_cannot_see_it(show, usual):
    page = show(usual)
    assert page.locator("#memory").get_attribute("aria-valuetext") == "any"
    page.locator("#memory").evaluate(MOVE, 0)
    assert page.locator("#memory").get_attribute("aria-valuetext") == "at most 420 MB"


def test_figures_are_written_as_in_the_table(show, tmp_path):
    page = show(reports.report(tmp_path, [Made("lora", 0.36, 160_000, 300.0, disk=8 * MB), USUAL[-1]]))
    page.locator("#adapter").evaluate(MOVE, 1)
    page.locator("#seconds").evaluate(MOVE, 1)
    assert page.locator("#adapter-shown").inner_text() == "at most 8.00 MB"
    assert page.locator("#seconds-shown").inner_text() == "at most 5.00 min"


def test_a_method_whose_cost_is_unknown_is_not_drawn_and_the_page_says_so(show, tmp_path):
    page = show(reports.report(tmp_path, [Made("lora", 0.36, 160_000, disk=None), *USUAL[2:]]))
    page.locator("#axis").select_option("adapter")
    assert "1 method is not drawn: its cost is unknown." in page.locator("#free").inner_text()
    assert "lead3, zero_shot" in page.locator("#free").inner_text()


def test_on_paper_a_dark_page_is_light_and_its_details_are_open(show, usual):
    page = show(usual, color_scheme="dark")
    label = page.locator("#chart svg text", has_text="ROUGE-1").first
    assert label.evaluate(FILL) == "rgb(154, 164, 177)"
    page.emulate_media(media="print", color_scheme="light")
    assert label.evaluate(FILL) == "rgb(93, 102, 115)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#limits").is_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0


def test_what_was_scored_is_shown_below_the_text_and_marked_alone(show, tmp_path):
    store = Store(tmp_path, "small")
    store.open()
    answers = [prediction(number, "Let me think: bad.", answer="bad", references=("good",)) for number in range(12)]
    for method in ("lora", "zero_shot"):
        store.write_run(finished(method), answers)
    store.close()
    page = show(reports.rebuilt(store.folder))
    row = page.locator("#sample tbody tr", has_text="lora")
    assert row.locator("td").first.inner_text() == "Let me think: bad.\nscored: bad"
    assert row.locator("mark").all_inner_texts() == ["bad"]


def test_an_example_stays_when_another_seed_is_shown_and_an_order_when_another_method_is(show, usual):
    page = show(usual)
    page.locator("#example").select_option("5")
    page.locator("#seed").select_option("1")
    assert page.locator("#example").input_value() == "5"
    page.locator("#order").select_option("apart")
    page.locator("#other").select_option("zero_shot")
    gaps = page.locator("#example option").evaluate_all(GAPS)
    assert gaps == sorted(gaps, reverse=True)
    assert "full_finetune and zero_shot differ most" in page.locator("#found").inner_text()


def test_the_chart_can_show_another_cost_on_a_linear_scale(show, usual):
    page = show(usual)
    page.locator("#axis").select_option("peak_rss_bytes")
    page.locator("#chart svg text", has_text="Peak memory, in bytes").wait_for()
    page.locator("#axis").select_option("trainable_parameters")
    assert "lead3, zero_shot" in page.locator("#free").inner_text()
    page.locator("#log").uncheck()
    assert page.locator("#free").inner_text() == ""


def test_a_point_names_itself(show, usual):
    page = show(usual)
    page.locator("#chart .mark-symbol.role-mark path").first.hover(force=True)
    page.locator(".tip", has_text="Method").wait_for()


def test_any_method_can_be_the_reference_of_the_pairs(show, usual):
    page = show(usual)
    page.locator("#reference").select_option("zero_shot")
    rows = page.locator("#pair-table tbody tr")
    assert rows.count() == len(USUAL) - 1
    assert "better" in rows.first.inner_text()


def test_on_a_phone_a_pairs_verdict_can_be_seen_and_the_controls_of_examples_are_folded(show, usual):
    page = show(usual, PHONE)
    page.locator("#pairs").scroll_into_view_if_needed()
    verdict = page.locator("#pair-table .verdict").first.bounding_box()
    assert verdict["x"] + verdict["width"] <= PHONE[0]
    assert page.locator("#search").is_hidden()
    page.locator("#fold summary").click()
    assert page.locator("#search").is_visible()


def test_methods_outside_the_limits_are_counted_and_can_still_be_read(show, usual):
    page = show(usual)
    page.locator("#memory").evaluate(MOVE, 1)
    assert page.locator("#count").inner_text() == "3 outside your limits, in grey"
    page.locator("#free", has_text="Small grey points are outside your limits.").wait_for()  # drawn in the next frame
    assert page.locator("#board tr.outside td").first.evaluate("cell => getComputedStyle(cell).opacity") == "1"


def test_a_search_is_shown_of_the_best_method_first_and_says_which_rate_was_used(show, tmp_path):
    input_ = {"data_hash": SESSION.data_hash, "model_revision": SESSION.model_revision}
    settings = {**input_, "hyperparameters": {"learning_rate": 0.4}}
    names = {"dora": 0.3, "lora": 0.4}
    folder = reports.store(
        tmp_path, [*(Made(name, level, changes=settings) for name, level in names.items()), USUAL[-1]]
    )
    store = Store(folder.parent, folder.name)
    for name in names:
        trials = [
            Trial(multiplier=multiplier, learning_rate=0.4 * multiplier, status=Status.OK, score=score, seconds=2.0)
            for multiplier, score in ((1.0, 0.4), (0.25, 0.3))
        ]
        store.write_search(search.finished(spec(name), SearchTable(trials=2), trials, SESSION), "")
    page = show(reports.rebuilt(folder))
    assert page.locator("#searched").input_value() == "lora"
    told = page.locator("#trials").inner_text()
    assert told.startswith("lora used its own rate, 0.4. Best at the edge")
    assert "dora" not in told


def test_an_example_is_found_by_its_text_and_what_differs_is_marked(show, tmp_path):
    texts = ["Ann books a room."] * reports.EXAMPLES
    texts[7] = "Ann books a car for one night."
    page = show(reports.report(tmp_path, [USUAL[0], Made("lora", 0.3, texts=texts), USUAL[-1]]))
    page.locator("#search").fill("A CAR")
    assert page.locator("#example option").evaluate_all(BEGIN_WITH) == ["test_7"]
    assert page.locator("#sample tr", has_text="lora").locator("mark").all_inner_texts() == ["car"]


def test_the_examples_on_which_two_methods_differ_most_come_first(show, usual):
    page = show(usual)
    page.locator("#order").select_option("apart")
    gaps = page.locator("#example option").evaluate_all(GAPS)
    assert len(gaps) == reports.EXAMPLES
    assert gaps == sorted(gaps, reverse=True)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_of_a_model_stays_text(show, tmp_path, text):
    folder = reports.store(tmp_path, [Made("hostile", 0.4, texts=(text,)), USUAL[-1]])
    reports.fail(folder, "broken", reason=text, log=text)
    page = show(reports.rebuilt(folder))
    answer = page.locator("#sample tr", has=page.locator("th", has_text="hostile")).locator("td").first
    assert answer.text_content() == HOSTILE[text]
    assert page.locator("#board tbody tr").count() == len((*USUAL[-1:], "hostile", "broken"))
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_screen(show, usual, size, scheme):
    page = show(usual, size, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_session_in_which_nothing_worked_has_a_report_that_says_so(show, tmp_path):
    folder = reports.store(tmp_path, [])
    reports.fail(folder, "zero_shot", reason="no memory")
    page = show(reports.rebuilt(folder))
    assert page.locator("h1").inner_text() == "No method has a rank"
    assert "no memory" in page.locator("#answer").inner_text()
    assert page.locator("#pairs").is_hidden()
    assert page.locator("#examples").is_hidden()


def test_a_single_method_is_enough_for_a_report(show, tmp_path):
    page = show(reports.report(tmp_path, USUAL[-1:], seeds=[0]))
    assert page.locator("h1").inner_text().startswith("zero_shot is the only method with a rank")
    assert page.locator("#sample").is_visible()


def test_the_pictures_of_the_readme_are_small(browser, usual, tmp_path):
    paths = picture.pictures(browser, usual, tmp_path)
    assert [path.name for path in paths] == ["report-light.png", "report-dark.png"]
    assert all(0 < path.stat().st_size < 200_000 for path in paths)


def test_seventy_methods_are_sorted_and_filtered_at_once(show, tmp_path):
    many = [Made(f"method_{number}", 0.3 + number / 500, 1_000 + number) for number in range(69)]
    page = show(reports.report(tmp_path, [*many, USUAL[-1]]))
    assert page.evaluate(SORT_AND_FILTER) < MAX_MILLISECONDS
    assert 0 < len(methods(page)) < len(many)
