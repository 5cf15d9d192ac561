"""mlda_clubsandwich_cr2: legal drinking age and deaths, clubSandwich's vignette and glm."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation.estimators import poisson, twfe
from evaluation.findings import Estimator, Fit, Interval, LinearFit, Procedure
from evaluation.inference.cluster_robust import cr1, cr2
from evaluation.panel import Panel

# The vignette prints two to five digits; the case stores R's own to eleven.
RECOMPUTED = 1e-9
# R's glm stops when the deviance moves by 1e-8, which leaves 1e-7 in the errors.
GLM = 1e-6

FloatArray = NDArray[np.float64]
Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]
COLUMNS = ("legal", "beertaxa")


@pytest.fixture(scope="module")
def table(cases: Path) -> pl.DataFrame:
    """Return the states' deaths, with the share of 18 to 20 year olds who may drink as dose."""
    return pl.read_csv(cases / "mlda_clubsandwich_cr2" / "data.csv").with_columns(
        dose=pl.col("exposure_legal"),
        first_treated=pl.lit(0),
        count=pl.col("deaths"),
        exposure=pl.col("population"),
    )


@pytest.fixture(scope="module")
def panels(table: pl.DataFrame, as_panel: MakePanel) -> dict[str, Panel]:
    """Return the panel unweighted, by population, and as a rate per 100,000."""
    weighted = table.with_columns(weight=pl.col("population").cast(pl.Float64))
    return {
        "ols": as_panel(table, covariates=("beertaxa",)),
        "wls": as_panel(weighted, covariates=("beertaxa",)),
        "poisson": as_panel(table, covariates=("beertaxa",), measure="rate", per=1e5),
    }


def with_beer_tax(fit: Fit) -> Fit:
    """Make the covariate an effect of its own: the second column of the design."""
    assert fit.linear is not None
    linear = dataclasses.replace(fit.linear, contrasts=np.eye(fit.linear.coef.size)[:2])
    tax = dataclasses.replace(fit.effect, group="beertaxa", value=float(linear.coef[1]))
    return dataclasses.replace(fit, linear=linear, effects=(fit.effect, tax))


def ask(
    procedure: Procedure, estimator: Estimator, panel: Panel
) -> list[tuple[float, float | None, float | None, float | None]]:
    fit = with_beer_tax(estimator(panel))
    found: list[tuple[float, Interval]] = [
        (effect.value, procedure(estimator, panel, fit.focused(i), np.random.default_rng(0)))
        for i, effect in enumerate(fit.effects)
    ]
    return [(value, one.std_error, one.df, one.p) for value, one in found]


@pytest.mark.parametrize("model", ["ols", "wls"])
@pytest.mark.parametrize("kind", ["CR1", "CR2"])
def test_least_squares(panels: dict[str, Panel], expected: Expected, model: str, kind: str) -> None:
    procedure = cr1(level=0.95) if kind == "CR1" else cr2(level=0.95)
    case = expected("mlda_clubsandwich_cr2")[f"{model}_{kind}"]
    by = "t" if kind == "CR1" else "Satt"
    for name, row, found in zip(
        COLUMNS, case["recomputed"], ask(procedure, twfe, panels[model]), strict=True
    ):
        wanted = (row["beta"], row["SE"], row[f"df_{by}"], row[f"p_{by}"])
        assert found == pytest.approx(wanted, rel=RECOMPUTED)
        value, error, _, df, _ = case["published"][name]
        assert found[:3] == pytest.approx((value, error, df), abs=case["tol"]["se"])


def test_why_the_vignette_has_other_figures_for_a_target(
    panels: dict[str, Panel], expected: Expected
) -> None:
    # `target` = 1/population, which `cr2` does not offer. clubSandwich calls an eigenvalue zero
    # below 1e-12 whatever the scale; here they are of the order of population^-2, so that of 650
    # it drops 17 of the largest states. With that threshold its figures follow to ten digits; with
    # a relative one the errors are 5% larger. The same threshold spoils its Poisson figures below.
    fit = with_beer_tax(twfe(panels["wls"]))
    assert fit.linear is not None
    dense = Dense(fit.linear, np.ones(fit.linear.residual.size))
    variance = 1 / fit.linear.weights
    stored = expected("mlda_clubsandwich_cr2")["wls_CR2_target"]["recomputed"]
    for contrast, row, own in zip(
        fit.linear.contrasts, stored, ((2.126661, 13.663938), (4.394800, 5.633313)), strict=True
    ):
        theirs = dense_cr2(dense, variance, contrast, absolute=1e-12)
        assert theirs == pytest.approx((row["SE"], row["df_Satt"]), rel=RECOMPUTED)
        assert dense_cr2(dense, variance, contrast) == pytest.approx(own, abs=1e-6)


def test_poisson_coefficients_and_cr1(panels: dict[str, Panel], expected: Expected) -> None:
    case = expected("mlda_clubsandwich_cr2")["poisson_offset"]["recomputed"]
    found = ask(cr1(level=0.95), poisson, panels["poisson"])
    for row, (value, error, df, p) in zip(case["glm_CR1"], found, strict=True):
        assert value == pytest.approx(row["beta"], abs=GLM)
        assert error == pytest.approx(row["SE"], rel=GLM)
        assert df == row["df_t"]
        assert p == pytest.approx(row["p_t"], rel=1e-5)
    # fixest: effects nested in the cluster are not counted in K = 2 slopes + 14 years.
    fixest = ((700 - 1) / (700 - 16)) ** 0.5
    for row, (value, error, _, _) in zip(case["fepois"], found, strict=True):
        assert value == pytest.approx(row["Estimate"], abs=GLM)
        assert error is not None
        assert error * fixest == pytest.approx(row["Std. Error"], rel=GLM)


def test_poisson_cr2_errors(panels: dict[str, Panel], expected: Expected) -> None:
    case = expected("mlda_clubsandwich_cr2")["poisson_offset"]["recomputed"]["glm_CR2"]
    for row, (_, error, _, _) in zip(
        case, ask(cr2(level=0.95), poisson, panels["poisson"]), strict=True
    ):
        assert error == pytest.approx(row["SE"], rel=GLM)


class Dense:
    """A fit with every dummy, on the scale of the response: columns, weights, residuals."""

    def __init__(self, linear: LinearFit, slope: FloatArray) -> None:
        units = (linear.unit[:, None] == np.arange(linear.unit.max() + 1)).astype(float)
        self.design = slope[:, None] * np.column_stack([linear.x, units])
        self.weights = linear.weights / slope**2
        self.residual = slope * linear.residual
        self.cluster = linear.cluster
        bread = np.linalg.inv(self.design.T @ (self.weights[:, None] * self.design))
        self.solve = bread @ self.design.T * self.weights
        self.maker = np.eye(slope.size) - self.design @ self.solve


def adjusted(
    fit: Dense, variance: FloatArray, contrast: FloatArray, *, absolute: float = 0.0
) -> FloatArray:
    """Return what each error counts for in each site's score; shape (G, n).

    Eigenvalues count as zero relative to the largest (a unit's own dummy leaves one), or below
    ``absolute``, as in clubSandwich's ``matrix_power``.
    """
    spread = (fit.maker * variance) @ fit.maker.T
    full = np.zeros(fit.design.shape[1])
    full[: contrast.size] = contrast
    sites = int(fit.cluster.max()) + 1
    parts = np.zeros((sites, fit.residual.size))
    for site in range(sites):
        rows = np.flatnonzero(fit.cluster == site)
        root = np.sqrt(variance[rows])
        values, vectors = np.linalg.eigh(root[:, None] * spread[np.ix_(rows, rows)] * root)
        kept = values > (absolute or 1e-10 * values.max())
        inverse = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
        parts[site, rows] = (full @ fit.solve[:, rows] * root) @ inverse * root
    return np.asarray(parts @ fit.maker)


def dense_cr2(
    fit: Dense, variance: FloatArray, contrast: FloatArray, *, absolute: float = 0.0
) -> tuple[float, float]:
    """Return the standard error and Satterthwaite's degrees of freedom by their definitions."""
    parts = adjusted(fit, variance, contrast, absolute=absolute)
    moments = (parts * variance) @ parts.T
    # The residuals are the errors that `maker` leaves as they are.
    square = float(((parts @ fit.residual) ** 2).sum())
    return square**0.5, float(np.trace(moments) ** 2 / (moments**2).sum())


@pytest.mark.parametrize("column", [0, 1])
def test_poisson_degrees_of_freedom_are_those_of_the_definition(
    panels: dict[str, Panel], expected: Expected, column: int
) -> None:
    # Stored: 8.81 and 3.42, from clubSandwich on R's glm. They are rounding (METHODS.md): of the
    # eigenvalues that are 0 by construction it keeps those that rounding leaves above 1e-12, and
    # they scale with the square of the deaths. By definition, and by drawing from the working
    # model, the degrees of freedom are 14.76 and 5.70.
    fit = with_beer_tax(poisson(panels["poisson"]))
    assert fit.linear is not None
    mean = fit.linear.weights
    dense = Dense(fit.linear, mean)
    contrast = fit.linear.contrasts[column]
    error, df = dense_cr2(dense, mean, contrast)
    found = ask(cr2(level=0.95), poisson, panels["poisson"])[column]
    assert (found[1], found[2]) == pytest.approx((error, df), rel=1e-8)
    assert df == pytest.approx((14.759563, 5.695966)[column], abs=1e-6)

    draws = 20_000
    errors = np.random.default_rng(20260401).normal(size=(draws, mean.size)) * np.sqrt(mean)
    variances = ((errors @ adjusted(dense, mean, contrast).T) ** 2).sum(axis=1)
    drawn = 2 * variances.mean() ** 2 / variances.var()
    monte_carlo = df * ((2 + 12 / df) / draws) ** 0.5
    assert drawn == pytest.approx(df, abs=4 * monte_carlo)
    stored = expected("mlda_clubsandwich_cr2")["poisson_offset"]["recomputed"]["glm_CR2"]
    assert abs(drawn - stored[column]["df_Satt"]) > 10 * monte_carlo
