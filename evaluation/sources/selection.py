"""What a study chooses of a source: rows by what stands in a column, and names of columns."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import polars as pl

from evaluation.errors import SourceError, StudyError
from evaluation.sources.declaration import ANY_COLUMN, Metric, Source
from evaluation.sources.labels import even
from evaluation.study import Outcome

__all__ = [
    "chosen",
    "known_metric",
    "leave_out",
    "live",
    "not_selected",
    "of_one",
    "quoted",
    "refuse_needless",
]

_LISTED = 12


def refuse_needless(source: Source, outcome: Outcome) -> None:
    """Refuse selections, headings and covariates that the source would not use.

    Raises
    ------
    StudyError
        Naming the key, what the source knows, and the nearest of it.
    """
    selects = [item.name for item in source.selects]
    if ANY_COLUMN not in selects:
        _refuse("select", outcome.select, selects, source, outcome)
    renames = [column.name for column in source.columns] if source.takes_headings else []
    if source.key != "table":
        _refuse("headings", outcome.headings, renames, source, outcome)
        given = [covariate.name for covariate in source.covariates]
        _refuse("covariates", outcome.covariates, given, source, outcome)


def _refuse(
    key: str, given: Iterable[str], known: list[str], source: Source, outcome: Outcome
) -> None:
    unknown = next((name for name in given if name not in known), None)
    if unknown is None:
        return
    by_case = [name for name in known if even(name) == even(unknown)]
    near = by_case or get_close_matches(unknown, known, n=1, cutoff=0.6)
    remedy = f"Did you mean {near[0]!r}?" if near else "Correct the name."
    raise StudyError(
        f"the source {source.key!r} knows no {unknown!r} here",
        place=f'[[outcomes]] "{outcome.key}", {key}',
        allowed=quoted(known) if known else f"no {key}: what this source reads is settled",
        remedy=remedy if known else f"Delete {key}.",
    )


def quoted(values: Iterable[str]) -> str:
    """Return values in quotes and by name, the first dozen of them."""
    every = list(values)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return ", ".join(f'"{value}"' for value in every[:_LISTED]) + more


def chosen(outcome: Outcome, name: str) -> tuple[str, ...] | None:
    """Return the values that the study selects of a column, None where it selects none."""
    value = outcome.select.get(name)
    return (value,) if isinstance(value, str) else value


def known_metric(source: Source, outcome: Outcome) -> Metric:
    """Return the metric that the study names.

    Raises
    ------
    StudyError
        When the source has none of that name; it lists those that it has.
    """
    metric = source.metric(outcome.metric or "")
    if metric is None:
        near = get_close_matches(outcome.metric or "", [m.key for m in source.metrics], n=1)
        raise StudyError(
            "no metric is named" if outcome.metric is None else f"there is no {outcome.metric!r}",
            place=f'[[outcomes]] "{outcome.key}", metric',
            allowed=quoted(m.key for m in source.metrics),
            remedy=f"Did you mean {near[0]!r}?" if near else "",
        )
    return metric


def leave_out(rows: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    """Give a reason to the rows that have none yet; null is none."""
    return rows.with_columns(pl.coalesce("left_out", reason).alias("left_out"))


def live(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are not left out."""
    return rows.filter(pl.col("left_out").is_null())


def of_one(rows: pl.DataFrame, column: str, outcome: Outcome) -> pl.DataFrame:
    """Leave out the rows that the study does not select by a column, so that one value is left.

    Raises
    ------
    SourceError
        When a value that is selected stands in no row.
    StudyError
        When rows of several values are left: nothing is guessed, the message lists them.
    """
    rows = leave_out(rows, not_selected(live(rows), column, outcome))
    left = {even(text): text for text in live(rows)[column].fill_null("").unique().sort()}
    if len(left) < 2:
        return rows
    values = [" ".join(text.split()) for text in left.values()]
    raise StudyError(
        f"the indicator is given for {len(values)} values of {column}, and each would count as "
        "another figure of the same area and period",
        place=f'[[outcomes]] "{outcome.key}", select',
        allowed=f"one of {quoted(values)}",
        remedy=f'Write select = {{ "{column}" = "{values[-1]}" }}, or another of them.',
    )


def not_selected(rows: pl.DataFrame, column: str, outcome: Outcome) -> pl.Expr:
    """Return the reason of rows that the study does not select by a column, null for the others.

    Parameters
    ----------
    rows : polars.DataFrame
        With the column as text.
    column : str
        The column, and the key of ``select``. Spaces, dashes and case do not matter in its cells.
    outcome : Outcome
        What is selected.

    Raises
    ------
    SourceError
        When a value that is selected stands in no row.
    """
    wanted = chosen(outcome, column)
    if wanted is None:
        return pl.lit(None, pl.String)
    written = rows[column].fill_null("").unique().sort().to_list()
    there = {even(text): text for text in written}
    absent = [value for value in wanted if even(value) not in there]
    if absent:
        raise SourceError(
            f"no row has {column} {absent[0]!r}",
            place=f'[[outcomes]] "{outcome.key}", select',
            allowed="what stands there: " + quoted(text for text in written if text.strip()),
            remedy="Choose one of them.",
        )
    kept = {even(value) for value in wanted}
    refused = {text: _reason(column, text) for text in written if even(text) not in kept}
    cell = pl.col(column).fill_null("")
    return cell.replace_strict(refused, default=None, return_dtype=pl.String)


def _reason(column: str, text: str) -> str:
    shown = " ".join(text.split())
    return f'{column} "{shown}": not selected' if shown else f"no {column}: not selected"
