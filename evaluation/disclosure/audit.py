"""The audit: what was suppressed or rounded, where, and by which rule.

It tells which figures were hidden for their own sake, which is what suppression hides: it is for
who assures the quality of a release, and never part of one.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from evaluation.disclosure.parts import Entry
from evaluation.disclosure.rule import PRIMARY, Rule

__all__ = ["AUDIT", "audit_table"]

AUDIT: dict[str, type[pl.DataType]] = {
    "outcome": pl.String,  # key; empty for the whole study
    "where": pl.String,  # table or chart, and its line
    "what": pl.String,  # which figure of it
    "figures": pl.Int64,  # how many figures this row stands for
    "action": pl.String,  # suppressed | rounded
    "kind": pl.String,  # primary | secondary; empty where nothing was suppressed
    "rule": pl.String,  # as in docs/disclosure.md
    "why": pl.String,  # the rule in words
}


def audit_table(entries: Iterable[Entry], rule: Rule) -> pl.DataFrame:
    """Return the audit as a table, one row an entry, suppressed figures first."""
    ordered = sorted(entries, key=lambda entry: not entry.is_hidden)
    rows = [
        (
            entry.outcome,
            entry.where,
            entry.what,
            entry.figures,
            "suppressed" if entry.is_hidden else "rounded",
            _kind(entry),
            entry.reason,
            rule.words(entry.reason),
        )
        for entry in ordered
    ]
    return pl.DataFrame(rows, schema=AUDIT, orient="row")


def _kind(entry: Entry) -> str:
    if not entry.is_hidden:
        return ""
    return "primary" if entry.reason in PRIMARY else "secondary"
