"""Tallies of hospital records, as they may be shown beside the restricted files they are from.

Each count is suppressed or rounded by the :class:`~evaluation.disclosure.rule.Rule`, and none that
is suppressed can be had from the others. The files themselves stay exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import polars as pl

from evaluation.disclosure.network import Edge, Key, Need, Network
from evaluation.disclosure.rule import SUPPRESSED, Rule
from evaluation.records.exclusions import STAGES
from evaluation.records.notes import CountNote

__all__ = ["EXACT", "Figure", "figure", "in_words", "ledger_figures", "note_words"]

Figure: TypeAlias = int | str

# Nothing is hidden and nothing rounded: for who holds the records.
EXACT = Rule(suppress_below=0, round_to=1)
# Of what may be hidden for another figure's sake, a reason goes first, the total used last.
_A_STAGE, _THE_USED = 10.0, 1000.0


def figure(value: int, rule: Rule, *, hidden: bool = False) -> Figure:
    """Return a count as it may be shown: rounded, or ``[c]`` where it is small or to be hidden."""
    return SUPPRESSED if hidden or rule.hides(value) else int(rule.rounded(value))


def ledger_figures(ledger: pl.DataFrame, rule: Rule) -> tuple[Figure, ...]:
    """Return the counts of a ledger, line by line.

    What is left after a stage is what was left before it less what was left out: a suppressed
    count could be had by subtracting. So further counts are suppressed until it could be anything
    that is suppressed, 1 to 7, were all the others known to the last unit (rounding is not relied
    on).

    Parameters
    ----------
    ledger : polars.DataFrame
        As :func:`~evaluation.records.exclusions.ledger` returns it.
    rule : Rule
        What is suppressed and rounded.
    """
    counts = ledger["records"].to_list()
    hidden = {row for row, count in enumerate(counts) if rule.hides(count)}
    if hidden:
        low, high = rule.widest
        least = _least(ledger)
        needs: dict[Key, Need] = {
            ("line", row, 0): Need(
                down=max(0.0, counts[row] - max(low, least[row])), up=high - counts[row]
            )
            for row in sorted(hidden)
        }
        protection = _network(ledger).protect(needs, frozenset())
        hidden |= {row for _, row, _ in protection.hidden}
    return tuple(figure(count, rule, hidden=row in hidden) for row, count in enumerate(counts))


def _least(ledger: pl.DataFrame) -> tuple[int, ...]:
    """Return the least that each line could be: 1 for each line that it is the sum of."""
    parts = [
        status in ("left out", "used") and count > 0
        for status, count in ledger.select("status", "records").iter_rows()
    ]
    return tuple(
        1 if status in ("left out", "used") else sum(parts[row:])
        for row, status in enumerate(ledger["status"])
    )


def _network(ledger: pl.DataFrame) -> Network:
    """Return the ledger as flows: into each stage what is left, out of it what is left out."""
    outside, last = -1, len(STAGES) - 1
    stages = list(STAGES)
    edges = []
    for row, (stage, status, count) in enumerate(
        ledger.select("stage", "status", "records").iter_rows()
    ):
        at = stages.index(stage)
        ends, cost = {
            "read": ((outside, 0), _A_STAGE),
            "left out": ((at, outside), 1.0),
            "left": ((at, min(at + 1, last)), _A_STAGE),
            "used": ((at, outside), _THE_USED),
        }[status]
        if count:  # nought is shown, and so cannot be anything else
            key: Key = ("line", row, 0)
            share = count / (ledger["records"].max() or 1)
            tail, head = ends
            edges.append(
                Edge(key=key, tail=tail, head=head, value=count, least=1.0, cost=cost + share)
            )
    return Network(edges)


def note_words(notes: Sequence[str], counted: Sequence[CountNote], rule: Rule) -> tuple[str, ...]:
    """Return the notes on a panel of records, with every count in them as it may be shown.

    The counts of one note may be parts of a line of the ledger: one suppressed, all are.
    """
    said = {note.said(): _noted(note, rule) for note in counted}
    return tuple(said.get(note, note) for note in notes)


def _noted(note: CountNote, rule: Rule) -> str:
    hidden = any(rule.hides(count) for count in (*note.counts, note.rest))
    return note.said(lambda count: in_words(figure(count, rule, hidden=hidden)))


def in_words(shown: Figure) -> str:
    """Return a figure as it is printed: 1,235, or ``[c]``."""
    return shown if isinstance(shown, str) else f"{shown:,}"
