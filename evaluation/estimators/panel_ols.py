"""The one door to linearmodels: two-way effects by PanelOLS. pandas stays on this side of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.design import Design

__all__ = ["panel_ols"]

# Above this many bytes of dummies linearmodels would warn and iterate of its own accord; asked for
# it, it iterates without the warning.
_DUMMY_BYTES = 2**30


def panel_ols(design: Design, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of the slopes by ``linearmodels.PanelOLS``.

    Parameters
    ----------
    design : Design
        n rows; its first ``n_slopes`` columns enter, the period dummies as time effects.
    outcome : array, shape (n,)

    Returns
    -------
    array, shape (n_slopes,)
    """
    import pandas as pd
    from linearmodels.panel import PanelOLS

    index = pd.MultiIndex.from_arrays([design.unit, design.period], names=["unit", "period"])
    slopes = design.columns[:, : design.n_slopes]
    names = [f"x{j}" for j in range(design.n_slopes)]
    model = PanelOLS(
        pd.DataFrame({"outcome": outcome}, index=index),
        pd.DataFrame(slopes, index=index, columns=names),
        weights=pd.DataFrame({"weight": design.weights}, index=index),
        entity_effects=True,
        time_effects=True,
        check_rank=False,
    )
    fewer = min(int(design.unit.max()), int(design.period.max())) + 1
    heavy = 8 * design.unit.size * fewer > _DUMMY_BYTES
    # Its standard error is not read; without that error's correction a saturated fit will do.
    fitted = model.fit(cov_type="unadjusted", debiased=False, low_memory=heavy)
    return np.asarray(fitted.params, dtype=np.float64)
