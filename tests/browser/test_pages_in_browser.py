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
PAGES = (
    "index.html",
    "overall.html",
    "sites/bedfordshire-luton-and-milton-keynes.html",
    LONGEST,
    "sites/coventry-and-warwickshire.html",
    "sites/leicester-leicestershire-and-rutland.html",
    "sites/nottingham-and-nottinghamshire-with-derby-and-derbyshire.html",
    SITE,
)
WIDTHS = (1280, 768, 375, 320)
# The widths of the two layouts; the other site pages are made by the same template.
AXE = (*((name, 1280) for name in PAGES[:2]), (SITE, 1280), *((name, 375) for name in PAGES))
# WCAG 2.2 to AA, and axe's own best practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Sheets of A4, seen and found good; a rule that ties too much together shows as more of them.
MOST_SHEETS = {SITE: 10, LONGEST: 10, "overall.html": 23, "index.html": 3}
# Letters of a chart are 15 units high and are read at 12 px or more.
LETTER, SMALLEST = 15, 12

Opened = tuple["Page", list[str], list[str]]

_FITS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
_FORMS = """Array.from(document.querySelectorAll('figure'), figure =>
    Array.from(figure.querySelectorAll('svg'))
        .filter(svg => getComputedStyle(svg).display !== 'none')
        .map(svg => [svg.getAttribute('class'),
                     svg.getBoundingClientRect().width / svg.viewBox.baseVal.width]))"""
_CHARTS = """Array.from(document.querySelectorAll('figure svg'), svg => ({
    role: svg.getAttribute('role'),
    named: (svg.getAttribute('aria-labelledby') || '').split(' ').map(
        id => [document.getElementById(id)?.tagName, document.getElementById(id)?.textContent]),
    inside: svg.scrollWidth <= svg.closest('figure').scrollWidth + 1,
    rows: svg.closest('figure').querySelectorAll('table tbody tr').length}))"""
_OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"
_FOCUSED = """(() => {
    const e = document.activeElement, box = e.getBoundingClientRect();
    const shown = getComputedStyle(e);
    return [e.tagName, e.innerText, shown.boxShadow !== 'none' || shown.outlineStyle !== 'none',
            box.bottom > 0 && box.top < innerHeight && box.left >= 0 && box.width > 0,
            Array.from(document.querySelectorAll('*')).indexOf(e)];
})()"""
_STOPS = """Array.from(document.querySelectorAll('a[href], summary'))
    .filter(e => e.checkVisibility()).length"""


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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_width_and_asks_for_nothing(
    browser: Browser, report_folder: Path, name: str
) -> None:
    with _opened(browser, report_folder / name, WIDTHS[0]) as (page, errors, left):
        page.evaluate(_OPEN)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            sizes = page.evaluate(_FITS)
            assert sizes[0] <= sizes[1], width
            expected = "wide" if width >= 680 else "narrow"
            for forms in page.evaluate(_FORMS):
                assert [form for form, _ in forms] == [expected]
                assert forms[0][1] * LETTER >= SMALLEST, width
        assert errors == []
        assert left == []


@pytest.mark.parametrize("name", ["overall.html", SITE])
def test_every_chart_has_a_role_a_title_a_description_and_its_table(
    browser: Browser, report_folder: Path, name: str
) -> None:
    with _opened(browser, report_folder / name, 375) as (page, _, _):
        charts = page.evaluate(_CHARTS)
        assert len(charts) >= 6
        for chart in charts:
            assert chart["role"] == "img"
            assert [tag for tag, _ in chart["named"]] == ["title", "desc"]
            assert all(text.strip() for _, text in chart["named"])
            assert chart["rows"] >= 1
            assert chart["inside"]


@pytest.mark.parametrize(("name", "width"), AXE)
def test_axe_finds_nothing(
    browser: Browser, report_folder: Path, name: str, width: int, axe_source: str
) -> None:
    with _opened(browser, report_folder / name, width) as (page, _, _):
        page.evaluate(_OPEN)
        page.evaluate(axe_source)
        found = page.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, "
            "resultTypes: ['violations']})",
            RULES,
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


@pytest.mark.parametrize("name", ["index.html", "overall.html", SITE])
def test_a_page_is_whole_without_script(browser: Browser, report_folder: Path, name: str) -> None:
    with _opened(browser, report_folder / name, 375, script=False) as (page, errors, left):
        assert page.locator("h1").inner_text()
        for summary in page.locator("details > summary").all()[:3]:
            hidden = summary.locator("xpath=..").locator(":scope > :not(summary)").first
            assert not hidden.is_visible()
            summary.click()
            assert hidden.is_visible()
        assert errors == []
        assert left == []


@pytest.mark.parametrize(("name", "width"), [("overall.html", 1280), (SITE, 375)])
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(
    browser: Browser, report_folder: Path, name: str, width: int
) -> None:
    with _opened(browser, report_folder / name, width) as (page, _, _):
        stops = page.evaluate(_STOPS)
        assert stops > 5
        places = []
        for _ in range(stops):
            page.keyboard.press("Tab")
            tag, text, marked, seen, place = page.evaluate(_FOCUSED)
            assert tag in ("A", "SUMMARY"), text
            assert marked, text
            assert seen, text
            places.append(place)
        assert places == sorted(set(places))


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


def test_a_table_opens_and_closes_by_keyboard(browser: Browser, report_folder: Path) -> None:
    with _opened(browser, report_folder / SITE, 375) as (page, _, _):
        summary = page.locator("details > summary").first
        table = page.locator("details table").first
        summary.focus()
        page.keyboard.press("Enter")
        assert table.is_visible()
        page.keyboard.press("Space")
        assert not table.is_visible()


@pytest.mark.parametrize("name", MOST_SHEETS)
def test_a_page_prints_with_its_tables_open_and_not_stacked(
    browser: Browser, report_folder: Path, name: str
) -> None:
    with _opened(browser, report_folder / name, 1280) as (page, errors, left):
        page.emulate_media(media="print")
        heights = page.evaluate(
            "Array.from(document.querySelectorAll('details table, details pre'), "
            "e => e.getBoundingClientRect().height)"
        )
        assert all(height > 20 for height in heights)
        stacked = page.evaluate(
            """Array.from(document.querySelectorAll('table tr'))
                .filter(row => getComputedStyle(row).display !== 'table-row').length"""
        )
        assert stacked == 0
        made = page.pdf(prefer_css_page_size=True)
        assert made.startswith(b"%PDF")
        sheets = made.count(b"/Type /Page\n")
        assert 1 <= sheets <= MOST_SHEETS[name], sheets
        assert errors == []
        assert left == []


def test_a_page_prints_from_a_phone_as_from_a_desk(browser: Browser, report_folder: Path) -> None:
    with _opened(browser, report_folder / SITE, 375) as (page, _, _):
        page.emulate_media(media="print")
        shown = page.evaluate(_FORMS)
        assert {form for forms in shown for form, _ in forms} == {"wide"}
