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
_OUTCOMES = ("avoidable_admissions", "delayed_discharges", "prescribers")
# Counts of the first outcome as a publisher would round them, so that their ends are charted.
_STEP = 2
_DRAWS = 99  # few: what is looked at here are pages, not numbers


def _written(result: Result, folder: Path) -> Path:
    from evaluation.disclosure import release
    from evaluation.report.render import render_pages

    for name, text in render_pages(release(result), lambda _: None):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def report_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the pages of the sample study, run with few draws."""
    from evaluation.pipeline import run
    from evaluation.resources import resource_folder
    from evaluation.study import load_study

    data = tmp_path_factory.mktemp("study") / "sample"
    shutil.copytree(resource_folder("sample_data"), data)
    table = data / "avoidable_admissions.csv"
    head, *lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line.rpartition(",") for line in lines]
    rounded = [f"{first},{_STEP * round(int(count) / _STEP)}" for first, _, count in rows]
    table.write_text("\n".join([head, *rounded]) + "\n", encoding="utf-8")
    study = load_study(data)
    methods = {"draws": _DRAWS, "procedures": ("wild", "randomisation")}
    outcomes = tuple(
        outcome.model_copy(update={"rounded_to": _STEP} if outcome.key == _OUTCOMES[0] else {})
        for outcome in study.outcomes
        if outcome.key in _OUTCOMES
    )
    smaller = study.model_copy(
        update={"outcomes": outcomes, "analysis": study.analysis.model_copy(update=methods)}
    )
    return _written(run(smaller), tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def warned_folder(example_result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the pages of the invented run, in which a check failed."""
    return _written(example_result, tmp_path_factory.mktemp("warned"))


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
