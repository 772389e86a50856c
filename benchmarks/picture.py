"""Make the pictures of a report that the README shows: docs/report-light.png and docs/report-dark.png.

The report is made from stored results, opened in the system's Chromium, and one of its limits is moved. Needs the
package playwright, and chromium or Google Chrome.

    python -m benchmarks.picture
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.report.__main__ import rebuilt

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTH, HEIGHT = 1280, 840
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LIMIT = "adapter"  # the limit that is moved, to the most that the second largest method needs
MOVE = "slider => { slider.value = slider.max - 2; slider.dispatchEvent(new Event('input')) }"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pictures."""
    from playwright.sync_api import sync_playwright  # a package for tests only

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/embedded"))
    asked = parser.parse_args(arguments)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=browser_of_the_system(), args=["--no-sandbox"])
        for path in pictures(browser, rebuilt(asked.results), Path("docs")):
            print(f"wrote {path}")
        browser.close()


def pictures(browser: "Browser", report: Path, folder: Path) -> list[Path]:
    """Take the pictures of a report, in the colours of each scheme."""
    paths = []
    for scheme in SCHEMES:
        page = browser.new_page(color_scheme=scheme, viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(report.absolute().as_uri())
        page.locator(f"#{LIMIT}").evaluate(MOVE)
        paths.append(folder / f"report-{scheme}.png")
        page.screenshot(path=paths[-1])
        page.close()
    return paths


def browser_of_the_system() -> str:
    """The path of an installed browser; raises ``SystemExit`` if there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit("there is no browser: apt-get install chromium")
    return found


if __name__ == "__main__":
    main()
