"""One good study a source, written once and copied for each fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from faulty import good
from faulty.fault import Answer, Fault, answer, hold
from faulty.good import Good

Hold = Callable[[Fault], None]

GOOD: dict[str, Good] = {name: item for name, item in vars(good).items() if isinstance(item, Good)}


@pytest.fixture(scope="session")
def good_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder with the good study of each source."""
    home = tmp_path_factory.mktemp("good")
    for name, item in GOOD.items():
        item.write(home / name)
    return {name: home / name for name in GOOD}


@pytest.fixture(scope="session")
def clean_answers(good_folders: dict[str, Path]) -> dict[str, Answer]:
    """Return what is said of each good study."""
    return {name: answer(*item.arguments(good_folders[name])) for name, item in GOOD.items()}


@pytest.fixture
def damaged(
    good_folders: dict[str, Path], clean_answers: dict[str, Answer], tmp_path: Path
) -> Callable[[str, Fault], Answer]:
    """Return a function that damages a good study, holds what is said of it, and returns that."""

    def hold_one(source: str, fault: Fault) -> Answer:
        folder = tmp_path / "study"
        shutil.copytree(good_folders[source], folder, ignore=shutil.ignore_patterns("out"))
        fault.build(folder)
        told = answer(*GOOD[source].arguments(folder))
        hold(fault, told, clean_answers[source])
        return told

    return hold_one
