"""Words and tables that the checks share: names of areas, runs of periods, lines to paste."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import polars as pl

from evaluation import geography
from evaluation.panel import Panel
from evaluation.periods import Calendar

__all__ = [
    "findings",
    "keep_out_cells",
    "keep_out_unit",
    "listing",
    "per_cent",
    "plural",
    "runs",
    "span",
    "stride",
    "unit_name",
]

_MOST_NAMED = 4
_MINUS = "\N{MINUS SIGN}"


def unit_name(unit: str) -> str:
    """Return "Coventry and Warwickshire (QWU)" for a known ICB, else the unit as it is."""
    found = geography.find(unit)
    return f"{found.short_name} ({unit})" if found is not None else unit


def listing(names: Iterable[str]) -> str:
    """Return names as a sentence lists them; beyond four, how many more there are."""
    all_names = list(names)
    shown = all_names[:_MOST_NAMED]
    left = len(all_names) - len(shown)
    if left:
        return f"{'; '.join(shown)}; and {left} more"
    # Names of areas hold commas and "and", so semicolons part them.
    return "; ".join(shown)


def plural(number: int, one: str, many: str = "") -> str:
    """Return the number with its noun: "1 unit", "1,200 units"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def per_cent(value: float | None) -> str:
    """Return a figure that is per cent already, at one decimal and with a minus sign."""
    if value is None:
        return "not known"
    sign = _MINUS if round(value, 1) < 0 else ""
    return f"{sign}{abs(value):.1f}%"


def span(calendar: Calendar, first: int, last: int) -> str:
    """Return a run of periods in words."""
    if first == last:
        return calendar.label(first)
    return f"{calendar.label(first)} to {calendar.label(last)}"


def stride(panel: Panel) -> int:
    """Return the step between neighbouring periods: 2 for figures of every second year."""
    steps = [b - a for a, b in pairwise(panel.periods)]
    return math.gcd(*steps) if steps else 1


def runs(periods: Iterable[int], step: int = 1) -> list[tuple[int, int]]:
    """Return the unbroken runs (first, last) among ``periods`` that lie ``step`` apart."""
    found: list[tuple[int, int]] = []
    for period in sorted(periods):
        if found and period == found[-1][1] + step:
            found[-1] = (found[-1][0], period)
        else:
            found.append((period, period))
    return found


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _toml_period(calendar: Calendar, period: int) -> str:
    code = calendar.code(period)
    return code if calendar.frequency == "index" else _toml(code)


def keep_out_cells(calendar: Calendar, unit: str, ends: tuple[int, int], reason: str) -> str:
    """Return the lines of a study file that leave out a run of periods of one unit."""
    first, last = (_toml_period(calendar, p) for p in ends)
    return (
        f"[[exclude]]\nunit = {_toml(unit)}\nfirst = {first}\nlast = {last}\n"
        f"reason = {_toml(reason)}"
    )


def keep_out_unit(panel: Panel, unit: str, reason: str) -> str:
    """Return the lines of a study file that leave out a whole unit."""
    if unit in panel.adoption.first_treated:
        return f"[[exclude]]\nunit = {_toml(unit)}\nreason = {_toml(reason)}"
    return f"[comparison]\nexclude = [{{ unit = {_toml(unit)}, reason = {_toml(reason)} }}]"


def findings(rows: Sequence[dict[str, str]]) -> pl.DataFrame:
    """Return findings as the table of a Check, one a row; an empty frame for none."""
    return (
        pl.DataFrame(list(rows), schema=dict.fromkeys(rows[0], pl.String))
        if rows
        else (pl.DataFrame())
    )
