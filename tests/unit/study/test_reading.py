"""A study file that is right: its values, its defaults, and how it is read from a disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.errors import StudyError
from evaluation.periods import Calendar
from evaluation.study import Exclusion, Method, Study, load_study, parse_study

Edits = list[tuple[str, str]]
Edited = Callable[[Edits], str]
PATH = Path("folder/study.toml")
SITES = '[[sites]]\nname = "North"\nunits = ["N1", "N2"]\nstarts = "2026-01"\n\n'

# DESIGN section 4, whole, with the methods that this version has.
DESIGN = """\
version = 1
title = "Adult Social Care Nurse Prescribing Pilot"

[time]
frequency = "month"            # month | quarter | year | index
first = "2023-04"              # "2023-04", "2023-Q1", "2023", 17
last = "2026-09"

[geography]
register = "icb"
boundaries = "2025-04"

[[sites]]                      # one for each pilot site: the unit of assignment
name = "Nottingham and Nottinghamshire with Derby and Derbyshire"
units = ["QT1", "QJ2"]
starts = "2026-01"             # first treated period

[comparison]
units = "others"               # or a list
exclude = [{ unit = "QUE", reason = "no returns after August 2023" }]

[[outcomes]]
key = "avoidable_admissions"
label = "Avoidable emergency admissions of care home residents"
source = "table"               # a key of `pilot-eval sources`
files = ["outcomes.csv"]       # relative to the study file; globs allowed
columns = { unit = "icb", period = "month", count = "admissions", exposure = "residents" }
measure = "rate"
per = 1000
better = "lower"
role = "primary"
smallest_effect = -5.0

[analysis]
primary = { estimator = "poisson", procedure = "wild" }
estimators = ["poisson", "twfe", "event_study"]
procedures = ["cr2", "wild", "randomisation"]
control_group = "never_treated"
draws = 9999
level = 0.95
seed = 461000

[costs]
programme = 461000
unit_cost = { avoidable_admissions = 2000 }

[release]
suppress_below = 8
round_to = 5
"""


def parsed(text: str) -> Study:
    return parse_study(text, PATH)


# ------------------------------------------------------------------ values


def test_the_study_of_the_design_is_read_as_it_stands() -> None:
    study = parsed(DESIGN)
    month = Calendar(frequency="month").parse
    assert study.title == "Adult Social Care Nurse Prescribing Pilot"
    assert (study.time.first, study.time.last) == (month("2023-04"), month("2026-09"))
    assert (study.geography.register_, study.geography.boundaries) == ("icb", "2025-04")
    (site,) = study.sites
    assert (site.units, site.starts) == (("QT1", "QJ2"), month("2026-01"))
    assert study.comparison.exclude == (
        Exclusion(unit="QUE", reason="no returns after August 2023"),
    )
    outcome = study.outcome("avoidable_admissions")
    assert outcome.columns is not None
    assert outcome.columns.exposure == "residents"
    assert (outcome.per, outcome.smallest_effect, outcome.role) == (1000.0, -5.0, "primary")
    assert study.costs.unit_cost == {"avoidable_admissions": 2000.0}
    assert study.analysis.primary == Method(estimator="poisson", procedure="wild")


def test_what_is_left_out_has_the_values_of_the_design(edited: Edited) -> None:
    study = parsed(edited([]))
    whole = parsed(DESIGN)
    assert study.analysis == whole.analysis
    assert study.release == whole.release
    assert study.geography.register_ == "none"
    assert study.comparison.units == "others"
    assert (study.comparison.exclude, study.exclude, study.events) == ((), (), ())
    assert (study.costs.programme, study.costs.unit_cost) == (None, {})
    assert (study.contact, study.notice) == (None, "")
    outcome = study.outcomes[0]
    assert (outcome.source, outcome.measure, outcome.per) == ("table", "rate", 1.0)
    assert (outcome.better, outcome.smallest_effect, outcome.weight) == ("neither", None, None)
    assert (outcome.covariates, outcome.dose, outcome.metric) == ((), None, None)


def test_first_and_last_may_be_left_to_the_data(edited: Edited) -> None:
    study = parsed(edited([('first = "2023-04"\nlast = "2026-09"\n', "")]))
    assert (study.time.first, study.time.last) == (None, None)


@pytest.mark.parametrize("text", [DESIGN, DESIGN.replace('register = "icb"', 'register = "icb" ')])
def test_a_study_read_from_its_own_text_is_equal(text: str) -> None:
    study = parsed(text)
    assert parse_study(study.text, study.path) == study
    assert (study.text, study.path, study.folder) == (text, PATH, Path("folder"))


def test_an_outcome_is_found_by_its_key(edited: Edited) -> None:
    study = parsed(edited([]))
    assert study.outcome("stay") is study.outcomes[0]
    with pytest.raises(KeyError, match="admissions"):
        study.outcome("admissions")


# ------------------------------------------------------------------ periods


@pytest.mark.parametrize(
    ("frequency", "first", "last", "starts", "ordinals"),
    [
        ("month", '"2023-04"', '"2024-01"', '"2023-06"', (24279, 24288, 24281)),
        ("month", "2023-04-01", "2024-01-31", "2023-06-15", (24279, 24288, 24281)),
        ("month", "2023-04-01T00:00:00", "2024-01-31", "2023-06-15", (24279, 24288, 24281)),
        ("quarter", '"2023-Q2"', '"2024-Q1"', '"2023-Q4"', (8093, 8096, 8095)),
        ("year", '"2019"', '"2024"', '"2021"', (2019, 2024, 2021)),
        ("year", "2019", "2024", "2021", (2019, 2024, 2021)),
        ("financial_year", '"2019/20"', '"2024/25"', '"2021/22"', (2019, 2024, 2021)),
        ("index", "-3", "17", "0", (-3, 17, 0)),
    ],
)
def test_periods_become_ordinals_of_the_frequency(
    edited: Edited,
    frequency: str,
    first: str,
    last: str,
    starts: str,
    ordinals: tuple[int, int, int],
) -> None:
    study = parsed(
        edited(
            [
                ('"month"\nfirst = "2023-04"', f'"{frequency}"\nfirst = {first}'),
                ('last = "2026-09"', f"last = {last}"),
                ('"2026-01"', starts),
                ("add", f"[[events]]\nat = {starts}\nlabel = 'x'"),
                ("add", f"[[exclude]]\nfirst = {first}\nlast = {starts}\nreason = 'x'"),
            ]
        )
    )
    assert (study.time.first, study.time.last, study.sites[0].starts) == ordinals
    assert study.events[0].at == ordinals[2]
    assert (study.exclude[0].first, study.exclude[0].last) == (ordinals[0], ordinals[2])


# ------------------------------------------------------------------ roles


SECOND = """[[outcomes]]
key = "other"
label = "Other"
files = ["other.csv"]
columns = { unit = "area", period = "month", count = "n" }
measure = "count"
"""


def test_without_roles_the_first_outcome_is_the_primary_one(edited: Edited) -> None:
    study = parsed(edited([("add", SECOND)]))
    assert [outcome.role for outcome in study.outcomes] == ["primary", "secondary"]


def test_with_roles_they_are_taken_as_they_are(edited: Edited) -> None:
    study = parsed(edited([("add", f'{SECOND}role = "primary"')]))
    assert [outcome.role for outcome in study.outcomes] == ["secondary", "primary"]


def test_more_than_one_primary_outcome_is_fine(edited: Edited) -> None:
    study = parsed(
        edited([("label", 'role = "primary"\nlabel'), ("add", f'{SECOND}role = "primary"')])
    )
    assert [outcome.role for outcome in study.outcomes] == ["primary", "primary"]


# ------------------------------------------------------------------ what is accepted


COLUMNS = 'count = "long", exposure = "stays"'


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([("label", 'measure = "share"\nlabel')], id="share"),
        pytest.param(
            [("label", 'measure = "mean"\nlabel'), (COLUMNS, 'value = "days"')], id="mean"
        ),
        pytest.param(
            [
                ("label", 'measure = "mean"\nweight = "exposure"\nlabel'),
                (COLUMNS, 'value = "days", exposure = "stays", count = "n"'),
            ],
            id="mean with its weight and its number of people",
        ),
        pytest.param([("label", 'better = "higher"\nsmallest_effect = 250\nlabel')], id="higher"),
        pytest.param([("label", "smallest_effect = -3\nlabel")], id="neither, below 0"),
        pytest.param([("label", "smallest_effect = 3\nlabel")], id="neither, above 0"),
        pytest.param(
            [("label", 'weight = "column"\nlabel'), ('"stays" }', '"stays", weight = "w" }')],
            id="weight of a column",
        ),
        pytest.param([("label", 'covariates = ["age"]\ndose = "n"\nlabel')], id="covariates"),
        pytest.param([('["stay.csv"]', '["/data/stay*.csv", "../x.xlsx"]')], id="paths"),
        pytest.param([("label", 'sheet = "Data"\nunit_label = "days"\nlabel')], id="sheet"),
        pytest.param(
            [(SITES, ""), ('"stays" }', '"stays", first_treated = "g", cluster = "c" }')],
            id="first_treated",
        ),
        pytest.param([(SITES, ""), ('"stays" }', '"stays", treated = "d" }')], id="treated"),
        pytest.param([("add", '[comparison]\nunits = ["C1", "C2"]')], id="comparison"),
        pytest.param([("add", '[[exclude]]\nfirst = "2024-01"\nreason = "x"')], id="from"),
        pytest.param([("add", '[[exclude]]\nlast = "2024-01"\nreason = "x"')], id="to"),
        pytest.param(
            [("add", '[[exclude]]\nunit = "N1"\noutcome = "stay"\nreason = "x"')],
            id="a pilot unit in one outcome",
        ),
        pytest.param([("add", '[contact]\nname = "A"\norganisation = "B"')], id="contact"),
        pytest.param([("add", "[release]\nsuppress_below = 0\nround_to = 1")], id="open data"),
        pytest.param([("add", "[analysis]\ndraws = 99\nseed = 0\nlevel = 0.9")], id="analysis"),
        pytest.param([("add", "[analysis]\nevent_window = 12")], id="event window"),
        pytest.param([("add", "[costs]\nprogramme = 0\nunit_cost = { stay = 0.5 }")], id="costs"),
        pytest.param([("[[sites]]", "[geography]\nregister = 'none'\n\n[[sites]]")], id="none"),
        pytest.param(
            [
                (
                    "add",
                    "[analysis]\nestimators = ['sdid', 'twfe']\nprocedures = ['wild']\n"
                    "primary = { estimator = 'twfe', procedure = 'wild' }",
                )
            ],
            id="methods that are not known here",
        ),
    ],
)
def test_every_field_of_study_fits(edited: Edited, edits: Edits) -> None:
    study = parsed(edited(edits))
    assert parse_study(study.text, study.path) == study


def test_a_source_of_metrics_needs_no_columns(edited: Edited) -> None:
    columns = 'columns = { unit = "area", period = "month", count = "long", exposure = "stays" }'
    source = 'source = "acute_discharge_sitrep"\nmetric = "nctr"\nmeasure = "count"'
    (outcome,) = parsed(edited([(columns, source)])).outcomes
    assert (outcome.source, outcome.metric, outcome.columns) == (
        "acute_discharge_sitrep",
        "nctr",
        None,
    )


# ------------------------------------------------------------------ files


def test_a_file_and_its_folder_give_the_same_study(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(DESIGN, encoding="utf-8")
    study = load_study(file)
    assert load_study(tmp_path) == study
    assert (study.path, study.folder, study.text) == (file, tmp_path, DESIGN)


def test_a_study_may_have_another_file_name(tmp_path: Path) -> None:
    file = tmp_path / "placebo.toml"
    file.write_text(DESIGN, encoding="utf-8")
    assert load_study(file).path == file


@pytest.mark.parametrize("change", ["\ufeff{}", "{}\n\n# the end"])
def test_marks_and_comments_do_not_matter(tmp_path: Path, change: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(change.format(DESIGN), encoding="utf-8")
    study = load_study(file)
    assert study.text == change.format(DESIGN)
    assert parse_study(study.text, study.path) == study


def test_lines_that_end_as_on_windows_are_read_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_bytes(DESIGN.replace("\n", "\r\n").encode())
    study = load_study(file)
    assert study.text == DESIGN.replace("\n", "\r\n")
    assert parse_study(study.text, study.path) == study


def told(path: Path) -> str:
    with pytest.raises(StudyError) as caught:
        load_study(path)
    return str(caught.value)


START = "Run `pilot-eval init` for a study file to start from."


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    assert told(file) == f"{file}: there is no study file at this path. {START}"


def test_an_absent_folder_is_told(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "study.toml"
    assert told(file) == f"{file}: there is no study file at this path. {START}"


def test_a_folder_without_a_study_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    assert told(tmp_path) == f"{file}: there is no study file in the folder {tmp_path}. {START}"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.mkdir()
    assert told(tmp_path) == (
        f"{file}: cannot be read (Is a directory). Allowed: a text file that you may read. "
        "Check its permissions."
    )


def test_a_path_that_is_none_is_told() -> None:
    assert told(Path("a\0b")) == (
        "a\0b: cannot be read (its path is none). Allowed: a text file that you may read. "
        "Check its permissions."
    )


def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_bytes(b'version = 1\ntitle = "Caf\xe9"\n')
    assert told(file) == (
        f"{file}: line 2 is not UTF-8 (byte 0xe9). Allowed: a text file in UTF-8. "
        "Save the file with the encoding UTF-8."
    )
