"""``capacity_tracker``: what care homes report of beds and staff, home by home."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evaluation.findings import Check
from evaluation.sources.declaration import Column, Kind, Metric, Source
from evaluation.sources.homes import HomeFigure, HomeFiles, read_homes
from evaluation.sources.homes_checks import homes_in_one_unit, homes_reporting
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["CAPACITY_TRACKER"]

_WORDS = {"yes": "1", "y": "1", "true": "1", "no": "0", "n": "0", "false": "0"}
_FILES = HomeFiles(
    home="cqcid",
    icb="icb",
    moment="lastupdatedutc",
    figures={
        "occupied_beds": HomeFigure(count="usedbeds", exposure="maxcapacity"),
        "vacancies": HomeFigure(count="declaredvacancies", exposure="maxcapacity"),
        "capacity": HomeFigure(count="maxcapacity"),
        "nurses": HomeFigure(count="nursesemployed", exposure="usedbeds"),
        "agency_nurses": HomeFigure(count="agencynursesemployed", exposure="usedbeds"),
        "care_workers": HomeFigure(count="careworkersemployed", exposure="usedbeds"),
        "nurses_absent": HomeFigure(count="nursesabsentgeneral", exposure="nursesemployed"),
        "accepting_admissions": HomeFigure(
            count="isacceptingadmissions", exposure="", words=_WORDS
        ),
    },
)


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    return read_homes(CAPACITY_TRACKER, _FILES, study, outcome, files)


def _examine(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    return (
        homes_reporting(rows, study, outcome),
        *homes_in_one_unit(rows, study, outcome),
    )


_COLUMNS: tuple[tuple[str, Kind, str, str, str], ...] = (
    (
        "cqcid",
        "code",
        'with register = "none"',
        "1-1000000001",
        "Location ID of the CQC: the home.",
    ),
    ("odscode", "code", "not needed", "VM1AB", ""),
    ("location", "text", "not needed", "A Home", ""),
    ("localauthority", "text", "not needed", "Coventry", ""),
    ("icb", "code", 'with register = "icb"', "QWU", "ODS or ONS code, or the name of the ICB."),
    ("subicb", "code", "not needed", "B2M3M", ""),
    ("region", "text", "not needed", "Midlands", ""),
    ("maxcapacity", "number", "for beds", "40", "Beds that the home can fill."),
    ("usedbeds", "number", "for beds and staff", "36", "Beds occupied: residents."),
    ("declaredvacancies", "number", "for vacancies", "3", "Beds that could be filled now."),
    ("nursesemployed", "number", "for nurses", "6", "Nurses employed."),
    ("agencynursesemployed", "number", "for agency_nurses", "1", "Agency nurses at work."),
    ("careworkersemployed", "number", "for care_workers", "30", "Care workers employed."),
    ("nursesabsentgeneral", "number", "for nurses_absent", "0", "Nurses absent, any cause."),
    ("isacceptingadmissions", "text", "for accepting_admissions", "Yes", "Yes or no."),
    ("lastupdatedutc", "period", "always", "2024-05-28T09:15:00Z", "When the home reported."),
)
_METRICS = (
    ("occupied_beds", "Beds occupied, which is residents; of the beds that can be filled."),
    ("vacancies", "Beds declared vacant; of the beds that can be filled."),
    ("capacity", 'Beds that can be filled; measure = "count".'),
    ("nurses", "Nurses employed; for each occupied bed."),
    ("agency_nurses", "Agency nurses; for each occupied bed."),
    ("care_workers", "Care workers employed; for each occupied bed."),
    ("nurses_absent", "Nurses absent; of the nurses employed."),
    ("accepting_admissions", "Homes that accept admissions; of the homes that reported."),
)

CAPACITY_TRACKER = Source(
    key="capacity_tracker",
    title="Capacity Tracker, adult social care",
    publisher="Department of Health and Social Care; North of England Care System Support",
    licence="record-level data by agreement; published tables: Open Government Licence v3.0",
    mark="U",
    row="what one care home reported at one time, or one ICB's homes in one month",
    takes_headings=True,
    columns=tuple(
        Column(name=name, kind=kind, required=needed, example=example, meaning=said or "Not read.")
        for name, kind, needed, example, said in _COLUMNS
    ),
    metrics=tuple(
        Metric(
            key=key,
            grain="period",
            definition=said,
            labels=tuple(c for c in (_FILES.figures[key].count, _FILES.figures[key].exposure) if c),
            mark="P",
        )
        for key, said in _METRICS
    ),
    read=_read,
    examine=_examine,
    oddities=(
        "The names above are the columns of the record-level feed as others use it [P]. [U] The "
        "layout of the monthly publication is not verified: name its columns in `headings`, such "
        'as headings = { icb = "ICB code", usedbeds = "Occupied beds", lastupdatedutc = "Month" }. '
        "Notes above the header do no harm, and a file with one row an ICB needs no column of "
        "homes.",
        'With register = "icb" the homes of an ICB are added up, for the ICBs of the study; with '
        'register = "none" each home is a unit of its own. The ICB may be given by its code or its '
        "name.",
        "Figures are stocks, not flows: where a home has several rows in a period, the last "
        "counts, and the others are left out as superseded. A home that did not report in a "
        "period is absent from it, and never 0; the check `homes_reporting` says where homes are "
        "missing.",
        "Reports are entered by the homes, more often in some months than in others, and are not "
        "validated.",
        "As the exposure of another outcome (admissions for each occupied bed): read it with "
        'metric = "occupied_beds", measure = "count", role = "process", and name its key in '
        "`exposure_from` there. A total by ICB then needs the same homes throughout.",
    ),
)
