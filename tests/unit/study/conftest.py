"""A study file that is right, and what is said of it once it is spoilt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.errors import StudyError
from evaluation.study import parse_study

PATH = Path("study.toml")

BASE = """version = 1
title = "A pilot"

[time]
frequency = "month"
first = "2023-04"
last = "2026-09"

[[sites]]
name = "North"
units = ["N1", "N2"]
starts = "2026-01"

[[outcomes]]
key = "stay"
label = "Long stays"
files = ["stay.csv"]
columns = { unit = "area", period = "month", count = "long", exposure = "stays" }
"""


def _edited(edits: list[tuple[str, str]]) -> str:
    text = BASE
    for old, new in edits:
        if old == "add":
            text = f"{text}\n{new}"
        else:
            assert old in text, f"the edit does not fit: {old}"
            text = text.replace(old, new, 1)
    return text


@pytest.fixture(scope="session")
def base() -> str:
    """Return the text of a study file that is right."""
    return BASE


@pytest.fixture(scope="session")
def edited() -> Callable[[list[tuple[str, str]]], str]:
    """Return a function from edits (old, new; or "add", a section) to the text after them."""
    return _edited


@pytest.fixture(scope="session")
def refused() -> Callable[[list[tuple[str, str]]], StudyError]:
    """Return a function from edits of the study file to the error that it gives then."""

    def refuse(edits: list[tuple[str, str]]) -> StudyError:
        with pytest.raises(StudyError) as caught:
            parse_study(_edited(edits), PATH)
        return caught.value

    return refuse
