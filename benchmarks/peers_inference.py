"""What the peers do in the races of inference; runs in their environment, without this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.worker import Call, Table

if TYPE_CHECKING:
    import pandas as pd


_DRAWS = 9999
_SEED = 20260401
# Refitting 9,999 times takes pyfixest minutes: a part stands for the whole.
_REFITS = 99


def _frame(table: Table) -> pd.DataFrame:
    import pandas as pd

    columns = ("unit", "site", "period", "first", "treated", "y")
    return pd.DataFrame({name: table[name] for name in columns})


def wildboottest_p(table: Table) -> Call:
    """Time wildboottest's p-value (WCR-S) from a fitted statsmodels OLS with dummies."""
    import statsmodels.api as sm
    from wildboottest.wildboottest import wildboottest

    frame = _frame(table)
    units = frame["unit"].to_numpy()[:, None] == np.arange(frame["unit"].max() + 1)
    periods = frame["period"].to_numpy()[:, None] == np.arange(1, frame["period"].max() + 1)
    design = np.column_stack([frame["treated"], units, periods]).astype(float)
    names = ["treated", *(f"x{j}" for j in range(1, design.shape[1]))]
    model = sm.OLS(frame["y"].to_numpy(), design)
    model.exog_names[:] = names
    cluster = frame["site"]

    def call() -> Mapping[str, float]:
        found = wildboottest(
            model,
            param="treated",
            B=_DRAWS,
            cluster=cluster,
            bootstrap_type="31",
            seed=_SEED,
            parallel=False,
            show=False,
        )
        return {"p": float(found["p-value"].iloc[0])}

    return call


def pyfixest_wild_p(table: Table) -> Call:
    """Time pyfixest's p-value (WCR-S) from a fitted model with both effects."""
    import pyfixest

    fit: Any = pyfixest.feols("y ~ treated | unit + period", _frame(table), vcov={"CRV1": "site"})

    def call() -> Mapping[str, float]:
        found = fit.wildboottest(param="treated", reps=_DRAWS, bootstrap_type="31", seed=_SEED)
        return {"p": float(found["Pr(>|t|)"])}

    return call


def _collapsed(table: Table) -> pd.DataFrame:
    frame = _frame(table)
    return frame.groupby(["site", "period"], as_index=False)[["y", "treated"]].mean()


def _ritest(frame: pd.DataFrame, formula: str, kind: str, draws: int) -> Call:
    import pyfixest

    fit: Any = pyfixest.feols(formula, frame, vcov={"CRV1": "site"})
    how = "fast" if kind == "randomization-c" else "slow"

    def call() -> Mapping[str, float]:
        random = np.random.default_rng(_SEED)
        found = fit.ritest("treated", reps=draws, type=kind, choose_algorithm=how, rng=random)
        return {"p": float(found["Pr(>|t|)"])}

    return call


_TWO_WAY = "y ~ treated | site+period"


def pyfixest_ritest_coefficient(table: Table) -> Call:
    """Time pyfixest's compiled test on the collapsed panel; it redraws treatment cell by cell."""
    return _ritest(_collapsed(table), _TWO_WAY, "randomization-c", _DRAWS)


def pyfixest_ritest_t(table: Table) -> Call:
    """Time its test by t, which refits: 99 of 9,999."""
    return _ritest(_collapsed(table), _TWO_WAY, "randomization-t", _REFITS)


def pyfixest_ritest_of_changes(table: Table) -> Call:
    """Time its least work: how each site's mean changed at the first start, on who is treated.

    Another statistic than ours where starts are staggered, and the site is what is redrawn.
    """
    frame = _collapsed(table)
    since = frame["period"] >= table["first"][table["first"] >= 0].min()
    means = [frame[which].groupby("site")[["y", "treated"]].mean() for which in (since, ~since)]
    change = means[0] - means[1]
    change["treated"] = (change["treated"] > 0).astype(float)
    return _ritest(change.reset_index(), "y ~ treated", "randomization-c", _DRAWS)
