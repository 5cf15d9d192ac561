"""Small invented panels, and the plain way of asking for an interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from evaluation.findings import Estimator, Interval, Procedure
from evaluation.panel import Adoption, Measure, Panel
from evaluation.periods import Calendar

Draw = Callable[..., Panel]
Ask = Callable[..., Interval]


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


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Return a maker of seeded panels with a covariate, weights, counts and exposures."""
    return _draw


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Return a shorthand: the interval of a procedure for an estimator on a panel."""
    return _ask
