"""Hold `wild` to wildboottest and pyfixest: the same signs, then each with its own.

Both are referees for development alone and no part of the project's environments. In one that has
them beside this package:

    python benchmarks/wild_referees.py CASES

where CASES is the folder of published cases. Prints for each panel, with plain and with jackknifed
scores, the share of draws as far out: ours and wildboottest's on the same sign vectors, which must
be equal to the draw, then its own and pyfixest's with signs of their own, with seconds of processor
time. Exits with 1 when they differ.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyfixest
from numpy.typing import NDArray
from wildboottest.wildboottest import WildboottestCL

from evaluation.estimators.design import absorb
from evaluation.findings import LinearFit
from evaluation.inference.moments import moments
from evaluation.inference.wild_bootstrap import Signs, draw_signs, wild_p_value
from evaluation.inference.wild_scores import Scores

FloatArray = NDArray[np.float64]
DRAWS = 9999
TYPES: dict[Scores, str] = {"plain": "11", "jackknifed": "31"}


class Case(NamedTuple):
    """A panel as a regression: focal column first, then covariates; and the outcome."""

    name: str
    slopes: FloatArray
    outcome: FloatArray
    unit: NDArray[np.int64]
    period: NDArray[np.int64]
    site: NDArray[np.int64]
    weights: FloatArray


def cases(folder: Path) -> list[Case]:
    """Read the panels: three of r_reference, one weighted, mlda, and one with ragged sites."""
    found = []
    for name in ("A_const", "B_dynamic", "C_null_hetero"):
        table = pl.read_csv(folder / "r_reference" / f"panel_{name}.csv")
        treated = (pl.col("first_treated") > 0) & (pl.col("time") >= pl.col("first_treated"))
        table = table.with_columns(treated=treated.cast(pl.Float64))
        found.append(_case(f"r_reference {name}", table, ("treated", "x")))
        if name == "A_const":
            weights = table["population"].to_numpy().astype(float)
            found.append(found[0]._replace(name="r_reference A weighted", weights=weights))
            random = np.random.default_rng(1)
            kept = random.uniform(size=table.height) > 0.1
            # Most of the effect taken out again, so that the p-value is not at its least.
            less = table.filter(pl.Series(kept)).with_columns(
                y=pl.col("y") + 0.9 * pl.col("treated")
            )
            ragged = _case("A ragged, 24 sites, nearer 0", less, ("treated", "x"))
            found.append(ragged._replace(site=np.minimum(ragged.unit, 65 - ragged.unit) % 24))
    table = pl.read_csv(folder / "mlda_clubsandwich_cr2" / "data.csv")
    found.append(_case("mlda", table, ("exposure_legal", "beertaxa")))
    return found


def _case(name: str, table: pl.DataFrame, slopes: tuple[str, ...]) -> Case:
    unit, period = (
        np.unique(table[column].to_numpy(), return_inverse=True)[1].astype(np.int64)
        for column in ("unit", "time")
    )
    return Case(
        name=name,
        slopes=table.select(slopes).to_numpy().astype(float),
        outcome=table["y"].to_numpy().astype(float),
        unit=unit,
        period=period,
        site=unit,
        weights=np.ones(table.height),
    )


def linear_fit(case: Case) -> LinearFit:
    """Return our equations: unit effects absorbed, period dummies as columns."""
    dummies = case.period[:, None] == np.arange(1, case.period.max() + 1)
    x = absorb(np.column_stack([case.slopes, dummies]), case.unit, case.weights)
    y = absorb(case.outcome, case.unit, case.weights)
    root = np.sqrt(case.weights)
    coef = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0].astype(np.float64)
    return LinearFit(
        x=x,
        residual=y - x @ coef,
        weights=case.weights,
        cluster=np.unique(case.site, return_inverse=True)[1],
        unit=case.unit,
        coef=coef,
        contrasts=np.eye(coef.size)[:1],
    )


def wildboottest_p(case: Case, kind: Scores, signs: Signs | None) -> tuple[float, float]:
    """Return wildboottest's p-value, with our signs where given, and its seconds."""
    units = case.unit[:, None] == np.arange(case.unit.max() + 1)
    periods = case.period[:, None] == np.arange(1, case.period.max() + 1)
    root = np.sqrt(case.weights)
    x = np.column_stack([case.slopes, units, periods]) * root[:, None]
    restriction = np.zeros(x.shape[1])
    restriction[0] = 1
    start = time.process_time()
    boot: Any = WildboottestCL(
        X=x,
        Y=case.outcome * root,
        cluster=case.site,
        R=restriction,
        B=DRAWS,
        seed=1,
        parallel=False,
    )
    boot.get_scores(bootstrap_type=TYPES[kind], impose_null=True)
    boot.get_weights(weights_type="rademacher")
    if signs is not None:
        boot.v = signs.values.T.copy()
    boot.get_numer()
    boot.get_denom()
    boot.get_tboot()
    boot.get_vcov()
    boot.get_tstat()
    boot.get_pvalue()
    return float(boot.pvalue), time.process_time() - start


def pyfixest_p(case: Case, kind: Scores) -> tuple[float, float]:
    """Return pyfixest's p-value and its seconds; it takes no weights."""
    frame = pd.DataFrame(case.slopes, columns=["focal", "other"]).assign(
        y=case.outcome, unit=case.unit, period=case.period, site=case.site
    )
    formula = "y ~ focal + other + C(unit) + C(period)"
    fit: Any = pyfixest.feols(formula, data=frame, vcov={"CRV1": "site"})
    start = time.process_time()
    found = fit.wildboottest(param="focal", reps=DRAWS, bootstrap_type=TYPES[kind], seed=1)
    return float(found["Pr(>|t|)"]), time.process_time() - start


def main(folder: Path) -> int:
    """Compare every panel; return 1 when the same signs give another p-value."""
    differ = False
    for case in cases(folder):
        linear = linear_fit(case)
        sites = linear.n_clusters
        for kind in TYPES:
            signs = draw_signs(sites, draws=DRAWS, random=np.random.default_rng(20260401))
            ours = wild_p_value(linear, signs, scores=kind)
            # Ours counts the sample as a draw; wildboottest's share does not.
            share = (ours * (DRAWS + 1) - 1) / DRAWS
            theirs, _ = wildboottest_p(case, kind, signs)
            own, seconds = wildboottest_p(case, kind, None)
            differ |= abs(share - theirs) > 0.5 / DRAWS
            line = f"{case.name:28s} {kind:10s} ours {share:.6f} same signs {theirs:.6f}"
            line += f" own {own:.4f} ({seconds:.2f} s)"
            if (case.weights == 1).all():
                p, seconds = pyfixest_p(case, kind)
                line += f" pyfixest {p:.4f} ({seconds:.2f} s)"
            sys.stdout.write(f"{line}\n")
        sys.stdout.write(f"{'':28s} ours, warm, draws and p: {_seconds(linear):.4f} s\n")
    return int(differ)


def _seconds(linear: LinearFit) -> float:
    best = float("inf")
    for _ in range(5):
        fresh = dataclasses.replace(linear)
        start = time.process_time()
        signs = draw_signs(linear.n_clusters, draws=DRAWS, random=np.random.default_rng(1))
        wild_p_value(fresh, signs)
        best = min(best, time.process_time() - start)
    assert moments(fresh) is not moments(linear)
    return best


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
