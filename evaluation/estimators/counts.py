"""The counts and exposures that enter a Poisson model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.separation import informative_rows
from evaluation.panel import Panel

__all__ = ["Counts", "counts_of", "per_exposure"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MEASURES = ("rate", "count")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """The rows that enter; n rows of the panel, k of which are kept.

    Parameters
    ----------
    count, exposure : array, shape (k,)
        Exposure 1 for a count.
    kept : bool array, shape (n,)
    caveats : tuple of str
        What is left out.
    """

    count: FloatArray
    exposure: FloatArray
    kept: BoolArray
    caveats: tuple[str, ...]

    def spread(self, values: FloatArray) -> FloatArray:
        """Return values of the kept rows among all rows, 0 for the others; shape (n,)."""
        spread = np.zeros(self.kept.size)
        spread[self.kept] = values
        return spread

    def without(self, rows: BoolArray) -> Counts:
        """Return the counts that are left when only ``rows``, shape (n,), may enter."""
        left = rows[self.kept]
        return Counts(
            count=self.count[left],
            exposure=self.exposure[left],
            kept=self.kept & rows,
            caveats=self.caveats,
        )

    def observed(self, panel: Panel) -> float | None:
        """Return the outcome over all treated rows: per x events / exposure, or events a row."""
        if "dose" in panel.rows.columns:
            return None
        treatment = panel.treatment[self.kept]
        events = float(treatment @ self.count)
        return per_exposure(panel) * events / float(treatment @ self.exposure)


def per_exposure(panel: Panel) -> float:
    """Return how much exposure an outcome is for: 1000 for a rate per 1,000, 1 for a count."""
    return panel.per if panel.measure == "rate" else 1.0


def counts_of(panel: Panel, *, look_further: bool) -> Counts:
    """Read the counts of a panel, and tell the rows that enter.

    Parameters
    ----------
    panel : Panel
    look_further : bool
        See ``informative_rows``.

    Raises
    ------
    EstimationError
        For a measure without counts, and for values that no count or exposure has.
    """
    place = f"outcome {panel.key!r}"
    wanted = {"rate": ("count", "exposure"), "count": ("count",)}.get(panel.measure, ())
    if not wanted or not set(wanted) <= set(panel.rows.columns):
        raise EstimationError(
            f"a Poisson model needs a count, and this outcome is a {panel.measure}"
            if not wanted
            else f"the {panel.measure} comes without {' and '.join(wanted)}",
            place=place,
            allowed=f"measure = {' or '.join(repr(m) for m in _MEASURES)}, with its columns",
            remedy='Use estimator = "twfe" for shares and means.',
        )
    count = panel.values("count")
    exposure = panel.values("exposure") if "exposure" in wanted else np.ones(count.size)
    _refuse_values(panel, "count", count < 0, "0 or more")
    if "exposure" in wanted:
        _refuse_values(panel, "exposure", exposure <= 0, "above 0")
    kept, caveats = informative_rows(panel, count, look_further=look_further)
    return Counts(count=count[kept], exposure=exposure[kept], kept=kept, caveats=caveats)


def _refuse_values(panel: Panel, column: str, bad: BoolArray, allowed: str) -> None:
    if not bad.any():
        return
    row = panel.rows.row(int(np.flatnonzero(bad)[0]), named=True)
    raise EstimationError(
        f"the {column} is {row[column]:g}",
        place=f"outcome {panel.key!r}, unit {row['unit']!r}, "
        f"{panel.calendar.label(int(row['period']))}",
        allowed=allowed,
        remedy="Correct the source, or exclude the unit, with the reason, in [comparison].",
    )
