"""Published studies, from a study file to the printed number: units that are no ICBs."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.findings import Estimate
from evaluation.pipeline import run
from evaluation.study import parse_study

_STUDY = """
version = 1
title = "{case}"
time = {{ frequency = "{frequency}" }}

[[outcomes]]
key = "y"
label = "outcome"
files = ["{file}"]
columns = {{ unit = "unit", period = "time", value = "y", {adoption} }}
measure = "mean"
{more}

[analysis]
primary = {{ estimator = "twfe", procedure = "cr1" }}
estimators = ["twfe"]
procedures = ["cr1", "cr2"]
"""
_FIRST = 'first_treated = "first_treated"'
_EXACT = 1e-6  # of the reference, relative; published figures have their own digits


def _twfe(cases: Path, case: str, more: str = "", **changed: str) -> dict[str, Estimate]:
    """Return the overall estimates of a case by procedure."""
    words = {"file": "data.csv", "frequency": "index", "adoption": _FIRST, **changed}
    text = _STUDY.format(case=case, more=more, **words)
    found = run(parse_study(text, cases / case / "study.toml"))
    overall = [e for e in found.estimates if e.effect.estimand == "overall"]
    return {e.interval.procedure: e for e in overall}


def test_castle_doctrine_in_both_codings(cases: Path) -> None:
    adoption_year = _twfe(cases, "castle_doctrine", frequency="year")
    assert adoption_year["cr2"].effect.value == pytest.approx(0.08181161693, rel=_EXACT)
    year_after = _twfe(
        cases, "castle_doctrine", frequency="year", adoption='treated = "post_lagged"'
    )
    assert year_after["cr2"].effect.value == pytest.approx(0.0693984, rel=_EXACT)
    assert year_after["cr1"].n_pilot_sites == 21


def test_castle_doctrine_weighted_by_a_dose(cases: Path) -> None:
    more = 'dose = "exposure_cdl"\nweight = "column"'
    adoption = f'{_FIRST}, weight = "weight"'
    found = _twfe(cases, "castle_doctrine", more, frequency="year", adoption=adoption)
    assert found["cr2"].effect.value == pytest.approx(0.0801, abs=6e-5)


def test_r_reference(cases: Path) -> None:
    more = 'covariates = ["x"]'
    found = _twfe(cases, "r_reference", more, file="panel_A_const.csv")
    assert found["cr2"].effect.value == pytest.approx(-1.21437265747, rel=_EXACT)
    assert found["cr1"].interval.std_error == pytest.approx(0.2136087045517, rel=_EXACT)
    assert found["cr2"].interval.std_error == pytest.approx(0.2197611958076, rel=_EXACT)
    assert found["cr2"].interval.df == pytest.approx(11.156207373794, rel=_EXACT)
    assert found["cr2"].interval.low == pytest.approx(-1.697238775681, rel=_EXACT)
    assert found["cr2"].interval.high == pytest.approx(-0.7315065392591, rel=_EXACT)


def test_fixest_base_did(cases: Path) -> None:
    found = _twfe(cases, "fixest_base_did", 'covariates = ["x1"]')
    assert found["cr2"].effect.value == pytest.approx(4.8506451432, rel=_EXACT)


def test_every_unit_of_these_studies_is_its_own_site(cases: Path) -> None:
    found = _twfe(cases, "fixest_base_did")["cr2"]
    assert found.n_units == found.n_sites == 108
