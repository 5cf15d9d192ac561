"""Small invented panels, and the plain way of asking for an interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation.findings import Estimator, Interval, LinearFit, Procedure
from evaluation.panel import Adoption, Measure, Panel
from evaluation.periods import Calendar

Draw = Callable[..., Panel]
Ask = Callable[..., Interval]
FloatArray = NDArray[np.float64]
Dense = Callable[[LinearFit], tuple[FloatArray, FloatArray]]


def _draw(
    seed: int,
    *,
    shape: tuple[int, int] = (10, 6),
    per_site: int = 1,
    starts: tuple[int, ...] = (3, 4),
    missing: float = 0.0,
    measure: Measure = "mean",
) -> Panel:
    """Draw units by periods, ``per_site`` units a site; two sites adopt at each start."""
    random = np.random.default_rng(seed)
    units, periods = shape
    names = [f"u{i:02d}" for i in range(units)]
    site = {name: f"s{i // per_site:02d}" for i, name in enumerate(names)}
    adopting = [start for start in starts for _ in range(2 * per_site)]
    first_treated = dict(zip(names, adopting, strict=False))
    unit, period = (axis.ravel() for axis in np.mgrid[:units, :periods])
    n = unit.size
    exposure = random.uniform(200, 3000, units)[unit] * random.uniform(0.9, 1.1, n)
    level = random.normal(0, 0.4, units)[unit] + random.normal(0, 0.2, periods)[period]
    count = random.poisson(exposure * np.exp(level - 3)).astype(float)
    rows = pl.DataFrame(
        {
            "unit": [names[i] for i in unit],
            "period": period,
            "outcome": 20 + 3 * level + random.normal(0, 1, n),
            "weight": exposure if measure == "rate" else random.uniform(0.5, 4, n),
            "x": random.normal(0, 1, n) + level,
            "count": count,
            "exposure": exposure,
        }
    )
    if measure == "rate":
        rows = rows.with_columns(outcome=1000 * pl.col("count") / pl.col("exposure"))
    return Panel(
        rows=rows.filter(random.uniform(size=n) >= missing),
        adoption=Adoption(site=site, first_treated=first_treated),
        calendar=Calendar(frequency="index"),
        measure=measure,
        per=1000 if measure == "rate" else 1,
        covariates=("x",),
    )


def _ask(procedure: Procedure, estimator: Estimator, panel: Panel, focal: int = 0) -> Interval:
    fit = estimator(panel).focused(focal)
    return procedure(estimator, panel, fit, np.random.default_rng(0))


def _dense_cr2(linear: LinearFit) -> tuple[FloatArray, FloatArray]:
    """The definition with n by n matrices and every dummy: squared errors and moments by site."""
    units = (linear.unit[:, None] == np.arange(linear.unit.max() + 1)).astype(float)
    is_poisson = linear.family == "poisson"
    slope = linear.weights if is_poisson else np.ones(linear.unit.size)
    design = slope[:, None] * np.column_stack([linear.x, units])
    weight = linear.weights / slope**2
    residual = slope * linear.residual
    bread = np.linalg.inv((design.T * weight) @ design)
    maker = np.eye(residual.size) - design @ bread @ (design.T * weight)
    spread = (maker * slope) @ maker.T
    contrasts = np.column_stack(
        [linear.contrasts, np.zeros((linear.contrasts.shape[0], units.shape[1]))]
    )
    parts = np.zeros((contrasts.shape[0], linear.n_clusters, residual.size))
    for site in range(linear.n_clusters):
        rows = linear.cluster == site
        root = np.diag(np.sqrt(slope[rows]))
        values, vectors = np.linalg.eigh(root @ spread[np.ix_(rows, rows)] @ root)
        kept = values > 1e-11 * max(values.max(), slope[rows].max() ** 2)
        inverse = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
        parts[:, site, rows] = (
            contrasts @ bread @ (design[rows].T * weight[rows]) @ root @ inverse @ root
        )
    return ((parts @ residual) ** 2).sum(axis=1), parts @ spread @ parts.transpose(0, 2, 1)


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Return a maker of seeded panels with a covariate, weights, counts and exposures."""
    return _draw


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Return a shorthand: the interval of a procedure for an estimator on a panel."""
    return _ask


@pytest.fixture(scope="session")
def dense_cr2() -> Dense:
    """Return CR2 by its definition: squared errors, and moments of sites by sites."""
    return _dense_cr2
