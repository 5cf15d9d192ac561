"""Records to race on: Parquet in parts, HES names, drawn from a seed; nobody is behind them.

    python -m benchmarks.records_data FOLDER RECORDS

``raw`` holds the columns that a panel needs, ``episodes`` the same records as the package cleans
them, as far as definitions read them. Lists of codes come from a pool and are cleaned there, so
that 100 million records are made in minutes; that they repeat helps every racer alike.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.random import Generator

from evaluation.geography.tables import read_sub_icbs
from evaluation.records.engines import lazy
from evaluation.records.layouts import LAYOUTS
from evaluation.records.reading import to_episodes

__all__ = ["missing_parts", "write_part", "write_parts"]

_PART = 5_000_000
_ROW_GROUP = 250_000
_SEED = 461000
_POOL = 400_000
_DAYS = 5 * 365
_FIRST = date(2020, 4, 1)
_UNIX = date(1970, 1, 1)
_PROVIDERS, _PEOPLE = 140, 30_000_000
_SUB_ICBS = tuple(sorted(code for code in read_sub_icbs() if not code.startswith("E")))
# Column of HES, column of episodes, and how often each cell comes.
_CELLS: dict[tuple[str, str], dict[str, float]] = {
    ("EPITYPE", "episode_type"): {"1": 96, "2": 3, "3": 1},
    ("CLASSPAT", "patient_class"): {"1": 65, "2": 30, "3": 5},
    ("ADMIMETH", "method"): {
        **dict(zip(("21", "22", "24", "2A", "2D", "28"), (28, 5, 2, 4, 2, 1), strict=True)),
        **dict(zip(("11", "12", "31"), (30, 18, 10), strict=True)),
    },
    ("ADMISORC", "source_of_admission"): {"19": 94, "51": 2, "54": 1, "65": 1, "98": 2},
    ("ADMINCAT", "category"): {"01": 98, "02": 2},
    ("SEX", "sex"): {"1": 45, "2": 55},
    ("CH_MATCH", "care_home"): {"0": 95, "1": 4, "": 1},
}
_CELLS_OF_EPISODES: dict[tuple[str, str], dict[str, float]] = {
    ("EPISTAT", "episode_status"): {"3": 99, "1": 1},
    ("MAINSPEF", "specialty"): {"300": 40, "430": 20, "110": 20, "501": 10, "100": 10},
}
# Share of spells with one, two ... episodes, and of records that stand there twice.
_EPISODES = (0.80, 0.13, 0.05, 0.02)
_TWICE = 0.005
# Codes that some list calls avoidable, among those of every letter.
_LISTED = ("J189", "J440", "J459", "J209", "N390", "I500", "I10X", "E119", "E115", "S720", "L031")
_LISTED_TIMES = 40


def missing_parts(folder: Path, records: int) -> dict[int, int]:
    """Return the parts that are not there yet, with how many records each is to have."""
    sizes = [min(_PART, records - start) for start in range(0, records, _PART)]
    return {n: size for n, size in enumerate(sizes) if not _path(folder, "episodes", n).exists()}


def _path(folder: Path, kind: str, number: int) -> Path:
    return folder / kind / f"records_{number:03d}.parquet"


def write_parts(folder: Path, records: int) -> None:
    """Write the parts that are not there yet."""
    for kind in ("raw", "episodes"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    pool = _pool()
    for number, size in missing_parts(folder, records).items():
        write_part(folder, number, size, pool)
        sys.stderr.write(f"part {number + 1} is written\n")


def write_part(folder: Path, number: int, n: int, pool: pl.DataFrame) -> None:
    """Write ``n`` records, drawn from a stream of random numbers of the part's own."""
    rng = np.random.default_rng([_SEED, number])
    shared, hes, order = _records(n, rng, first_key=number * _PART)
    codes = pool[rng.integers(0, _POOL, size=n)[order]]
    raw = pl.DataFrame({name: cells for (name, _), cells in shared.items()})
    raw = raw.with_columns(*hes, codes["DIAG_4_CONCAT"], codes["OPERTN_4_CONCAT"])
    episodes = pl.DataFrame({column: cells for (_, column), cells in shared.items()}).with_columns(
        pl.col("age", "episode_order").cast(pl.Int64),
        pl.col("care_home").replace_strict({"0": False, "1": True, "": None}),
        codes["primary"],
        codes["diagnoses"],
        codes["procedures"],
    )
    raw.write_parquet(_path(folder, "raw", number), row_group_size=_ROW_GROUP)
    # Last, and by another name first: a part that is there is whole.
    path = _path(folder, "episodes", number)
    episodes.write_parquet(path.with_suffix(".part"), row_group_size=_ROW_GROUP)
    path.with_suffix(".part").rename(path)


def _records(
    n: int, rng: Generator, *, first_key: int
) -> tuple[dict[tuple[str, str], pl.Series], list[pl.Series], np.ndarray]:
    """Draw spells of one episode or more, some episodes twice, in no order.

    Returns the columns that ``raw`` and ``episodes`` share, those of ``raw`` alone, and which
    record of ``n`` stands where.
    """
    lengths = rng.choice(np.arange(1, len(_EPISODES) + 1), size=n, p=_EPISODES)
    of_spell = np.repeat(np.arange(n), lengths)[:n]
    position = np.arange(n) - np.concatenate([[0], lengths.cumsum()])[of_spell]
    twice = rng.integers(0, n, size=int(n * _TWICE))
    order = rng.permutation(np.concatenate([np.arange(n - len(twice)), twice]))
    spell, position, key = of_spell[order], position[order], first_key + order
    is_last = position == lengths[spell] - 1
    spells = int(of_spell[-1]) + 1
    days = (_FIRST - _UNIX).days + rng.integers(0, _DAYS, size=spells)
    nights = np.minimum(rng.geometric(0.3, size=spells) - 1, 60)

    def a_spell(cells: pl.Series) -> pl.Series:
        return cells.gather(spell)

    def text(numbers: np.ndarray, width: int) -> pl.Series:
        return pl.Series(numbers).cast(pl.String).str.zfill(width)

    def day(numbers: np.ndarray) -> pl.Series:
        return pl.Series(numbers.astype(np.int32)).cast(pl.Date)

    people = text(rng.integers(0, _PEOPLE, size=spells), 8)
    ages = pl.Series(np.clip(rng.normal(58, 24, spells), 0, 104).astype(np.int16))
    shared = {
        ("ENCRYPTED_HESID", "person"): a_spell(people),
        ("PROCODET", "provider"): a_spell(
            _one_of([f"R{k:03d}" for k in range(_PROVIDERS)], spells, rng)
        ),
        ("ADMIDATE", "admitted"): day(days[spell]),
        ("STARTAGE", "age"): a_spell(ages),
        ("CCG_RESIDENCE", "sub_icb"): a_spell(_one_of(_SUB_ICBS, spells, rng)),
        ("EPIORDER", "episode_order"): pl.Series(position + 1).cast(pl.String),
        **{names: a_spell(_weighted(w, spells, rng)) for names, w in _CELLS.items()},
        **{names: _weighted(w, n, rng).gather(order) for names, w in _CELLS_OF_EPISODES.items()},
    }
    began, ended = (days[spell] + np.minimum(position + k, nights[spell]) for k in (0, 1))
    ended = np.where(is_last, days[spell] + nights[spell], ended)
    where_to = _weighted({"19": 92, "51": 4, "54": 2, "79": 2}, spells, rng).gather(spell)
    hes = [
        text(first_key + spell, 10).alias("PROVSPNOPS"),
        day(began).alias("EPISTART"),
        day(ended).alias("EPIEND"),
        pl.select(pl.when(pl.Series(is_last)).then(day(ended))).to_series().alias("DISDATE"),
        pl.select(pl.when(pl.Series(is_last)).then(where_to).otherwise(pl.lit("98")))
        .to_series()
        .alias("DISDEST"),
        text(key, 12).alias("EPIKEY"),
        pl.Series(["2021", "2122", "2223", "2324", "2425"])
        .gather(np.minimum((days[spell] - (_FIRST - _UNIX).days) // 365, 4))
        .alias("FYEAR"),
    ]
    return shared, hes, order


def _one_of(kinds: Sequence[str], n: int, rng: Generator) -> pl.Series:
    return pl.Series(kinds).gather(rng.integers(0, len(kinds), size=n))


def _weighted(weights: dict[str, float], n: int, rng: Generator) -> pl.Series:
    shares = np.cumsum(list(weights.values())) / sum(weights.values())
    drawn = np.searchsorted(shares, rng.random(n, dtype=np.float32), side="right")
    return pl.Series(list(weights)).gather(np.minimum(drawn, len(weights) - 1))


def _pool() -> pl.DataFrame:
    """Return lists of codes, raw and cleaned."""
    rng = np.random.default_rng(_SEED)
    procedures = _lists(rng, most=4).to_frame("codes")
    none = pl.Series(rng.random(_POOL) < 0.5)
    raw = pl.DataFrame({"DIAG_4_CONCAT": _lists(rng, most=8)}).with_columns(
        procedures.select(OPERTN_4_CONCAT=pl.when(none).then(pl.lit("-")).otherwise("codes"))
    )
    episodes = to_episodes(lazy(raw), LAYOUTS["hes_apc"], columns={}).frame
    cleaned: pl.LazyFrame = episodes.select("primary", "diagnoses", "procedures").to_native()
    return pl.concat([raw, cleaned.collect()], how="horizontal")


def _lists(rng: Generator, *, most: int) -> pl.Series:
    letters = "ABCDEFGHIJKLMNOPRSTZ"
    every = [f"{x}{k:02d}{d}" for x in letters for k in range(0, 100, 7) for d in range(4)]
    codes = np.array([*every, *_LISTED * _LISTED_TIMES])
    lengths = rng.integers(1, most + 1, size=_POOL)
    drawn = codes[rng.integers(0, len(codes), size=(_POOL, most))]
    return pl.Series(
        [",".join(row[:k]) for row, k in zip(drawn.tolist(), lengths.tolist(), strict=True)]
    )


if __name__ == "__main__":
    write_parts(Path(sys.argv[1]), int(sys.argv[2]))
