from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl
import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded, ledger

Read = Callable[..., Loaded]
Fields = dict[str, object]

PLACE = (
    *("YEAR_MONTH", "REGIONAL_OFFICE_NAME", "REGIONAL_OFFICE_CODE", "ICB_NAME", "ICB_CODE"),
    *("PCO_NAME", "PCO_CODE", "PRACTICE_NAME", "PRACTICE_CODE", "ADDRESS_1", "ADDRESS_2"),
    *("ADDRESS_3", "ADDRESS_4", "POSTCODE"),
)
OLD = (
    *("BNF_CHEMICAL_SUBSTANCE", "CHEMICAL_SUBSTANCE_BNF_DESCR", "BNF_CODE", "BNF_DESCRIPTION"),
    "BNF_CHAPTER_PLUS_CODE",
)
NEW = (
    *("BNF_CHEMICAL_SUBSTANCE_CODE", "BNF_CHEMICAL_SUBSTANCE", "BNF_PRESENTATION_CODE"),
    *("BNF_PRESENTATION_NAME", "BNF_CHAPTER_PLUS_CODE"),
)
REST = ("QUANTITY", "ITEMS", "TOTAL_QUANTITY", "ADQUSAGE", "NIC", "ACTUAL_COST", "UNIDENTIFIED")
NEW_REST = (*REST[:3], "ADQ_USAGE", *REST[4:], "SNOMED_CODE")
LEGACY, CURRENT = (*PLACE, *OLD, *REST), (*PLACE, *NEW, *NEW_REST)

AMOXICILLIN, NITROFURANTOIN, PARACETAMOL = "0501013B0AAABAB", "0501130R0AAAGAG", "0407010H0AAAMAM"
Row = dict[str, str]


def row(
    month: str, icb: str, bnf: str, items: str, practice: str = "P1", quantity: str = "5"
) -> Row:
    """Return a row under the headings of both layouts; one of them takes what it has."""
    costs = f"{int(items) * 1.12345:.5f}" if items.isdigit() else ""
    return {
        **dict.fromkeys((*LEGACY, *CURRENT), "x"),
        "YEAR_MONTH": month,
        "ICB_NAME": f'"NAME, OF {icb}"',
        "ICB_CODE": icb,
        "PRACTICE_CODE": practice,
        "BNF_CHEMICAL_SUBSTANCE": bnf[:9],
        "BNF_CODE": bnf,
        "BNF_CHEMICAL_SUBSTANCE_CODE": bnf[:9],
        "BNF_PRESENTATION_CODE": bnf,
        "QUANTITY": quantity,
        "ITEMS": items,
        "TOTAL_QUANTITY": "7.5",
        "ADQUSAGE": "2.5",
        "ADQ_USAGE": "2.5",
        "NIC": costs,
        "ACTUAL_COST": costs,
        "UNIDENTIFIED": "Y" if icb == "-" else "N",
    }


def legacy(rows: Iterable[Row]) -> str:
    return _file(LEGACY, rows)


def current(rows: Iterable[Row]) -> str:
    """Return a file in which BNF_CHEMICAL_SUBSTANCE is the name."""
    return _file(CURRENT, [{**r, "BNF_CHEMICAL_SUBSTANCE": "Amoxicillin"} for r in rows])


def _file(header: tuple[str, ...], rows: Iterable[Row]) -> str:
    return "\n".join([",".join(header), *(",".join(r[h] for h in header) for r in rows), ""])


def month(text: str, *, more: int = 0) -> list[Row]:
    """Return the rows of a month: two practices of QWU, one of QK1, other drugs, nobody's."""
    return [
        row(text, "QWU", AMOXICILLIN, str(3 + more)),
        row(text, "QWU", NITROFURANTOIN, "1"),
        row(text, "QWU", AMOXICILLIN, "4", practice="P2"),
        row(text, "QWU", PARACETAMOL, "90"),
        row(text, "QK1", AMOXICILLIN, "5", practice="P3"),
        row(text, "QK1", NITROFURANTOIN, "2", practice="P3"),
        row(text, "QK1", PARACETAMOL, "80", practice="P3"),
        row(text, "-", AMOXICILLIN, "7", practice="-"),
    ]


FILES = {"jan.csv": legacy(month("202501")), "feb.csv": current(month("202502", more=6))}


@pytest.fixture
def read_months(read: Read) -> Read:
    """Return a function that loads files of the dataset; the pilot is QWU, from February 2025."""

    def load_files(
        files: dict[str, str | bytes], outcome: Fields | None = None, fields: Fields | None = None
    ) -> Loaded:
        described = {
            "source": "english_prescribing",
            "metric": "items",
            "measure": "count",
            "columns": None,
            "per": 1.0,
            "select": {"bnf": ("0501",)},
        }
        study = {
            "geography": {"register": "icb"},
            "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2025 * 12 + 1},),
        }
        return read(files, {**described, **(outcome or {})}, {**study, **(fields or {})})

    return load_files


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


def _sums(loaded: Loaded, column: str = "count") -> dict[tuple[str, int], float]:
    rows = _panel(loaded).rows
    return {(u, p % 12 + 1): v for u, p, v in rows.select("unit", "period", column).iter_rows()}


def test_both_layouts_are_added_up_by_icb_and_month(read_months: Read) -> None:
    loaded = read_months(FILES)
    assert _sums(loaded) == {("QWU", 1): 8, ("QWU", 2): 14, ("QK1", 1): 7, ("QK1", 2): 7}
    detail = "2 files with 16 rows, of the current and legacy layout."
    assert _check(loaded, "files_read").detail == detail


@pytest.mark.parametrize("layout", [legacy, current])
@pytest.mark.parametrize("measure", ["count", "share"])
def test_the_same_sums_in_a_table_give_the_same_panel(
    read_months: Read, measure: str, layout: Callable[[list[Row]], str]
) -> None:
    rows = [*month("202501"), *month("202502", more=6)]
    select: Fields = {"bnf": ("0501013",)}
    if measure == "share":
        select["bnf_of"] = "0501"
    known = pl.col("ICB_CODE").is_in(["QWU", "QK1"])
    sums = pl.DataFrame(rows).with_columns(pl.col("ITEMS").cast(pl.Int64)).filter(known)
    items = pl.col("ITEMS")
    table = sums.group_by("ICB_CODE", "YEAR_MONTH").agg(
        items.filter(pl.col("BNF_CODE").str.starts_with("0501013")).sum().alias("n"),
        items.filter(pl.col("BNF_CODE").str.starts_with("0501")).sum().alias("of"),
    )
    columns = {"unit": "ICB_CODE", "period": "YEAR_MONTH", "count": "n"}
    if measure == "share":
        columns["exposure"] = "of"
    own: Fields = {"source": "table", "metric": None, "select": {}, "columns": columns}
    own["measure"] = measure
    expected = _panel(read_months({"t.csv": table.write_csv()}, own)).rows
    made = _panel(read_months({"e.csv": layout(rows)}, {"select": select, "measure": measure})).rows
    order = sorted(expected.columns)
    assert made.select(order).equals(expected.select(order))


def test_the_ledger_counts_the_rows_behind_each_line(read_months: Read) -> None:
    loaded = read_months(FILES)
    assert ledger({"o": loaded.trace}).select(
        "file", "status", "reason", "rows", "row_ranges"
    ).rows() == [
        ("jan.csv", "used", "", 5, "2 and on"),
        ("jan.csv", "left out", "another BNF code", 2, "5 and on"),
        ("jan.csv", "left out", "unidentified prescriber: no ICB", 1, "9"),
        ("feb.csv", "used", "", 5, "2 and on"),
        ("feb.csv", "left out", "another BNF code", 2, "5 and on"),
        ("feb.csv", "left out", "unidentified prescriber: no ICB", 1, "9"),
    ]
    check = _check(loaded, "rows_accounted")
    assert check.passed is True
    assert check.detail == "16 rows read = 10 used + 6 left out with a reason, in 2 files."


@pytest.mark.parametrize(
    ("metric", "total"), [("items", 3.0), ("total_quantity", 7.5), ("adq", 2.5), ("nic", 3.37035)]
)
@pytest.mark.parametrize("layout", [legacy, current])
def test_each_figure_is_read_in_both_layouts(
    read_months: Read, metric: str, total: float, layout: Callable[[list[Row]], str]
) -> None:
    rows = [row("202501", icb, AMOXICILLIN, "3") for icb in ("QWU", "QK1")]
    assert set(_sums(read_months({"e.csv": layout(rows)}, {"metric": metric})).values()) == {total}


def test_costs_add_up_to_the_same_bits_in_any_order(read_months: Read) -> None:
    rows = [row("202501", "QWU", AMOXICILLIN, str(i), practice=f"P{i}") for i in range(1, 200)]
    sums = {
        _sums(read_months({"e.csv": legacy(order)}, {"metric": "actual_cost"}))["QWU", 1]
        for order in (rows, rows[::-1])
    }
    assert sums == {round(sum(i * 1.12345 for i in range(1, 200)), 5)}


def test_parquet_is_read_like_csv(read_months: Read, tmp_path: Path) -> None:
    rows = pl.DataFrame([{h: r[h] for h in LEGACY} for r in month("202501")])
    typed = rows.with_columns(pl.col("ITEMS").cast(pl.Int64), pl.col("YEAR_MONTH").cast(pl.Int32))
    typed.write_parquet(tmp_path / "made.parquet")
    raw = (tmp_path / "made.parquet").read_bytes()
    expected = _panel(read_months({"jan.csv": FILES["jan.csv"]})).rows
    assert _panel(read_months({"jan.parquet": raw})).rows.equals(expected)


def test_headings_of_both_layouts_in_one_file_are_refused(read_months: Read) -> None:
    text = _file((*LEGACY, "SNOMED_CODE"), month("202501"))
    with pytest.raises(SourceError) as caught:
        read_months({"e.csv": text})
    assert str(caught.value).startswith(
        "e.csv: the file has headings of both layouts: CHEMICAL_SUBSTANCE_BNF_DESCR, BNF_CODE, "
        "BNF_DESCRIPTION of the legacy one, SNOMED_CODE of the current one. Allowed: one layout"
    )


def test_names_where_codes_are_due_are_refused_by_row(read_months: Read) -> None:
    rows = month("202501")
    rows[3]["BNF_CHEMICAL_SUBSTANCE"] = "Paracetamol"
    with pytest.raises(SourceError) as caught:
        read_months({"e.csv": legacy(rows)})
    assert "e.csv, row 5: column 'BNF_CHEMICAL_SUBSTANCE' holds a name where" in str(caught.value)


def test_a_row_that_ends_early_is_refused(read_months: Read) -> None:
    text = legacy(month("202501"))
    line = text.splitlines()[2]
    with pytest.raises(SourceError, match=r"e.csv, row 3: the row has no ITEMS"):
        read_months({"e.csv": text.replace(line, line[: line.index(",5,1,7.5")], 1)})


@pytest.mark.parametrize("written", ["many", '"1,234"', "*", "-", "nan", "inf"])
def test_a_figure_that_is_no_plain_number_blocks_and_is_named(
    read_months: Read, written: str
) -> None:
    rows = [*month("202501"), row("202501", "QK1", AMOXICILLIN, written)]
    loaded = read_months({"e.csv": legacy(rows)})
    check = _check(loaded, "numbers")
    assert (loaded.panel, check.passed) == (None, False)
    plain = written.strip('"')
    told = f'e.csv, row 10: column "ITEMS" holds "{plain} (in 1 rows)", which is not a number'
    assert told in check.detail
    assert _check(loaded, "rows_accounted").passed is True


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (legacy(month("202501")).encode() + b'202501,"', "the last row has 2 cells, the header 26"),
        (legacy(month("202501")).encode() + b"1," * 40 + b"\n", "row 10: the row has more cells"),
        (legacy(month("202501")).replace(",", ";").encode(), "separated by ';'"),
    ],
)
def test_a_damaged_file_is_refused(read_months: Read, content: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        read_months({"e.csv": content})
    assert str(caught.value).startswith("e.csv")


def test_a_file_of_another_kind_is_refused(read_months: Read) -> None:
    with pytest.raises(SourceError, match="Unpack a zip file first"):
        read_months({"e.zip": b"PK"})
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        read_months({"e.parquet": b"PK"})


def test_a_byte_order_mark_and_other_encodings_do_no_harm(read_months: Read) -> None:
    text = FILES["jan.csv"].replace("NAME, OF QWU", "CAF\N{LATIN CAPITAL LETTER E WITH ACUTE}")
    expected = _sums(read_months({"e.csv": FILES["jan.csv"]}))
    assert _sums(read_months({"e.csv": text.encode("utf-8-sig")})) == expected
    assert _sums(read_months({"e.csv": text.encode("cp1252")})) == expected


def test_the_same_file_twice_counts_once_and_a_revision_blocks(read_months: Read) -> None:
    twice = read_months({"a.csv": FILES["jan.csv"], "b.csv": FILES["jan.csv"]})
    assert _sums(twice) == {("QWU", 1): 8, ("QK1", 1): 7}
    reasons = twice.trace.filter(file="b.csv", unit="QWU")["left_out"].to_list()
    assert reasons == ["repeats a row of a.csv"]
    revised = {"a.csv": FILES["jan.csv"], "b.csv": legacy(month("202501", more=1))}
    loaded = read_months(revised)
    assert (loaded.panel, _check(loaded, "conflicting_rows").passed) == (None, False)


def test_rows_that_came_twice_within_a_file_are_counted(read_months: Read) -> None:
    rows = month("202501")
    loaded = read_months({"e.csv": legacy([*rows, rows[0], rows[3]])})
    check = _check(loaded, "rows_given_twice")
    assert (check.passed, check.blocking) == (False, False)
    assert check.detail.startswith("1 of 6 rows that are used agree with another")
    assert _check(read_months(FILES), "rows_given_twice").passed is True


def test_half_a_file_is_told_by_its_rows(read_months: Read) -> None:
    files = {f"{i}.csv": legacy(month(f"20250{i}")) for i in (1, 2, 3)}
    assert _check(read_months(files), "months_whole").passed is True
    files["3.csv"] = "".join(files["3.csv"].splitlines(keepends=True)[:6])
    check = _check(read_months(files), "months_whole")
    assert check.passed is False
    assert check.detail.startswith("Usual are 8 rows; fewer are in 3.csv (5).")
    assert _check(read_months(FILES), "months_whole").passed is None


def test_a_quarter_that_lacks_a_month_is_left_out(read_months: Read) -> None:
    files = {f"{i}.csv": legacy(month(f"2024{i:02d}", more=i)) for i in range(4, 9)}
    fields: Fields = {
        "time": {"frequency": "quarter"},
        "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2024 * 4 + 1},),
    }
    loaded = read_months(files, None, fields)
    panel = _panel(loaded).rows.filter(unit="QWU")
    assert panel.select("period", "count").rows() == [(2024 * 4 + 1, 3 * 8 + 4 + 5 + 6)]
    late = loaded.trace.filter(file="8.csv", unit="QWU")["left_out"].to_list()
    assert late == ["only 2 of the 3 months of the period are there"]


def test_from_april_2026_the_icbs_are_new(read_months: Read) -> None:
    rows = [
        *(row("202603", icb, AMOXICILLIN, "3") for icb in ("QWU", "QMJ", "QRV")),
        *(row("202604", icb, AMOXICILLIN, n) for icb, n in (("QWU", "3"), ("Z9B2Z", "6"))),
    ]
    fields: Fields = {
        "geography": {"register": "icb", "boundaries": "2026-04"},
        "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2026 * 12 + 3},),
    }
    sums = _sums(read_months({"e.csv": current(rows)}, None, fields))
    assert sums == {("QWU", 3): 3, ("QWU", 4): 3, ("Z9B2Z", 3): 6, ("Z9B2Z", 4): 6}


def test_an_unknown_icb_blocks(read_months: Read) -> None:
    loaded = read_months(
        {"e.csv": legacy([*month("202501"), row("202501", "QZZ", AMOXICILLIN, "1")])}
    )
    assert (loaded.panel, _check(loaded, "unit_codes").passed) == (None, False)


def test_a_month_that_is_none_blocks(read_months: Read) -> None:
    rows = [*month("202501"), row("202513", "QWU", AMOXICILLIN, "1")]
    loaded = read_months({"e.csv": legacy(rows)})
    assert 'period "202513" cannot be read' in _check(loaded, "periods").detail


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"select": {}}, "nothing says which BNF codes are counted"),
        ({"select": {"bnf": "Amoxicillin"}}, "'Amoxicillin' is not the beginning of a BNF code"),
        ({"select": {"bnf": "0501*"}}, r"'0501\*' is not the beginning"),
        ({"select": {"BNF": "0501"}}, r"knows no 'BNF' here.*Did you mean 'bnf'"),
        ({"measure": "rate"}, "the files have no denominator"),
        ({"measure": "mean"}, "the files have no denominator"),
        ({"select": {"bnf": "0501", "bnf_of": "05"}}, "bnf_of would not be used"),
        ({"metric": "item"}, "Did you mean 'items'"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(
    read_months: Read, outcome: Fields, said: str
) -> None:
    with pytest.raises(StudyError, match=said):
        read_months(FILES, outcome)


def test_months_have_no_place_in_an_index(read_months: Read) -> None:
    with pytest.raises(StudyError, match="no place in an index"):
        read_months(FILES, None, {"time": {"frequency": "index"}})


def test_a_column_under_another_heading_is_named_in_the_study(read_months: Read) -> None:
    text = FILES["jan.csv"].replace("ICB_CODE", "STP_CODE")
    with pytest.raises(SourceError, match="no column 'ICB_CODE'"):
        read_months({"e.csv": text})
    loaded = read_months({"e.csv": text}, {"headings": {"ICB_CODE": "STP_CODE"}})
    assert _sums(loaded) == {("QWU", 1): 8, ("QK1", 1): 7}
