from __future__ import annotations

import csv
import io
from collections.abc import Callable

import polars as pl
import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded

Read = Callable[..., Loaded]
Fields = dict[str, object]

HEADER = (
    *("Indicator ID", "Indicator Name", "Parent Code", "Parent Name", "Area Code", "Area Name"),
    *("Area Type", "Sex", "Age", "Category Type", "Category", "Time period", "Value"),
    *("Lower CI 95.0 limit", "Upper CI 95.0 limit", "Lower CI 99.8 limit", "Upper CI 99.8 limit"),
    *("Count", "Denominator", "Value note", "Recent Trend"),
    "Compared to England value or percentiles",
    "Compared to ICBs value or percentiles",
    *("Time period Sortable", "New data", "Compared to goal", "Time period range"),
)
ENGLAND = {"Parent Code": "NA", "Parent Name": "NA", "Area Type": "England"}
Row = dict[str, str]


def row(code: str, period: str, count: str = "10", denominator: str = "100", **other: str) -> Row:
    """Return a row of a download; keys with _ for spaces."""
    per_cent = ""
    if count.isdigit() and denominator.isdigit():
        per_cent = str(100 * int(count) / int(denominator))
    return {
        **dict.fromkeys(HEADER, ""),
        "Indicator ID": "91892",
        "Indicator Name": "Dementia, emergency admissions",
        "Parent Code": "E40000011",
        "Parent Name": "Midlands",
        "Area Code": code,
        "Area Name": f"Name, of {code}",
        "Area Type": "ICBs",
        "Sex": "Persons",
        "Age": "65+ yrs",
        "Time period": period,
        "Value": per_cent,
        "Count": count,
        "Denominator": denominator,
        "Time period Sortable": f"{period[:4]}0000",
        "Time period range": "1y",
        **{key.replace("_", " "): value for key, value in other.items()},
    }


def file_of(*rows: Row, spaces: bool = True, parent: str = HEADER[22]) -> str:
    """Return a download; without spaces in its headings as fingertipsR leaves them."""
    text = io.StringIO()
    writer = csv.writer(text)
    header = [parent if h == HEADER[22] else h for h in HEADER]
    writer.writerow(header if spaces else [h.replace(" ", "") for h in header])
    writer.writerows([line[h] for h in HEADER] for line in rows)
    return text.getvalue()


SERIES = [
    row(code, f"{year}/{(year + 1) % 100:02d}", str(count + 3 * (year - 2020)), str(denominator))
    for code, count, denominator in (("E54000018", 10, 100), ("E54000015", 20, 150))
    for year in (2020, 2021, 2022)
]


@pytest.fixture
def read_years(read: Read) -> Read:
    """Return a function that loads files by financial year; the pilot is QWU, from 2021/22."""

    def load_files(
        files: dict[str, str], outcome: Fields | None = None, fields: Fields | None = None
    ) -> Loaded:
        described = {"source": "fingertips", "metric": "91892", "columns": None, "per": 100.0}
        study = {
            "time": {"frequency": "financial_year"},
            "geography": {"register": "icb"},
            "sites": ({"name": "Pilot", "units": ("E54000018",), "starts": 2021},),
        }
        return read(files, {**described, **(outcome or {})}, {**study, **(fields or {})})

    return load_files


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


def _reasons(loaded: Loaded) -> list[str | None]:
    return loaded.trace["left_out"].to_list()


@pytest.mark.parametrize("measure", ["rate", "share", "count", "mean"])
def test_a_download_gives_the_panel_of_the_same_numbers_in_a_table(
    read_years: Read, measure: str
) -> None:
    base: Fields = {"measure": measure, "per": 100.0 if measure == "rate" else 1.0}
    columns = {"unit": "area", "period": "year", "count": "n", "exposure": "of"}
    if measure == "mean":
        columns = {"unit": "area", "period": "year", "value": "value"}
    if measure == "count":
        columns.pop("exposure")
    lines = [
        ",".join(r[c] for c in ("Area Code", "Time period", "Count", "Denominator", "Value"))
        for r in SERIES
    ]
    table = "\n".join(["area,year,n,of,value", *lines, ""])
    as_table: Fields = {**base, "source": "table", "metric": None, "columns": columns}
    expected = _panel(read_years({"t.csv": table}, as_table))
    loaded = read_years({"f.csv": file_of(*SERIES)}, base)
    assert _panel(loaded).rows.equals(expected.rows)
    assert _panel(loaded).adoption == expected.adoption


@pytest.mark.parametrize("parent", ["Compared to regions value or percentiles", "Column not used"])
@pytest.mark.parametrize("spaces", [True, False])
def test_both_spellings_of_the_headings_are_read(
    read_years: Read, parent: str, *, spaces: bool
) -> None:
    loaded = read_years({"f.csv": file_of(*SERIES, spaces=spaces, parent=parent)})
    assert _panel(loaded).values("count").tolist() == [20, 23, 26, 10, 13, 16]


def test_the_indicator_may_be_named(read_years: Read) -> None:
    rows = [*SERIES, row("E54000018", "2020/21", Indicator_ID="1", Indicator_Name="Another")]
    loaded = read_years({"f.csv": file_of(*rows)}, {"metric": "dementia,  Emergency admissions"})
    assert _panel(loaded).values("count").sum() == 108
    assert _reasons(loaded)[-1] == "another indicator"


def test_an_indicator_that_is_not_there_is_an_error_with_those_that_are(read_years: Read) -> None:
    with pytest.raises(SourceError) as caught:
        read_years({"f.csv": file_of(*SERIES)}, {"metric": "241"})
    assert str(caught.value) == (
        "[[outcomes]] \"admissions\", metric: the files hold no indicator '241'. Allowed: the "
        'number or name of one that is there: "91892: Dementia, emergency admissions". Choose '
        "one of them, or get files that hold the indicator."
    )


def test_rows_that_are_not_asked_for_say_why(read_years: Read) -> None:
    decile = {"Category_Type": "ICB deciles", "Category": "Most deprived"}
    rows = [
        *SERIES,
        row("E92000001", "2020/21", Area_Type="England", Parent_Code="NA"),
        row("E06000001", "2020/21", Area_Type="Counties & UAs"),
        row("E54000018", "2020/21", **decile),
        row("E54000018", "2020/21", Sex="Female"),
        row("E54000018", "2020/21", Age="85+ yrs"),
        row("E54000018", "2018/19 - 20/21"),
        dict.fromkeys(HEADER, ""),
    ]
    select = {"Sex": "persons", "Age": "65+ yrs"}
    loaded = read_years({"f.csv": file_of(*rows)}, {"select": select})
    assert _reasons(loaded)[6:] == [
        'area type "England": no ICB',
        'area type "Counties & UAs": no ICB',
        'ICB deciles "Most deprived": a part of the population',
        'Sex "Female": not selected',
        'Age "85+ yrs": not selected',
        '"2018/19 - 20/21" pools several periods, and shares most of them with its neighbours',
        "blank row",
    ]
    assert _panel(loaded).values("count").sum() == 108


def test_a_category_may_be_chosen(read_years: Read) -> None:
    decile = {"Category_Type": "ICB deciles", "Category": "Most deprived"}
    rows = [
        *SERIES,
        *({**r, **{k.replace("_", " "): v for k, v in decile.items()}} for r in SERIES),
    ]
    select = {"Category Type": "ICB deciles", "Category": "Most deprived"}
    loaded = read_years({"f.csv": file_of(*rows)}, {"select": select})
    assert _reasons(loaded)[:6] == ["no Category Type: not selected"] * 6
    assert _panel(loaded).values("count").sum() == 108


@pytest.mark.parametrize(
    ("column", "other"), [("Sex", "Male"), ("Age", "All ages"), ("Time period range", "3y")]
)
def test_several_values_of_one_column_are_not_guessed_between(
    read_years: Read, column: str, other: str
) -> None:
    rows = [*SERIES, {**SERIES[0], column: other}]
    kept = SERIES[0][column]
    values = sorted([kept, other])
    with pytest.raises(StudyError) as caught:
        read_years({"f.csv": file_of(*rows)})
    assert str(caught.value) == (
        f'[[outcomes]] "admissions", select: the indicator is given for 2 values of {column}, and '
        "each would count as another figure of the same area and period. Allowed: one of "
        f'"{values[0]}", "{values[1]}". Write select = {{ "{column}" = "{values[1]}" }}, or '
        "another of them."
    )
    loaded = read_years({"f.csv": file_of(*rows)}, {"select": {column: kept}})
    assert _panel(loaded).values("count").sum() == 108


def test_without_a_register_the_area_type_is_chosen_and_england_is_a_total(
    read_years: Read,
) -> None:
    rows = [
        *(row(code, "2021/22", Area_Type="UA") for code in ("E06000001", "E06000002")),
        row("E12000001", "2021/22", Area_Type="Regions"),
        row("E92000001", "2021/22", Area_Type="England"),
    ]
    fields: Fields = {
        "geography": {"register": "none"},
        "sites": ({"name": "Pilot", "units": ("E06000001",), "starts": 2021},),
    }
    with pytest.raises(StudyError, match='one of "Regions", "UA"'):
        read_years({"f.csv": file_of(*rows)}, None, fields)
    loaded = read_years({"f.csv": file_of(*rows)}, {"select": {"Area Type": "UA"}}, fields)
    assert _panel(loaded).units == ("E06000001", "E06000002")


def test_codes_of_an_older_vintage_are_followed(read_years: Read) -> None:
    rows = [*SERIES, row("E54000052", "2020/21"), row("E54000063", "2021/22")]
    loaded = read_years({"f.csv": file_of(*rows)})
    assert "QXU" in _panel(loaded).units


def test_an_indicator_of_pooled_periods_is_refused_with_the_reason(read_years: Read) -> None:
    rows = [row("E54000018", "2019 - 21"), row("E54000015", "2019 \N{EN DASH} 21")]
    with pytest.raises(SourceError) as caught:
        read_years({"f.csv": file_of(*rows)})
    assert '"2019 - 21" pools several periods' in str(caught.value)
    assert "none shows when a change came" in str(caught.value)


def test_a_period_of_another_length_blocks_and_names_the_row(read_years: Read) -> None:
    loaded = read_years({"f.csv": file_of(*SERIES, row("E54000015", "2021"))})
    check = _check(loaded, "periods")
    assert (loaded.panel, check.passed) == (None, False)
    assert 'f.csv, row 8: period "2021" cannot be read; write it like "2023/24"' in check.detail


def test_quarters_of_a_financial_year_are_read_as_calendar_quarters(read_years: Read) -> None:
    rows = [row("E54000018", f"2021/22 Q{q}", str(q)) for q in (1, 2, 3, 4)]
    rows.append(row("E54000015", "2021 Q2", "9"))
    fields: Fields = {
        "time": {"frequency": "quarter"},
        "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2021 * 4 + 2},),
    }
    panel = _panel(read_years({"f.csv": file_of(*rows)}, None, fields))
    of_pilot = panel.rows.filter(unit="QWU").sort("period")
    assert of_pilot["period"].to_list() == [2021 * 4 + 1, 2021 * 4 + 2, 2021 * 4 + 3, 2022 * 4]
    assert of_pilot["count"].to_list() == [1, 2, 3, 4]


def test_a_withheld_figure_is_left_out_with_its_note(read_years: Read) -> None:
    note = "Value suppressed for disclosure control due to small count"
    rows = [*SERIES, row("E54000010", "2021/22", "", "90", Value_note=note)]
    loaded = read_years({"f.csv": file_of(*rows, row("E54000010", "2022/23", "", "90"))})
    assert _reasons(loaded)[6:] == [f'withheld, says the value note: "{note}"', "not reported"]


def test_notes_of_figures_used_are_told(read_years: Read) -> None:
    note = "There is a data quality issue with this value"
    rows = [{**SERIES[0], "Value note": note}, *SERIES[1:]]
    check = _check(read_years({"f.csv": file_of(*rows)}), "value_notes")
    assert (check.passed, check.detail) == (None, f"1 rows: {note}.")
    assert check.table["unit"].to_list() == ["QWU"]
    plain = _check(read_years({"f.csv": file_of(*SERIES)}), "value_notes")
    assert plain.detail == "No figure that is used has a note."


def test_a_standardised_value_is_told_from_a_crude_one(read_years: Read) -> None:
    crude = _check(read_years({"f.csv": file_of(*SERIES)}), "published_value")
    assert crude.passed is True
    assert "the value is 100 times the count over the denominator" in crude.detail
    rows = [{**r, "Value": str(float(r["Value"]) * (1 + 0.05 * i))} for i, r in enumerate(SERIES)]
    check = _check(read_years({"f.csv": file_of(*rows)}), "published_value")
    assert (check.passed, check.blocking) == (False, False)
    assert "In 6 of 6 rows the published value is not the count" in check.detail
    empty = [{**r, "Value": ""} for r in SERIES]
    assert _check(read_years({"f.csv": file_of(*empty)}), "published_value").passed is None


def test_a_column_under_another_heading_is_named_in_the_study(read_years: Read) -> None:
    text = file_of(*SERIES).replace("Count,", "Numerator,")
    with pytest.raises(SourceError) as caught:
        read_years({"f.csv": text})
    assert "f.csv: there is no column 'Count'" in str(caught.value)
    assert 'headings = { "Count" = "' in str(caught.value)
    loaded = read_years({"f.csv": text}, {"headings": {"Count": "numerator"}})
    assert _panel(loaded).values("count").sum() == 108
    with pytest.raises(SourceError, match=r"'Cases' \('Count' in the study file's headings\)"):
        read_years({"f.csv": text}, {"headings": {"Count": "Cases"}})


def test_a_selection_that_is_not_known_is_refused(read_years: Read) -> None:
    with pytest.raises(StudyError, match=r"knows no 'sex' here.*Did you mean 'Sex'"):
        read_years({"f.csv": file_of(*SERIES)}, {"select": {"sex": "Persons"}})


def test_years_have_no_place_in_an_index(read_years: Read) -> None:
    with pytest.raises(StudyError, match="no place in an index"):
        read_years({"f.csv": file_of(*SERIES)}, None, {"time": {"frequency": "index"}})


# ------------------------------------------------------------------ the layout for upload

UPLOAD = (
    "area_code,date_from,date_to,period_type,sex,age_from_years_inclusive,"
    "age_to_years_inclusive,deprivation_decile,deprivation_category,count,value,denominator,"
    "lower_ci_95,upper_ci_95,lower_ci_99_8,upper_ci_99_8"
)


def _upload(lines: list[str]) -> str:
    return "\n".join([UPLOAD, *lines, ""])


def test_the_upload_layout_gives_the_panel_of_the_download(read_years: Read) -> None:
    lines = [
        f"{r['Area Code']},{r['Time period'][:4]}-04-01,{int(r['Time period'][:4]) + 1}-03-31,"
        f"Financial,Persons,65,,,,{r['Count']},{r['Value']},{r['Denominator']},,,,"
        for r in SERIES
    ]
    expected = _panel(read_years({"f.csv": file_of(*SERIES)}))
    lines.append("E54000018,2020-04-01,2021-03-31,Financial,Persons,65,,1,Most deprived,1,1,9,,,,")
    lines.append("E54000018,2018-04-01,2021-03-31,Financial,Persons,65,,,,1,1,9,,,,")
    loaded = read_years({"u.csv": _upload(lines)}, {"metric": "dementia"})
    assert _panel(loaded).rows.equals(expected.rows)
    assert _reasons(loaded)[6:] == [
        'Deprivation decile "1 (Most deprived)": a part of the population',
        '"2018-04-01 - 2021-03-31" pools several periods, and shares most of them with its '
        "neighbours",
    ]


def test_ages_of_the_upload_layout_are_not_guessed_between(read_years: Read) -> None:
    limits = ("65,84", "85,", ",64", ",")
    line = "E54000018,2020-04-01,2021-03-31,Financial,Persons,{},,,1,1,9,,,,"
    with pytest.raises(StudyError) as caught:
        read_years({"u.csv": _upload([line.format(ages) for ages in limits])})
    assert 'one of "65-84 yrs", "85+ yrs", "<=64 yrs", "All ages"' in str(caught.value)


def test_a_file_of_both_layouts_is_refused(read_years: Read) -> None:
    text = f"Indicator ID,{UPLOAD}\n91892,E54000018\n"
    with pytest.raises(SourceError, match="columns of a download and of an upload"):
        read_years({"u.csv": text})


def test_every_row_is_in_the_ledger_once(read_years: Read) -> None:
    rows = [*SERIES, row("E92000001", "2020/21", Area_Type="England"), SERIES[0]]
    loaded = read_years({"a.csv": file_of(*rows), "b.csv": file_of(SERIES[1])})
    places = loaded.trace.select("file", "row").rows()
    assert sorted(places) == [*(("a.csv", i) for i in range(2, 10)), ("b.csv", 2)]
    assert loaded.trace.filter(pl.col("left_out").is_null()).height == 6
