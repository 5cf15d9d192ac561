"""What somebody would write by hand for these very records, in polars and in SQL for DuckDB.

Each query names its codes and columns outright and trusts its input; the answers are those of the
package, or the race says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

__all__ = [
    "AVOIDABLE",
    "CLEANED",
    "CODE",
    "METHOD",
    "NO_ADMISSION",
    "NO_RECORD",
    "care_homes_duckdb",
    "care_homes_polars",
    "conditions_duckdb",
    "conditions_polars",
    "day",
    "in_duckdb",
    "panel_cleaned_duckdb",
    "panel_duckdb",
    "panel_figures",
    "panel_polars",
    "text",
]

_EMERGENCIES = ("21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D")
_THREE = (
    *("J20", "J21", "J22", "J40", "J41", "J42", "J43", "J44", "L89", "J69"),
    *("E10", "E11", "E12", "E13", "E14", "J12", "J13", "J14", "J15", "J16", "J17", "J18"),
    *("A02", "A03", "A04", "A05", "A06", "A07", "A08", "A09"),
    *(f"S{part}{kind}" for part in range(10) for kind in (2, 3, 8)),
    *("T02", "T03", "T05", "T08", "T10", "T12"),
)
_FOUR = ("R630", "R631", "R632", "R633", "R634", "R636", "R638", "N390")
_OLD = 65
_NO_DAYS = ("1800-01-01", "1801-01-01", "1600-01-01", "1582-10-15")
# The 19 conditions: what counts by the primary diagnosis alone, and what needs more.
_PLAIN = (
    "^(?:G4[01]|O15|R56|E86|K52[289]|A690|K0[2-68]|K09[89]|K1[23]|H6[67]|J0[236]|J312|N7[034]"
    "|K2[5-8][012456]|N1[012]|N136|J4[56]|J4[12347]|D50[189]|E4[0-3]|E550|E643)"
)
_ANYWHERE = ",(?:R02|E1[0-4][0-8]|A3[567]|A80|B0[56]|B16[19]|B18[01]|B26|G000|M014)"
_PNEUMONIA = ",(?:J1[0134]|J15[3479]|J168|J18[18])"
_HEART, _ON_HEART = "^(?:I110|I50|J81|I10|I119)", ",K(?:[0-4]|5[02567]|6[016-9]|71)"
_SKIN, _ON_SKIN = "^(?:L0[34]|L08[089]|L88|L980)", ",(?:[A-HJ-RTVW]|S[1-3]|S4[1-589]|X0[1245])"
_ANGINA, _ON_ANGINA = "^(?:I20|I24[089])", "^,(?:[A-HJ-TVW]|X0[1245])"


def _figures(cells: pl.DataFrame, counted: str) -> Mapping[str, float]:
    return {"cells": cells.height, "avoidable": float(cells[counted].sum())}


def _month() -> pl.Expr:
    return pl.col("admitted").dt.year().cast(pl.Int32) * 12 + pl.col("admitted").dt.month()


def in_duckdb(query: str, threads: int, **config: str) -> pl.DataFrame:
    """Run a query."""
    import duckdb

    with duckdb.connect(config={"threads": threads, **config}) as connection:
        answer = connection.sql(query)
        names, rows = answer.columns, answer.fetchall()
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# ------------------------------------------------------------------ from episodes


def care_homes_polars(folder: Path, _: int) -> Mapping[str, float]:
    """Count by the list for care homes, in polars."""
    primary = pl.col("primary")
    cells = (
        pl.scan_parquet(folder / "episodes" / "*.parquet")
        .filter(
            pl.col("method").is_in(_EMERGENCIES),
            pl.col("age") >= _OLD,
            pl.col("category") != "02",
            primary.str.slice(0, 3).is_in(_THREE) | primary.is_in(_FOUR),
        )
        .group_by("sub_icb", _month().alias("month"))
        .agg(pl.len().alias("n"))
        .collect(engine="streaming")
    )
    return _figures(cells, "n")


def care_homes_duckdb(folder: Path, threads: int) -> Mapping[str, float]:
    """Count by the list for care homes, in SQL."""
    query = f"""
        SELECT sub_icb, date_trunc('month', admitted) AS month, count(*) AS n
        FROM read_parquet('{folder}/episodes/*.parquet')
        WHERE method IN ({_listed(_EMERGENCIES)}) AND age >= {_OLD} AND category <> '02'
          AND (substr("primary", 1, 3) IN ({_listed(_THREE)}) OR "primary" IN ({_listed(_FOUR)}))
        GROUP BY ALL"""
    return _figures(in_duckdb(query, threads), "n")


def conditions_polars(folder: Path, _: int) -> Mapping[str, float]:
    """Count by the list of 19 conditions, in polars: filtered in steps, the cheapest first."""
    primary, diagnoses = pl.col("primary"), pl.col("diagnoses")
    procedures = pl.col("procedures").fill_null("")
    lungs = primary.str.starts_with("J20") & diagnoses.str.contains(".,J4[12347]")
    cells = (
        pl.scan_parquet(folder / "episodes" / "*.parquet")
        .filter(pl.col("method").is_in(_EMERGENCIES))
        .filter(
            primary.str.contains(_PLAIN)
            | diagnoses.str.contains(_ANYWHERE)
            | lungs
            | (diagnoses.str.contains(_PNEUMONIA) & ~diagnoses.str.contains(".,D57"))
            | (primary.str.contains(_HEART) & ~procedures.str.contains(_ON_HEART))
            | (primary.str.contains(_SKIN) & ~procedures.str.contains(_ON_SKIN))
            | (primary.str.contains(_ANGINA) & ~procedures.str.contains(_ON_ANGINA))
        )
        .group_by("sub_icb", _month().alias("month"))
        .agg(pl.len().alias("n"))
        .collect(engine="streaming")
    )
    return _figures(cells, "n")


def conditions_duckdb(folder: Path, threads: int) -> Mapping[str, float]:
    """Count by the list of 19 conditions, in SQL."""

    def has(column: str, pattern: str) -> str:
        return f"regexp_matches({column}, '{pattern}')"

    first, every, done = '"primary"', "diagnoses", "coalesce(procedures, '')"
    query = f"""
        SELECT sub_icb, date_trunc('month', admitted) AS month, count(*) AS n
        FROM read_parquet('{folder}/episodes/*.parquet')
        WHERE method IN ({_listed(_EMERGENCIES)})
          AND ({has(first, _PLAIN)} OR {has(every, _ANYWHERE)}
            OR (starts_with({first}, 'J20') AND {has(every, ".,J4[12347]")})
            OR ({has(every, _PNEUMONIA)} AND NOT {has(every, ".,D57")})
            OR ({has(first, _HEART)} AND NOT {has(done, _ON_HEART)})
            OR ({has(first, _SKIN)} AND NOT {has(done, _ON_SKIN)})
            OR ({has(first, _ANGINA)} AND NOT {has(done, _ON_ANGINA)}))
        GROUP BY ALL"""
    return _figures(in_duckdb(query, threads), "n")


# ------------------------------------------------------------------ from raw records

_FATES = (
    ("no_person", "ENCRYPTED_HESID IS NULL"),
    ("no_date", "ADMIDATE IS NULL"),
    ("unfinished", "EPISTAT IN ('1', '9')"),
    ("not_first", "EPIORDER <> '1'"),
    ("method_unknown", "ADMIMETH IS NULL OR ADMIMETH IN ('98', '99')"),
    ("not_emergency", f"ADMIMETH NOT IN ({_listed(_EMERGENCIES)})"),
    ("ageless", "STARTAGE IS NULL"),
    ("young", f"STARTAGE < {_OLD}"),
    ("no_match", "CH_MATCH = ''"),
    ("not_resident", "CH_MATCH <> '1'"),
)


def panel_duckdb(folder: Path, threads: int) -> Mapping[str, float]:
    """Count records by reason, provider, month and place, in SQL."""
    cases = " ".join(f"WHEN {holds} THEN '{fate}'" for fate, holds in _FATES)
    avoidable = (
        f"(left(DIAG_4_CONCAT, 3) IN ({_listed(_THREE)}) "
        f"OR left(DIAG_4_CONCAT, 4) IN ({_listed(_FOUR)})) AND ADMINCAT <> '02'"
    )
    query = f"""
        WITH told AS (
            SELECT *, CASE {cases} END AS fate
            FROM read_parquet('{folder}/raw/*.parquet'))
        SELECT fate, PROCODET, date_trunc('month', ADMIDATE) AS month,
               CASE WHEN fate IS NULL THEN CCG_RESIDENCE END AS place,
               CASE WHEN fate IS NULL THEN {avoidable} END AS avoidable, count(*) AS n
        FROM told GROUP BY ALL"""
    return panel_figures(in_duckdb(query, threads))


def text(column: str) -> str:
    """Return a cell without spaces around, null where it is blank, in SQL."""
    return f"nullif(trim({column}, ' \\t\\r\\n'), '')"


def day(column: str) -> str:
    """Return a date, null where it is one that means none, in SQL."""
    none = ", ".join(f"DATE '{day}'" for day in _NO_DAYS)
    return f"CASE WHEN {column} NOT IN ({none}) THEN {column} END"


_AGE = f"try_cast({text('CAST(STARTAGE AS VARCHAR)')} AS DOUBLE)"
_CODE = f"upper(left(replace({text('DIAG_4_CONCAT')}, '.', ''), 4))"
CLEANED = f"""
    {text("ENCRYPTED_HESID")} AS person, {text("PROCODET")} AS provider,
    {day("ADMIDATE")} AS admitted,
    {text("EPISTAT")} AS status, try_cast({text("EPIORDER")} AS INTEGER) AS number,
    upper({text("ADMIMETH")}) AS stated, {text("CCG_RESIDENCE")} AS sub_icb,
    CASE WHEN {_AGE} BETWEEN 7001 AND 7007 THEN 0 WHEN {_AGE} <= 130 THEN floor({_AGE}) END AS age,
    lpad({text("ADMINCAT")}, 2, '0') AS category,
    upper({text("CH_MATCH")}) NOT IN ('0', 'N', 'NO', 'F', 'FALSE') AS matched,
    DIAG_4_CONCAT"""
METHOD = """CASE stated WHEN '66' THEN '2A' WHEN '67' THEN '2B' WHEN '68' THEN '2C'
    WHEN '69' THEN '2D' ELSE stated END AS method"""
NO_RECORD = """WHEN person IS NULL THEN 'no_person' WHEN admitted IS NULL THEN 'no_date'
    WHEN status IN ('1', '9') THEN 'unfinished'"""
NO_ADMISSION = f"""WHEN method IS NULL OR method IN ('98', '99') THEN 'method_unknown'
    WHEN method NOT IN ({_listed(_EMERGENCIES)}) THEN 'not_emergency'
    WHEN age IS NULL THEN 'ageless' WHEN age < {_OLD} THEN 'young'
    WHEN matched IS NULL THEN 'no_match' WHEN NOT matched THEN 'not_resident'"""
CODE = f"regexp_replace({_CODE}, '[^A-Z0-9].*$|X$', '', 'g')"
AVOIDABLE = f"""(left(code, 3) IN ({_listed(_THREE)}) OR code IN ({_listed(_FOUR)}))
    AND category <> '02'"""


def panel_cleaned_duckdb(folder: Path, threads: int) -> Mapping[str, float]:
    """Do the same in SQL with what is odd in HES put right first, as the package does."""
    query = f"""
        WITH cleaned AS (SELECT {CLEANED} FROM read_parquet('{folder}/raw/*.parquet')),
        coded AS (SELECT *, {METHOD} FROM cleaned),
        told AS (
            SELECT *, CASE {NO_RECORD} WHEN number IS NULL OR number <> 1 THEN 'not_first'
                    {NO_ADMISSION} END AS fate,
                CASE WHEN fate IS NULL THEN {CODE} END AS code
            FROM coded)
        SELECT fate, provider, date_trunc('month', admitted) AS month,
               CASE WHEN fate IS NULL THEN sub_icb END AS place,
               CASE WHEN fate IS NULL THEN {AVOIDABLE} END AS avoidable, count(*) AS n
        FROM told GROUP BY ALL"""
    return panel_figures(in_duckdb(query, threads))


def panel_polars(folder: Path, _: int) -> Mapping[str, float]:
    """Count records by reason, provider, month and place, in polars."""
    code, fate = pl.col("DIAG_4_CONCAT").str.slice(0, 4), pl.col("fate")
    avoidable = code.str.slice(0, 3).is_in(_THREE) | code.is_in(_FOUR)
    reasons: pl.Expr = pl.lit(None, pl.String)
    for name, holds in reversed(_FATES):
        reasons = pl.when(pl.sql_expr(holds)).then(pl.lit(name)).otherwise(reasons)
    cells = (
        pl.scan_parquet(folder / "raw" / "*.parquet")
        .with_columns(reasons.alias("fate"))
        .group_by(
            "fate",
            "PROCODET",
            pl.col("ADMIDATE").dt.truncate("1mo"),
            pl.when(fate.is_null()).then("CCG_RESIDENCE").alias("place"),
            pl.when(fate.is_null())
            .then(avoidable & (pl.col("ADMINCAT") != "02"))
            .alias("avoidable"),
        )
        .agg(pl.len().alias("n"))
        .collect(engine="streaming")
    )
    return panel_figures(cells)


def panel_figures(cells: pl.DataFrame) -> Mapping[str, float]:
    """Return what racers must agree on."""
    used = cells.filter(pl.col("fate").is_null())
    return {
        "records": float(cells["n"].sum()),
        "used": float(used["n"].sum()),
        "avoidable": float(used.filter(pl.col("avoidable"))["n"].sum()),
    }
