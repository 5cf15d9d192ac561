"""Loaded before any test: the package first, for it limits linear algebra to one thread."""

from __future__ import annotations

from evaluation import __version__


def pytest_report_header() -> str:
    """Say which version is under test."""
    return f"pilot-eval {__version__}"
