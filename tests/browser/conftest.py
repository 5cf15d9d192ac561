"""Chromium and the rendered reports; without a browser a loud skip, in CI a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from evaluation.results.result import Result

# Nothing that talks to the network, nothing that a sandboxed machine lacks.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def report_folder(example_result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the pages of the invented run."""
    from evaluation.disclosure import release
    from evaluation.report.render import render_pages

    folder = tmp_path_factory.mktemp("release")
    for name, text in render_pages(release(example_result), lambda _: None):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a headless Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        message = "Chromium is absent: the pages were not looked at in a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, headless=True, args=list(_FLAGS)
        )
        yield launched
        launched.close()
