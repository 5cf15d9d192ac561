"""Take the pictures of the README from a run: python docs/pictures/take.py pilot-eval-results."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# Name, page, width and height in CSS pixels, and how many device pixels make one of them.
_PICTURES = (
    ("overall-wide", "overall.html", 1280, 1360, 1.0),
    ("site-phone", "sites/south-yorkshire.html", 375, 1480, 1.5),
)
_SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def main(run: Path, out: Path) -> None:
    """Write one PNG a picture of the stored run's reports to ``out``."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_SWITCHES)
        )
        for name, page_name, width, height, scale in _PICTURES:
            page = browser.new_page(
                viewport={"width": width, "height": height}, device_scale_factor=scale
            )
            page.goto((run / "release" / page_name).resolve().as_uri())
            page.screenshot(path=out / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
