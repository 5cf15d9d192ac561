"""Suppressed and rounded counts keep their rows, with the two ends that they may be at."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from evaluation.sources import Loaded

Read = Callable[..., Loaded]

HEADER = "icb,month,admissions,residents\n"
A = "A,2024-01,10,1000\nA,2024-02,15,1000\nA,2024-03,0,1000\n"
B = "B,2024-01,20,2000\nB,2024-02,25,2000\nB,2024-03,20,2000\n"
HIDDEN = f"{HEADER}{A}{B}B,2024-04,*,2000\nB,2024-05,[c],2000\n"


def _ends(loaded: Loaded) -> list[tuple[float, float, float]]:
    assert loaded.panel is not None
    return loaded.panel.rows.select("count", "count_low", "count_high").rows()


def test_a_shown_count_as_small_as_hidden_ones_keeps_the_ends_of_its_own(read: Read) -> None:
    """What is rounded to 5 where 1 to 7 are hidden cannot be: it is told, and not turned round."""
    text = f"{HEADER}{A}{B}B,2024-04,*,2000\nB,2024-05,5,2000\n"
    loaded = read({"o.csv": text}, {"rounded_to": 5})
    assert _ends(loaded)[-1] == (5.0, 3.0, 7.0)
    check = next(c for c in loaded.checks if c.name == "shown_counts")
    assert check.passed is False
    assert "o.csv, row 9: a count from 1 to 7 is shown, and others" in check.detail


@pytest.mark.parametrize("marker", ["*", "[c]", "[C]", " * "])
def test_a_suppressed_count_is_used_with_its_ends(read: Read, marker: str) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}B,2024-04,{marker},2000\n"})
    assert loaded.trace["left_out"].null_count() == loaded.trace.height
    assert _ends(loaded)[-1] == (1.0, 1.0, 7.0)
    assert _ends(loaded)[0] == (10.0, 10.0, 10.0)


def test_the_study_says_what_is_suppressed(read: Read) -> None:
    loaded = read({"o.csv": HIDDEN}, {"suppressed": (1, 4)})
    assert _ends(loaded)[-1] == (1.0, 1.0, 4.0)


def test_suppressed_counts_are_told_and_stop_nothing(read: Read) -> None:
    check = next(c for c in read({"o.csv": HIDDEN}).checks if c.name == "suppressed_counts")
    assert (check.passed, check.blocking) == (None, False)
    assert "o.csv, row 8: the count is suppressed: it is from 1 to 7, and not known (2 rows)" in (
        check.detail
    )
    assert check.table["row"].to_list() == [8, 9]
    assert check.table["period"].to_list() == ["2024-04", "2024-05"]


def test_a_table_without_uncertain_counts_has_no_ends(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}"})
    assert loaded.panel is not None
    assert "count_low" not in loaded.panel.rows.columns


def test_a_rounded_count_lies_within_half_its_base(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}"}, {"rounded_to": 5})
    assert _ends(loaded)[:3] == [(10.0, 8.0, 12.0), (15.0, 13.0, 17.0), (0.0, 0.0, 2.0)]


def test_where_small_counts_are_suppressed_a_nought_is_a_nought(read: Read) -> None:
    loaded = read({"o.csv": HIDDEN}, {"rounded_to": 5})
    assert _ends(loaded)[2] == (0.0, 0.0, 0.0)
    assert _ends(loaded)[-1] == (1.0, 1.0, 7.0)


def test_a_rounded_count_lies_above_the_suppressed_ones(read: Read) -> None:
    """What is published as 10 with 1 to 7 suppressed is 8 at least; with 1 to 9, 10."""
    loaded = read({"o.csv": HIDDEN}, {"rounded_to": 5, "suppressed": (1, 9)})
    assert _ends(loaded)[0] == (10.0, 10.0, 12.0)


def test_a_count_that_is_not_rounded_is_objected_to(read: Read) -> None:
    table = f"{HEADER}{A}{B}".replace("A,2024-02,15", "A,2024-02,12")
    loaded = read({"o.csv": table}, {"rounded_to": 5})
    check = next(c for c in loaded.checks if c.name == "impossible_values")
    assert (check.passed, check.blocking) == (False, True)
    assert "row 3: the count is no multiple of 5, although rounded_to = 5" in check.detail


def test_the_numerator_of_a_share_stays_within_its_denominator(read: Read) -> None:
    table = f"{HEADER}{A}{B}B,2024-04,*,4\n"
    assert _ends(read({"o.csv": table}, {"measure": "share", "per": 1.0}))[-1] == (1.0, 1.0, 4.0)


def test_icbs_that_one_unit_joins_add_up_their_ends(read: Read) -> None:
    """Two lists of one unit and month in one file: a known 20 and one from 1 to 7."""
    geography = {"geography": {"register": "icb", "boundaries": "2026-04"}}
    table = "icb,month,admissions,residents\n" + "".join(
        f"{code},2024-0{month},{count},1000\n"
        for code in ("QMJ", "QRV", "QF7")
        for month, count in ((1, 20), (2, 20), (3, "*" if code == "QRV" else 20))
    )
    sites = {"sites": ({"name": "North", "units": ("QF7",), "starts": 2024 * 12 + 2},)}
    rows = read({"o.csv": table}, None, {**geography, **sites}).panel
    assert rows is not None
    joined = rows.rows.filter(pl.col("count_low") < pl.col("count_high"))
    assert joined.select("count_low", "count_high").rows() == [(21.0, 27.0)]
