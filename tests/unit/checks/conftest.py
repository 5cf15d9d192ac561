"""Small panels for the data checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation.panel import Adoption, Measure, Panel
from evaluation.periods import Calendar

MakePanel = Callable[..., Panel]


@pytest.fixture(scope="session")
def make_panel() -> MakePanel:
    """Return a maker of monthly panels from April 2023 on, one row of ``values`` a unit."""

    def make(
        values: NDArray[np.float64],
        *,
        units: tuple[str, ...] = (),
        starts: Mapping[str, str] | None = None,
        measure: Measure = "mean",
        columns: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> Panel:
        calendar = Calendar(frequency="month")
        first = calendar.parse("2023-04")
        names = units or tuple(f"U{i:02d}" for i in range(len(values)))
        i, t = np.nonzero(np.isfinite(values))
        rows = pl.DataFrame(
            {
                "unit": [names[k] for k in i],
                "period": first + t,
                "outcome": values[i, t],
                "weight": np.ones(len(i)),
                **{name: table[i, t] for name, table in (columns or {}).items()},
            }
        )
        adoption = Adoption(
            site={name: name for name in names},
            first_treated={u: calendar.parse(m) for u, m in (starts or {}).items()},
        )
        return Panel(rows=rows, adoption=adoption, calendar=calendar, measure=measure)

    return make
