"""The metrics of the Acute discharge sitrep: three daily ones, and a table of all the others."""

from __future__ import annotations

import csv
from datetime import date
from difflib import get_close_matches
from importlib.resources import files

from evaluation.errors import StudyError
from evaluation.sources.declaration import DefinitionBreak, Metric
from evaluation.sources.selection import quoted
from evaluation.study import Outcome, Study

__all__ = ["BREAKS", "BY_LABEL", "METRICS", "SPLIT_AT_17", "metric_of", "refuse_measure"]

BY_LABEL = "label:"

# Until May 2023 workbooks give discharges in two columns a day.
SPLIT_AT_17 = (
    "Number of patients discharged by 17:00",
    "Number of patients discharged between 17:01 and 23:59",
)
_REDEFINED = date(2024, 5, 27)
_SIDES = {
    "": "",
    "before": ", until the redefinition of 27 May 2024",
    "since": ", from the redefinition of 27 May 2024",
}
_MEANINGS = {
    "bed_days": "On a weekly snapshot: days in hospital beyond the day on which the criteria to "
    "reside were no longer met, of patients with so long a stay",
    "destination": "Discharges to this destination in the month",
    "reason": "Patients on an average weekly snapshot who no longer meet the criteria to reside "
    "and are in hospital for this reason",
}


def _of_the_table() -> tuple[Metric, ...]:
    text = files("evaluation.sources").joinpath("acute_discharge_sitrep_labels.csv")
    lines = text.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    lines_of: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        lines_of.setdefault(row["key"], []).append(row)
    return tuple(_metric(key, own) for key, own in lines_of.items())


def _metric(key: str, rows: list[dict[str, str]]) -> Metric:
    kind, side = rows[0]["kind"], rows[0]["side"]
    return Metric(
        key=key,
        definition=f"{_MEANINGS[kind]}{_SIDES[side]}.",
        labels=tuple(row["label"] for row in rows),
        grain="week" if kind == "bed_days" else "month",
        mark="P",
        averaged=kind == "reason",
    )


_DAILY = (
    Metric(
        key="nctr",
        grain="day",
        definition="Patients in hospital who no longer meet the criteria to reside: "
        "discharged and remaining together. Sums over days are patient-days.",
        labels=("Number of patients who no longer meet the criteria to reside",),
    ),
    Metric(
        key="discharged",
        grain="day",
        definition="Of these, those discharged on the day.",
        labels=("Number of patients discharged",),
    ),
    Metric(
        key="remaining",
        grain="day",
        definition="Of these, those who remained in hospital: nctr less discharged.",
        labels=(
            "Number of patients remaining in hospital who no longer meet the criteria to reside",
        ),
    ),
)
METRICS: tuple[Metric, ...] = (*_DAILY, *_of_the_table())
BREAKS = (
    DefinitionBreak(
        on=_REDEFINED,
        metrics=tuple(metric.key for metric in METRICS if metric.grain == "month"),
        detail="Discharge destinations and reasons for delay were defined anew, and nothing "
        "bridges the old and the new. The labels of nctr, discharged and remaining are the "
        "same on both sides; the files have two more columns from June 2024.",
    ),
)
_BY_KEY = {metric.key: metric for metric in METRICS}


def metric_of(study: Study, outcome: Outcome) -> Metric:
    """Return the metric that an outcome names, by its key or as ``label:`` with its label.

    A metric by label has the grain "month" until the files show that it has several dates in one.

    Raises
    ------
    StudyError
        For a metric that is not declared, and for a measure that does not fit it.
    """
    place = f'[[outcomes]] "{outcome.key}"'
    named = outcome.metric or ""
    metric = _BY_KEY.get(named)
    if named.startswith(BY_LABEL):
        label = named.removeprefix(BY_LABEL).strip()
        metric = Metric(key=named, definition="", labels=(label,), grain="month", mark="U")
    if metric is None:
        said = "no metric is named" if outcome.metric is None else f"there is no {named!r}"
        near = get_close_matches(named, _BY_KEY, n=1)
        raise StudyError(
            said,
            place=f"{place}, metric",
            allowed=f'{quoted(_BY_KEY)}, or "{BY_LABEL}..." with a label as it stands in the files',
            remedy=f"Did you mean {near[0]!r}?" if near else "Choose one of them.",
        )
    refuse_measure(metric, study, outcome)
    if study.time.frequency == "index":
        raise StudyError(
            "the files hold dates, which have no place in an index",
            place="[time] frequency",
            allowed='"month", "quarter", "year" or "financial_year"',
        )
    return metric


def refuse_measure(metric: Metric, study: Study, outcome: Outcome) -> None:
    """Hold that the measure of an outcome fits its metric.

    Raises
    ------
    StudyError
        For a share, which has no denominator here, and for counts of what is no total.
    """
    place = f'[[outcomes]] "{outcome.key}", measure'
    if outcome.measure == "share":
        raise StudyError(
            'measure = "share" does not fit: the files have no denominator',
            place=place,
            allowed='"rate" with per = 1, or "mean"',
        )
    if outcome.measure != "count":
        return
    if metric.grain != "month":
        raise StudyError(
            f'measure = "count" does not fit figures of a {metric.grain}: {metric.grain}s that '
            "were not reported would count as 0",
            place=place,
            allowed=f'"rate" (with per = 1: a {metric.grain}) or "mean"',
        )
    if metric.averaged:
        raise StudyError(
            'measure = "count" does not fit: the figures are averages, which do not add up',
            place=place,
            allowed='"rate" (with per = 1: patients on an average snapshot) or "mean"',
        )
    if study.time.frequency not in ("month", "index"):
        raise StudyError(
            'measure = "count" fits months only: a month that was not reported would count as 0',
            place=place,
            allowed='"rate" (with per = 1: patients a day) or "mean"',
        )
