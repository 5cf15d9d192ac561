"""What stands on each sheet of the workbook: columns and lines, without a spreadsheet library."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from evaluation.disclosure import Released
from evaluation.findings import Estimate
from evaluation.wording import statement

__all__ = ["NOTES", "Cell", "Sheet", "sheets"]

Cell = str | int | float

NOT_AVAILABLE = "[x]"
NOT_APPLICABLE = "[z]"

NOTES: dict[str, str] = {
    "effect": "The effect on its own scale: in the outcome's units (scale: level), or as the "
    "logarithm of a rate ratio (scale: log rate ratio).",
    "percent": "Per cent of what we would have expected without the pilot.",
    "interval": "Likely range: low and high end of the confidence interval, at the level that the "
    "study sets.",
    "event": "Periods from the start: 0 is the first period of the pilot; periods before it have "
    "a minus sign and should show no effect.",
    "counts": "Before and after part at the start of each pilot site; for comparison units at the "
    "first start. The exposure (such as residents) is added up over the periods.",
    "trend": "The average of the group in the outcome's units, weighted as in the estimates; for "
    "an outcome that is a count, the average of its units.",
    "rows": "Rows of the source files, every one accounted for as used or left out.",
}

_SCALES = {"level": "level", "log": "log rate ratio"}
_GROUPS = {"pilot": "Pilot sites", "comparison": "Comparison", "site": "Pilot site"}
_RESULTS = {True: "passed", False: "did not pass", None: "information"}
_FINDINGS = {
    "file": "File",
    "row": "Row",
    "unit": "Unit",
    "period": "Period",
    "first": "First period",
    "last": "Last period",
    "value": "Value",
    "problem": "Problem",
    "effect_on_estimate": "Effect on the estimate",
    "remedy": "What to do",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One worksheet with one table.

    Parameters
    ----------
    label : str
        Name of the tab, 31 characters at most.
    name : str
        Name of the marked table: letters, digits and underscores.
    title : str
        Heading of the sheet.
    columns : tuple of str
        Headings of the table.
    lines : tuple of tuple
        Its cells, none empty.
    subtitles : tuple of str
        What a reader should know before the table.
    notes : tuple of (str, str)
        Column and key of :data:`NOTES`.
    """

    label: str
    name: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]
    subtitles: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def sheets(released: Released) -> tuple[Sheet, ...]:
    """Return the sheets of the workbook, those without a line left out."""
    every = (
        *_estimates(released),
        _event_study(released),
        _counts(released),
        _trends(released),
        _checks(released),
        _findings(released),
        _ledger(released),
        _run(released),
    )
    return tuple(sheet for sheet in every if sheet.lines)


def _text(value: object, empty: str = NOT_APPLICABLE) -> str:
    """Return text as a cell holds it; a code where there is nothing to read."""
    text = "" if value is None else str(value).strip()
    return text if re.search("[A-Za-z0-9]", text) else empty


def _figure(value: float | None) -> Cell:
    if value is None or math.isnan(value):
        return NOT_AVAILABLE
    if math.isinf(value):
        return "no upper end" if value > 0 else "no lower end"
    return value


def _digits(text: str) -> Cell:
    """Return a count of ``Released.counts`` as a number, or its code."""
    if text.startswith("["):
        return text
    return int(text) if text.isdigit() else float(text)


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(part.strip().rstrip(".") for part in parts if part.strip()))


def _numbers(estimate: Estimate) -> tuple[Cell, ...]:
    """Return the cells that estimates and the event study share."""
    effect, interval = estimate.effect, estimate.interval
    figures = (
        *(effect.value, interval.low, interval.high),
        *estimate.relative,
        *(interval.std_error, interval.df, interval.p),
    )
    pilots = estimate.n_pilot_sites if effect.n_pilot_sites is None else effect.n_pilot_sites
    caveats = _joined((*estimate.caveats, *effect.caveats, *interval.caveats))
    return (
        *(_figure(figure) for figure in figures),
        *(_SCALES[effect.scale], estimate.n_obs, estimate.n_units, estimate.n_sites, pilots),
        _text(caveats),
    )


_NUMBERS = (
    *("Effect", "Low end", "High end"),
    *("Effect, per cent", "Low end, per cent", "High end, per cent"),
    *("Standard error", "Degrees of freedom", "p-value"),
    *("Scale", "Observations", "Units", "Sites", "Pilot sites", "Caveats"),
)
_NUMBER_NOTES = (("Effect", "effect"), ("Low end", "interval"), ("Effect, per cent", "percent"))


def _estimates(released: Released) -> list[Sheet]:
    made = []
    for place, key in enumerate(released.outcome_keys, start=1):
        outcome = released.study.outcome(key)
        said = statement(
            released.primary(key), outcome, released.checks, wording=released.study.wording
        )
        made.append(
            Sheet(
                label=f"Estimates {place}",
                name=f"estimates_{place}",
                title=f"Estimates: {outcome.label}",
                subtitles=tuple(text for text in (said.caution, said.sentence) if text),
                columns=("Effect on", "Estimator", "Procedure", "Primary method", *_NUMBERS),
                lines=tuple(
                    (
                        estimate.effect.group or "all pilot sites",
                        estimate.estimator,
                        estimate.interval.procedure,
                        "yes" if estimate.is_primary else "no",
                        *_numbers(estimate),
                    )
                    for estimate in released.estimates
                    if estimate.outcome == key
                ),
                notes=_NUMBER_NOTES,
            )
        )
    return made


def _event_study(released: Released) -> Sheet:
    return Sheet(
        label="Event study",
        name="event_study",
        title="Event study: the effect by period from the start",
        columns=("Outcome", "Periods from the start", "Estimator", "Procedure", *_NUMBERS),
        lines=tuple(
            (
                released.study.outcome(estimate.outcome).label,
                _event_time(estimate.effect.group),
                estimate.estimator,
                estimate.interval.procedure,
                *_numbers(estimate),
            )
            for estimate in released.event_study
        ),
        notes=(("Periods from the start", "event"), *_NUMBER_NOTES),
    )


def _event_time(group: str) -> Cell:
    return int(group) if re.fullmatch(r"-?\d+", group) else group


def _counts(released: Released) -> Sheet:
    lines = tuple(
        (
            released.study.outcome(line["outcome"]).label,
            _GROUPS[line["group"]],
            line["site"] or "all",
            line["phase"],
            _digits(line["count"]),
            _digits(line["exposure"]),
        )
        for line in released.counts.iter_rows(named=True)
    )
    return Sheet(
        label="Counts",
        name="counts",
        title="Counts and exposure before and after the start",
        subtitles=(_control(released),),
        columns=("Outcome", "Group", "Site", "Phase", "Count", "Exposure"),
        lines=lines,
        notes=(("Phase", "counts"),),
    )


def _control(released: Released) -> str:
    if not released.controlled:
        return "Disclosure control was switched off for this study: figures stand as they are."
    release = released.study.release
    return (
        f"Figures from 1 to {release.suppress_below - 1} are suppressed and others are rounded to "
        f"the nearest {release.round_to}, totals on their own, so parts may not add up."
    )


def _trends(released: Released) -> Sheet:
    calendar = released.study.calendar
    lines = tuple(
        (
            released.study.outcome(trend.outcome).label,
            _GROUPS[trend.group],
            trend.site or "all",
            calendar.label(period),
            _text("[c]") if hidden else _figure(value),
        )
        for trend in released.trends
        for period, value, hidden in zip(trend.periods, trend.values, trend.suppressed, strict=True)
    )
    return Sheet(
        label="Trends",
        name="trends",
        title="Trends: the data behind the charts",
        columns=("Outcome", "Group", "Site", "Period", "Value"),
        lines=lines,
        notes=(("Value", "trend"),),
    )


def _outcome_name(released: Released, key: str) -> str:
    return released.study.outcome(key).label if key else "all outcomes"


def _checks(released: Released) -> Sheet:
    return Sheet(
        label="Checks",
        name="checks",
        title="Checks of the data and of the methods",
        columns=("Check", "Outcome", "Result", "What was found", "What to do"),
        lines=tuple(
            (
                check.title,
                _outcome_name(released, check.outcome),
                _RESULTS[check.passed],
                _text(check.detail),
                _text(check.remedy),
            )
            for check in released.checks
        ),
    )


def _findings(released: Released) -> Sheet:
    present = [name for name in _FINDINGS if any(name in c.table.columns for c in released.checks)]
    return Sheet(
        label="Findings",
        name="findings",
        title="Findings of the checks, one by one",
        columns=("Check", "Outcome", *(_FINDINGS[name] for name in present)),
        lines=tuple(
            (
                check.title,
                _outcome_name(released, check.outcome),
                *(_text(line.get(name)) for name in present),
            )
            for check in released.checks
            for line in check.table.iter_rows(named=True)
        ),
    )


def _ledger(released: Released) -> Sheet:
    names = ("outcome", "file", "status", "reason", "rows")
    lines = tuple(
        (_outcome_name(released, key), _text(file), _text(status), _text(reason), int(rows))
        for key, file, status, reason, rows in released.ledger.select(names).iter_rows()
    )
    return Sheet(
        label="Data used",
        name="data_used",
        title="Data used, and left out with the reason",
        columns=("Outcome", "File", "Status", "Reason", "Rows"),
        lines=lines,
        notes=(("Rows", "rows"),),
    )


def _run(released: Released) -> Sheet:
    manifest = released.manifest
    return Sheet(
        label="Run",
        name="run",
        title="What this run was made from",
        columns=("Item", "Value"),
        lines=(
            ("Study file", _text(manifest.study_path)),
            ("Seed", str(manifest.seed)),
            ("Platform", _text(manifest.platform)),
            *((f"Version of {name}", _text(v)) for name, v in manifest.versions.items()),
            *((f"SHA-256 of {item.path}", item.sha256) for item in manifest.inputs),
        ),
    )
