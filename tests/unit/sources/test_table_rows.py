from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded
from evaluation.sources.figures import SENTENCES, Shares
from evaluation.sources.markers import MARKERS

Read = Callable[..., Loaded]

JANUARY = 2024 * 12
HEADER = "icb,month,admissions,residents\n"
A = "A,2024-01,10,1000\nA,2024-02,12,1000\nA,2024-03,9,1000\n"
B = "B,2024-01,20,2000\nB,2024-02,22,2000\nB,2024-03,21,2000\n"
MEAN = {"unit": "icb", "period": "month", "value": "stay"}


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _reasons(loaded: Loaded) -> dict[int, str]:
    gone = loaded.trace.filter(pl.col("left_out").is_not_null())
    return dict(gone.select("row", "left_out").iter_rows())


# ---------------------------------------------------------------- missing figures


@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        ("-", "not reported (-)"),
        ("", "not reported"),
        ("NULL", "not reported (NULL)"),
        ("..", "not available (..)"),
        (":", "not available (:)"),
        ("[x]", "not available ([x])"),
        ("n/a", "not available (n/a)"),
        ("[z]", "not applicable ([z])"),
        ("\N{NO-BREAK SPACE}-\N{NARROW NO-BREAK SPACE}", "not reported (-)"),
    ],
)
def test_a_marker_leaves_its_row_out_with_its_meaning(read: Read, marker: str, reason: str) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}B,2024-04,{marker},2000\n"})
    assert _reasons(loaded) == {8: reason}
    assert _panel(loaded).rows.height == 6


def test_every_marker_has_one_of_four_meanings() -> None:
    meanings = {"suppressed", "not reported", "not available", "not applicable"}
    assert set(MARKERS.values()) == meanings


def test_a_missing_exposure_is_told_from_a_missing_count(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}B,2024-04,5,[x]\n"})
    assert _reasons(loaded) == {8: "residents not available ([x])"}


def test_a_missing_covariate_leaves_its_row_out(read: Read) -> None:
    table = (
        "icb,month,stay,staff\nA,2024-01,1.5,3\nA,2024-03,1.7,-\nB,2024-01,2.5,4\nB,2024-03,2,4\n"
    )
    loaded = read({"o.csv": table}, {"columns": MEAN, "measure": "mean", "covariates": ("staff",)})
    assert _reasons(loaded) == {3: "staff not reported (-)"}
    assert _panel(loaded).rows["staff"].to_list() == [3.0, 4.0, 4.0]


# ---------------------------------------------------------------- rounded repeats


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        ("86.2699", "86.269934999999998", True),
        ("0.863", "0.86269935", True),
        ("12.50", "12.5", True),
        ("86.2699", "86.2698", False),
        ("0.863", "0.86350001", False),
        ("0.1", "0.14", False),
        ("27", "27.4", False),
        ("86.27", "*", False),
        ("1.25e2", "125", True),
    ],
)
def test_a_figure_that_another_file_prints_with_fewer_digits_is_a_repeat(
    read: Read, first: str, second: str, agree: bool
) -> None:
    """A workbook has all the digits of a share, and the CSV beside it eight of them."""
    head = "icb,month,stay\nA,2024-01,1.5\nA,2024-03,2\nB,2024-01,2.5\n"
    files = {
        "o.csv": f"{head}B,2024-03,{first}\n",
        "p.csv": f"icb,month,stay\nB,2024-03,{second}\n",
    }
    loaded = read(files, {"columns": MEAN, "measure": "mean"})
    told = "repeats a row of o.csv" if agree else "contradicts another row"
    assert loaded.trace["left_out"].to_list()[-1] == told
    if agree and first != second:
        assert _panel(loaded).rows["outcome"].to_list()[-1] == float(first)


# ---------------------------------------------------------------- numbers


def test_thousands_separators_are_read(read: Read) -> None:
    loaded = read({"o.csv": f'{HEADER}{A}{B}B,2024-04,"1,234","1,234,567.5"\n'})
    last = _panel(loaded).rows.row(-1, named=True)
    assert (last["count"], last["exposure"]) == (1234.0, 1234567.5)


@pytest.mark.parametrize("text", ["twelve", "12%", "£12", "1,23", "1.2.3", "inf", "1e999", "0x1F"])
def test_other_text_in_a_number_column_blocks_and_is_named(read: Read, text: str) -> None:
    loaded = read({"o.csv": f'{HEADER}{A}{B}B,2024-04,"{text}",2000\n'})
    check = _check(loaded, "numbers")
    assert (loaded.panel, check.passed, check.blocking) == (None, False, True)
    wanted = f'o.csv, row 8: column "admissions" holds "{text}", which is not a number'
    assert wanted in check.detail
    assert check.table.select("file", "row", "unit", "period", "value").row(0) == (
        "o.csv",
        8,
        "B",
        "2024-04",
        text,
    )
    assert {"problem", "effect_on_estimate", "remedy"} <= set(check.table.columns)
    assert _reasons(loaded) == {8: "not a number"}


def test_a_number_is_read_to_the_last_bit(read: Read) -> None:
    values = [0.1 + 0.2, 1 / 3, 1e-300, 123456789.123456789]
    rows = "".join(f"A,2024-0{i + 1},{v!r}\n" for i, v in enumerate(values))
    loaded = read({"o.csv": f"icb,month,stay\n{rows}"}, {"columns": MEAN, "measure": "mean"})
    assert _panel(loaded).rows["outcome"].to_list() == values


# ---------------------------------------------------------------- impossible figures


@pytest.mark.parametrize(
    ("row", "measure", "problem"),
    [
        ("B,2024-04,-1,2000", "rate", "the count is below 0"),
        ("B,2024-04,1,-2000", "rate", "the exposure is below 0"),
        ("B,2024-04,1,0", "rate", "something is counted although the exposure is 0"),
        ("B,2024-04,2001,2000", "share", "the numerator is over the denominator"),
    ],
)
def test_impossible_figures_block_and_say_what_they_do(
    read: Read, row: str, measure: str, problem: str
) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}{row}\n"}, {"measure": measure})
    check = _check(loaded, "impossible_values")
    assert (loaded.panel, check.passed, check.blocking) == (None, False, True)
    line = check.table.row(0, named=True)
    assert (line["file"], line["row"], line["unit"], line["period"]) == ("o.csv", 8, "B", "2024-04")
    assert line["problem"] == problem
    assert "estimate" in line["effect_on_estimate"]
    assert "[[exclude]]" in line["remedy"]


def test_a_rate_may_exceed_its_exposure_but_a_share_may_not(read: Read) -> None:
    table = f"{HEADER}{A}{B}B,2024-04,2001,2000\n"
    assert read({"o.csv": table}).panel is not None
    assert read({"o.csv": table}, {"measure": "share"}).panel is None


def test_no_exposure_and_no_count_is_left_out(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}B,2024-04,0,0\n"})
    assert _reasons(loaded) == {8: "no exposure"}
    assert _panel(loaded).rows.height == 6


def test_every_rule_of_the_schema_has_its_sentence() -> None:
    figures = pl.DataFrame(
        {"file": "o.csv", "row": 2, "day": 0, "count": -1.0, "exposure": -2.0, "weight": -1.0},
        schema_overrides={"day": pl.Int32},
    )
    _, failures = Shares.filter(figures)
    own = [c for c in failures.details().columns if c not in figures.columns]
    contract = {f"{name}|nullability" for name in ("file", "row", "day")}
    assert set(own) - contract == set(SENTENCES)


# ---------------------------------------------------------------- repeats and contradictions


def test_a_file_given_twice_is_used_once(read: Read) -> None:
    loaded = read({"o.csv": HEADER + A + B, "copy.csv": HEADER + A + B})
    assert _panel(loaded).rows.height == 6
    gone = loaded.trace.filter(pl.col("file") == "copy.csv")
    assert gone["left_out"].to_list() == ["repeats a row of o.csv"] * 6
    check = _check(loaded, "repeated_rows")
    assert (check.passed, check.blocking) == (False, False)


def test_rows_that_differ_in_writing_only_are_repeats(read: Read) -> None:
    loaded = read({"o.csv": f'{HEADER}{A}{B}B,2024-04,"1,234",2000\nB,01/04/2024,1234.0,2000\n'})
    assert _reasons(loaded) == {9: "repeats a row of o.csv"}


def test_two_figures_for_one_unit_and_period_block_and_both_rows_are_named(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}B,2024-03,25,2000\n"})
    check = _check(loaded, "conflicting_rows")
    assert (loaded.panel, check.passed, check.blocking) == (None, False, True)
    assert check.table["row"].to_list() == [7, 8]
    assert check.table["value"].to_list() == ["21", "25"]
    assert check.table["problem"].to_list() == [
        "the unit and period are given again with other figures in row 8 of o.csv",
        "the unit and period are given again with other figures in row 7 of o.csv",
    ]


def test_a_figure_beside_a_marker_is_a_contradiction(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}B,2024-03,-,2000\n"})
    assert _check(loaded, "conflicting_rows").passed is False


# ---------------------------------------------------------------- periods and the window


def test_a_period_that_cannot_be_read_blocks_and_is_named(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B}B,2024-13,1,2000\nB,,1,2000\n"})
    check = _check(loaded, "periods")
    assert (loaded.panel, check.passed, check.blocking) == (None, False, True)
    assert 'row 8: period "2024-13" cannot be read; write it like "2023-04"' in check.detail
    assert check.table["row"].to_list() == [8, 9]


def test_rows_outside_the_window_are_left_out_and_not_judged(read: Read) -> None:
    time = {"frequency": "month", "first": JANUARY, "last": JANUARY + 2}
    table = f"{HEADER}{A}{B}B,2023-12,twelve,2000\nB,2024-04,-5,2000\n"
    loaded = read({"o.csv": table}, None, {"time": time})
    assert _reasons(loaded) == {8: "outside the window", 9: "outside the window"}
    assert _panel(loaded).rows.height == 6


def test_quarters_years_and_indices_are_periods(read: Read) -> None:
    for frequency, text in (("quarter", "2024-Q{}"), ("year", "202{}"), ("index", "{}")):
        rows = "".join(f"{u},{text.format(i)},{i},100\n" for u in "AB" for i in (1, 2, 3, 4))
        loaded = read({"o.csv": HEADER + rows}, None, {"time": {"frequency": frequency}})
        assert len(_panel(loaded).periods) == 4


# ---------------------------------------------------------------- who is in the study


def test_exclusions_leave_out_with_their_reason(read: Read) -> None:
    third = "C,2024-01,x,1\nC,2024-02,1,1\n"
    fields = {
        "comparison": {"exclude": ({"unit": "C", "reason": "closed"},)},
        "exclude": (
            {"unit": "B", "first": JANUARY + 1, "last": JANUARY + 1, "reason": "flood"},
            {"first": JANUARY + 2, "last": JANUARY + 2, "outcome": "other", "reason": "no"},
        ),
    }
    loaded = read({"o.csv": HEADER + A + B + third}, None, fields)
    assert _reasons(loaded) == {6: "excluded: flood", 8: "excluded: closed", 9: "excluded: closed"}
    assert _panel(loaded).rows.height == 5


def test_a_list_of_comparison_units_leaves_the_others_out(read: Read) -> None:
    third = "C,2024-01,x,1\nC,2024-01,2,1\n"
    fields = {"comparison": {"units": ("B", "D")}}
    loaded = read({"o.csv": HEADER + A + B + third}, None, fields)
    reason = "not in the study: neither a pilot unit nor a listed comparison unit"
    assert _reasons(loaded) == {8: reason, 9: reason}
    check = _check(loaded, "comparison_units")
    assert (check.passed, check.blocking) == (False, False)
    assert "no row of the data is for unit 'D'" in check.detail
    assert _panel(loaded).adoption.comparison_sites == ("B",)


def test_a_pilot_unit_without_rows_blocks_and_the_nearest_is_named(read: Read) -> None:
    site = {"name": "North", "units": ("Albion", "A"), "starts": JANUARY + 2}
    loaded = read({"o.csv": HEADER + A + B + B.replace("B", "Albino")}, None, {"sites": (site,)})
    check = _check(loaded, "pilot_units")
    assert (loaded.panel, check.passed, check.blocking) == (None, False, True)
    assert "no row of the data is for unit 'Albion'" in check.detail
    assert "Did you mean 'Albino'?" in check.remedy


def test_a_pilot_unit_whose_rows_are_all_left_out_blocks_unless_the_study_says_so(
    read: Read,
) -> None:
    table = HEADER + A.replace(",1000", ",-") + B
    assert (
        "every row of unit 'A' is left out" in _check(read({"o.csv": table}), "pilot_units").detail
    )
    both = {"name": "North", "units": ("A", "C"), "starts": JANUARY + 2}
    fields = {"sites": (both,), "exclude": ({"unit": "A", "reason": "withdrew"},)}
    loaded = read({"o.csv": table + A.replace("A,", "C,")}, None, fields)
    assert _panel(loaded).units == ("B", "C")


def test_a_unit_seen_on_one_side_of_its_start_is_named(read: Read) -> None:
    for start, words in ((0, "has no untreated period"), (9, "has no treated period")):
        site = {"name": "North", "units": ("A",), "starts": JANUARY + start}
        loaded = read({"o.csv": HEADER + A + B}, None, {"sites": (site,)})
        check = _check(loaded, "untreated_periods")
        assert (check.passed, check.blocking) == (False, False)
        assert f"unit A {words}" in check.detail
        assert loaded.panel is not None


def test_a_row_without_a_unit_blocks(read: Read) -> None:
    loaded = read({"o.csv": f"{HEADER}{A}{B},2024-04,1,2000\n"})
    assert "row 8: the row names no unit" in _check(loaded, "unit_codes").detail
    assert loaded.panel is None


def test_without_a_register_a_total_is_used_but_named(read: Read) -> None:
    loaded = read({"o.csv": HEADER + A + B + B.replace("B,", "England,")})
    check = _check(loaded, "totals")
    assert (check.passed, check.blocking) == (False, False)
    assert "unit 'England' looks like a total" in check.detail
    assert loaded.panel is not None


# ---------------------------------------------------------------- measures and weights


def test_outcome_and_weight_follow_measure(read: Read) -> None:
    files = {"o.csv": HEADER + A + B}
    cases: list[tuple[dict[str, object], float, float]] = [
        ({"measure": "rate", "per": 1000.0}, 10.0, 1000.0),
        ({"measure": "rate", "per": 1.0, "weight": "none"}, 0.01, 1.0),
        ({"measure": "share"}, 0.01, 1000.0),
        ({"measure": "count"}, 10.0, 1000.0),
        ({"measure": "count", "weight": "none"}, 10.0, 1.0),
        ({"measure": "mean"}, 0.01, 1000.0),
    ]
    for outcome, value, weight in cases:
        first = _panel(read(files, outcome)).rows.row(0, named=True)
        assert (first["outcome"], first["weight"]) == (value, weight)


def test_a_column_of_weights_is_used_and_a_weight_of_0_left_out(read: Read) -> None:
    table = "icb,month,stay,w\nA,2024-01,1,2.5\nA,2024-03,2,2.5\nB,2024-01,1,0\nB,2024-03,1,4\n"
    outcome = {"columns": {**MEAN, "weight": "w"}, "measure": "mean", "weight": "column"}
    loaded = read({"o.csv": table}, outcome)
    assert _panel(loaded).rows["weight"].to_list() == [2.5, 2.5, 4.0]
    assert _reasons(loaded) == {4: "weight is 0"}


def test_a_dose_comes_with_the_panel(read: Read) -> None:
    table = "icb,month,stay,nurses\nA,2024-01,1,0\nA,2024-03,2,14\nB,2024-01,1,0\nB,2024-03,1,0\n"
    outcome = {"columns": MEAN, "measure": "mean", "dose": "nurses"}
    assert _panel(read({"o.csv": table}, outcome)).treatment.tolist() == [0.0, 14.0, 0.0, 0.0]
