"""What the peers do in the races of estimators; runs in their environment, without this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.worker import Call, Table

if TYPE_CHECKING:
    import pandas as pd


_PLACEBOS = 500
_SEED = 20260401


def _frame(table: Table, *names: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: table[name] for name in names})


def _of(estimate: float, error: float | None = None) -> Mapping[str, float]:
    return {"estimate": estimate} if error is None else {"estimate": estimate, "se": error}


# ------------------------------------------------------------------ two-way fixed effects


def pyfixest_twfe(table: Table) -> Call:
    """Time pyfixest, CRV1 by site."""
    import pyfixest

    frame = _frame(table, "unit", "site", "period", "y", "treated")

    def call() -> Mapping[str, float]:
        fit: Any = pyfixest.feols("y ~ treated | unit + period", frame, vcov={"CRV1": "site"})
        return _of(fit.coef()["treated"], fit.se()["treated"])

    return call


def diff_diff_core(table: Table) -> Call:
    """Time diff-diff's compiled core: both effects taken out, then CR1 by site."""
    from diff_diff.linalg import solve_ols
    from diff_diff.utils import within_transform

    frame = _frame(table, "unit", "site", "period", "y", "treated")

    def call() -> Mapping[str, float]:
        within = within_transform(frame, ["y", "treated"], "unit", "period")
        found: Any = solve_ols(
            within[["treated_demeaned"]].to_numpy(),
            within["y_demeaned"].to_numpy(),
            cluster_ids=frame["site"].to_numpy(),
        )
        return _of(found[0][0], found[2][0, 0] ** 0.5)

    return call


def diff_diff_twfe(table: Table) -> Call:
    """Time diff-diff as its users call it; its time effect is before and after, not each period."""
    from diff_diff import TwoWayFixedEffects

    frame = _frame(table, "unit", "site", "y")
    start = table["first"][table["first"] >= 0].min()
    frame["pilot"] = (table["first"] >= 0).astype(int)
    frame["post"] = (table["period"] >= start).astype(int)

    def call() -> Mapping[str, float]:
        estimator = TwoWayFixedEffects(cluster="site")
        found: Any = estimator.fit(frame, outcome="y", treatment="pilot", post="post", unit="unit")
        return _of(found.att, found.se)

    return call


def linearmodels_twfe(table: Table) -> Call:
    """Time linearmodels' PanelOLS, clustered by site, with low memory."""
    from linearmodels.panel import PanelOLS

    frame = _frame(table, "unit", "site", "period", "y", "treated").set_index(["unit", "period"])

    def call() -> Mapping[str, float]:
        model = PanelOLS(frame["y"], frame[["treated"]], entity_effects=True, time_effects=True)
        fit: Any = model.fit(
            cov_type="clustered", clusters=frame[["site"]], low_memory=True, debiased=True
        )
        return _of(fit.params["treated"], fit.std_errors["treated"])

    return call


# ------------------------------------------------------------------ staggered starts


def _starts(table: Table) -> pd.DataFrame:
    """Return the panel with 0 for never, as these packages have it; periods from 1."""
    frame = _frame(table, "unit", "site", "period", "y")
    frame["period"] += 1
    frame["first"] = np.where(table["first"] >= 0, table["first"] + 1, 0)
    return frame


def diff_diff_callaway_santanna(table: Table) -> Call:
    """Time diff-diff: all averages, clustered by site."""
    from diff_diff import CallawaySantAnna

    frame = _starts(table)

    def call() -> Mapping[str, float]:
        estimator = CallawaySantAnna(cluster="site")
        found: Any = estimator.fit(
            frame, outcome="y", unit="unit", time="period", first_treat="first", aggregate="all"
        )
        return _of(found.overall_att, found.overall_se)

    return call


def csdid_callaway_santanna(table: Table) -> Call:
    """Time csdid: the simple average, errors by unit."""
    from csdid.att_gt import ATTgt

    frame = _starts(table)

    def call() -> Mapping[str, float]:
        model: Any = ATTgt(
            yname="y",
            tname="period",
            idname="unit",
            gname="first",
            data=frame,
            control_group=["nevertreated"],
        )
        found = model.fit(est_method="dr", bstrap=False).aggte(typec="simple", bstrap=False)
        return _of(found.atte["overall_att"], float(np.ravel(found.atte["overall_se"])[0]))

    return call


def moderndid_callaway_santanna(table: Table) -> Call:
    """Time moderndid: the simple average, errors by unit."""
    import moderndid
    import polars as pl

    frame = pl.from_pandas(_starts(table))

    def call() -> Mapping[str, float]:
        found: Any = moderndid.att_gt(
            data=frame,
            yname="y",
            tname="period",
            idname="unit",
            gname="first",
            boot=False,
            cband=False,
        )
        simple: Any = moderndid.aggte(found, type="simple", boot=False, cband=False)
        return _of(simple.overall_att, simple.overall_se)

    return call


def diff_diff_imputation(table: Table) -> Call:
    """Time diff-diff: all averages, clustered by site."""
    from diff_diff import ImputationDiD

    frame = _starts(table)

    def call() -> Mapping[str, float]:
        estimator = ImputationDiD(cluster="site")
        found: Any = estimator.fit(
            frame, outcome="y", unit="unit", time="period", first_treat="first", aggregate="all"
        )
        return _of(found.overall_att, found.overall_se)

    return call


def pyfixest_did2s(table: Table) -> Call:
    """Time pyfixest's two-stage form of the same estimate (Gardner 2022), overall alone."""
    import pyfixest

    frame = _frame(table, "unit", "site", "period", "y", "treated")
    frame["treated"] = frame["treated"].astype(bool)

    def call() -> Mapping[str, float]:
        fit: Any = pyfixest.did2s(
            frame,
            yname="y",
            first_stage="~ 0 | unit + period",
            second_stage="~ i(treated, ref=False)",
            treatment="treated",
            cluster="site",
        )
        return _of(fit.coef().iloc[0], fit.se().iloc[0])

    return call


# ------------------------------------------------------------------ Poisson, synthetic methods


def pyfixest_poisson(table: Table) -> Call:
    """Time pyfixest's fepois, CRV1 by site."""
    import pyfixest

    frame = _frame(table, "unit", "site", "period", "count", "treated")

    def call() -> Mapping[str, float]:
        fit: Any = pyfixest.fepois("count ~ treated | unit + period", frame, vcov={"CRV1": "site"})
        return _of(fit.coef()["treated"], fit.se()["treated"])

    return call


def diff_diff_synthetic_did(table: Table) -> Call:
    """Time diff-diff with 500 placebos."""
    from diff_diff import SyntheticDiD

    frame = _frame(table, "unit", "period", "y")
    frame["pilot"] = (table["first"] >= 0).astype(int)
    start = table["first"][table["first"] >= 0].min()
    after = list(range(start, table["period"].max() + 1))

    def call() -> Mapping[str, float]:
        estimator = SyntheticDiD(variance_method="placebo", n_bootstrap=_PLACEBOS, seed=_SEED)
        found: Any = estimator.fit(
            frame,
            outcome="y",
            treatment="pilot",
            unit="unit",
            time="period",
            post_periods=after,
        )
        return _of(found.att, found.se)

    return call


def synthdid_py(table: Table) -> Call:
    """Time synthdid-py, a port of the authors' R package, 500 placebos."""
    import synthdid

    frame = _frame(table, "unit", "period", "y", "treated")

    def call() -> Mapping[str, float]:
        matrices: Any = synthdid.panel_matrices(
            frame, unit="unit", time="period", outcome="y", treatment="treated"
        )
        found: Any = synthdid.synthdid_estimate(matrices.Y, matrices.N0, matrices.T0)
        error = synthdid.placebo_se(found, replications=_PLACEBOS, random_state=_SEED)
        return _of(float(found), float(error))

    return call
