"""Take the pictures of the README and of docs/situations.md.

``python docs/pictures/take.py RUN`` takes those of a stored run of the sample study;
``PYTHONPATH=sample_data python docs/pictures/take.py situations [FOLDER]`` those of five
situations, the last only with the folder of NHS England's discharge report (CSV, by month).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Name, page, width and height in CSS pixels, and how many device pixels make one of them.
_PICTURES = (
    ("overall-wide", "overall.html", 1024, 940, 1.0),
    ("site-phone", "sites/south-yorkshire.html", 375, 1334, 1.0),
)
_SITUATION = ("sites/south-yorkshire.html", 375, 700, 1.25)
_SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _take(browser: Browser, source: Path, size: tuple[int, int, float], out: Path) -> None:
    width, height, scale = size
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    page.goto(source.resolve().as_uri())
    page.screenshot(path=out)
    page.close()


def of_run(run: Path, out: Path) -> None:
    """Write one PNG a picture of the stored run's reports to ``out``."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_SWITCHES)
        )
        for name, page, *size in _PICTURES:
            width, height, scale = size
            _take(browser, run / "release" / page, (width, height, scale), out / f"{name}.png")
        browser.close()


def of_situations(sitrep: Path | None, out: Path) -> None:
    """Run each situation and write a PNG of one site's page to ``out``."""
    from situations import released, situations

    from evaluation.report.render import render_pages

    name, width, height, scale = _SITUATION
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_SWITCHES)
        )
        for situation in situations(sitrep):
            folder = Path(scratch) / situation.name
            pages = dict(render_pages(released(situation, folder), lambda _: None))
            page = folder / "page.html"
            page.write_text(pages[name], encoding="utf-8")
            picture = out / f"situation-{situation.name}.png"
            _take(browser, page, (width, height, scale), picture)
        browser.close()


if __name__ == "__main__":
    here = Path(__file__).parent
    if sys.argv[1] == "situations":
        of_situations(Path(sys.argv[2]) if len(sys.argv) > 2 else None, here)
    else:
        of_run(Path(sys.argv[1]), here)
