"""The study file: what is evaluated, on which data, by which methods.

:func:`load_study` reads one, :func:`parse_study` its text; both give a frozen :class:`Study` or
one :class:`~evaluation.errors.StudyError` that names every mistake. ``docs/study-file.md``
describes every key.
"""

from __future__ import annotations

from evaluation.study.model import (
    Analysis,
    Columns,
    Comparison,
    Contact,
    Costs,
    Event,
    Exclusion,
    Exposure,
    Geography,
    Method,
    Outcome,
    PilotSite,
    Place,
    Records,
    Release,
    Reporting,
    Residents,
    Study,
    Time,
    Wording,
)
from evaluation.study.parse import load_study, parse_study

__all__ = [
    "Analysis",
    "Columns",
    "Comparison",
    "Contact",
    "Costs",
    "Event",
    "Exclusion",
    "Exposure",
    "Geography",
    "Method",
    "Outcome",
    "PilotSite",
    "Place",
    "Records",
    "Release",
    "Reporting",
    "Residents",
    "Study",
    "Time",
    "Wording",
    "load_study",
    "parse_study",
]
