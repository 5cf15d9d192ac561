"""``local_return``: what the pilot's homes send to the evaluator: prescribers and residents."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evaluation.findings import Check
from evaluation.sources.declaration import Column, Metric, Source
from evaluation.sources.homes import HomeFigure, HomeFiles, read_homes
from evaluation.sources.homes_checks import homes_in_one_unit, homes_reporting
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["LOCAL_RETURN", "RETURN_SHEET"]

RETURN_SHEET = "return"
_FILES = HomeFiles(
    home="home_id",
    icb="icb",
    moment="month",
    figures={
        "qualified_prescribers": HomeFigure(count="qualified_prescribers", exposure="residents"),
        "residents": HomeFigure(count="residents"),
    },
    sheets=(RETURN_SHEET,),
    is_home_needed=True,
)


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    return read_homes(LOCAL_RETURN, _FILES, study, outcome, files)


def _examine(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    return (
        homes_reporting(rows, study, outcome),
        *homes_in_one_unit(rows, study, outcome),
    )


LOCAL_RETURN = Source(
    key="local_return",
    title="Local return of qualified prescribers",
    publisher="the care homes and ICBs of the study",
    licence="as agreed with the homes",
    row="one care home in one month",
    takes_headings=True,
    columns=(
        Column(
            name="home_id",
            kind="code",
            meaning="CQC location ID of the home; the same in every month.",
            example="1-1000000001",
        ),
        Column(
            name="icb",
            kind="code",
            meaning="ICB that the home lies in: its ODS or ONS code, or its name.",
            required='with register = "icb"',
            example="QWU",
        ),
        Column(name="month", kind="period", meaning="The month reported on.", example="2026-01"),
        Column(
            name="qualified_prescribers",
            kind="number",
            meaning="Nurses working in the home on the last day of the month who hold a "
            "prescribing qualification on the NMC register. 0 where there is none; empty where it "
            "is not known.",
            required="for qualified_prescribers",
            example="2",
        ),
        Column(
            name="residents",
            kind="number",
            meaning="Residents on the last day of the month. Empty where it is not known.",
            required="for residents, and for a rate of prescribers",
            example="38",
        ),
    ),
    metrics=(
        Metric(
            key="qualified_prescribers",
            grain="period",
            labels=("qualified_prescribers", "residents"),
            definition='Qualified prescribers: measure = "count", or "rate" with per = 1000 for '
            "each 1,000 residents.",
        ),
        Metric(
            key="residents",
            grain="period",
            labels=("residents",),
            definition='Residents; measure = "count".',
        ),
    ),
    read=_read,
    examine=_examine,
    oddities=(
        "`pilot-eval init` writes a template beside the study file, as CSV and as a workbook, with "
        f'a README of its columns. In a workbook the sheet "{RETURN_SHEET}" is read.',
        "As a process outcome: did the pilot bring more prescribers? As the dose of another "
        "outcome: read it here, and name its key in `dose_from` there; the effect is then for each "
        "prescriber (or each prescriber per 1,000 residents). A unit without a figure has no dose "
        "and is left out, so comparison areas need rows as well, with 0 where there is none.",
        'With register = "icb" the homes of an ICB are added up; with register = "none" each home '
        "is a unit. Where a home has several months in a longer period, the last counts. The check "
        "`homes_reporting` says where homes are missing.",
        "Empty is unknown, and never 0.",
    ),
)
