"""Synthetic hospital records under the names of HES, with what is true of each of them.

No patient, hospital or care home is behind any of them. What is odd in HES is in them on purpose:
padded and unknown diagnoses (I10X, R69X), daggers and dots, dates that mean none (1800-01-01),
months of birth that mean none (011900), methods 2A to 2D, long stays in the files of two years,
unfinished episodes, ages 7001 to 7007, sub-ICBs 59898 and 59999, LSOA Z99999999, transfers, spells
of several episodes, and residents of care homes who are mostly coded as at home.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from records_generator.cells import spread, write_cells, write_truth
from records_generator.scenarios import DEFINITIONS
from records_generator.stays import draw_stays
from records_generator.truth import EMERGENCIES, is_avoidable

__all__ = ["DEFINITIONS", "EMERGENCIES", "SEED", "Drawn", "draw", "is_avoidable"]

SEED = 461000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Records and the truth about them.

    Parameters
    ----------
    records : polars.DataFrame
        Every cell as text, as in a CSV.
    truth : polars.DataFrame
        One row a record, in the same order: which stay it is of, its role there (``first``,
        ``later``, ``unfinished``, ``repeated``), what is true of the stay, and by the conditions
        of which definitions its own codes are avoidable.
    """

    records: pl.DataFrame
    truth: pl.DataFrame


def draw(n: int, *, seed: int = SEED) -> Drawn:
    """Draw exactly ``n`` records; the same seed gives the same records.

    Parameters
    ----------
    n : int
        At least some hundred, so that everything odd is among them.
    seed : int
    """
    rng = np.random.default_rng(seed)
    stays = draw_stays(n, rng)
    rows = spread(stays, n, rng)
    return Drawn(records=write_cells(stays, rows, rng), truth=write_truth(stays, rows))
