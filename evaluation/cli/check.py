"""`pilot-eval check`: whether the data are fit to be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import polars as pl

from evaluation.cli.options import as_json, progress_to_stderr, quiet, study_path
from evaluation.errors import CheckError
from evaluation.findings import Check
from evaluation.pipeline import DataReading, examine
from evaluation.study import Study, load_study

__all__ = ["command"]

_MARKS = {True: "ok  ", False: "LOOK", None: "info"}
# A failed check lists its findings; one for information shows what they look like.
_MOST_FINDINGS = 20
_MOST_EXAMPLES = 3
_MOST_REASONS = 20


@click.command(
    name="check",
    epilog="""\b
Examples:
  pilot-eval check my-study/study.toml
  pilot-eval check my-study/study.toml --json
""",
)
@click.argument("study", required=False, type=click.Path(path_type=Path))
@click.option("--all", "show_all", is_flag=True, help="Print every check and finding.")
@quiet
@as_json
def command(study: Path | None, *, show_all: bool, quiet: bool, as_json: bool) -> None:
    """Read and check the data of STUDY; estimate nothing.

    Findings name the file and row, or the area and period, what they do to the estimate, and what
    to put in the study file about it. Exit code 12 when a finding forbids estimating.
    """
    tell = progress_to_stderr(quiet=quiet or as_json)
    parsed = load_study(study_path(study))
    reading = examine(parsed, progress=tell)
    tell("")
    if as_json:
        click.echo(json.dumps(_as_json(reading), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(_words(parsed, reading, most=None if show_all else _MOST_FINDINGS))
    if reading.blocking:
        names = ", ".join(f"{check.outcome}: {check.title}" for check in reading.blocking)
        raise CheckError(
            f"{len(reading.blocking)} check(s) forbid estimating ({names})",
            place=parsed.path.name,
        )


def _as_json(reading: DataReading) -> dict[str, Any]:
    return {
        "checks": [
            {
                "outcome": check.outcome,
                "check": check.name,
                "title": check.title,
                "passed": check.passed,
                "blocking": check.blocking,
                "detail": check.detail,
                "what_to_do": check.remedy,
                "findings": check.table.to_dicts(),
            }
            for check in reading.checks
        ],
        "ledger": reading.ledger.to_dicts(),
    }


def _words(study: Study, reading: DataReading, *, most: int | None) -> str:
    lines = [study.title]
    for outcome in study.outcomes:
        lines += ["", outcome.label]
        lines += _rows_in_words(reading.ledger.filter(pl.col("outcome") == outcome.key))
        own = [check for check in reading.checks if check.outcome == outcome.key]
        passed = sum(check.passed is True for check in own)
        lines.append(f"  {_MARKS[True]}  {passed} of {len(own)} checks found nothing to say")
        for check in own:
            if check.passed is not True or most is None:
                lines += _check_in_words(check, most)
    failed = sum(check.passed is False for check in reading.checks)
    lines += ["", f"{len(reading.checks)} checks, {failed} to look at."]
    return "\n".join(lines)


def _rows_in_words(ledger: pl.DataFrame) -> list[str]:
    used = ledger.filter(pl.col("status") == "used")["rows"].sum()
    lines = [f"  {ledger['rows'].sum():,} rows read, {used:,} used"]
    reasons = (
        ledger.filter(pl.col("status") != "used")
        .group_by("reason", maintain_order=True)
        .agg(pl.col("rows").sum())
        .sort("rows", descending=True)
    )
    told, rest = reasons.head(_MOST_REASONS), reasons.slice(_MOST_REASONS)
    lines += [f"    {rows:,} left out: {reason}" for reason, rows in told.iter_rows()]
    if not rest.is_empty():
        lines.append(f"    {rest['rows'].sum():,} left out for {rest.height:,} more reasons")
    return lines


def _check_in_words(check: Check, most: int | None) -> list[str]:
    mark = "STOP" if check.blocking and check.passed is False else _MARKS[check.passed]
    said = (
        check.detail if check.detail.startswith(check.title) else f"{check.title}. {check.detail}"
    )
    lines = [f"  {mark}  {said}"]
    if most is not None and check.passed is None:
        most = _MOST_EXAMPLES
    if check.passed is not True:
        lines += [f"        {_finding_in_words(row)}" for row in check.table.to_dicts()[:most]]
        hidden = check.table.height - (most or check.table.height)
        if hidden > 0:
            lines.append(f"        and {hidden:,} more: --all shows them, --json gives them")
    if check.passed is False and check.remedy:
        lines += [f"        {line}" for line in check.remedy.splitlines()]
    return lines


def _finding_in_words(row: dict[str, Any]) -> str:
    """One finding on a line: its place, what is wrong, what it does."""
    place = [str(row[k]) for k in ("file", "unit", "period") if row.get(k)]
    if row.get("row"):
        place.insert(1, f"row {row['row']}")
    if row.get("first"):
        last = row.get("last")
        span = f"{row['first']} to {last}" if last and last != row["first"] else row["first"]
        place.append(str(span))
    said = [str(row[k]) for k in ("problem", "effect_on_estimate") if row.get(k)]
    return f"{', '.join(place)}: {'; '.join(said)}"
