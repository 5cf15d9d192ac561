"""Estimates and checks under control: what they say beside their numbers must not tell."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from evaluation.disclosure.parts import Entry
from evaluation.disclosure.paths import without_folders
from evaluation.disclosure.pilot_rows import PilotRows
from evaluation.disclosure.rule import SUPPRESSED, Rule
from evaluation.disclosure.secondary import Decision
from evaluation.disclosure.series import Analysed
from evaluation.findings import Check, Effect, Estimate

__all__ = ["Shown", "guard_check", "guard_estimate"]

_LEVEL_HIDDEN = "The level behind this figure is not shown: it rests on too few people or events."
# Whose values count periods or days, not people or events.
_COUNT_PERIODS = (
    "after_the_start",
    "before_the_start",
    "days_not_reported",
    "months_not_reported",
)
_SENTENCES = ("problem", "effect_on_estimate")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:\.0+)?(?![\w%]|[.,]\d)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """What is shown and what is hidden of one outcome beside its estimates.

    Parameters
    ----------
    analysed : Analysed
        The outcome's rows.
    decided : dict of str to Decision
        What is hidden of the pilot and of the comparison.
    rule : Rule
        The study's rule.
    pilot : PilotRows
        The rows of pilot units, as arrays.
    """

    analysed: Analysed
    decided: dict[str, Decision]
    rule: Rule
    pilot: PilotRows
    _told: dict[tuple[str, str], bool] = field(default_factory=dict, init=False)

    def tells(self, effect: Effect) -> bool:
        """Whether the mean outcome behind an effect would give a hidden figure away."""
        if not self.rule.controlled:
            return False
        key = (effect.estimand, effect.group)
        if key not in self._told:
            self._told[key] = self._would_tell(effect)
        return self._told[key]

    def _would_tell(self, effect: Effect) -> bool:
        behind = self.pilot.behind(effect, self.analysed.calendar)
        if behind is None:
            return True  # whom the figure rests on is not known, so neither is that they are many
        count, exposure = (
            float(sums[behind].sum()) for sums in (self.pilot.count, self.pilot.exposure)
        )
        if self.rule.reasons(self.analysed.outcome.measure, count, exposure):
            return True
        moves = self.decided["pilot"].moves
        if not moves.place.size or not behind.any():
            return False
        some, every = self.pilot.units(behind), self.pilot.units(np.ones_like(behind))
        return moves.tell(some > 0, some < every)

    def hidden_cells(self) -> frozenset[tuple[str, int]]:
        """Return unit and period of every value that belongs to a hidden point of a chart."""
        found: set[tuple[str, int]] = set()
        for group, decision in self.decided.items():
            lines, periods = decision.by_period.lines, decision.by_period.slots
            hidden = {
                (lines[i], periods[j]) for i, j in np.argwhere(decision.points != "").tolist()
            }
            if hidden:
                is_pilot = group == "pilot"
                rows = self.analysed.pilot if is_pilot else self.analysed.comparison
                found |= {
                    (unit, period)
                    for unit, site, period in rows.select("unit", "site", "period").iter_rows()
                    if (site if is_pilot else "", period) in hidden
                }
        return frozenset(found)


def guard_estimate(estimate: Estimate, shown: Shown) -> tuple[Estimate, list[Entry]]:
    """Return an estimate whose mean outcome is gone where it would give a small count away.

    Parameters
    ----------
    estimate : Estimate
        Overall, site, event-time or other effect; the effect and its interval always stand.
    shown : Shown
        What is hidden of the outcome.
    """
    effect = estimate.effect
    if effect.observed is None or not shown.tells(effect):
        return estimate, []
    quiet = dataclasses.replace(effect, observed=None, caveats=(*effect.caveats, _LEVEL_HIDDEN))
    named = (estimate.estimator, estimate.interval.procedure, effect.estimand, effect.group)
    hidden = Entry(
        outcome=estimate.outcome,
        where=", ".join(("estimates", *(name for name in named if name))),
        what="mean outcome of the treated observations, and with it the effect in per cent",
        reason="by_division",
    )
    return dataclasses.replace(estimate, effect=quiet), [hidden]


def guard_check(check: Check, shown: dict[str, Shown], rule: Rule) -> tuple[Check, list[Entry]]:
    """Return a check whose table shows no small count, and no text an absolute path.

    In the column ``value`` whole numbers that the rule hides become ``[c]`` where the outcome has
    counts or the check is on all outcomes; other whole numbers of counts are rounded; a value
    of one unit in one period goes too where the panel says that it rests on a small count. A
    number hidden in ``value`` is hidden in the sentences beside it. A value of a unit and period
    whose point in a chart is hidden goes as well. Per cents stand, and so do
    the values of checks that count periods.
    """
    own = shown.get(check.outcome)
    mine = None if own is None else own.analysed
    counted = mine is None or mine.outcome.measure != "mean"
    table = check.table
    detail = check.detail
    entries: list[Entry] = []
    if rule.controlled and "value" in table.columns and check.name not in _COUNT_PERIODS:
        few = _lines_on_few(table, own)
        lines = [
            _guard_line(line, mine, rule, few=number in few) if counted or number in few else line
            for number, line in enumerate(table.iter_rows(named=True))
        ]
        entries = _check_entries(check, lines)
        detail = _told_again(detail, table, lines)
        texts = pl.Schema({**table.schema, "value": pl.String()})
        table = pl.DataFrame([_as_text(line) for line in lines], schema=texts)
    return (
        dataclasses.replace(
            check,
            detail=without_folders(detail),
            remedy=without_folders(check.remedy),
            table=_plain_texts(table),
        ),
        entries,
    )


def _check_entries(check: Check, lines: list[dict[str, object]]) -> list[Entry]:
    """Return what was hidden and rounded in a check's table."""
    where = f"check {check.name}"
    entries = [
        Entry(
            outcome=check.outcome,
            where=f"{where}, line {number}",
            what=" ".join(str(line[c]) for c in ("unit", "period") if line.get(c) is not None),
            reason="by_a_check",
        )
        for number, line in enumerate(lines, start=1)
        if line["value"] == SUPPRESSED
    ]
    rounded = sum(
        line["value"] not in (SUPPRESSED, before)
        for line, before in zip(lines, check.table["value"], strict=True)
    )
    if rounded:
        entries.append(
            Entry(
                outcome=check.outcome, where=where, what="value", reason="rounded", figures=rounded
            )
        )
    return entries


def _told_again(detail: str, table: pl.DataFrame, lines: list[dict[str, object]]) -> str:
    """Return a check's detail with the sentences that it quotes from its table as they are now."""
    for before, after in zip(table.iter_rows(named=True), lines, strict=True):
        for name in _SENTENCES:
            if before.get(name) != after.get(name):
                detail = detail.replace(str(before[name]), str(after[name]))
    return detail


def _guard_line(
    line: dict[str, object], analysed: Analysed | None, rule: Rule, *, few: bool
) -> dict[str, object]:
    value = line["value"]
    if value is None:
        return line
    text = str(value)
    numbers = [float(found) for found in _NUMBER.findall(text)]
    small = [n for n in numbers if rule.hides(n)]
    if not small and not few:
        if analysed is not None and analysed.outcome.measure != "count":
            return line  # a rate or share, which stands as it is
        return {**line, "value": _NUMBER.sub(lambda m: rule.text(float(m[0])), text)}
    told = set(small) | ({float(text)} if _is_number(text) else set())
    sentences = {
        name: _NUMBER.sub(lambda m: SUPPRESSED if float(m[0]) in told else m[0], cell)
        for name, cell in line.items()
        if name in _SENTENCES and isinstance(cell, str)
    }
    return {**line, **sentences, "value": SUPPRESSED}


def _lines_on_few(table: pl.DataFrame, shown: Shown | None) -> set[int]:
    """Which lines are about a unit in a period that rests on few, or whose point is hidden."""
    if shown is None or not {"unit", "period"} <= set(table.columns):
        return set()
    analysed = shown.analysed
    rows = analysed.rows.filter(pl.col("unit").is_in(table["unit"].cast(pl.String).implode()))
    amounts = rows.select(
        "unit",
        "period",
        pl.col("count").fill_null(float("nan")),
        pl.col("exposure").fill_null(float("nan")),
    )
    few = {
        (unit, period)
        for unit, period, count, exposure in amounts.iter_rows()
        if shown.rule.reasons(analysed.outcome.measure, count, exposure)
    }
    named = {(unit, analysed.calendar.code(period)) for unit, period in few | shown.hidden_cells()}
    cells = table.select(pl.col("unit", "period").cast(pl.String)).iter_rows()
    return {number for number, cell in enumerate(cells) if cell in named}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _as_text(line: dict[str, object]) -> dict[str, object]:
    value = line["value"]
    return {**line, "value": None if value is None else str(value)}


def _plain_texts(table: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name in table.columns if table.schema[name] == pl.String]
    if not texts:
        return table
    return table.with_columns(pl.col(texts).map_elements(without_folders, return_dtype=pl.String))
