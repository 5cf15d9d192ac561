"""A result as the tables of ``restricted/``, and back.

Column by column as DESIGN section 5 fixes them. Numbers are written so that they read back to the
same double; a figure that could not be had is empty, and ``caveats`` says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from evaluation.findings import Check, Effect, Estimate, Interval
from evaluation.results.result import Result

__all__ = [
    "CHECK_SCHEMA",
    "ESTIMATE_SCHEMA",
    "EVENT_STUDY_SCHEMA",
    "LEDGER_SCHEMA",
    "checks_frame",
    "checks_from",
    "estimates_frame",
    "estimates_from",
    "event_study_frame",
    "result_tables",
]

_CAVEAT_SEPARATOR = " | "

ESTIMATE_SCHEMA: dict[str, type[pl.DataType]] = {
    "outcome": pl.String,
    "estimator": pl.String,
    "procedure": pl.String,
    "estimand": pl.String,
    "group": pl.String,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "df": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "scale": pl.String,
    "relative_effect": pl.Float64,
    "relative_low": pl.Float64,
    "relative_high": pl.Float64,
    "n_obs": pl.Int64,
    "n_units": pl.Int64,
    "n_sites": pl.Int64,
    "n_pilot_sites": pl.Int64,
    "draws": pl.Int64,
    "is_primary": pl.Boolean,
    "caveats": pl.String,
}

EVENT_STUDY_SCHEMA: dict[str, type[pl.DataType]] = {
    ("event_time" if name == "group" else name): (pl.Int64 if name == "group" else kind)
    for name, kind in ESTIMATE_SCHEMA.items()
}

_FINDING_COLUMNS = (
    "file",
    "row",
    "unit",
    "period",
    "first",
    "last",
    "value",
    "problem",
    "effect_on_estimate",
    "remedy",
)

CHECK_SCHEMA: dict[str, type[pl.DataType]] = {
    "outcome": pl.String,
    "check": pl.String,
    "title": pl.String,
    "passed": pl.Boolean,
    "blocking": pl.Boolean,
    "detail": pl.String,
    "what_to_do": pl.String,
    "finding": pl.Int64,
    **{name: (pl.Int64 if name == "row" else pl.String) for name in _FINDING_COLUMNS},
}

LEDGER_SCHEMA: dict[str, type[pl.DataType]] = {
    "outcome": pl.String,
    "file": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "rows": pl.Int64,
    "row_ranges": pl.String,
}


def result_tables(result: Result) -> dict[str, pl.DataFrame]:
    """Return every table of a run, by the name of its file without the ending."""
    return {
        "estimates": estimates_frame(result.estimates),
        "event_study": event_study_frame(result.event_study),
        "checks": checks_frame(result.checks),
        "ledger": result.ledger.select(list(LEDGER_SCHEMA)),
        "panel": result.panel,
    }


def estimates_frame(estimates: Iterable[Estimate]) -> pl.DataFrame:
    """Return ``estimates.csv`` as a frame, one row an estimate."""
    return pl.DataFrame([_estimate_row(e) for e in estimates], schema=ESTIMATE_SCHEMA)


def event_study_frame(estimates: Iterable[Estimate]) -> pl.DataFrame:
    """Return ``event_study.csv`` as a frame, one row an event time."""
    rows = [_estimate_row(e) for e in estimates]
    renamed = [
        {
            ("event_time" if k == "group" else k): (int(v) if k == "group" else v)
            for k, v in r.items()
        }
        for r in rows
    ]
    return pl.DataFrame(renamed, schema=EVENT_STUDY_SCHEMA)


def _estimate_row(estimate: Estimate) -> dict[str, Any]:
    effect, interval = estimate.effect, estimate.interval
    relative, relative_low, relative_high = estimate.relative
    return {
        "outcome": estimate.outcome,
        "estimator": estimate.estimator,
        "procedure": interval.procedure,
        "estimand": effect.estimand,
        "group": effect.group,
        "estimate": _defined(effect.value),
        "std_error": _defined(interval.std_error),
        "df": _defined(interval.df),
        "ci_low": _defined(interval.low),
        "ci_high": _defined(interval.high),
        "p_value": _defined(interval.p),
        "scale": effect.scale,
        "relative_effect": relative,
        "relative_low": relative_low,
        "relative_high": relative_high,
        "n_obs": estimate.n_obs,
        "n_units": estimate.n_units,
        "n_sites": estimate.n_sites,
        "n_pilot_sites": estimate.n_pilot_sites,
        "draws": interval.draws,
        "is_primary": estimate.is_primary,
        "caveats": _CAVEAT_SEPARATOR.join(estimate.caveats),
    }


def _defined(value: float | None) -> float | None:
    """Empty for undefined; an unbounded end of an interval stays infinite."""
    return None if value is None or math.isnan(value) else float(value)


def estimates_from(frame: pl.DataFrame, *, level: float) -> tuple[Estimate, ...]:
    """Read back what :func:`estimates_frame` or :func:`event_study_frame` made.

    The observed mean is not a column: it is had from an effect and the same effect as per cent of
    the counterfactual.
    """
    return tuple(_estimate_from(row, level) for row in frame.to_dicts())


def _estimate_from(row: dict[str, Any], level: float) -> Estimate:
    caveats = tuple(row["caveats"].split(_CAVEAT_SEPARATOR)) if row["caveats"] else ()
    group = str(row["event_time"]) if "event_time" in row else row["group"] or ""
    value = math.nan if row["estimate"] is None else row["estimate"]
    return Estimate(
        outcome=row["outcome"],
        estimator=row["estimator"],
        effect=Effect(
            estimand=row["estimand"],
            group=group,
            value=value,
            scale=row["scale"],
            observed=_observed(row),
        ),
        interval=Interval(
            procedure=row["procedure"],
            level=level,
            low=row["ci_low"],
            high=row["ci_high"],
            p=row["p_value"],
            std_error=row["std_error"],
            df=row["df"],
            draws=row["draws"],
        ),
        n_obs=row["n_obs"],
        n_units=row["n_units"],
        n_sites=row["n_sites"],
        n_pilot_sites=row["n_pilot_sites"],
        is_primary=row["is_primary"],
        caveats=caveats,
    )


def _observed(row: dict[str, Any]) -> float | None:
    """Solve relative = 100 value / (observed - value) for the observed mean."""
    if row["scale"] != "level":
        return None
    pairs = (
        ("estimate", "relative_effect"),
        ("ci_low", "relative_low"),
        ("ci_high", "relative_high"),
    )
    for value_column, relative_column in pairs:
        value, relative = row[value_column], row[relative_column]
        if value and relative and math.isfinite(value):
            return float(value * (1.0 + 100.0 / relative))
    return None


def checks_frame(checks: Sequence[Check]) -> pl.DataFrame:
    """Return ``checks.csv`` as a frame: one row a finding, one for a check without any."""
    rows: list[dict[str, Any]] = []
    for check in checks:
        common = {
            "outcome": check.outcome,
            "check": check.name,
            "title": check.title,
            "passed": check.passed,
            "blocking": check.blocking,
            "detail": check.detail,
            "what_to_do": check.remedy,
        }
        findings = check.table.to_dicts() or [{}]
        for number, finding in enumerate(findings, start=1):
            rows.append(
                {
                    **common,
                    "finding": number if finding else None,
                    **{name: _finding_value(finding, name) for name in _FINDING_COLUMNS},
                }
            )
    return pl.DataFrame(rows, schema=CHECK_SCHEMA)


def _finding_value(finding: dict[str, Any], name: str) -> str | int | None:
    value = finding.get(name)
    if value is None or name == "row":
        return value
    return str(value)


def checks_from(frame: pl.DataFrame) -> tuple[Check, ...]:
    """Read back what :func:`checks_frame` made; columns without any value are dropped."""
    checks: list[Check] = []
    keys = ["outcome", "check", "title", "passed", "blocking", "detail", "what_to_do"]
    for _, part in frame.group_by(keys, maintain_order=True):
        head = part.row(0, named=True)
        table = part.filter(pl.col("finding").is_not_null()).select(_FINDING_COLUMNS)
        kept = [name for name in _FINDING_COLUMNS if table[name].null_count() < table.height]
        checks.append(
            Check(
                name=head["check"],
                title=head["title"],
                passed=head["passed"],
                detail=head["detail"] or "",
                remedy=head["what_to_do"] or "",
                blocking=head["blocking"],
                outcome=head["outcome"] or "",
                table=table.select(kept),
            )
        )
    return tuple(checks)
