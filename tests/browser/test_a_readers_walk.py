"""A chief nurse opens her site's report on a phone: what she reads on the first two screens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

QUESTIONS = {
    "happened": "What happened at my site?",
    "sure": "How sure are you?",
    "compared": "Compared with whom?",
    "todo": "What should I do?",
    "ask": "Who do I ask?",
}
WIDTH = 375
SMALL, USUAL = 667, 812  # px: the heights of the shortest and of the usual phone of that width

_PLACES = """ids => ids.map(id => {
    const box = document.getElementById(id).getBoundingClientRect();
    return [Math.round(box.top + scrollY), Math.round(box.bottom + scrollY)];
})"""


def _sites(folder: Path) -> list[Path]:
    return sorted((folder / "sites").glob("*.html"))


def _places(page: Page) -> list[tuple[int, int]]:
    return [(top, bottom) for top, bottom in page.evaluate(_PLACES, list(QUESTIONS))]


@pytest.mark.parametrize("height", [SMALL, USUAL])
def test_five_questions_are_answered_on_two_screens_of_a_phone(
    browser: Browser, report_folder: Path, height: int
) -> None:
    pages = _sites(report_folder)
    assert len(pages) == 6
    page = browser.new_page(viewport={"width": WIDTH, "height": height})
    for path in pages:
        page.goto(path.as_uri())
        places = _places(page)
        assert places == sorted(places)
        assert places[-1][1] <= 2 * height, (path.stem, places)
        for key, question in QUESTIONS.items():
            section = page.locator(f"#{key}")
            assert section.locator("h2").inner_text() == question
            assert len(section.locator("p").first.inner_text()) > 10
        assert page.locator("#ask a").get_attribute("href") == "mailto:evaluation@example.org"
    page.close()


def test_the_answer_of_all_sites_together_is_on_the_first_screen_and_before_the_site_s_own(
    browser: Browser, report_folder: Path
) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": SMALL})
    for path in _sites(report_folder):
        page.goto(path.as_uri())
        together = page.locator("#happened .answer").first.bounding_box()
        alone = page.locator("#happened .alone").first.bounding_box()
        assert together is not None
        assert alone is not None
        assert together["y"] + together["height"] <= min(SMALL, alone["y"])
        assert page.locator("#happened .of").first.inner_text() == "All six pilot sites together"
    page.close()


def test_with_a_failed_check_they_are_still_on_two_screens_of_a_usual_phone(
    browser: Browser, warned_folder: Path
) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": USUAL})
    for path in _sites(warned_folder):
        page.goto(path.as_uri())
        assert "Read with caution" in page.locator("#happened").inner_text()
        assert _places(page)[-1][1] <= 2 * USUAL, path.stem
    page.close()
