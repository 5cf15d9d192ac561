"""How many admissions each definition calls avoidable, and how far two agree, as may be shown.

All of these are sums over one table: admissions by which definitions count them. Whether more must
be hidden is found by looking for what a reader could find: the least and the most that a small
count could be, given all that is shown (as tests/unit/disclosure does for a release).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.disclosure.rule import Rule
from evaluation.disclosure.tallies import Figure, figure

__all__ = ["Overlaps", "PairFigures", "overlap_figures"]

PairFigures: TypeAlias = Mapping[str, Figure | float | None]
_Cells: TypeAlias = NDArray[np.bool_]
_Pair: TypeAlias = tuple[str, str]

_QUARTERS = ("both", "only_definition", "only_other", "neither")
# The table that is solved for has 2 to this power cells. With more definitions no pair is shown
# beside one with a small quarter.
_MOST_DEFINITIONS = 8
_UNBOUNDED = 3  # as scipy's linprog says it
_ROOM = 1e-4  # of an admission: the solver's own tolerance is 1e-7, on counts up to millions


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlaps:
    """What may be shown of several definitions.

    Parameters
    ----------
    avoidable : mapping of str to int or "[c]"
        By definition, the admissions that it calls avoidable.
    pairs : tuple of mapping
        ``definition``, ``other``, the four quarters (``both``, ``only_definition``,
        ``only_other``, ``neither``), ``either`` (all but ``neither``), and ``agreement``: the
        share of ``both`` in ``either``, of what is shown; None where that is hidden or 0.
    """

    avoidable: Mapping[str, Figure]
    pairs: tuple[PairFigures, ...]


def overlap_figures(flags: pl.DataFrame, rule: Rule) -> Overlaps:
    """Return what may be shown of the definitions' counts.

    A definition's count is hidden where it is small, or all admissions but it are; the four
    quarters of a pair where one of them is. Where what is still shown, were it known to the last
    unit, would tell of a small count more than that it is small, further pairs are hidden, at
    worst all of them: then nothing says which quarter of which pair is small.

    Parameters
    ----------
    flags : polars.DataFrame
        A Boolean column a definition (null is False), and ``admissions``.
    rule : Rule
        What is suppressed and rounded.
    """
    names = [name for name in flags.columns if name != "admissions"]
    known = flags.with_columns(pl.col(names).fill_null(value=False))
    columns = {name: known[name].to_numpy().astype(np.bool_) for name in names}
    admissions = known["admissions"].to_numpy()
    total = int(admissions.sum())
    alone = {name: int(admissions[column].sum()) for name, column in columns.items()}
    quarters = {
        (one, other): [int(admissions[q].sum()) for q in _quarters(columns[one], columns[other])]
        for one, other in combinations(names, 2)
    }
    gone = {name for name, count in alone.items() if rule.reasons("share", count, total)}
    hidden = {pair for pair, counts in quarters.items() if any(map(rule.hides, counts))}
    for pair in sorted(quarters, key=lambda pair: sum(quarters[pair][:3])):
        if not hidden or _is_safe(columns, admissions, (gone, hidden), rule):
            break
        hidden.add(pair)
    return Overlaps(
        avoidable={name: figure(alone[name], rule, hidden=name in gone) for name in names},
        pairs=tuple(
            _shown(pair, counts, rule, hidden=pair in hidden) for pair, counts in quarters.items()
        ),
    )


def _quarters(one: _Cells, other: _Cells) -> tuple[_Cells, ...]:
    """Return which cells both, one alone, the other alone and neither count."""
    return one & other, one & ~other, ~one & other, ~one & ~other


def _shown(pair: _Pair, counts: Sequence[int], rule: Rule, *, hidden: bool) -> PairFigures:
    quarters = {n: figure(c, rule, hidden=hidden) for n, c in zip(_QUARTERS, counts, strict=True)}
    either, both = figure(sum(counts[:3]), rule, hidden=hidden), quarters["both"]
    share = both / either if isinstance(both, int) and isinstance(either, int) and either else None
    return {
        "definition": pair[0],
        "other": pair[1],
        **quarters,
        "either": either,
        "agreement": share,
    }


def _is_safe(
    columns: Mapping[str, _Cells],
    admissions: NDArray[np.int64],
    without: tuple[set[str], set[_Pair]],
    rule: Rule,
) -> bool:
    """Whether each small count could, for all that is shown, be anything that is small.

    ``without`` holds the definitions and the pairs that are hidden.
    """
    gone, hidden = without
    names = list(columns)
    if len(names) > _MOST_DEFINITIONS:
        return False
    every = np.array(list(product((False, True), repeat=len(names))), dtype=np.bool_)
    cells = {name: every[:, n] for n, name in enumerate(names)}
    places = sum(columns[name].astype(np.int64) << n for n, name in enumerate(reversed(names)))
    counts = np.zeros(len(every), dtype=np.int64)
    np.add.at(counts, places, admissions)
    # A small total is hidden in the ledger.
    known = [] if rule.hides(float(counts.sum())) else [np.ones(len(every), dtype=np.bool_)]
    known += [cells[name] for name in names if name not in gone]
    known += [cells[a] & cells[b] for a, b in combinations(names, 2) if (a, b) not in hidden]
    small = [quarter for a, b in hidden for quarter in _quarters(cells[a], cells[b])]
    small += [side for name in gone for side in (cells[name], ~cells[name])]
    return all(
        _could_be_any(sought, np.array(known).reshape(-1, len(every)), counts, rule)
        for sought in small
        if rule.hides(float(counts[sought].sum()))
    )


def _could_be_any(sought: _Cells, known: _Cells, counts: NDArray[np.int64], rule: Rule) -> bool:
    """Whether a sum of cells can be the least and the most that is hidden, known sums fixed."""
    from scipy.optimize import linprog

    low, high = rule.widest
    shown = known.astype(np.float64)
    for sign, end in ((1.0, low), (-1.0, high)):
        found = linprog(sign * sought, A_eq=shown, b_eq=shown @ counts, bounds=(0, None))
        if found.status != _UNBOUNDED and (found.fun is None or found.fun > sign * end + _ROOM):
            return False
    return True
