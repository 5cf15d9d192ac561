"""Estimates and checks under control: what they say beside their numbers must not tell."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

import polars as pl

from evaluation.disclosure.parts import Hidden, Trend
from evaluation.disclosure.paths import without_folders
from evaluation.disclosure.rule import SUPPRESSED, Rule
from evaluation.disclosure.series import Analysed
from evaluation.findings import Check, Effect, Estimate

__all__ = ["Shown", "guard_check", "guard_estimate"]

_LEVEL_HIDDEN = "The level behind this figure is not shown: it rests on too few people or events."
_FEW_BEHIND = "with the effect it would give a suppressed figure"
# Whose values count periods or days, not people or events.
_COUNT_PERIODS = (
    "after_the_start",
    "before_the_start",
    "days_not_reported",
    "months_not_reported",
)
_SENTENCES = ("problem", "effect_on_estimate")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:\.0+)?(?![\w,%]|\.\d)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """What is released of one outcome beside its estimates.

    Parameters
    ----------
    counts : list of dict
        Its rows of ``Released.counts``.
    hidden_points : frozenset of (str, int)
        Suppressed points of its pilot trends: site ("" for all of them together) and period.
    """

    counts: list[dict[str, str]]
    hidden_points: frozenset[tuple[str, int]]

    @classmethod
    def of(cls, counts: list[dict[str, str]], trends: list[Trend]) -> Shown:
        """Collect it from the outcome's counts and trends."""
        return cls(
            counts=counts,
            hidden_points=frozenset(
                (trend.site, period)
                for trend in trends
                if trend.group != "comparison"
                for period, hidden in zip(trend.periods, trend.suppressed, strict=True)
                if hidden
            ),
        )


def guard_estimate(
    estimate: Estimate, analysed: Analysed, shown: Shown, rule: Rule
) -> tuple[Estimate, list[Hidden]]:
    """Return an estimate whose mean outcome is gone where it would give a small count away.

    Parameters
    ----------
    estimate : Estimate
        Overall, site, event-time or other effect; the effect and its interval always stand.
    analysed : Analysed
        The outcome's rows.
    shown : Shown
        The outcome's counts and trends as they are released: what is hidden there is hidden here.
    rule : Rule
        The study's rule.
    """
    effect = estimate.effect
    if effect.observed is None or not _tells(effect, analysed, shown, rule):
        return estimate, []
    quiet = dataclasses.replace(effect, observed=None, caveats=(*effect.caveats, _LEVEL_HIDDEN))
    hidden = Hidden(
        outcome=estimate.outcome,
        where=f"estimates, {estimate.estimator}, {effect.estimand} {effect.group}".rstrip(),
        what="mean outcome of the treated observations",
        why=_FEW_BEHIND,
    )
    return dataclasses.replace(estimate, effect=quiet), [hidden]


def _tells(effect: Effect, analysed: Analysed, shown: Shown, rule: Rule) -> bool:
    if not rule.controlled:
        return False
    if effect.estimand in ("overall", "site"):
        group = "pilot" if effect.estimand == "overall" else "site"
        for line in shown.counts:
            if (line["group"], line["site"], line["phase"]) == (group, effect.group, "after"):
                return SUPPRESSED in (line["count"], line["exposure"])
    rows = _behind(effect, analysed)
    if rows is None:
        return True  # whom the figure rests on cannot be told, so neither can that they are many
    cells = {("", period) for period in rows["period"]}
    if rows["site"].n_unique() == 1:
        cells |= {(str(site), period) for site, period in rows.select("site", "period").iter_rows()}
    if cells & shown.hidden_points:
        return True
    count, exposure = (_total(rows, name) for name in ("count", "exposure"))
    return rule.reason(analysed.outcome.measure, count, exposure) != ""


def _total(rows: pl.DataFrame, column: str) -> float:
    return float(rows[column].fill_null(float("nan")).sum())


def _behind(effect: Effect, analysed: Analysed) -> pl.DataFrame | None:
    """Return the treated rows that an effect averages over; None where its group is not known."""
    treated = analysed.pilot.filter(pl.col("period") >= pl.col("first_treated"))
    start, period = pl.col("first_treated"), pl.col("period")
    try:
        if effect.estimand == "event_time":
            return analysed.pilot.filter(period - start == int(effect.group))
        names = effect.group.split(":")
        numbers = [analysed.calendar.parse(name) for name in names]
    except ValueError:
        return None
    columns = {"cohort": [start], "calendar": [period], "group_time": [start, period]}
    wanted = columns.get(effect.estimand, [])
    if not wanted or len(wanted) != len(numbers):
        return None
    pairs = zip(wanted, numbers, strict=True)
    return treated.filter(*(column == number for column, number in pairs))


def guard_check(
    check: Check, analysed: dict[str, Analysed], rule: Rule
) -> tuple[Check, list[Hidden]]:
    """Return a check whose table shows no small count, and no text an absolute path.

    In the column ``value`` whole numbers that the rule hides become ``[c]`` where the outcome has
    counts or the check is on all outcomes; other whole numbers of counts are rounded; a value
    of one unit in one period goes too where the panel says that it rests on a small count. A
    number hidden in ``value`` is hidden in the sentences beside it. Per cents stand, and so do
    the values of checks that count periods.
    """
    mine = analysed.get(check.outcome)
    counted = mine is None or mine.outcome.measure != "mean"
    table = check.table
    detail = check.detail
    hidden: list[Hidden] = []
    if rule.controlled and "value" in table.columns and check.name not in _COUNT_PERIODS:
        few = _lines_on_few(table, mine, rule)
        lines = [
            _guard_line(line, mine, rule, few=number in few) if counted or number in few else line
            for number, line in enumerate(table.iter_rows(named=True))
        ]
        hidden = [
            Hidden(
                outcome=check.outcome,
                where=f"check {check.name}, line {number}",
                what=" ".join(str(line[c]) for c in ("unit", "period") if line.get(c) is not None),
                why=f"a figure above 0 and below {rule.suppress_below}, or that rests on one",
            )
            for number, line in enumerate(lines, start=1)
            if line["value"] == SUPPRESSED
        ]
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
        hidden,
    )


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


def _lines_on_few(table: pl.DataFrame, analysed: Analysed | None, rule: Rule) -> set[int]:
    """Which lines are about one unit in one period whose figure rests on a small count."""
    if analysed is None or not {"unit", "period"} <= set(table.columns):
        return set()
    measure = analysed.outcome.measure
    rows = analysed.rows.filter(pl.col("unit").is_in(table["unit"].cast(pl.String).implode()))
    amounts = rows.select(
        "unit",
        "period",
        pl.col("count").fill_null(float("nan")),
        pl.col("exposure").fill_null(float("nan")),
    )
    few = {
        (unit, analysed.calendar.code(period))
        for unit, period, count, exposure in amounts.iter_rows()
        if rule.reason(measure, count, exposure)
    }
    cells = table.select(pl.col("unit", "period").cast(pl.String)).iter_rows()
    return {number for number, cell in enumerate(cells) if cell in few}


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
