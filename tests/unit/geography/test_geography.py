from __future__ import annotations

import csv
from pathlib import Path

import pytest

from evaluation.geography import (
    BOUNDARIES,
    PILOT_SITES,
    BoundaryError,
    UnknownAreaError,
    area,
    areas,
    changes,
    find,
    follow,
    icb_of_sub_icb,
    members,
    regions,
    vintage,
)

BEFORE = tuple(b for b in BOUNDARIES if b < "2026")
THE_42 = areas("2025-04")
THE_36 = areas("2026-04")
EVERY_CODE = sorted({c for a in (*THE_42, *THE_36) for c in (a.ods, *a.ons)})
EAST = ("QH8", "QHG", "QJG", "QM7", "QMM", "QUE")
SOUTH_EAST = ("QNQ", "QNX", "QRL", "QU9", "QXU")


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


# ---------------------------------------------------------------- the register


def test_there_are_42_icbs_then_36_and_32_stable_units() -> None:
    assert [len(areas(b)) for b in BOUNDARIES] == [42, 42, 42, 42, 36, 32]


@pytest.mark.parametrize("code", EVERY_CODE)
def test_ods_and_ons_codes_name_the_same_area(code: str) -> None:
    found = area(code)
    assert code in (found.ods, *found.ons)
    assert {area(ons).ods for ons in found.ons} == {found.ods}
    assert area(f" {code[:2].lower()} {code[2:]} ") == found


def test_codes_are_used_once() -> None:
    codes = [c for a in {*THE_42, *THE_36} for c in (a.ods, *a.ons)]
    assert len(codes) == len(set(codes)) == 48 + 48 + 3  # QNX, QXU and QRL have two ONS codes


def test_surrey_and_sussex_changed_their_ons_code_in_2023() -> None:
    assert area("QXU").ons == ("E54000052", "E54000063")
    assert area("QNX").ons == ("E54000053", "E54000064")
    assert area("E54000053") == area("e54000064")


def test_names_regions_and_dates() -> None:
    assert area("QF7").name == "NHS South Yorkshire Integrated Care Board"
    assert area("QF7").short_name == "South Yorkshire"
    assert area("QF7").region == "North East and Yorkshire"
    assert (area("QHG").first, area("QHG").last) == ("2022-07", "2026-03")
    assert (area("S1Y5D").first, area("S1Y5D").last) == ("2026-04", None)
    assert (area("QRL").first, area("QRL").last) == ("2022-07", None)
    assert {a.region for a in THE_42} == {r.name for r in regions()}
    assert [r.ods for r in regions() if not r.is_verified] == ["Y58", "Y59", "Y62"]


def test_the_tables_agree_with_the_published_lists(shared_data: Path) -> None:
    for row in _table(shared_data / "geography" / "icb.csv"):
        found = area(row["icb_ods"])
        assert (found.name, found.region) == (row["icb_name"], row["nhs_region"])
        assert area(row["ons_code_jul2022"]) == area(row["ons_code_apr2023_to_mar2026"]) == found
    listed = _table(shared_data / "geography" / "icb_2026.csv")
    assert {r["icb_ods_2026"] for r in listed} == {a.ods for a in THE_36}
    for row in listed:
        assert area(row["ons_code_2026"]).name == row["icb_name"]
        formed = [c for c in changes(("2026-03", "2026-04")) if c.after == row["icb_ods_2026"]]
        before = set(formed[0].before) if formed else {row["icb_ods_2026"]}
        assert before == set(row["predecessors_2025"].split("|"))
    for row in _table(shared_data / "geography" / "sicbl24_to_icb24.csv"):
        assert icb_of_sub_icb(row["sicbl24_code_nhs"]).ods == row["icb24_code_nhs"]
        assert row["icb24_code"] in icb_of_sub_icb(row["sicbl24_code"]).ons


def test_six_sites_hold_nine_icbs() -> None:
    assert len(PILOT_SITES) == 6
    units = [u for site in PILOT_SITES for u in site.units]
    assert sorted(units) == ["QE1", "QF7", "QHG", "QJ2", "QK1", "QOP", "QT1", "QWU", "QYG"]
    for site in PILOT_SITES:
        assert all(area(u).short_name in site.name for u in site.units)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("QUW", 'Did you mean "QWU" (Coventry and Warwickshire)?'),
        ("QHGG", 'Did you mean "QHG" (Bedfordshire, Luton and Milton Keynes)?'),
        ("QTI", 'Did you mean "QT1" (Nottingham and Nottinghamshire)?'),
        ("E5400018", 'Did you mean "E54000018" (Coventry and Warwickshire)'),
        ("02P", 'It is a sub-ICB location in "QF7" (South Yorkshire)'),
        ("South Yorkshire", 'Write the code: "QF7" (South Yorkshire)'),
        ("%", "No known code is near it"),
    ],
)
def test_an_unknown_code_is_refused_with_the_nearest_one(code: str, remedy: str) -> None:
    for look_up in (area, lambda c: follow(c, "2025-04")):
        with pytest.raises(UnknownAreaError) as refusal:
            look_up(code)
        assert refusal.value.problem == f'"{code}" is not the code of an Integrated Care Board'
        assert '"QWU"' in refusal.value.allowed
        assert refusal.value.remedy.startswith(remedy)
        assert str(refusal.value).endswith((".", "?"))


@pytest.mark.parametrize(("code", "why"), [("59898", "not applicable"), ("59999", "unknown")])
def test_residence_codes_that_are_no_place_are_explained(code: str, why: str) -> None:
    with pytest.raises(UnknownAreaError, match=why):
        icb_of_sub_icb(code)


def test_an_unknown_sub_icb_is_refused() -> None:
    assert icb_of_sub_icb("02p").ods == "QF7"
    with pytest.raises(UnknownAreaError, match="Did you mean"):
        icb_of_sub_icb("02Z")


def test_unknown_boundaries_are_refused() -> None:
    with pytest.raises(BoundaryError, match='Did you mean "2025-04"'):
        follow("QWU", "2025-4")
    with pytest.raises(BoundaryError, match="42 ICBs"):
        areas("before")


def test_find_gives_none_for_what_is_no_icb() -> None:
    assert find("qwu") == area("QWU")
    assert find("STABLE-EAST") == area("STABLE-EAST")
    assert find("Home 17") is None


# ---------------------------------------------------------------- following


@pytest.mark.parametrize("code", EVERY_CODE)
def test_every_code_follows_to_exactly_one_stable_unit(code: str) -> None:
    unit = follow(code, "stable")
    assert unit in {a.ods for a in areas("stable")}
    assert follow(area(code).ods, "stable") == follow(unit, "stable") == unit


@pytest.mark.parametrize("boundaries", [*BEFORE, "stable"])
def test_members_partition_the_42(boundaries: str) -> None:
    found = [m for a in areas(boundaries) for m in members(a.ods, boundaries)]
    assert sorted(found) == [a.ods for a in THE_42]


def test_members_of_2026_partition_what_was_not_divided() -> None:
    found: list[str] = []
    refused = []
    for unit in THE_36:
        try:
            found += members(unit.ods, "2026-04")
        except BoundaryError:
            refused.append(unit.ods)
    assert refused == ["D7T5G", "QRL", "S0E4D", "S1Y5D", "S9B9J", "T6Y0W"]
    assert sorted(found) == sorted({a.ods for a in THE_42} - {*EAST, *SOUTH_EAST})


def test_no_boundary_of_a_stable_unit_was_crossed() -> None:
    for change in changes(("2022-07", "2026-04")):
        assert {follow(c, "stable") for c in change.before} == {follow(change.after, "stable")}


def test_the_stable_units_of_several_icbs() -> None:
    assert members("STABLE-EAST", "stable") == EAST
    assert members("STABLE-SOUTH-EAST", "stable") == SOUTH_EAST
    assert members("Z9B2Z", "stable") == members("Z9B2Z", "2026-04") == ("QMJ", "QRV")
    assert {a.ods for a in THE_42 if a.region == "East of England"} == set(EAST)
    assert {a.ods for a in THE_42 if a.region == "South East"} == {*SOUTH_EAST, "QKS"}
    assert area("STABLE-EAST").short_name == "East of England"


@pytest.mark.parametrize("boundaries", BEFORE)
def test_the_42_follow_to_themselves_by_any_code(boundaries: str) -> None:
    for unit in THE_42:
        assert follow(unit.ods, boundaries) == unit.ods
        for ons in unit.ons:
            if ons != "E54000067":
                assert follow(ons, boundaries) == unit.ods


def test_a_code_is_followed_through_a_merger() -> None:
    for code in ("QMJ", "QRV", "E54000027", "E54000028", "Z9B2Z", "E54000071"):
        assert follow(code, "2026-04") == "Z9B2Z"
    assert follow("qwu", "2026-04") == "QWU"


@pytest.mark.parametrize("code", ["QM7", "QJG", "QNQ", "E54000034"])
def test_a_divided_icb_is_not_followed(code: str) -> None:
    with pytest.raises(BoundaryError, match="divided on 1 April 2026") as refusal:
        follow(code, "2026-04")
    for choice in ('boundaries = "2025-04"', 'last = "2026-03"', 'boundaries = "stable"'):
        assert choice in refusal.value.remedy


@pytest.mark.parametrize("code", ["QHG", "QUE", "QH8", "QMM", "QXU", "QNX", "QU9", "E54000042"])
def test_an_icb_that_went_into_one_that_took_part_of_another_is_not_followed(code: str) -> None:
    with pytest.raises(BoundaryError, match="do not add up") as refusal:
        follow(code, "2026-04")
    assert "took in part of" in refusal.value.problem
    assert "in every period, write" in refusal.value.remedy


@pytest.mark.parametrize(
    "code", ["S1Y5D", "D7T5G", "T6Y0W", "S9B9J", "S0E4D", "Z9B2Z", "E54000065", "E54000067"]
)
@pytest.mark.parametrize("boundaries", BEFORE)
def test_an_icb_of_2026_is_not_followed_back(code: str, boundaries: str) -> None:
    with pytest.raises(BoundaryError, match="cannot be divided among the ICBs before"):
        follow(code, boundaries)


def test_the_pilot_lead_that_merged_can_be_held_in_both_ways() -> None:
    assert follow("QHG", "2025-04") == "QHG"
    assert follow("QHG", "stable") == follow("S1Y5D", "stable") == "STABLE-EAST"
    with pytest.raises(BoundaryError, match="Hertfordshire and West Essex"):
        follow("QHG", "2026-04")


def test_a_stable_unit_is_not_divided() -> None:
    assert follow("stable-east", "stable") == "STABLE-EAST"
    with pytest.raises(BoundaryError, match="cannot be divided"):
        follow("STABLE-EAST", "2025-04")


# ---------------------------------------------------------------- Hampshire: one code, two outlines


def test_hampshire_means_the_outline_of_its_company() -> None:
    assert vintage(["QRL", "QNQ"], "2026-06") == "2025-04"
    assert vintage(["QRL", "S1Y5D"], "2024-01") == "2026-04"
    assert vintage(["QRL", "QWU"], "2026-04") == "2026-04"
    assert vintage(["QRL", "QWU"], "2026-03") == vintage(["QRL"]) == "2025-04"
    assert vintage(["E54000067"], "2023-01") == vintage(["E54000067"]) == "2026-04"
    with pytest.raises(BoundaryError, match="side by side in 2026-04"):
        vintage(["QHG", "S1Y5D"], "2026-04")


def test_hampshire_is_followed_when_its_outline_is_that_asked_for() -> None:
    assert follow("QRL", "2025-04") == follow("QRL", "2026-04") == "QRL"
    assert follow("E54000042", "2025-04") == follow("E54000067", "2026-04") == "QRL"
    assert follow("QRL", "2025-04", outlines="2025-04") == "QRL"
    with pytest.raises(BoundaryError, match="since 1 April 2026"):
        follow("QRL", "2025-04", outlines="2026-04")
    with pytest.raises(BoundaryError, match="Frimley"):
        follow("QRL", "2026-04", outlines="2025-04")


# ---------------------------------------------------------------- changes


def test_changes_lie_in_the_window() -> None:
    assert changes(("2022-07", "2026-03")) == ()
    assert changes(("2026-04", "2027-03")) == ()
    found = changes(("2023-04", "2026-09"))
    assert len(found) == 7
    assert [c.after for c in found if not c.is_split] == ["Z9B2Z"]
    central = next(c for c in found if c.after == "S1Y5D")
    assert set(central.before) == {"QHG", "QM7", "QUE"}
    assert central.parts == ("QM7",)
    assert "part of Hertfordshire and West Essex (QM7)" in central.detail


def test_a_month_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="write it like"):
        changes(("2023", "2026-04"))
