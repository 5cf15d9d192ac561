"""Units of a study: checked by the register, held at its boundaries, each in one role."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation import geography
from evaluation.errors import StudyError
from evaluation.study import Study, parse_study

Edits = list[tuple[str, str]]
Edited = Callable[[Edits], str]
Refused = Callable[[Edits], StudyError]

SITES = '[[sites]]\nname = "North"\nunits = ["N1", "N2"]\nstarts = "2026-01"\n'


def site(name: str, units: str) -> str:
    return f'[[sites]]\nname = "{name}"\nunits = [{units}]\nstarts = "2026-01"\n'


def at(boundaries: str, sites: str) -> tuple[str, str]:
    """Give the study these sites at these boundaries."""
    section = f'[geography]\nregister = "icb"\nboundaries = "{boundaries}"\n\n'
    return SITES, section + sites


def read(edited: Edited, edits: Edits) -> Study:
    study = parse_study(edited(edits), Path("study.toml"))
    assert parse_study(study.text, study.path) == study
    return study


# ------------------------------------------------------------------ codes


@pytest.mark.parametrize(
    ("boundaries", "written", "units"),
    [
        ("2025-04", '"QT1", "QJ2"', ("QT1", "QJ2")),
        ("2025-04", '"E54000015"', ("QK1",)),
        ("2025-04", '"E54000052", "E54000064"', ("QXU", "QNX")),
        ("2025-04", '" qk1 "', ("QK1",)),
        ("2022-07", '"QHG"', ("QHG",)),
        ("2026-04", '"QMJ"', ("Z9B2Z",)),
        ("2026-04", '"QMJ", "QT1", "QRV"', ("Z9B2Z", "QT1")),
        ("2025-04", '"QK1", "E54000015"', ("QK1",)),
        ("stable", '"QMJ", "QRV"', ("Z9B2Z",)),
    ],
)
def test_units_are_held_at_the_boundaries_of_the_study(
    edited: Edited, boundaries: str, written: str, units: tuple[str, ...]
) -> None:
    study = read(edited, [at(boundaries, site("A", written))])
    assert study.sites[0].units == units


def test_every_place_that_names_a_unit_is_followed(edited: Edited) -> None:
    study = read(
        edited,
        [
            at("2026-04", site("A", '"QT1"')),
            ("add", '[comparison]\nunits = ["QMJ", "QRV", "E54000055"]\n'),
            ("add", '[[exclude]]\nunit = "QMJ"\nfirst = "2024-01"\nreason = "x"\n'),
            ("add", '[[exclude]]\nfirst = "2024-01"\nlast = "2024-01"\nreason = "x"\n'),
        ],
    )
    assert study.comparison.units == ("Z9B2Z", "QHL")
    assert [exclusion.unit for exclusion in study.exclude] == ["Z9B2Z", None]


def test_units_excluded_from_the_comparison_are_followed(edited: Edited) -> None:
    study = read(
        edited,
        [
            at("2026-04", site("A", '"QT1"')),
            ("add", '[comparison]\nexclude = [{ unit = "QMJ", reason = "x" }]\n'),
        ],
    )
    assert [exclusion.unit for exclusion in study.comparison.exclude] == ["Z9B2Z"]


def test_without_a_register_codes_are_what_they_are(edited: Edited) -> None:
    study = read(edited, [('["N1", "N2"]', '["QT9", "qt1", "Home 7"]')])
    assert study.sites[0].units == ("QT9", "qt1", "Home 7")


# ------------------------------------------------------------------ codes that are refused


PLACES: dict[str, tuple[Edits, str]] = {
    "a site": ([at("2025-04", site("A", '"QT1", "QT9"'))], '[[sites]] 1 "A", units, item 2'),
    "the comparison": (
        [
            at("2025-04", site("A", '"QT1"')),
            ("add", '[comparison]\nunits = ["QHL", "QT9"]\n'),
        ],
        "[comparison], units, item 2",
    ),
    "the units that are no comparison": (
        [
            at("2025-04", site("A", '"QT1"')),
            ("add", '[comparison]\nexclude = [{ unit = "QT9", reason = "x" }]\n'),
        ],
        '[comparison], exclude 1 "QT9", unit',
    ),
    "what is left out": (
        [
            at("2025-04", site("A", '"QT1"')),
            ("add", '[[exclude]]\nunit = "QT9"\nreason = "x"\n'),
        ],
        '[[exclude]] 1 "QT9", unit',
    ),
}


@pytest.mark.parametrize(("edits", "place"), PLACES.values(), ids=PLACES)
def test_a_code_that_no_icb_has_is_told_wherever_it_stands(
    refused: Refused, edits: Edits, place: str
) -> None:
    error = refused(edits)
    with pytest.raises(geography.UnknownAreaError) as unknown:
        geography.follow("QT9", "2025-04")
    expected = unknown.value
    assert error.place == f"study.toml, {place}"
    assert (error.problem, error.allowed, error.remedy) == (
        expected.problem,
        expected.allowed,
        expected.remedy,
    )
    assert '"QT9" is not the code of an Integrated Care Board' in str(error)


def test_a_code_that_cannot_be_followed_is_told_with_what_can_be_done(refused: Refused) -> None:
    error = refused([at("2026-04", site("A", '"QHG"'))])
    with pytest.raises(geography.BoundaryError) as split:
        geography.follow("QHG", "2026-04")
    assert error.place == 'study.toml, [[sites]] 1 "A", units, item 1'
    assert (error.problem, error.remedy) == (split.value.problem, split.value.remedy)
    assert 'boundaries = "2025-04"' in str(error)


def test_every_code_that_is_wrong_is_told(refused: Refused) -> None:
    error = refused([at("2025-04", site("A", '"QT9", "QJ9"') + site("B", '"QT1", "XXX"'))])
    assert [mistake.place for mistake in error.mistakes] == [
        'study.toml, [[sites]] 1 "A", units, item 1',
        'study.toml, [[sites]] 1 "A", units, item 2',
        'study.toml, [[sites]] 2 "B", units, item 2',
    ]


@pytest.mark.parametrize(
    ("boundaries", "remedy"),
    [
        ("2025-05", 'Did you mean "2025-04"?'),
        ("now", 'Write for example boundaries = "2025-04".'),
    ],
)
def test_boundaries_that_are_not_known_are_told_and_no_code_is_judged(
    refused: Refused, boundaries: str, remedy: str
) -> None:
    assert str(refused([at(boundaries, site("A", '"QT9"'))])) == (
        f'study.toml, [geography], boundaries: "{boundaries}" is not allowed. Allowed: "2022-07", '
        f'"2023-04", "2024-04", "2025-04", "2026-04" or "stable". {remedy}'
    )


def test_a_register_that_is_not_known_is_told_and_no_code_is_judged(refused: Refused) -> None:
    error = refused([at("2026-04", site("A", '"QT9"')), ('"icb"', '"icbs"')])
    assert error.place == "study.toml, [geography], register"


# ------------------------------------------------------------------ one unit, one role


def test_units_of_two_sites_that_became_one_are_told(refused: Refused) -> None:
    assert str(refused([at("2026-04", site("A", '"QMJ"') + site("B", '"QT1", "QRV"'))])) == (
        'study.toml, [[sites]] 2 "B", units, item 2: "QRV" is in site "A" as well ("QMJ" and it '
        'are one unit, "Z9B2Z", at boundaries "2026-04"). Allowed: a unit in one site only. '
        "Delete it from one of the two sites, or make one site of them."
    )


def test_one_unit_by_two_codes_in_two_sites_is_told(refused: Refused) -> None:
    assert str(refused([at("2025-04", site("A", '"QK1"') + site("B", '"E54000015"'))])) == (
        'study.toml, [[sites]] 2 "B", units, item 1: "E54000015" is in site "A" as well ("QK1" '
        'and it are one unit, "QK1", at boundaries "2025-04"). Allowed: a unit in one site only. '
        "Delete it from one of the two sites, or make one site of them."
    )


def test_a_comparison_unit_that_became_one_with_a_pilot_unit_is_told(refused: Refused) -> None:
    edits = [
        at("2026-04", site("A", '"QMJ"')),
        ("add", '[comparison]\nunits = ["QHL", "QRV"]\n'),
    ]
    assert str(refused(edits)) == (
        'study.toml, [comparison], units, item 2: "QRV" is a unit of the pilot site "A" ("QMJ" '
        'and it are one unit, "Z9B2Z", at boundaries "2026-04"). Allowed: units of no pilot site. '
        "Delete it here, or from the site."
    )


def test_an_exclusion_that_would_take_a_pilot_unit_with_it_is_told(refused: Refused) -> None:
    edits = [
        at("2026-04", site("A", '"QMJ"')),
        ("add", '[comparison]\nexclude = [{ unit = "QRV", reason = "x" }]\n'),
    ]
    assert str(refused(edits)) == (
        'study.toml, [comparison], exclude 1 "QRV", unit: "QRV" is a unit of the pilot site "A" '
        '("QMJ" and it are one unit, "Z9B2Z", at boundaries "2026-04"). Allowed: units of no '
        "pilot site. Delete it here; to leave out observations of a pilot unit, write an "
        "[[exclude]] section with its unit, first and last."
    )


def test_the_same_code_twice_in_a_site_is_a_slip_and_told(refused: Refused) -> None:
    assert str(refused([at("2025-04", site("A", '"QT1", "QT1"'))])) == (
        'study.toml, [[sites]] 1 "A", units, item 2: "QT1" is listed twice. Allowed: each unit '
        "once. Delete one of the two."
    )


def test_the_six_pilot_sites_are_read_at_the_boundaries_before(edited: Edited) -> None:
    sections = "".join(
        site(pilot.name, ", ".join(f'"{unit}"' for unit in pilot.units))
        for pilot in geography.PILOT_SITES
    )
    study = read(edited, [at("2025-04", sections)])
    assert [s.units for s in study.sites] == [pilot.units for pilot in geography.PILOT_SITES]
