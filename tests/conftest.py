"""Fixtures for every test: where the published cases and the real data lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def _under_shared(name: str) -> Path:
    folder = _SHARED / name
    if folder.is_dir():
        return folder
    message = f"../shared/{name} is absent: the published cases and the real data are not here"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def cases() -> Path:
    """Return the folder of published cases."""
    return _under_shared("cases")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data, code lists and formats."""
    return _under_shared("data")
