"""The model: who is admitted, when, how, and what is known of it; arrays, one value a stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.geography.tables import read_sub_icbs
from records_generator.scenarios import SCENARIOS

__all__ = ["FIRST_DAY", "SUB_ICBS", "UNKNOWN_BIRTHS", "Stays", "draw_stays"]

# Days are counted from here; admissions begin a year before the first month that tests count.
FIRST_DAY = date(2022, 4, 1)
# Sub-ICB and its ICB, in the order of the table; behind them what stands for no area.
SUB_ICBS: tuple[tuple[str, str | None], ...] = (
    *sorted(read_sub_icbs().items()),
    ("59898", None),
    ("59999", None),
)
# What MYDOB holds where the date of birth is not known; 11900 has lost its zero; "" is blank.
UNKNOWN_BIRTHS = ("011900", "011901", "011800", "11900", "")
_ADMISSION_DAYS = 500
_LONGEST_CHAIN = 3
_TRANSFER_WINDOW = 3

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]
_Cell = TypeVar("_Cell", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """Stays in one hospital each, people in order, each one's stays in order of time.

    Parameters
    ----------
    person, area, scenario, age : ndarray of int
        Number of the person; place in ``SUB_ICBS``; in ``SCENARIOS``; age in years, -1 unknown.
    admitted, nights : ndarray of int
        Days since ``FIRST_DAY``, and nights until discharge.
    method, source, destination, category, specialty, sex, kind, patient_class : ndarray of str
        Cells of ADMIMETH, ADMISORC, DISDEST (of the last episode), ADMINCAT, MAINSPEF, SEX,
        EPITYPE and CLASSPAT.
    born : ndarray of str
        Cells of MYDOB: month and year of birth; some unknown, some without their leading zero.
    match : ndarray of str
        The flag of a match to a care home's address: "1", "0" or blank.
    continues : ndarray of bool
        Goes on from the stay before, by transfer.
    undated : ndarray of bool
        The date of admission is not in the records.
    episodes : ndarray of int
        How many.
    """

    person: Ints
    area: Ints
    scenario: Ints
    age: Ints
    admitted: Ints
    nights: Ints
    method: Texts
    source: Texts
    destination: Texts
    category: Texts
    specialty: Texts
    sex: Texts
    kind: Texts
    patient_class: Texts
    born: Texts
    match: Texts
    continues: Bools
    undated: Bools
    episodes: Ints


def draw_stays(n: int, rng: Generator) -> Stays:
    """Draw ``n`` stays.

    Parameters
    ----------
    n : int
    rng : Generator
        What is drawn follows from it, and from nothing else.
    """
    people = rng.integers(1, _LONGEST_CHAIN + 1, size=n)
    person = np.repeat(np.arange(n), people)[:n]
    first = np.r_[True, person[1:] != person[:-1]]
    continues = ~first & (rng.random(n) < 0.06)
    # A transfer of a transfer would make chains whose length has to be told apart as well.
    continues[1:] &= ~continues[:-1]
    nights = _nights(rng, n, continues)
    admitted = _admitted(rng, first, continues, nights)
    age = _of_person(rng.choice(_AGES, p=_AGE_WEIGHTS, size=n), person)
    resident = _of_person(rng.random(n), person) < np.where(age >= 65, 0.35, 0.01)
    area = _of_person(rng.choice(len(SUB_ICBS), p=_area_weights(), size=n), person)
    method = _cells(rng, n, _METHODS)
    method[continues] = _cells(rng, n, {"81": 2, "2B": 1})[continues]
    went_on = np.r_[continues[1:], False]
    destination = np.where(went_on, "51", _home(rng, n, resident, "19"))
    patient_class = _cells(rng, n, {"1": 88, "2": 8, "3": 2, "4": 1, "5": 1})
    plain = continues | went_on | (nights > 0)
    patient_class[plain & np.isin(patient_class, ["2", "3", "4"])] = "1"
    episodes = 1 + rng.choice(4, p=[0.75, 0.15, 0.07, 0.03], size=n)
    episodes[np.isin(patient_class, ["3", "4"])] = 1
    weights = np.array([scenario.weight for scenario in SCENARIOS])
    return Stays(
        person=person,
        area=area,
        scenario=rng.choice(len(SCENARIOS), p=weights / weights.sum(), size=n),
        age=np.where(rng.random(n) < 0.003, -1, age),
        admitted=admitted,
        nights=nights,
        method=method,
        source=np.where(continues, "51", _home(rng, n, resident, "19")),
        destination=destination,
        category=_cells(rng, n, {"01": 90, "1": 5, "02": 2, "2": 1, "03": 1, "98": 1}),
        specialty=_cells(rng, n, {"300": 50, "430": 30, "110": 12, "501": 4, "560": 2, "610": 2}),
        sex=_of_person(_cells(rng, n, {"1": 470, "2": 520, "9": 7, "0": 3}), person),
        kind=_cells(rng, n, {"1": 965, "2": 15, "3": 10, "5": 5, "6": 5}),
        patient_class=patient_class,
        born=_born(person, age),
        match=_match(rng, n, resident),
        continues=continues,
        undated=~continues & ~went_on & (rng.random(n) < 0.002),
        episodes=episodes,
    )


_AGES = np.arange(0, 104)
_AGE_WEIGHTS = np.where(_AGES < 65, 0.4, np.where(_AGES < 95, 2.0, 0.3))
_AGE_WEIGHTS[0] = 4.0
_AGE_WEIGHTS /= _AGE_WEIGHTS.sum()
# ADMIMETH: emergencies, then planned, maternity and other ones, then what means not known.
_METHODS = dict(
    zip(
        ("21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D"),
        (40, 9, 2, 4, 1, 3, 6, 1, 0.5, 4),
        strict=True,
    )
) | {"11": 12, "12": 10, "13": 3, "31": 2, "82": 1, "99": 0.8, "98": 0.4, "": 0.3}


def _cells(rng: Generator, n: int, weights: dict[str, float]) -> Texts:
    shares = np.array(list(weights.values()))
    return rng.choice(np.array(list(weights)), p=shares / shares.sum(), size=n)


def _of_person(values: NDArray[_Cell], person: Ints) -> NDArray[_Cell]:
    """Give every stay the value of its person's first row."""
    return values[np.searchsorted(person, person)]


def _area_weights() -> NDArray[np.float64]:
    weights = np.ones(len(SUB_ICBS))
    weights[-2:] = 0.5
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _nights(rng: Generator, n: int, continues: Bools) -> Ints:
    nights = rng.geometric(0.15, size=n) - 1
    long = (rng.random(n) < 0.01) & ~continues
    nights[long] = rng.integers(60, 500, size=int(long.sum()))
    nights[rng.random(n) < 0.2] = 0
    return nights


def _admitted(rng: Generator, first: Bools, continues: Bools, nights: Ints) -> Ints:
    """Return days of admission: weeks after the last discharge, or within days by transfer."""
    n = len(first)
    gap = rng.integers(14, 200, size=n)
    # The first day after a window of three is no transfer any more, and none is drawn there.
    gap[continues] = rng.integers(0, _TRANSFER_WINDOW + 1, size=int(continues.sum()))
    start = rng.integers(0, _ADMISSION_DAYS, size=n)
    step = np.where(first, start, gap + np.r_[0, nights[:-1]])
    total = np.cumsum(step)
    before = (total - step)[first]
    days: Ints = total - np.repeat(before, np.diff(np.r_[np.flatnonzero(first), n]))
    return days


def _home(rng: Generator, n: int, resident: Bools, home: str) -> Texts:
    """Return codes of where people were or go: residents are mostly coded as at home."""
    usual = _cells(rng, n, {home: 93, "29": 1, "88": 0.5, "98": 1, "99": 1, "": 0.5, "66": 1})
    coded = _cells(rng, n, {"54": 4, "55": 1, "56": 1, "65": 3, "69": 1, "85": 3, "86": 1})
    return np.where(resident & (rng.random(n) < 0.2), coded, usual)


def _born(person: Ints, age: Ints) -> Texts:
    """Return months of birth, which follow from the person: nothing more is drawn for them."""
    month, year = person % 12 + 1, FIRST_DAY.year - age
    born = np.char.add(np.char.mod("%02d", month), np.char.mod("%04d", year))
    # A program that takes MYDOB for a number drops its zero.
    born = np.where(person % 7 == 3, np.char.lstrip(born, "0"), born)
    unknown = np.array(UNKNOWN_BIRTHS)[person // 53 % len(UNKNOWN_BIRTHS)]
    return np.where(person % 53 == 11, unknown, born)


def _match(rng: Generator, n: int, resident: Bools) -> Texts:
    # A match finds 78 of 100 residents, and few others (IJPDS 1666).
    found = rng.random(n) < np.where(resident, 0.78, 0.003)
    return np.where(rng.random(n) < 0.01, "", np.where(found, "1", "0"))
