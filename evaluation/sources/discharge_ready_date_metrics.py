"""The metrics of Discharge Ready Date, from the table beside this module."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, cast

from evaluation.errors import StudyError
from evaluation.sources.declaration import Metric
from evaluation.study import Outcome, Study

__all__ = ["COVERAGE", "FIGURES", "METRICS", "TOTALS", "Figure", "refuse_measure"]

Kind = Literal["total", "patients", "days", "mean"]

TOTALS = (
    "Number of patients discharged in total",
    # Of a local authority the same total has another name.
    "Total Discharges for UTLA from acceptable trusts",
)
COVERAGE = (
    "% of providers submitting acceptable data",
    "% of all UTLA discharges that are from acceptable trusts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """How a metric is had from the files.

    Parameters
    ----------
    kind : {"total", "patients", "days", "mean"}
        A number of discharges, a count of patients or days among discharges, or a mean or share.
    labels : tuple of str
        Added up, where there are several.
    exposure : tuple of str
        Labels whose sum is what the figure is of; for all discharges the first that is there.
    """

    kind: Kind
    labels: tuple[str, ...]
    exposure: tuple[str, ...]

    @property
    def is_of_all(self) -> bool:
        """Whether the exposure is all discharges, and not those with a delay."""
        return self.exposure == TOTALS


def _read() -> tuple[tuple[Metric, ...], Mapping[str, Figure]]:
    text = files("evaluation.sources").joinpath("discharge_ready_date_labels.csv")
    lines = text.read_text(encoding="utf-8").splitlines()
    lines_of: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        lines_of.setdefault(row["key"], []).append(row)
    delayed = tuple(row["label"] for row in lines_of["delayed"])
    exposures = {"": (), "all": TOTALS, "delayed": delayed}
    metrics, figures = [], {}
    for key, rows in lines_of.items():
        labels = tuple(row["label"] for row in rows)
        metrics.append(Metric(key=key, definition=rows[0]["meaning"], labels=labels, grain="month"))
        kind = cast("Kind", rows[0]["kind"])
        figures[key] = Figure(kind=kind, labels=labels, exposure=exposures[rows[0]["of"]])
    return tuple(metrics), figures


METRICS, FIGURES = _read()


def refuse_measure(key: str, study: Study, outcome: Outcome) -> None:
    """Hold that the measure of an outcome fits its metric.

    Raises
    ------
    StudyError
        Naming the measures that do.
    """
    kind = FIGURES[key].kind
    allowed = {
        "total": ("rate", "count", "mean"),
        "patients": ("share", "rate", "count", "mean"),
        "days": ("rate", "count", "mean"),
        "mean": ("mean",),
    }[kind]
    place = f'[[outcomes]] "{outcome.key}"'
    if outcome.measure not in allowed:
        raise StudyError(
            f'measure = "{outcome.measure}" does not fit metric = "{key}"',
            place=f"{place}, measure",
            allowed=", ".join(f'"{measure}"' for measure in allowed),
        )
    if study.time.frequency == "index":
        raise StudyError(
            "the files hold months, which have no place in an index",
            place="[time] frequency",
            allowed='"month", "quarter", "year" or "financial_year"',
        )
    if outcome.measure == "count" and study.time.frequency != "month":
        raise StudyError(
            'measure = "count" fits months only: a month that was not published would count as 0',
            place=f"{place}, measure",
            allowed=", ".join(f'"{measure}"' for measure in allowed if measure != "count"),
        )
