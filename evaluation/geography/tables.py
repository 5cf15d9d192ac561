"""The tables of this package as tuples: read once, when first asked for."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

__all__ = [
    "PILOT_SITES",
    "Area",
    "PilotArea",
    "Region",
    "Succession",
    "read_areas",
    "read_regions",
    "read_sub_icbs",
    "read_successions",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An Integrated Care Board, or a union of them that kept its outline.

    Parameters
    ----------
    ods : str
        NHS code: ``QWU``. A stable unit that is no ICB has a code of this project.
    ons : tuple of str
        Its ONS codes, oldest first; empty for a stable unit that is no ICB. E54000065 to
        E54000071 (new outlines of April 2026) are partly corroborated only: one public lookup.
    name : str
        "NHS South Yorkshire Integrated Care Board".
    short_name : str
        "South Yorkshire".
    region : str
        NHS England region.
    first, last : str or None
        Months ("YYYY-MM") between which it existed; None is open.
    """

    ods: str
    ons: tuple[str, ...]
    name: str
    short_name: str
    region: str
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """Where an ICB, or part of it, went."""

    date: str
    before: str
    after: str
    extent: Literal["whole", "part"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """An NHS England region.

    ``ons`` holds its codes, oldest first. ``is_verified`` False: the ODS code was not seen in a
    source; treat it as a setting.
    """

    ods: str
    ons: tuple[str, ...]
    name: str
    is_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotArea:
    """A pilot site: its name and its ICBs (ODS codes of 2025), the lead first."""

    name: str
    units: tuple[str, ...]


# Six lead sites, three of them in collaboration (Department of Health and Social Care).
# Collaborations share a site because they were chosen, and are run, together.
PILOT_SITES: tuple[PilotArea, ...] = (
    PilotArea(name="Bedfordshire, Luton and Milton Keynes", units=("QHG",)),
    PilotArea(
        name="Cheshire and Merseyside with Greater Manchester and Lancashire and South Cumbria",
        units=("QYG", "QOP", "QE1"),
    ),
    PilotArea(name="Coventry and Warwickshire", units=("QWU",)),
    PilotArea(name="Leicester, Leicestershire and Rutland", units=("QK1",)),
    PilotArea(
        name="Nottingham and Nottinghamshire with Derby and Derbyshire", units=("QT1", "QJ2")
    ),
    PilotArea(name="South Yorkshire", units=("QF7",)),
)


def _table(name: str) -> list[dict[str, str]]:
    text = files("evaluation.geography").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@cache
def read_areas() -> tuple[Area, ...]:
    """Return every ICB since July 2022, in order of ODS code."""
    return tuple(
        Area(
            ods=row["ods"],
            # dict.fromkeys: distinct codes, oldest first.
            ons=tuple(
                dict.fromkeys(row[c] for c in ("ons_2022", "ons_2023", "ons_2026") if row[c])
            ),
            name=f"NHS {row['short_name']} Integrated Care Board",
            short_name=row["short_name"],
            region=row["region"],
            first=row["first"] or None,
            last=row["last"] or None,
        )
        for row in _table("areas.csv")
    )


@cache
def read_successions() -> tuple[Succession, ...]:
    """Return what became of each ICB whose outline changed."""
    return tuple(
        Succession(
            date=row["date"],
            before=row["before"],
            after=row["after"],
            extent="part" if row["extent"] == "part" else "whole",
        )
        for row in _table("successions.csv")
    )


@cache
def read_sub_icbs() -> dict[str, str]:
    """Return NHS and ONS code of each sub-ICB location to the ODS code of its ICB."""
    return {code: row["icb"] for row in _table("sub_icbs.csv") for code in (row["nhs"], row["ons"])}


@cache
def read_regions() -> tuple[Region, ...]:
    """Return the seven NHS England regions, in order of ODS code."""
    return tuple(
        Region(
            ods=row["ods"],
            ons=tuple(dict.fromkeys((row["ons_2022"], row["ons_2024"]))),
            name=row["name"],
            is_verified=row["ods_status"] == "verified",
        )
        for row in _table("regions.csv")
    )
