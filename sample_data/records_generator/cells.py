"""From stays to records: one row an episode, laid out and spoilt as in HES."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from records_generator.scenarios import DEFINITIONS, SCENARIOS
from records_generator.stays import FIRST_DAY, SUB_ICBS, Stays

__all__ = ["Rows", "spread", "write_cells", "write_truth"]

DIAGNOSES = 6
PROCEDURES = 3
# What HES and other tools write where there is no date.
_NO_DATE = ("1800-01-01", "1801-01-01", "1600-01-01", "1582-10-15", "")
_BABIES = ("7001", "7002", "7003", "7004", "7005", "7006", "7007")

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which record is what, one value a record, in the order of the files.

    Parameters
    ----------
    stay : ndarray of int
        Index of the stay.
    episode : ndarray of int
        From 0 within the stay.
    start, end : ndarray of int
        Days since ``FIRST_DAY``.
    year : ndarray of int
        The financial year of the file, by the year that it begins in.
    role : ndarray of str
        ``first`` and ``later`` episodes of a spell; ``unfinished`` at the end of a year;
        ``repeated``: a finished episode again, in the file of a later year or twice in one.
    """

    stay: Ints
    episode: Ints
    start: Ints
    end: Ints
    year: Ints
    role: NDArray[np.str_]


def _year_of(day: Ints) -> Ints:
    """Return the year in which the financial year of each day begins."""
    days = np.datetime64(FIRST_DAY.isoformat()) + day
    months = days.astype("datetime64[M]").astype(np.int64)
    return 1970 + (months - 3) // 12


def spread(stays: Stays, n: int, rng: Generator) -> Rows:
    """Return ``n`` records of the stays, mixed: episodes, unfinished ones and repeats.

    The stays are whole, the first of them that fit; a few records twice fill what is missing.
    """
    stay = np.repeat(np.arange(len(stays.person)), stays.episodes)
    episode = np.arange(len(stay)) - np.repeat(
        np.cumsum(stays.episodes) - stays.episodes, stays.episodes
    )
    admitted, nights, parts = stays.admitted[stay], stays.nights[stay], stays.episodes[stay]
    start = admitted + nights * episode // parts
    end = admitted + nights * (episode + 1) // parts
    finished = Rows(
        stay=stay,
        episode=episode,
        start=start,
        end=end,
        year=_year_of(end),
        role=np.where(episode == 0, "first", "later"),
    )
    last = stays.admitted + stays.nights
    crosses = _year_of(last)[stay] > finished.year
    again = _taken(finished, crosses & (rng.random(len(stay)) < 0.8), "repeated", year_after=True)
    twice = _taken(finished, rng.random(len(stay)) < 0.003, "repeated")
    open_then = _taken(finished, _year_of(start) < finished.year, "unfinished")
    open_then = _taken(open_then, np.ones(len(open_then.stay), bool), "unfinished", at_start=True)
    every = _together(finished, again, twice, open_then)
    records = np.cumsum(np.bincount(every.stay, minlength=len(stays.person)))
    most = int(np.searchsorted(records, n, side="right"))
    whole = _taken(every, every.stay < most, None)
    fill = _taken(finished, np.arange(n - len(whole.stay)), "repeated")
    return _taken(_together(whole, fill), rng.permutation(n), None)


def _taken(
    rows: Rows,
    which: NDArray[np.bool_] | Ints,
    role: str | None,
    *,
    year_after: bool = False,
    at_start: bool = False,
) -> Rows:
    year = _year_of(rows.start) if at_start else rows.year + int(year_after)
    return Rows(
        stay=rows.stay[which],
        episode=rows.episode[which],
        start=rows.start[which],
        end=rows.end[which],
        year=year[which],
        role=rows.role[which] if role is None else np.full(len(rows.stay[which]), role),
    )


def _together(*parts: Rows) -> Rows:
    return Rows(
        stay=np.concatenate([rows.stay for rows in parts]),
        episode=np.concatenate([rows.episode for rows in parts]),
        start=np.concatenate([rows.start for rows in parts]),
        end=np.concatenate([rows.end for rows in parts]),
        year=np.concatenate([rows.year for rows in parts]),
        role=np.concatenate([rows.role for rows in parts]),
    )


def _day_texts(days: Ints) -> NDArray[np.str_]:
    known = {int(day): (FIRST_DAY + timedelta(days=int(day))).isoformat() for day in set(days)}
    return np.array([known[int(day)] for day in days])


def _scenario_cells(kind: str, most: int) -> list[NDArray[np.str_]]:
    lists = [getattr(scenario, kind) for scenario in SCENARIOS]
    return [np.array([codes[n] if n < len(codes) else "" for codes in lists]) for n in range(most)]


def write_cells(stays: Stays, rows: Rows, rng: Generator) -> pl.DataFrame:
    """Return the records under the names of HES, every cell as text, "" where blank."""
    n = len(rows.stay)
    of = rows.stay
    unfinished = rows.role == "unfinished"
    is_last = rows.episode == stays.episodes[of] - 1
    reason = _reasons(stays, rows)
    blank_dates = np.array(_NO_DATE)[rng.integers(len(_NO_DATE), size=n)]
    discharged = _day_texts((stays.admitted + stays.nights)[of])
    episode_key = np.char.mod("5%011d", of * 8 + rows.episode)
    age = stays.age[of]
    babies = np.array(_BABIES)[of % len(_BABIES)]
    columns: dict[str, NDArray[np.str_]] = {
        "FYEAR": np.array([f"{y % 100:02d}{(y + 1) % 100:02d}" for y in rows.year.tolist()]),
        "ENCRYPTED_HESID": np.char.mod("P%08d", stays.person[of]),
        "PROCODET": np.char.mod("R%02d01", _provider(stays)[of]),
        "PROVSPNOPS": np.char.mod("%05d", of % 5000),
        "EPIKEY": episode_key,
        "EPISTAT": np.where(unfinished, "1", "3"),
        "EPITYPE": stays.kind[of],
        "EPIORDER": np.char.mod("%d", rows.episode + 1),
        "CLASSPAT": stays.patient_class[of],
        "ADMIDATE": np.where(stays.undated[of], blank_dates, _day_texts(stays.admitted[of])),
        "DISDATE": np.where(is_last & ~unfinished, discharged, blank_dates),
        "EPISTART": _day_texts(rows.start),
        "EPIEND": np.where(unfinished, blank_dates, _day_texts(rows.end)),
        "ADMIMETH": stays.method[of],
        "ADMISORC": stays.source[of],
        "DISDEST": np.where(is_last & ~unfinished, stays.destination[of], "98"),
        "ADMINCAT": stays.category[of],
        "MAINSPEF": stays.specialty[of],
        "SEX": stays.sex[of],
        "STARTAGE": np.where(age < 0, "", np.where(age == 0, babies, age.astype(np.str_))),
        "MYDOB": stays.born[of],
        "LSOA11": _lsoa(stays)[of],
        "CCG_RESIDENCE": np.array([code for code, _ in SUB_ICBS])[stays.area[of]],
        "CH_MATCH": stays.match[of],
    }
    for position, cells in enumerate(_scenario_cells("diagnoses", DIAGNOSES), start=1):
        nothing = "R69X" if position == 1 else ""
        columns[f"DIAG_{position:02d}"] = np.where(unfinished, nothing, cells[reason])
    for position, cells in enumerate(_scenario_cells("procedures", PROCEDURES), start=1):
        nothing = "-" if position == 1 else ""
        filled = np.where(cells[reason] == "", nothing, cells[reason])
        columns[f"OPERTN_{position:02d}"] = np.where(unfinished, nothing, filled)
    return pl.DataFrame({name: cells.astype(object) for name, cells in columns.items()}).cast(
        pl.String
    )


def _reasons(stays: Stays, rows: Rows) -> Ints:
    """Return the scenario of each record: later episodes of a stay are about something else."""
    return (stays.scenario[rows.stay] + 7 * rows.episode) % len(SCENARIOS)


def _provider(stays: Stays) -> Ints:
    """Return the hospital: another one after a transfer."""
    return (stays.person * 7 + np.arange(len(stays.person)) % 2 * 3) % 97


def _lsoa(stays: Stays) -> NDArray[np.str_]:
    texts = np.char.mod("E0100%04d", stays.area * 50 + stays.person % 50)
    texts[stays.area >= len(SUB_ICBS) - 2] = "Z99999999"
    texts[stays.person % 401 == 0] = "W01000123"
    return texts


def write_truth(stays: Stays, rows: Rows) -> pl.DataFrame:
    """Return what is true of each record, one row a record, in the order of the records."""
    of = rows.stay
    reason = _reasons(stays, rows)
    coded = rows.role != "unfinished"
    counted = {
        f"counted_by_{key}": np.array([key in scenario.counted_by for scenario in SCENARIOS])
        for key in DEFINITIONS
    }
    zero = date(1970, 1, 1)
    admitted = pl.Series((FIRST_DAY - zero).days + stays.admitted[of], dtype=pl.Int32)
    icbs = [icb for _, icb in SUB_ICBS]
    return pl.DataFrame(
        {
            "stay": of,
            "episode": rows.episode,
            "role": rows.role.tolist(),
            "admitted": admitted.cast(pl.Date),
            "undated": stays.undated[of],
            "icb": [icbs[area] for area in stays.area[of].tolist()],
            "method": stays.method[of].tolist(),
            "source": stays.source[of].tolist(),
            "destination": stays.destination[of].tolist(),
            "private": np.isin(stays.category[of], ["02", "2"]),
            "specialty": stays.specialty[of].tolist(),
            "sex": stays.sex[of].tolist(),
            "age": pl.Series(stays.age[of]).replace(-1, None),
            "born": stays.born[of].tolist(),
            "kind": stays.kind[of].tolist(),
            "patient_class": stays.patient_class[of].tolist(),
            "match": stays.match[of].tolist(),
            "continues": stays.continues[of],
            **{name: truths[reason] & coded for name, truths in counted.items()},
        }
    )
