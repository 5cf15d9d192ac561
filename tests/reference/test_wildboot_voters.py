"""wildboot_voters: fwildclusterboot's vignette and README, WCR with Rademacher signs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation.findings import LinearFit
from evaluation.inference.cluster_robust import covariance
from evaluation.inference.inversion import invert
from evaluation.inference.wild_bootstrap import draw_signs, wild_test

FloatArray = NDArray[np.float64]
Expected = Callable[[str], dict[str, Any]]

DRAWS = 9999
ROWS, CLUSTERS = 300, 40
# Ends are printed to three digits, and 9,999 draws leave them uncertain by about .0005.
END = 0.0015


class Published(NamedTuple):
    """One entry: which columns, which contrast of them, tested at what."""

    name: str
    slopes: tuple[str, ...]
    factors: tuple[str, ...]
    contrast: tuple[float, ...]
    tested: float


ENTRIES = [
    Published(
        "wcr_group1",
        ("treatment", "ideology1", "log_income"),
        ("Q1_immigration",),
        (1.0,),
        0.0,
    ),
    Published(
        "wcr_multi",
        ("treatment", "ideology1", "log_income"),
        ("Q1_immigration",),
        (0.6, 0.2),
        0.02,
    ),
    Published("readme", ("treatment", "log_income"), ("Q1_immigration", "Q2_defense"), (1.0,), 0.0),
]


@pytest.fixture(scope="module")
def voters(cases: Path) -> pl.DataFrame:
    """Return the simulated voters."""
    return pl.read_csv(cases / "wildboot_voters" / "data.csv")


def regression(voters: pl.DataFrame, entry: Published) -> LinearFit:
    """Fit the vignette's `lm`: a cross-section, so that an intercept takes the units' place."""
    columns = [voters[name].to_numpy().astype(float) for name in entry.slopes]
    for factor in entry.factors:
        levels = voters[factor].unique().sort().to_list()
        columns += [(voters[factor] == value).to_numpy().astype(float) for value in levels[1:]]
    x = np.column_stack([*columns, np.ones(voters.height)])
    outcome = voters["proposition_vote"].to_numpy().astype(float)
    coef: FloatArray = np.linalg.lstsq(x, outcome, rcond=None)[0]
    contrast = np.zeros((1, x.shape[1]))
    contrast[0, : len(entry.contrast)] = entry.contrast
    cluster = np.unique(voters["group_id1"].to_numpy(), return_inverse=True)[1]
    return LinearFit(
        x=x,
        residual=outcome - x @ coef,
        weights=np.ones(voters.height),
        cluster=cluster,
        unit=cluster,
        coef=coef,
        contrasts=contrast,
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_wcr(voters: pl.DataFrame, expected: Expected, entry: Published) -> None:
    case = expected("wildboot_voters")[entry.name]
    wanted, tolerance = case["published"], case["tol"]
    linear = regression(voters, entry)
    assert (voters.height, linear.n_clusters) == (ROWS, CLUSTERS)
    estimate = float(linear.contrasts[0] @ linear.coef)
    assert estimate == pytest.approx(wanted["estimate"], abs=0.0006)
    # The package's t has Stata's factor; it cancels against that of the samples.
    columns = linear.x.shape[1]
    factor = CLUSTERS / (CLUSTERS - 1) * (ROWS - 1) / (ROWS - columns)
    error = float(covariance(linear, kind="cr0")[0, 0] * factor) ** 0.5
    assert (estimate - entry.tested) / error == pytest.approx(wanted["t"], abs=tolerance["t"])

    signs = draw_signs(CLUSTERS, draws=DRAWS, random=np.random.default_rng(20260401))
    test = wild_test(linear, signs, scores="plain")
    p = test(entry.tested).p
    assert p == pytest.approx(wanted["p"], abs=tolerance.get("p", 0.001))
    ends = invert(lambda value: test(value).p, estimate=estimate, scale=error, level=0.95)
    assert ends == pytest.approx(wanted["ci"], abs=END)


def test_jackknifed_scores_change_little_with_forty_clusters(voters: pl.DataFrame) -> None:
    linear = regression(voters, ENTRIES[1])
    signs = draw_signs(CLUSTERS, draws=DRAWS, random=np.random.default_rng(20260401))
    plain, jackknifed = (
        wild_test(linear, signs, scores=kind)(0.02).p for kind in ("plain", "jackknifed")
    )
    assert jackknifed == pytest.approx(plain, abs=0.002)
