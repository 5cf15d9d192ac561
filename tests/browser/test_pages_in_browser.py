"""The pages in Chromium: at every width, without script or network, by keyboard, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

pytestmark = pytest.mark.browser

SITE = "sites/south-yorkshire.html"
LONGEST = (
    "sites/cheshire-and-merseyside-with-greater-manchester-and-lancashire-and-south-cumbria.html"
)
PAGES = ("index.html", "overall.html", SITE, LONGEST)
WIDTHS = (1280, 768, 375, 320)
# WCAG 2.2 to AA, and axe's own best practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE_SCREEN = 667  # px: the shortest phone of 375 px width in use
# Sheets of A4, seen and found good; a rule that ties too much together shows as more of them.
MOST_SHEETS = {SITE: 11, "overall.html": 22, "index.html": 3}

Opened = tuple["Page", list[str], list[str]]


@contextmanager
def _opened(browser: Browser, path: Path, width: int, *, script: bool = True) -> Iterator[Opened]:
    """Open a page; yield it with the script errors and the requests that left it."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=script
    )
    errors: list[str] = []
    left: list[str] = []
    own = path.as_uri()

    def sieve(route: Route, request: Request) -> None:
        if request.url == own:
            route.continue_()
        else:
            left.append(request.url)
            route.abort()

    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.route("**/*", sieve)
    page.goto(own)
    yield page, errors, left
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_width_and_asks_for_nothing(
    browser: Browser, report_folder: Path, name: str, width: int
) -> None:
    with _opened(browser, report_folder / name, width) as (page, errors, left):
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        sizes = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert sizes[0] <= sizes[1]
        assert errors == []
        assert left == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_one_form_of_each_chart_is_shown_and_its_words_can_be_read(
    browser: Browser, report_folder: Path, name: str, width: int
) -> None:
    with _opened(browser, report_folder / name, width) as (page, _, _):
        shown = page.evaluate(
            """Array.from(document.querySelectorAll('figure'), figure =>
                Array.from(figure.querySelectorAll('svg'))
                    .filter(svg => getComputedStyle(svg).display !== 'none')
                    .map(svg => [svg.getAttribute('class'),
                                 svg.getBoundingClientRect().width / svg.viewBox.baseVal.width]))
            """
        )
        expected = "wide" if width >= 680 else "narrow"
        for forms in shown:
            assert [form for form, _ in forms] == [expected]
            # Letters of 15 units stay at 12 px or more.
            assert forms[0][1] * 15 >= 12


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    browser: Browser, report_folder: Path, name: str, width: int, axe_source: str
) -> None:
    with _opened(browser, report_folder / name, width) as (page, _, _):
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        page.evaluate(axe_source)
        found = page.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
        )
        violations = [
            f"{v['id']}: {v['help']} at {v['nodes'][0]['target']}" for v in found["violations"]
        ]
        assert violations == []
        assert len(found["passes"]) > 15


@pytest.fixture(scope="module")
def axe_source() -> str:
    """Return the script of axe-core, which ships in a package of the test extra."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_without_script(browser: Browser, report_folder: Path, name: str) -> None:
    with _opened(browser, report_folder / name, 375, script=False) as (page, errors, left):
        assert page.locator("h1").inner_text()
        for summary in page.locator("details > summary").all()[:3]:
            table = summary.locator("xpath=..").locator(":scope > :not(summary)").first
            assert not table.is_visible()
            summary.click()
            assert table.is_visible()
        assert errors == []
        assert left == []


@pytest.mark.parametrize("name", [SITE, LONGEST])
def test_five_questions_are_answered_within_two_screens_of_a_phone(
    browser: Browser, report_folder: Path, name: str
) -> None:
    with _opened(browser, report_folder / name, 375) as (page, _, _):
        box = page.locator("#ask").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 2 * PHONE_SCREEN


def test_the_skip_link_is_the_first_stop_of_the_keyboard_and_leads_to_the_report(
    browser: Browser, report_folder: Path
) -> None:
    with _opened(browser, report_folder / SITE, 1280) as (page, _, _):
        page.keyboard.press("Tab")
        link = page.locator(":focus")
        assert link.inner_text() == "Skip to the report"
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", ["index.html", "overall.html", SITE])
def test_a_page_prints_with_its_tables_open(
    browser: Browser, report_folder: Path, name: str
) -> None:
    with _opened(browser, report_folder / name, 1280) as (page, _, _):
        page.emulate_media(media="print")
        for table in page.locator(".chart details table").all()[:2]:
            box = table.bounding_box()
            assert box is not None
            assert box["height"] > 20
        stacked = page.evaluate(
            """Array.from(document.querySelectorAll('table tr'))
                .filter(row => getComputedStyle(row).display !== 'table-row').length"""
        )
        assert stacked == 0
        made = page.pdf(prefer_css_page_size=True)
        assert made.startswith(b"%PDF")
        sheets = made.count(b"/Type /Page\n")
        assert 1 <= sheets <= MOST_SHEETS[name], sheets


def test_a_page_prints_from_a_phone_as_from_a_desk(browser: Browser, report_folder: Path) -> None:
    with _opened(browser, report_folder / SITE, 375) as (page, _, _):
        page.emulate_media(media="print")
        shown = page.evaluate(
            """Array.from(document.querySelectorAll('.chart svg'))
                .filter(svg => getComputedStyle(svg).display !== 'none')
                .map(svg => svg.getAttribute('class'))"""
        )
        assert set(shown) == {"wide"}
