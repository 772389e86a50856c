"""Every link of README and of the pages in ``docs/`` leads to a file and to a heading that it has."""

import re
from functools import cache

import pytest

from support import pages

PAGES = (pages.README, *sorted((pages.ROOT / "docs").glob("*.md")))
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|\bsrc(?:set)?=\"([^\"]+)\"")


def links(page):
    """The targets of a page's links that are files or headings of this repository."""
    found = [one or other for one, other in LINK.findall(CODE.sub("", pages.text(page)))]
    return [target for target in found if "://" not in target]


@cache
def anchors(page):
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", pages.text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file_and_to_a_heading(page):
    for target in links(page):
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not heading or heading in anchors(file), target


def test_the_readme_leads_to_every_page():
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= {link.partition("#")[0] for link in links(pages.README)}
