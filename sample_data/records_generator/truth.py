"""Which admissions each definition looks at, written by hand from the published rules."""

from __future__ import annotations

import polars as pl

__all__ = ["EMERGENCIES", "is_avoidable", "looked_at"]

# Methods of admission that are emergencies, as published.
EMERGENCIES = ("21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D")
_TRANSFERS = ("51", "52", "53")
_MATERNITY = ("501", "560", "610")
_LEAST_AGE = 65


def looked_at(key: str) -> pl.Expr:
    """Return whether a record of the truth is an admission that a definition looks at."""
    emergency = pl.col("method").is_in(EMERGENCIES)
    aged = pl.col("age").is_not_null()
    general = (pl.col("kind") == "1") & (pl.col("patient_class") == "1")
    plain = general & (pl.col("episode") == 0) & pl.col("sex").is_in(["1", "2"])
    framework = emergency & plain & ~pl.col("source").is_in(_TRANSFERS)
    of_the_fund = ~pl.col("method").is_in(["22", "25"]) & ~pl.col("specialty").is_in(_MATERNITY)
    # 11900 has lost its zero; a blank is kept.
    born = ~pl.col("born").is_in(["011900", "011901", "011800", "11900"])
    rules = {
        "cqc_2013_iau": emergency & (pl.col("age") >= _LEAST_AGE) & ~pl.col("private"),
        "nhsof_2_3_i": framework & aged,
        "nhsof_3a": framework,
        "su_19_acsc": emergency,
        "iif_ac_02": emergency & plain & aged & born & of_the_fund,
    }
    return rules[key].fill_null(value=False)


def is_avoidable(key: str) -> pl.Expr:
    """Return whether a record of the truth is an avoidable admission by a definition."""
    return looked_at(key) & pl.col(f"counted_by_{key}")
