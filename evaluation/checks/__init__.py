"""Data checks: what is odd in a panel, what it does to the estimate, what to do about it.

Each takes a Panel and returns a Check; :func:`agreement` and :func:`uncertain_counts` look at
estimates. Only impossible values, and a pilot without anything before or after its start, are
blocking.
"""

from __future__ import annotations

from collections.abc import Callable

from evaluation.checks.agreement import agreement
from evaluation.checks.breaks import check_breaks
from evaluation.checks.design import check_after, check_before, check_sites
from evaluation.checks.presence import (
    check_coverage,
    check_gaps,
    check_late_starts,
    check_missing,
    check_stops,
)
from evaluation.checks.uncertain import uncertain_counts
from evaluation.checks.values import check_impossible
from evaluation.findings import Check
from evaluation.panel import Panel

__all__ = [
    "DATA_CHECKS",
    "agreement",
    "check_after",
    "check_before",
    "check_breaks",
    "check_coverage",
    "check_gaps",
    "check_impossible",
    "check_late_starts",
    "check_missing",
    "check_sites",
    "check_stops",
    "uncertain_counts",
]

DATA_CHECKS: tuple[Callable[[Panel], Check], ...] = (
    check_impossible,
    check_before,
    check_after,
    check_sites,
    check_missing,
    check_gaps,
    check_stops,
    check_late_starts,
    check_coverage,
    check_breaks,
)
