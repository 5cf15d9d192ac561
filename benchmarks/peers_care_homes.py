"""What pyfixest is asked for care homes; runs in the peers' environment, without this package."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmarks.worker import Call, Table

_DRAWS = 9999
_SEED = 20260401


def _frame(table: Table) -> pd.DataFrame:
    names = ("unit", "site", "period", "treated", "y", "exposure")
    return pd.DataFrame({name: table[name] for name in names})


def pyfixest_crv3(table: Table) -> Call:
    """Time the jackknife of the same weighted fit."""
    import pyfixest

    frame = _frame(table)

    def call() -> Mapping[str, float]:
        fit = pyfixest.feols(
            "y ~ treated | unit + period", frame, vcov={"CRV3": "site"}, weights="exposure"
        )
        return {"estimate": float(fit.coef().iloc[0]), "se": float(fit.se().iloc[0])}

    return call


def pyfixest_wild_p(table: Table) -> Call:
    """Time the wild bootstrap's p-value from a fit without weights, which it does not take."""
    import pyfixest

    fit = pyfixest.feols("y ~ treated | unit + period", _frame(table), vcov={"CRV1": "site"})

    def call() -> Mapping[str, float]:
        found = fit.wildboottest(param="treated", cluster="site", reps=_DRAWS, seed=_SEED)
        return {"p": float(found["Pr(>|t|)"])}

    return call
