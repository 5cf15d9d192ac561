"""Which estimators and procedures there are, which may be combined, and what a study runs.

A bad pair is a study error before any data is read; a procedure that does not hold for the number
of pilot sites at hand is refused where it would be used, with the reason in place of the interval.
"""

from evaluation.methods.plan import (
    Combination,
    is_asked,
    plan,
    primary_among,
    refusal,
    unasked,
    validate,
)
from evaluation.methods.table import ESTIMATORS, PROCEDURES, EstimatorEntry, ProcedureEntry

__all__ = [
    "ESTIMATORS",
    "PROCEDURES",
    "Combination",
    "EstimatorEntry",
    "ProcedureEntry",
    "is_asked",
    "plan",
    "primary_among",
    "refusal",
    "unasked",
    "validate",
]
