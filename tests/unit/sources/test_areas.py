from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from evaluation.errors import StudyError
from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded

Read = Callable[..., Loaded]

HEADER = "icb,month,admissions,residents\n"
JANUARY = 2024 * 12
MONTHS = ("2024-01", "2024-02", "2024-03")
MEAN = {"unit": "icb", "period": "month", "value": "stay"}


def _rows(code: str, count: int, months: tuple[str, ...] = MONTHS) -> str:
    return "".join(f"{code},{month},{count},100\n" for month in months)


def _fields(
    boundaries: str = "2025-04", pilot: str = "QWU", exclude: tuple[str, ...] = ()
) -> dict[str, object]:
    return {
        "geography": {"register": "icb", "boundaries": boundaries},
        "sites": ({"name": "Pilot", "units": (pilot,), "starts": JANUARY + 1},),
        "comparison": {"exclude": tuple({"unit": u, "reason": "divided"} for u in exclude)},
    }


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def test_codes_of_any_vintage_name_one_unit(read: Read) -> None:
    table = (
        HEADER + _rows("QWU", 1) + _rows("E54000052", 2, MONTHS[:1]) + _rows("qxu", 3, MONTHS[1:])
    )
    loaded = read({"o.csv": table}, None, _fields())
    assert _panel(loaded).units == ("QWU", "QXU")
    assert set(loaded.trace["unit"]) == {"QWU", "QXU"}


def test_an_unknown_code_blocks_by_row_with_the_nearest(read: Read) -> None:
    table = HEADER + _rows("QWU", 1) + _rows("QZU", 2) + _rows("QK1", 3)
    loaded = read({"o.csv": table}, None, _fields())
    check = _check(loaded, "unit_codes")
    assert (loaded.panel, check.passed, check.blocking) == (None, False, True)
    assert 'o.csv, row 5: ICB code "QZU" is not in the list of ICBs for this study (3 rows)' in (
        check.detail
    )
    assert "Did you mean" in check.remedy
    assert check.table["row"].to_list() == [5, 6, 7]


@pytest.mark.parametrize(
    "code",
    ["ENG", "England", "E92000001", "Y60", "Y99", "E40000007", "E40000013", "MIDLANDS"],
)
def test_england_and_regions_are_totals(read: Read, code: str) -> None:
    loaded = read(
        {"o.csv": HEADER + _rows("QWU", 1) + _rows("QK1", 3) + _rows(code, 99)}, None, _fields()
    )
    gone = loaded.trace.filter(pl.col("left_out").is_not_null())
    assert gone["left_out"].unique().to_list() == ["total, not a unit"]
    assert gone["row"].to_list() == [8, 9, 10]
    assert _panel(loaded).units == ("QK1", "QWU")


def test_icbs_that_merged_are_added_up(read: Read) -> None:
    table = HEADER + _rows("QWU", 1) + _rows("QMJ", 10) + _rows("QRV", 5)
    panel = _panel(read({"o.csv": table}, None, _fields("2026-04")))
    merged = panel.rows.filter(pl.col("unit") == "Z9B2Z")
    assert merged["count"].to_list() == [15.0] * 3
    assert merged["exposure"].to_list() == [200.0] * 3
    assert merged["outcome"].to_list() == [75.0] * 3


def test_a_period_that_not_all_report_is_left_out(read: Read) -> None:
    table = HEADER + _rows("QWU", 1) + _rows("QMJ", 10) + _rows("QRV", 5, MONTHS[:2])
    table += "QRV,2024-03,-,100\n"
    loaded = read({"o.csv": table}, None, _fields("2026-04"))
    reasons = dict(loaded.trace.select("row", "left_out").drop_nulls().iter_rows())
    assert reasons == {
        7: "Z9B2Z joins several ICBs, and not all of them reported",
        10: "not reported (-)",
    }
    assert _panel(loaded).rows.filter(pl.col("unit") == "Z9B2Z").height == 2
    check = _check(loaded, "joined_units")
    assert (check.passed, check.blocking) == (False, False)


def test_a_merged_icb_under_its_new_code_is_whole(read: Read) -> None:
    before = _rows("QWU", 1, ("2026-02", "2026-03")) + _rows("QMJ", 10, ("2026-02", "2026-03"))
    before += _rows("QRV", 5, ("2026-02", "2026-03"))
    after = _rows("QWU", 1, ("2026-04",)) + _rows("Z9B2Z", 16, ("2026-04",))
    fields = _fields("2026-04")
    fields["sites"] = ({"name": "P", "units": ("QWU",), "starts": 2026 * 12 + 2},)
    panel = _panel(read({"o.csv": HEADER + before + after}, None, fields))
    assert panel.rows.filter(pl.col("unit") == "Z9B2Z")["count"].to_list() == [15.0, 15.0, 16.0]


def test_means_of_joined_icbs_are_weighted(read: Read) -> None:
    table = "icb,month,stay,w\nQWU,2024-01,1,1\nQWU,2024-02,1,1\nQMJ,2024-01,2,1\nQRV,2024-01,6,3\n"
    outcome = {"columns": {**MEAN, "weight": "w"}, "measure": "mean", "weight": "column"}
    panel = _panel(read({"o.csv": table}, outcome, _fields("2026-04")))
    merged = panel.rows.filter(pl.col("unit") == "Z9B2Z").row(0, named=True)
    assert (merged["outcome"], merged["weight"]) == (5.0, 4.0)


def test_a_divided_icb_blocks_unless_it_is_excluded(read: Read) -> None:
    table = HEADER + _rows("QWU", 1) + _rows("QK1", 2) + _rows("QM7", 3)
    refused = read({"o.csv": table}, None, _fields("2026-04"))
    check = _check(refused, "unit_codes")
    assert refused.panel is None
    assert '"QM7" (Hertfordshire and West Essex) was divided on 1 April 2026' in check.detail
    assert 'boundaries = "2025-04"' in check.remedy
    loaded = read({"o.csv": table}, None, _fields("2026-04", exclude=("QM7",)))
    assert _panel(loaded).units == ("QK1", "QWU")


def test_a_stable_unit_with_a_pilot_in_it_is_named(read: Read) -> None:
    east = ("QH8", "QHG", "QJG", "QM7", "QMM", "QUE")
    table = HEADER + _rows("QWU", 1) + "".join(_rows(code, 2) for code in east)
    loaded = read({"o.csv": table}, None, _fields("stable", pilot="QHG"))
    assert _panel(loaded).adoption.first_treated == {"STABLE-EAST": JANUARY + 1}
    assert _panel(loaded).rows["count"].to_list()[3:] == [12.0] * 3
    assert "STABLE-EAST joins QHG, of the pilot, and QH8, QJG" in (
        _check(loaded, "joined_units").detail
    )


def test_old_and_new_icbs_side_by_side_block(read: Read) -> None:
    table = HEADER + _rows("QWU", 1) + _rows("QHG", 2) + _rows("S1Y5D", 9)
    loaded = read({"o.csv": table}, None, _fields())
    assert loaded.panel is None
    assert "stand side by side" in _check(loaded, "unit_codes").detail


def test_a_whole_and_its_parts_block(read: Read) -> None:
    east = ("QH8", "QHG", "QJG", "QM7", "QMM", "QUE", "STABLE-EAST")
    table = HEADER + _rows("QWU", 1) + "".join(_rows(code, 2) for code in east)
    loaded = read({"o.csv": table}, None, _fields("stable"))
    assert loaded.panel is None
    assert "given as a whole and by the ICBs that it joins" in (
        _check(loaded, "conflicting_rows").detail
    )


def test_codes_in_the_study_file_are_followed_or_refused(read: Read) -> None:
    table = HEADER + _rows("QWU", 1) + _rows("QMJ", 10) + _rows("QRV", 5)
    panel = _panel(read({"o.csv": table}, None, _fields("2026-04", pilot="QRV")))
    assert panel.adoption.site["Z9B2Z"] == "Pilot"
    with pytest.raises(StudyError, match=r'\[\[sites\]\] "Pilot", units: "QQQ" is not the code'):
        read({"o.csv": table}, None, _fields(pilot="QQQ"))
    fields = _fields("2026-04")
    fields["sites"] = (
        {"name": "One", "units": ("QMJ",), "starts": JANUARY + 1},
        {"name": "Two", "units": ("QRV",), "starts": JANUARY + 2},
    )
    with pytest.raises(StudyError, match="in unit 'Z9B2Z', which is in site 'One' already"):
        read({"o.csv": table}, None, fields)


def test_means_joined_without_weights_are_named(read: Read) -> None:
    table = "icb,month,stay\nQWU,2024-01,1\nQWU,2024-02,1\nQMJ,2024-01,2\nQRV,2024-01,6\n"
    outcome = {"columns": MEAN, "measure": "mean"}
    loaded = read({"o.csv": table}, outcome, _fields("2026-04"))
    assert _panel(loaded).rows["outcome"].to_list() == [1.0, 1.0, 4.0]
    assert "averaged without weights in Z9B2Z" in _check(loaded, "joined_units").detail
