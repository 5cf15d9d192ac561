"""From an interval and a smallest effect of interest to plain English."""

from __future__ import annotations

from evaluation.wording.numbers import about, between, number, per_cent, plural, span
from evaluation.wording.phrases import inline
from evaluation.wording.power import detectable
from evaluation.wording.statements import Kind, Statement, check_in_words, next_steps, statement

__all__ = [
    "Kind",
    "Statement",
    "about",
    "between",
    "check_in_words",
    "detectable",
    "inline",
    "next_steps",
    "number",
    "per_cent",
    "plural",
    "span",
    "statement",
]
